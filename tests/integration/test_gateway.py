"""`aiconvai gateway` beside a real Asterisk, whose module has no part in it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from audiosocket import load_audiosocket
from exchange import agent_hears, agent_says, calling, hears_agent
from gateway_program import GatewayProgram
from hearing import agent_audio, seconds_of
from voice import Voice, mock_options, voice

from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

# AudioSocket is there from 18 on.
pytestmark = [
    pytest.mark.programs,
    pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session"),
]

AGENT_HZ, CALLER_HZ = 1000.0, 1700.0
NEXT = (
    "UserEvent(Next,Status: ${AICONVAI_STATUS},Why: ${AICONVAI_REASON},Transfer: ${AICONVAI_TRANSFER},"
    "Conversation: ${AICONVAI_CONVERSATION_ID})"
)


APPLICATION = "AudioSocket(${{UUID}},127.0.0.1:{port})"
DRIVER = "Dial(AudioSocket/127.0.0.1:{port}/${{UUID}}/c(slin),,g)"


def dialplan(port: int, agent: str = "sales", how: str = APPLICATION) -> str:
    """Extension 100, by the application or the channel driver."""
    return f"""\
exten => 100,1,Answer()
 same => n,Set(UUID=${{UUID()}})
 same => n,UserEvent(AIConvAICall,UUID: ${{UUID}},Agent: {agent},VAR-name: Ada)
 same => n,{how.format(port=port)}
 same => n,{NEXT}
 same => n,Wait(5)
exten => 700,1,UserEvent(Desk,Transfer: ${{AICONVAI_TRANSFER}})
 same => n,Wait(5)
"""


def begun(folder: Path, asterisk: Asterisk, more: str = "") -> GatewayProgram:
    """Without any agents. `more`: of serve.toml."""
    source = f'[asterisk.pbx]\nport = {asterisk.ami_port}\nuser = "{AMI_USER}"\nsecret = "{AMI_SECRET}"\n'
    program = GatewayProgram(folder, "[general]\n", more=source + more)
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    return program


@pytest.fixture(scope="module")
def program(asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    program = begun(tmp_path_factory.mktemp("gateway"), asterisk)
    yield program
    assert program.stop() == 0


@pytest.fixture
def by_audiosocket(asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    """One of a test's own."""
    load_audiosocket(asterisk)
    program = begun(tmp_path_factory.mktemp("audiosocket"), asterisk)
    yield program
    assert program.stop() == 0


@pytest.fixture(autouse=True)
def modules(asterisk: Asterisk) -> None:
    load_audiosocket(asterisk)


def answered(voice: Voice, text: str) -> tuple[Call, ThreadedConversation]:
    voice.asterisk.set_dialplan(text)
    return voice.call("100"), voice.conversation()


def test_a_caller_and_an_agent_hear_each_other_and_the_dialplan_goes_on(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20, send_caller_number="yes")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan(program.port))
    told = conversation.record.initiation.dynamic_variables
    assert (told["name"], told["called_number"]) == ("Ada", "100")
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    live = program.get("/api/live")[-1]
    assert (live["asterisk"], live["agent"], live["extension"]) == ("gateway", "sales", "100")
    conversation.close(1000)
    went_on = voice.event("UserEvent", UserEvent="Next")
    assert (went_on["Status"], went_on["Transfer"]) == ("COMPLETED", "")
    assert went_on["Conversation"] == conversation.record.id
    unique_id = went_on["Uniqueid"]
    kept = program.until("/api/calls", lambda calls: calls and calls[0]["unique_id"] == unique_id)[0]
    assert kept["status"] in ("COMPLETED", "")
    call.hangup()


def test_a_person_is_called_and_talks_with_the_agent(voice: Voice, tmp_path: Path) -> None:
    place = f"PJSIP/anonymous/sip:{{number}}@127.0.0.1:{voice.caller.port}"
    program = begun(tmp_path, voice.asterisk, f'[outbound]\ndial = "{place}"\ncontext = "default"\n')
    voice.agent("sales", audio_frames_buffer_ms=20, send_caller_number="yes")
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(dialplan(program.port, "${AICONVAI_AGENT}", DRIVER).replace("=> 100,1", "=> s,1"))
    asked = {"number": "+420123", "agent": "sales", "variables": {"name": "Eve"}}
    place = f"/api/calls/outbound/{program.request('POST', '/api/calls/outbound', json=asked).json()['id']}"
    person = voice.caller.wait_incoming().answer()
    conversation = voice.conversation()
    told = conversation.record.initiation.dynamic_variables
    assert (told["name"], told["dialed_number"], told["caller_number"]) == ("Eve", "+420123", "+420123")
    hears_agent(person, conversation, AGENT_HZ)
    agent_hears(conversation, person, CALLER_HZ)
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "COMPLETED"
    person.hangup()
    over = program.until(place, lambda call: call["state"] == "ended")
    assert (over["status"], over["asterisk"]) == ("COMPLETED", "gateway")
    assert program.stop() == 0


