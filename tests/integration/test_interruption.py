"""The caller speaks over the agent: what was said up to then falls silent at once, and nothing newer is lost. Here the
service's word holds; whether it was meant is the matter of test_confirmed_interruption.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from hearing import agent_audio, level_at, seconds_of, sounding, tone_in, wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, tone
from aiconvai.mock import ElevenLabsAgent, load_scenario
from aiconvai.mock.elevenlabs.messages import AudioFormat
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

OLD_HZ = 1000.0
"""In the scenario `filter`: of the events 42 and 46, void from the interruption on."""
KEPT_HZ = 1700.0
"""Of event 47, which was sent before the interruption of 46 and is newer."""
NEXT_HZ = 2300.0
"""Of event 48, which was sent after it."""


def _talk(voice: Voice, agent: ElevenLabsAgent | None = None, **options: object) -> tuple[Call, ThreadedConversation]:
    voice.agent("speaker", agent, **{"audio_frames_buffer_ms": 20, "interruption": "service", **options})
    voice.dialplan("exten => 100,1,AIConvAI(speaker)")
    voice.apply()
    call = voice.call("100")
    return call, voice.conversation()


def _filtered(voice: Voice, audio_format: AudioFormat = "ulaw_8000") -> tuple[Call, Samples]:
    """The scenario `filter` from its beginning to its end: what the caller heard."""
    scenario = load_scenario("filter")
    call, _ = _talk(voice, ElevenLabsAgent(output_format=audio_format, scenario=scenario))
    wait_until_all_is_heard(call, 2.1)
    return call, agent_audio(call)


@pytest.mark.parametrize("audio_format", ["ulaw_8000", "pcm_16000"])
def test_only_what_is_newer_is_heard_after_an_interruption(voice: Voice, audio_format: AudioFormat) -> None:
    """Event 42 is cut within a chunk; 46, queued before and late, is never heard; 47 and 48 follow without a gap."""
    _, heard = _filtered(voice, audio_format)
    whole = sounding(heard, 8000)
    old = seconds_of(whole, OLD_HZ, 8000)
    # The interruption comes after 0.3 s, in the middle of a chunk of 1 s.
    assert 0.1 < old < 0.8
    assert len(whole) / 8000 == pytest.approx(old + 2.0, abs=0.03)
    edge = 160
    kept, following = whole[-16000 + edge : -8000 - edge], whole[-8000 + edge :]
    assert tone_in(kept, KEPT_HZ, 8000).purity_db > 30.0
    assert tone_in(following, NEXT_HZ, 8000).purity_db > 30.0
    assert level_at(np.concatenate([kept, following]), OLD_HZ, 8000) < -55.0


def test_the_interruption_is_told_with_what_was_heard(voice: Voice) -> None:
    call, heard = _filtered(voice)
    event = voice.event("AIConvAIInterruption")
    assert event["EventID"] == "46"
    # Event 42 came in chunks of 1 s, the others in chunks of 250 ms.
    assert (event["ChunksRemoved"], event["ChunksRemaining"]) == ("10", "4")
    assert event["HeardEventID"] == "42"
    assert int(event["HeardMs"]) == pytest.approx(seconds_of(heard, OLD_HZ, 8000) * 1000, abs=60)
    assert int(event["HeardMs"]) > 100
    report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    told = r"^Interruptions: +1, 0 ignored; 10 chunks removed, 4 chunks came too late$"
    assert re.search(told, report, re.MULTILINE), report
    assert call.alive


@pytest.mark.fault("service.interruption-of-nothing")
def test_a_second_interruption_of_an_older_event_changes_nothing(voice: Voice) -> None:
    call, conversation = _talk(voice)
    conversation.send_audio(tone(OLD_HZ, 2.0, 8000), event_id=5, chunk_ms=250)
    call.wait_for_sound()
    conversation.interrupt(5)
    conversation.send_audio(tone(KEPT_HZ, 1.0, 8000), event_id=6, chunk_ms=250)
    conversation.interrupt(3)
    wait_until_all_is_heard(call, 1.0)
    event = voice.event("AIConvAIInterruption", EventID="3")
    assert (event["ChunksRemoved"], event["ChunksRemaining"]) == ("0", "4")
    heard = agent_audio(call)
    assert seconds_of(heard, KEPT_HZ, 8000) == pytest.approx(1.0, abs=0.03)
    # Event 5 is not heard again either.
    conversation.send_audio(tone(OLD_HZ, 0.5, 8000), event_id=5)
    conversation.send_audio(tone(NEXT_HZ, 0.5, 8000), event_id=7)
    wait_until_all_is_heard(call, len(heard) / 8000 + 0.48)
    assert level_at(agent_audio(call)[len(heard) :], OLD_HZ, 8000) < -55.0
    assert seconds_of(agent_audio(call), NEXT_HZ, 8000) == pytest.approx(0.5, abs=0.03)


@pytest.mark.fault("service.interruption-of-nothing")
def test_an_interruption_with_nothing_queued_removes_nothing(voice: Voice) -> None:
    call, conversation = _talk(voice)
    conversation.interrupt(1)
    event = voice.event("AIConvAIInterruption", EventID="1")
    assert (event["ChunksRemoved"], event["ChunksRemaining"], event["HeardMs"]) == ("0", "0", "0")
    assert "HeardEventID" not in event
    conversation.send_audio(tone(KEPT_HZ, 0.4, 8000), event_id=2)
    wait_until_all_is_heard(call, 0.38)
    assert seconds_of(agent_audio(call), KEPT_HZ, 8000) == pytest.approx(0.4, abs=0.03)


def test_an_interruption_after_the_last_word_tells_all_of_it_as_heard(voice: Voice) -> None:
    call, conversation = _talk(voice)
    conversation.send_audio(tone(OLD_HZ, 0.4, 8000), event_id=1)
    wait_until_all_is_heard(call, 0.4)
    conversation.interrupt(1)
    event = voice.event("AIConvAIInterruption", EventID="1")
    assert (event["ChunksRemoved"], event["HeardEventID"], event["HeardMs"]) == ("0", "1", "400")
