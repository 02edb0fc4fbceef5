"""The agent's first words reach telephones that do not listen yet when the call is answered."""

from __future__ import annotations

import time

import pytest
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent
from aiconvai.mock.scenario import parse_scenario
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

AGENT_HZ = 900.0
GREETING = ElevenLabsAgent(scenario=parse_scenario("steps: [{tone: 0.5}, {wait: 2.0}, {tone: 0.5}, {wait: 30}]"))
WHERE = {
    "foreground": "exten => 100,1,AIConvAI(agent)",
    "background": "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Wait(60)",
}


def greeted(voice: Voice, dialplan: str, *, send_silence: bool = True, **options: object) -> Call:
    """A call that has just been answered, with an agent who speaks at once."""
    voice.agent("agent", GREETING, idle_audio=None, **options)
    voice.dialplan(dialplan)
    voice.apply()
    return voice.call("100", send_silence=send_silence)


def first_heard(call: Call) -> float:
    """Seconds from the answer to the agent's first words."""
    assert call.answered is not None
    return call.wait_for_sound() - call.answered


@pytest.mark.parametrize("where", WHERE)
def test_the_first_turn_alone_is_delayed(voice: Voice, where: str) -> None:
    call = greeted(voice, WHERE[where], greeting_delay_ms=800)
    assert first_heard(call) == pytest.approx(0.8, abs=0.08)
    call.wait_heard(180)
    (first, second) = stretches_of(AGENT_HZ, call.heard_samples(fill_gaps=False))
    assert [end - begin for begin, end in (first, second)] == pytest.approx([0.5, 0.5], abs=0.041)
    # The second one came 2.5 s after the first had come, and was heard at once.
    assert second[0] - first[0] < 2.3
    call.hangup()


@pytest.mark.parametrize("where", WHERE)
def test_the_first_turn_waits_for_the_callers_first_packet(voice: Voice, where: str) -> None:
    call = greeted(voice, WHERE[where], send_silence=False, greeting_wait_ms=5000)
    call.wait_heard(50)
    assert stretches_of(AGENT_HZ, call.heard_samples()) == []
    began = time.monotonic()
    call.play(tone(600.0, 0.2, 8000, -30.0))
    assert call.wait_for_sound() - began < 0.2
    call.hangup()


def test_a_caller_who_never_sends_is_not_waited_for_without_end(voice: Voice) -> None:
    call = greeted(voice, WHERE["foreground"], send_silence=False, greeting_wait_ms=1000)
    assert first_heard(call) == pytest.approx(1.0, abs=0.1)
    call.hangup()