def test_by_the_channel_driver_too(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan(program.port, how=DRIVER))
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "COMPLETED"
    call.hangup()


def test_the_agent_sends_the_caller_to_another_place(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", tool_transfer_call="builtin", transfer_to_desk="default,700,1")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan(program.port))
    conversation.start_tool("transfer_call", {"destination": "desk"})
    assert voice.event("UserEvent", UserEvent="Desk")["Transfer"] == "desk"
    assert call.alive
    call.hangup()


def test_the_agent_presses_keys(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", tool_send_dtmf="builtin")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan(program.port))
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


def test_the_dialplan_has_the_digits_that_were_collected(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", tool_collect_digits="builtin", collect_digits_secret="yes")
    program.reload(voice.configuration())
    text = dialplan(program.port).replace(NEXT, "UserEvent(Digits,Digits: ${AICONVAI_DIGITS})")
    call, conversation = answered(voice, text)
    with calling(conversation, "collect_digits", {"count": 4}) as result:
        program.until("/api/live", lambda calls: calls[-1]["tools"])
        call.send_dtmf("4711")
        assert not result.result(10.0).is_error
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Digits")["Digits"] == "4711"
    call.hangup()


def test_a_caller_who_hangs_up_leaves_nothing(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan(program.port))
    call.hangup()
    conversation.wait_closed()
    assert program.over(conversation.record.id)["status"] == "CALLER_HANGUP"


def test_an_agent_that_cannot_be_reached_lets_the_dialplan_go_on(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", agent_id="nobody", max_connection_attempts=1)
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(dialplan(program.port))
    call = voice.call("100")
    went_on = voice.event("UserEvent", UserEvent="Next")
    assert went_on["Status"] == "UNAVAILABLE"
    assert "refused the agent" in went_on["Why"]
    call.hangup()


@pytest.mark.parametrize(("agent", "status"), [("nobody", "INVALID"), ("full", "BUSY")])
def test_a_call_that_nobody_may_take_goes_on(voice: Voice, program: GatewayProgram, agent: str, status: str) -> None:
    voice.agent("sales")
    voice.agent("full")
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(dialplan(program.port, agent=agent))
    if agent == "full":
        voice.sections["full"]["max_concurrent_calls"] = "1"
        program.reload(voice.configuration())
        first = voice.call("100")
        voice.conversation()
    call = voice.call("100")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == status
    call.hangup()
    if agent == "full":
        first.hangup()


def test_an_interruption_silences_the_agent(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20, interruption="service")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan(program.port))
    agent_says(conversation, AGENT_HZ, 5.0)
    call.wait_for_sound()
    time.sleep(1.0)
    conversation.interrupt(conversation.current_event_id)
    program.until("/api/live", lambda calls: calls[-1]["interruptions"] == 1)
    call.wait_for_silence(duration_ms=500, timeout=1.0, since=time.monotonic())
    heard = seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate)
    assert 0.8 <= heard <= 1.5
    call.hangup()


@pytest.mark.fault("beside.gateway-killed")
def test_a_gateway_that_is_killed_lets_the_dialplan_go_on(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales")
    program.reload(voice.configuration())
    call, _ = answered(voice, dialplan(program.port, how=DRIVER))
    # Told as the conversation begins.
    voice.event("VarSet", Variable="AICONVAI_REASON", Value="the gateway is gone")
    program.stop(signal.SIGKILL)
    went_on = voice.event("UserEvent", UserEvent="Next")
    assert (went_on["Status"], went_on["Why"]) == ("LOST", "the gateway is gone")
    call.hangup()
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    call, conversation = answered(voice, dialplan(program.port, how=DRIVER))
    hears_agent(call, conversation, AGENT_HZ)
    call.hangup()


@pytest.mark.fault("beside.gateway-ends")
def test_a_gateway_that_ends_lets_the_dialplan_go_on(voice: Voice, program: GatewayProgram) -> None:
    voice.agent("sales")
    program.reload(voice.configuration())
    call, conversation = answered(voice, dialplan(program.port))
    voice.event("VarSet", Variable="AICONVAI_REASON", Value="the gateway is gone")
    assert program.stop() == 0
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "LOST"
    conversation.wait_closed()
    call.hangup()
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    assert program.get("/api/calls")[0]["ended"]


@pytest.mark.fault("beside.gateway-missing")
def test_without_a_gateway_the_dialplan_goes_on(voice: Voice, program: GatewayProgram) -> None:
    voice.asterisk.set_dialplan(dialplan(free_port(), how=DRIVER))
    call = voice.call("100")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == ""
    call.hangup()
