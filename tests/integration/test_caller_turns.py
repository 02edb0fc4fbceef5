"""Turns that the module decides, not the service: what the service is sent, and the conversation that comes of it."""

from __future__ import annotations

import numpy as np
import pytest
from exchange import hears_agent
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, decode, resample, tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call
from aiconvai.rig.talk.sounds import Kind, sound_of
from aiconvai.rig.talk.telephone import at_level
from aiconvai.speech import speak

__all__ = ["mock_options", "voice"]

ANSWER_HZ = 1000.0
QUESTION = "Do you have a room for two on Friday?"
every_service = pytest.mark.parametrize("provider", ["openai", "xai", "gemini", "websocket"])


def _converse(voice: Voice, provider: str, **options: object) -> tuple[Call, ThreadedConversation]:
    voice.use(provider)
    voice.agent("agent", **{"audio_frames_buffer_ms": 40, "turns": "local", **options})
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()
    call = voice.call("100")
    return call, voice.conversation()


def _said(text: str) -> Samples:
    return at_level(speak(text, 8000, "en-us+m4"), -20.0)


def _turn(conversation: ThreadedConversation, number: int) -> Samples:
    """What the service has of that turn of the caller's, at 8 kHz."""
    conversation.wait_received(lambda record: len(record.caller_turns) > number)
    record = conversation.record
    return resample(decode(record.caller_turns[number].audio, record.input_format), record.uplink_rate, 8000)


def _loud_seconds(samples: Samples) -> float:
    """From the first to the last sound."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 500)
    return float(loud[-1] - loud[0]) / 8000 if loud.size else 0.0


@every_service
def test_the_service_gets_what_the_caller_says_and_nothing_else(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    for number in range(2):
        question = _said(QUESTION)
        call.play(question).wait()
        turn = _turn(conversation, number)
        assert _loud_seconds(turn) == pytest.approx(_loud_seconds(question), abs=0.05), "whole, from its first sound on"
        assert 0.4 < len(turn) / 8000 - _loud_seconds(question) < 1.7
        hears_agent(call, conversation, ANSWER_HZ)
    record = conversation.record
    assert sum(len(turn.audio) for turn in record.caller_turns) == len(record.uplink_bytes)
    assert record.violations == []
    call.hangup()


@every_service
def test_a_cough_is_not_sent(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    call.play(sound_of(Kind.COUGH, 1).samples).wait()
    call.play(np.zeros(10000, np.int16)).wait()
    call.play(_said(QUESTION)).wait()
    assert _loud_seconds(_turn(conversation, 0)) == pytest.approx(_loud_seconds(_said(QUESTION)), abs=0.05)
    assert len(conversation.record.caller_turns) == 1
    call.hangup()


@every_service
def test_who_speaks_over_the_agent_silences_it(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    conversation.play(tone(ANSWER_HZ, 6.0, conversation.record.downlink_rate))
    call.wait_heard(50)
    call.play(_said(QUESTION)).wait()
    event = voice.event("AIConvAIInterruption")
    assert int(event["HeardMs"]) < 3500
    assert _loud_seconds(_turn(conversation, 0)) > 1.0
    call.wait_for_silence(duration_ms=300)
    assert conversation.record.violations == []
    call.hangup()
