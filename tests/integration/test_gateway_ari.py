"""`aiconvai gateway` by ARI: a Stasis application of a real Asterisk, whose module has no part in it."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cable import Cable
from exchange import agent_hears, agent_says, hears_agent
from gateway_program import GatewayProgram
from hearing import agent_audio, seconds_of
from voice import Voice, mock_options, voice
from websockets.sync.client import connect

from aiconvai.gateway.ari_door import EVENTS
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import ARI_PASSWORD, ARI_USER, ari_files, ari_modules
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.rtp import encode

__all__ = ["mock_options", "voice"]

pytestmark = pytest.mark.programs

AGENT_HZ, CALLER_HZ = 1000.0, 1700.0
STRANGERS_PACKETS = 100
_USER = (ARI_USER, ARI_PASSWORD)
NEXT = "UserEvent(Next,Status: ${AICONVAI_STATUS},Why: ${AICONVAI_REASON},Transfer: ${AICONVAI_TRANSFER})"


class Rest:
    """ARI, as a test looks at it."""

    def __init__(self, asterisk: Asterisk) -> None:
        self.port = free_port()
        for file, text in ari_files(self.port).items():
            asterisk.write_config(file, text)
        asterisk.cli("module reload http")
        for name in ari_modules(asterisk.version):
            if "Running" not in asterisk.cli(f"module show like {name}"):
                loaded = asterisk.cli(f"module load {name}")
                assert "Loaded" in loaded, (name, loaded)
        asterisk.cli("module reload res_ari.so")
        self._warm_up()

    def _warm_up(self) -> None:
        """Threads that are made once and stay."""
        query = urlencode({"app": "warm-up", "api_key": f"{ARI_USER}:{ARI_PASSWORD}"})
        with connect(f"ws://127.0.0.1:{self.port}/ari/events?{query}"):
            made = httpx.post(f"{self.url}/ari/bridges", auth=_USER, params={"type": "mixing"}).json()
            httpx.delete(f"{self.url}/ari/bridges/{made['id']}", auth=_USER)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}/ari{path}", auth=_USER).json()

    def left(self) -> list[str]:
        """What was made for calls, and is there still."""
        named = [one["id"] for one in (*self.get("/channels"), *self.get("/bridges"))]
        return [one for one in named if one.startswith("aiconvai-")]

    def nothing_is_left(self) -> None:
        """A moment later at most: Asterisk answers before a channel that is hung up is gone."""
        deadline = time.monotonic() + 10
        while left := self.left():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


@pytest.fixture(scope="module")
def rest(asterisk: Asterisk) -> Rest:
    return Rest(asterisk)


def dialplan(stasis: str = "Stasis(test-app)") -> str:
    return f"""\
exten => 100,1,Answer()
 same => n,{stasis}
 same => n,NoOp(${{STASISSTATUS}})
 same => n,{NEXT}
 same => n,Wait(5)
exten => 700,1,UserEvent(Desk,Transfer: ${{AICONVAI_TRANSFER}})
 same => n,Wait(5)
