"""What AudioSocket's servers are known to fail by, on a real Asterisk: each by its name in docs/gateway.md."""

from __future__ import annotations

import time

import numpy as np
import pytest
from exchange import agent_hears, agent_says, hears_agent
from gateway_program import GatewayProgram
from hearing import agent_audio, check_pace, seconds_of
from test_gateway import AGENT_HZ, APPLICATION, CALLER_HZ, DRIVER, answered, dialplan, modules, program
from voice import Voice, mock_options, voice

from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "modules", "program", "voice"]

pytestmark = [
    pytest.mark.programs,
    pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session"),
]

BOTH_WAYS = pytest.mark.parametrize("how", [APPLICATION, DRIVER], ids=["application", "driver"])


def begun(voice: Voice, program: GatewayProgram, text: str, *, sends: bool = True) -> tuple[Call, ThreadedConversation]:
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(text)
    return voice.call("100", send_silence=sends), voice.conversation()


@BOTH_WAYS
def test_nobody_says_anything(voice: Voice, program: GatewayProgram, how: str) -> None:
    """A server that is silent wedges the channel of some versions, and others end the call after 2 s."""
    call, conversation = begun(voice, program, dialplan(program.port, how=how), sends=False)
    before = time.monotonic()
    while time.monotonic() - before < 4.0:
        # A channel that is wedged holds this up.
        asked = time.monotonic()
        voice.asterisk.cli("core show channels verbose")
        assert time.monotonic() - asked < 1.0
        assert call.alive
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()
    conversation.wait_closed()


@BOTH_WAYS
def test_a_burst_is_paced_here(voice: Voice, program: GatewayProgram, how: str) -> None:
    """Asterisk sends what it gets at once, in packets as long as they come."""
    call, conversation = begun(voice, program, dialplan(program.port, how=how))
    since = time.monotonic()
    agent_says(conversation, AGENT_HZ, 3.0)
    first = call.wait_for_sound(since=since)
    call.wait_for_silence(duration_ms=200, since=first)
    assert seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate) == pytest.approx(3.0, abs=0.05)
    heard = [one for one in call.heard if first <= one.time_ns / 1e9 <= first + 3.0]
    assert {len(one.payload) for one in heard} == {160}
    check_pace(np.diff([one.time_ns for one in heard]) / 1e6)
    call.hangup()


def test_a_connection_that_says_nothing(voice: Voice, program: GatewayProgram) -> None:
    """The application connects before it looks whether the channel is up, and ends without a word."""
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(f"exten => 101,1,AudioSocket(${{UUID()}},127.0.0.1:{program.port})")
    call = voice.caller.call("101")
    call.wait_ended()
    other, conversation = answered(voice, dialplan(program.port))
    hears_agent(other, conversation, AGENT_HZ)
    other.hangup()


@BOTH_WAYS
def test_keys_are_messages_of_one_byte(voice: Voice, program: GatewayProgram, how: str) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20, dtmf="event")
    program.reload(voice.configuration())
    call, _ = answered(voice, dialplan(program.port, how=how))
    call.send_dtmf("9#")
    program.until("/api/live", lambda calls: calls[-1]["keys"] == "9")
    call.hangup()


@BOTH_WAYS
def test_the_end_is_told_and_not_only_done(voice: Voice, program: GatewayProgram, how: str) -> None:
    """Before 22.4 a connection that is only closed keeps Asterisk reading in a circle."""
    call, conversation = begun(voice, program, dialplan(program.port, how=how))
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "COMPLETED"
    assert call.alive
    call.hangup()


def test_a_codec_that_is_not_named(voice: Voice, program: GatewayProgram) -> None:
    """Without c() the channel driver takes the caller's, and sends mu-law as if it were linear: the dialplan that we
    print names it.
    """
    printed = program.run("gateway", "--check").stdout
    assert "/c(slin)," in printed
