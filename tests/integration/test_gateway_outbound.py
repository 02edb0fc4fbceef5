"""An agent calls people through `aiconvai gateway` and ARI: the module has no part in it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cable import Cable
from exchange import agent_hears, hears_agent
from gateway_program import GatewayProgram
from hearing import level_at
from test_gateway_ari import Rest
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import ARI_PASSWORD, ARI_USER
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Caller
from aiconvai.serve.outbound.dialplan import dialplan
from aiconvai.serve.settings import OutboundSettings

__all__ = ["mock_options", "voice"]

pytestmark = pytest.mark.programs

OUTBOUND = "/api/calls/outbound"
AGENT_HZ, PERSON_HZ, MESSAGE_HZ = 900.0, 700.0, 440.0
MESSAGE = "/aiconvai/sounds/tone"
# With what Asterisk finds machines is in a context that calls without it are never sent to.
SETTINGS = OutboundSettings(dial="PJSIP/{number}", machine="asterisk", message=MESSAGE)


@pytest.fixture(scope="module")
def rest(asterisk: Asterisk) -> Rest:
    asterisk.write_config("amd.conf", "[general]\n")
    for name in ("app_amd", "app_waitforsilence"):
        if "Running" not in asterisk.cli(f"module show like {name}.so"):
            assert "Loaded" in asterisk.cli(f"module load {name}.so")
    return Rest(asterisk)


@pytest.fixture(scope="module")
def cable(rest: Rest) -> Iterator[Cable]:
    with Cable(rest.port) as cable:
        yield cable


class Calling:
    """A gateway that calls, and whom it reaches."""

    def __init__(self, voice: Voice, program: GatewayProgram) -> None:
        self.voice = voice
        self.program = program

    @property
    def caller(self) -> Caller:
        return self.voice.caller

    def call(self, number: str, **more: Any) -> int:
        body = {"number": number, "agent": "sales", **more}
        answer = self.program.request("POST", OUTBOUND, json=body)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def until(self, number: int, *states: str) -> dict[str, Any]:
        found: dict[str, Any] = self.program.until(f"{OUTBOUND}/{number}", lambda call: call["state"] in states)
        return found

    def healthy(self) -> None:
        self.program.until("/health", lambda health: health["status"] == "healthy")


@pytest.fixture
def begin(voice: Voice, rest: Rest, cable: Cable, tmp_path: Path) -> Iterator[Callable[..., Calling]]:
    """A gateway with these lines of [outbound]; nothing is left of its calls at the end."""
    programs: list[GatewayProgram] = []

    def make(more: str = "") -> Calling:
        voice.agent("sales", audio_frames_buffer_ms=20, send_caller_number=True)
        first = free_port(and_behind_it=21) + 1 & ~1
        own = (
            f'[gateway.ari.pbx]\nurl = "http://127.0.0.1:{cable.port}"\nuser = "{ARI_USER}"\n'
            f'secret = "{ARI_PASSWORD}"\n'
            f'rtp_ports = [{first}, {first + 20}]\n[gateway.ari.pbx.apps]\noutbound-app = "sales"\n'
            f'[outbound]\ndial = "PJSIP/anonymous/sip:{{number}}@127.0.0.1:{voice.caller.port}"\n'
            f'through = "ari.pbx"\ncaller_id = "+420555"\nper_second = 20\n{more}\n'
        )
        program = GatewayProgram(tmp_path, voice.configuration(), more=own)
        program.start()
        programs.append(program)
        calling = Calling(voice, program)
        calling.healthy()
        return calling

    yield make
    for program in programs:
        if program.process is not None:
            assert program.stop() == 0
    deadline = time.monotonic() + 10
    while left := [*rest.left(), *rest.get("/channels")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_a_person_is_called_and_talks_with_the_agent(begin: Callable[..., Calling]) -> None:
    calling = begin()
    number = calling.call("+420 123", variables={"name": 'Ada, "the" (first) & so=on'})
    person = calling.caller.wait_incoming()
    assert person.invite is not None
    assert "+420123@" in person.invite["To"]
    assert "+420555" in person.invite["From"]
    person.ring()
    calling.until(number, "ringing")
    person.answer()
    conversation = calling.voice.conversation()
    told = conversation.record.initiation.dynamic_variables
    assert (told["name"], told["dialed_number"]) == ('Ada, "the" (first) & so=on', "+420123")
    assert told["caller_number"] == "+420123"
    hears_agent(person, conversation, AGENT_HZ)
    agent_hears(conversation, person, PERSON_HZ)
    calling.until(number, "answered")
    conversation.close(1000)
    person.wait_ended()
    over = calling.until(number, "ended")
    assert (over["status"], over["asterisk"], over["conversation_id"]) == (
        "COMPLETED", "gateway", conversation.record.id,
    )  # fmt: skip
    (kept,) = calling.program.until("/api/calls", lambda calls: calls and calls[0]["ended"])
    assert (kept["direction"], kept["caller_number"]) == ("outbound", "+420123")


def test_who_is_not_reached_leaves_room_for_others(begin: Callable[..., Calling]) -> None:
    calling = begin("at_once = 1")
    busy, silent, there = calling.call("1001"), calling.call("1002", ring_seconds=5), calling.call("1003")
    calling.caller.wait_incoming().reject(486, "Busy Here")
    assert calling.until(busy, "busy")["reason"]
    ringing = calling.caller.wait_incoming()
    ringing.ring()
    with pytest.raises(TimeoutError):
        calling.caller.wait_incoming(1.0)
    ringing.wait_ended()
    calling.until(silent, "no_answer")
    person = calling.caller.wait_incoming().answer()
    calling.voice.conversation()
    calling.until(there, "answered")
    person.hangup()
    assert calling.until(there, "ended")["status"] == "CALLER_HANGUP"


def test_an_agent_that_there_is_not_calls_nobody(begin: Callable[..., Calling]) -> None:
    calling = begin()
    refused = calling.program.request("POST", OUTBOUND, json={"number": "1001", "agent": "nobody"})
    assert (refused.status_code, "no agent 'nobody'" in refused.json()["detail"]) == (409, True)


def test_a_machine_is_left_a_message_and_a_person_is_not(begin: Callable[..., Calling]) -> None:
    calling = begin(f'machine = "asterisk"\nmessage = "{MESSAGE}"')
    contexts = calling.voice.asterisk
    contexts.set_dialplan(f"exten => 1,1,Hangup()\n\n{dialplan(SETTINGS, by_ari=True)}")
    number = calling.call("1001")
    person = calling.caller.wait_incoming().answer()
    person.play(tone(PERSON_HZ, 0.5, 8000)).wait()
    conversation = calling.voice.conversation()
    hears_agent(person, conversation, AGENT_HZ)
    conversation.close(1000)
    person.wait_ended()
    assert calling.until(number, "ended")["status"] == "COMPLETED"
    number = calling.call("1002")
    machine = calling.caller.wait_incoming().answer()
    machine.play(tone(PERSON_HZ, 7.0, 8000)).wait()
    machine.wait_for_sound(since=0.0)
    machine.wait_ended(20.0)
    assert level_at(machine.heard_samples()[-6000:], MESSAGE_HZ, 8000) > -30.0
    assert calling.until(number, "machine")["reason"] == "a machine answered"


def test_what_happens_while_the_events_are_lost_is_settled(begin: Callable[..., Calling], cable: Cable) -> None:
    calling = begin()
    talks, rings = calling.call("1001"), calling.call("1002")
    first, second = (calling.caller.wait_incoming() for _ in range(2))
    second.ring()
    first.answer()
    conversation = calling.voice.conversation()
    calling.until(talks, "answered")
    calling.until(rings, "ringing")
    cable.cut()
    first.hangup()
    second.reject()
    conversation.wait_closed()
    calling.healthy()
    assert calling.until(talks, "ended")["status"] == "CALLER_HANGUP"
    calling.until(rings, "unknown")


def test_a_gateway_that_is_killed_knows_whom_it_called(begin: Callable[..., Calling]) -> None:
    calling = begin()
    talks, rings = calling.call("1001"), calling.call("1002")
    first, second = (calling.caller.wait_incoming() for _ in range(2))
    first.answer()
    calling.voice.conversation()
    calling.until(talks, "answered")
    second.ring()
    calling.until(rings, "ringing")
    # What it has of a conversation is in the database a moment later.
    calling.program.until("/api/calls", lambda calls: len(calls) == 1)
    calling.program.stop(signal.SIGKILL)
    calling.program.start()
    first.wait_ended()
    assert calling.until(talks, "ended")["status"] == "LOST"
    second.answer()
    conversation = calling.voice.conversation()
    assert conversation.record.initiation.dynamic_variables["dialed_number"] == "1002"
    hears_agent(second, conversation, AGENT_HZ)
    second.hangup()
    assert calling.until(rings, "ended")["status"] == "CALLER_HANGUP"


def test_who_rings_when_the_gateway_ends_is_not_left_ringing(begin: Callable[..., Calling]) -> None:
    calling = begin()
    calling.call("1001")
    person = calling.caller.wait_incoming()
    person.ring()
    calling.program.until(OUTBOUND, lambda calls: calls[0]["state"] == "ringing")
    assert calling.program.stop() == 0
    person.wait_ended()
    calling.program.start()
    assert calling.program.get(OUTBOUND)[0]["state"] == "no_answer"
