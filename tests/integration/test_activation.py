"""From when on the agent hears the caller, as the service gets it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hearing import level_at, seconds_of
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, resample, tone
from aiconvai.mock import ConversationRecord
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

EARLY_HZ, LATER_HZ = 600.0, 1500.0
GREETING = tone(1000.0, 2.0, 8000)


def _greeted(voice: Voice, **options: object) -> tuple[Call, ThreadedConversation]:
    """The agent speaks for 2 s."""
    voice.agent("speaker", audio_frames_buffer_ms=20, **options)
    voice.dialplan("exten => 100,1,AIConvAI(speaker)\n same => n,Hangup()")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.send_audio(GREETING, event_id=1, chunk_ms=250)
    call.wait_heard(10)
    return call, conversation


def _got(record: ConversationRecord) -> Samples:
    """All of the caller that the service has, at 8 kHz."""
    return resample(record.uplink_samples(), record.uplink_rate, 8000)


def _wait_for(conversation: ThreadedConversation, hz: float) -> None:
    """Until the service has heard 0.6 s of it, and silence after it: whatever came of it is there then."""

    def is_over(record: ConversationRecord) -> bool:
        heard = _got(record)
        is_quiet = np.abs(heard[-800:].astype(int)).max(initial=0) < 100
        return bool(is_quiet) and seconds_of(heard, hz, 8000) >= 0.55

    conversation.wait_received(is_over)


def test_what_is_said_during_the_greeting_counts_at_its_end(voice: Voice) -> None:
    call, conversation = _greeted(voice, activation="after_prompt")
    told = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    assert "the agent does not hear the caller yet" in told
    call.play(tone(EARLY_HZ, 0.6, 8000)).wait()
    call.wait_heard(90)
    assert np.abs(_got(conversation.record).astype(int)).max(initial=0) < 100
    _wait_for(conversation, EARLY_HZ)
    heard = _got(conversation.record)
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 1000)
    assert (loud[-1] - loud[0]) / 8000 == pytest.approx(0.6, abs=0.05), "all of it, once"
    told = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    assert "does not hear" not in told


def test_nothing_is_heard_until_a_key(voice: Voice) -> None:
    call, conversation = _greeted(voice, activation="key")
    call.play(tone(EARLY_HZ, 0.6, 8000)).wait()
    call.send_dtmf("5")
    call.play(tone(LATER_HZ, 0.6, 8000)).wait()
    _wait_for(conversation, LATER_HZ)
    heard = _got(conversation.record)
    assert level_at(heard, EARLY_HZ, 8000) < -60.0
    seconds = time.monotonic() - conversation.record.begun
    assert len(heard) / 8000 == pytest.approx(seconds, abs=1.0), "the service's clock went on"
    assert voice.events("AIConvAIKeys") == []


def test_a_caller_who_does_nothing_is_not_waited_for(voice: Voice) -> None:
    call, _ = _greeted(voice, activation="voice", activation_wait_seconds=1)
    call.wait_ended()
    event = voice.event("AIConvAIEnd")
    assert event["Status"] == "TIMEOUT"
    assert "activation_wait_seconds" in event["Reason"]