"""


@pytest.fixture(scope="module")
def cable(rest: Rest) -> Iterator[Cable]:
    """Between the gateway and Asterisk; audio does not go by it."""
    with Cable(rest.port) as cable:
        yield cable


def begun(folder: Path, cable: Cable, *, rtp_ports: int = 20) -> GatewayProgram:
    """Without any agents."""
    first = free_port(and_behind_it=rtp_ports + 1) + 1 & ~1
    own = (
        f'[gateway.ari.pbx]\nurl = "http://127.0.0.1:{cable.port}"\nuser = "{ARI_USER}"\nsecret = "{ARI_PASSWORD}"\n'
        f"rtp_ports = [{first}, {first + rtp_ports}]\n"
        '[gateway.ari.pbx.apps]\ntest-app = "sales"\nother-app = ""\n'
    )
    program = GatewayProgram(folder, "[general]\n", more=own)
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    return program


@pytest.fixture(scope="module")
def running(cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    program = begun(tmp_path_factory.mktemp("gateway"), cable)
    yield program
    assert program.stop() == 0


@pytest.fixture
def program(running: GatewayProgram, rest: Rest) -> Iterator[GatewayProgram]:
    """Nothing is left of a call once it is over."""
    yield running
    rest.nothing_is_left()


def answered(voice: Voice, text: str) -> tuple[Call, ThreadedConversation]:
    voice.asterisk.set_dialplan(text)
    return voice.call("100"), voice.conversation()


def test_a_caller_and_an_agent_hear_each_other_and_the_dialplan_goes_on(
    voice: Voice, rest: Rest, program: GatewayProgram
) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan("Stasis(test-app,sales,name=Ada)"))
    told = conversation.record.initiation.dynamic_variables
    assert (told["name"], told["called_number"]) == ("Ada", "100")
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    live = program.get("/api/live")[-1]
    assert (live["agent"], live["extension"], live["phase"]) == ("sales", "100", "talking")
    assert len(rest.left()) == 2
    conversation.close(1000)
    went_on = voice.event("UserEvent", UserEvent="Next")
    assert (went_on["Status"], went_on["Transfer"]) == ("COMPLETED", "")
    program.over(conversation.record.id)
    call.hangup()


def test_asterisk_sends_what_is_read_and_no_more(voice: Voice, rest: Rest, program: GatewayProgram) -> None:
    for app in ("test-app", "other-app"):
        allowed = rest.get(f"/applications/{app}")["events_allowed"]
        assert {one["type"] for one in allowed} == set(EVENTS)


@pytest.mark.fault("beside.rtp-strangers")
def test_who_sends_to_a_calls_port_is_not_heard(voice: Voice, rest: Rest, program: GatewayProgram) -> None:
    """It may have been another call's, whose Asterisk still sends there."""
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    (media,) = (one["name"] for one in rest.get("/channels") if one["name"].startswith("UnicastRTP/"))
    there = re.match(r"UnicastRTP/([\d.]+):(\d+)", media)
    assert there is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, ThreadPoolExecutor(1) as other:
        stranger.connect((there[1], int(there[2])))

        def send() -> None:
            for number in range(STRANGERS_PACKETS):
                stranger.send(encode(number, number * 160, False, 0, 4711, bytes([0x10, 0x90]) * 80))
                time.sleep(0.01)

        sent = other.submit(send)
        agent_hears(conversation, call, CALLER_HZ)
        sent.result()
    hears_agent(call, conversation, AGENT_HZ)
    call.hangup()
    program.over(conversation.record.id)
    program.until_logged(f": {STRANGERS_PACKETS} packets were refused")


def test_an_interruption_silences_the_agent(voice: Voice, rest: Rest, program: GatewayProgram) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20, interruption="service")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    agent_says(conversation, AGENT_HZ, 5.0)
    call.wait_for_sound()
    time.sleep(1.0)
    conversation.interrupt(conversation.current_event_id)
    program.until("/api/live", lambda calls: calls[-1]["interruptions"] == 1)
    call.wait_for_silence(duration_ms=500, timeout=1.0, since=time.monotonic())
    assert 0.8 <= seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate) <= 1.5
    call.hangup()


def test_keys_are_heard(voice: Voice, rest: Rest, program: GatewayProgram) -> None:
    voice.agent("sales", dtmf="event")
    program.reload(voice.configuration())
    call, _ = answered(voice, dialplan())
    call.send_dtmf("4#")
    program.until("/api/live", lambda calls: calls[-1]["keys"] == "4")
    call.hangup()


def test_the_agent_presses_keys(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", tool_send_dtmf="builtin")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    assert conversation.call_tool("send_dtmf", {"digits": "4w2#"}).result == "The keys were pressed."
    call.wait_dtmf("42#")
    wrong = conversation.call_tool("send_dtmf", {"digits": "call me"})
    assert wrong.is_error
    assert wrong.result.startswith("The argument digits must be keys")
    # Nothing waits for those that are left.
    conversation.start_tool("send_dtmf", {"digits": "WWWWWWWWWWWWWWWWWWWW1"})
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Next", timeout=5.0)["Status"] == "COMPLETED"
    call.hangup()


def test_a_hold_is_noticed(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    call.hold()
    program.until("/api/live", lambda calls: calls[-1]["phase"] == "on hold")
    call.unhold()
    program.until("/api/live", lambda calls: calls[-1]["phase"] == "talking")
    hears_agent(call, conversation, AGENT_HZ)
    call.hangup()


def test_the_agent_sends_the_caller_to_another_place(voice: Voice, rest: Rest, program: GatewayProgram) -> None:
    voice.agent("sales", tool_transfer_call="builtin", transfer_to_desk="default,700,1")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    conversation.start_tool("transfer_call", {"destination": "desk"})
    assert voice.event("UserEvent", UserEvent="Desk")["Transfer"] == "desk"
    call.hangup()


@pytest.mark.parametrize(
    ("options", "stasis", "status"),
    [
        ({"agent_id": "nobody", "max_connection_attempts": 1}, "Stasis(test-app)", "UNAVAILABLE"),
        ({}, "Stasis(other-app,nobody)", "INVALID"),
    ],
)
def test_a_call_without_an_agent_goes_on(
    voice: Voice, rest: Rest, program: GatewayProgram, options: dict[str, Any], stasis: str, status: str
) -> None:
    voice.agent("sales", **options)
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(dialplan(stasis))
    call = voice.call("100")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == status
    call.hangup()


def test_a_caller_who_hangs_up_leaves_nothing(voice: Voice, rest: Rest, program: GatewayProgram) -> None:
    voice.agent("sales")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    call.hangup()
    conversation.wait_closed()
    assert program.over(conversation.record.id)["status"] == "CALLER_HANGUP"


@pytest.mark.fault("beside.ari-events-lost")
def test_calls_go_on_while_the_events_are_lost(voice: Voice, program: GatewayProgram, cable: Cable) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    cable.cut()
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    program.until("/health", lambda health: health["status"] == "healthy")
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "COMPLETED"
    call.hangup()


@pytest.mark.fault("beside.ari-events-lost")
def test_a_caller_who_hangs_up_while_the_events_are_lost_is_noticed(
    voice: Voice, program: GatewayProgram, cable: Cable
) -> None:
    voice.agent("sales")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    cable.cut()
    call.hangup()
    conversation.wait_closed()
    assert program.over(conversation.record.id)["status"] == "CALLER_HANGUP"


@pytest.mark.fault("beside.gateway-ends")
def test_a_gateway_that_ends_lets_the_dialplan_go_on(voice: Voice, rest: Rest, program: GatewayProgram) -> None:
    voice.agent("sales")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan())
    assert program.stop() == 0
    assert voice.event("UserEvent", UserEvent="Next", Status="LOST")["Why"] == "the gateway is gone"
    conversation.wait_closed()
    rest.nothing_is_left()
    call.hangup()
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    assert program.get("/api/calls")[0]["ended"]


@pytest.mark.fault("beside.gateway-leftovers")
def test_what_a_killed_gateway_has_left_is_deleted_by_the_next(
    voice: Voice, rest: Rest, program: GatewayProgram
) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    first, _ = answered(voice, dialplan())
    program.stop(signal.SIGKILL)
    voice.wait_for_log("Deactivating Stasis app 'test-app'")
    # Without the application there is nobody to answer: the dialplan goes on at once.
    second = voice.call("100")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == ""
    second.hangup()
    assert len(rest.left()) == 2
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    rest.nothing_is_left()
    assert voice.event("UserEvent", UserEvent="Next", Status="LOST")["Why"] == "the gateway is gone"
    third, conversation = answered(voice, dialplan())
    hears_agent(third, conversation, AGENT_HZ)
    for call in (first, third):
        call.hangup()
