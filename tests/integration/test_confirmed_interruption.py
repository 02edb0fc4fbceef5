"""A sound of the caller's pauses the agent; whether it was an interruption is decided, and may be taken back."""

from __future__ import annotations

import re
import time

import pytest
from hearing import agent_audio, level_at, noise, seconds_of, wait_until_all_is_heard
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.correlation import find

__all__ = ["mock_options", "voice"]

OLD_HZ, NEXT_HZ, CALLER_HZ = 1000.0, 2300.0, 600.0
SAID_SECONDS = 4.0
HEARD_FRAMES = 60
PIECE = 800
"""100 ms: of noise that is enough to tell where it comes from."""


def _talk(voice: Voice, said: Samples, **options: object) -> tuple[Call, ThreadedConversation]:
    """The agent speaks, and is heard for a while."""
    voice.agent("speaker", audio_frames_buffer_ms=20, **options)
    voice.dialplan("exten => 100,1,AIConvAI(speaker)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.send_audio(said, event_id=1, chunk_ms=250)
    call.wait_heard(HEARD_FRAMES)
    return call, conversation


def _decision(voice: Voice) -> tuple[bool, int]:
    """Whether it was an interruption, and how long that was not known."""
    event = voice.event("AIConvAIPause", Pause="ended")
    return event["Interrupted"] == "yes", int(event["LastedMs"])


def _says(conversation: ThreadedConversation, words: str) -> None:
    said = {"user_transcript": words, "event_id": 9}
    conversation.send({"type": "user_transcript", "user_transcription_event": said})


def test_all_of_the_answer_is_heard_after_a_cough(voice: Voice) -> None:
    """Every piece of it is found in what was heard: before the pause, or behind it; what is heard twice is short."""
    said = noise(SAID_SECONDS, 8000, 1)
    call, conversation = _talk(voice, said)
    conversation.interrupt(1)
    call.play(tone(CALLER_HZ, 0.25, 8000)).wait()
    interrupted, lasted_ms = _decision(voice)
    assert not interrupted
    assert 780 <= lasted_ms <= 1000
    wait_until_all_is_heard(call, SAID_SECONDS)
    heard = agent_audio(call)
    positions = []
    for at in range(0, len(said) - PIECE, PIECE // 2):
        match = find(said[at : at + PIECE], heard)
        if match.similarity > 0.9:
            positions.append((at, match.position - at))
    # Found at the place where it was said, or later by what is heard again: the pause itself has no packets.
    before = [at for at, shift in positions if abs(shift) < 4]
    behind = [(at, shift) for at, shift in positions if abs(shift) >= 4]
    assert before[-1] / 8000 > 1.0
    (shift,) = {round(shift) for _, shift in behind}
    assert behind[0][0] - (before[-1] + PIECE) <= PIECE, "nothing is missing between them"
    assert 0.02 <= shift / 8000 <= 0.32
    assert len(heard) / 8000 == pytest.approx(SAID_SECONDS + shift / 8000, abs=0.021)
    assert voice.events("AIConvAIInterruption") == []
    told = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    assert re.search(r"^Pauses: +1, the agent went on after 1 of them$", told, re.MULTILINE), told


def test_it_is_silent_at_once_and_without_a_click(voice: Voice) -> None:
    call, conversation = _talk(voice, tone(OLD_HZ, SAID_SECONDS, 8000))
    conversation.interrupt(1)
    begun = voice.event("AIConvAIPause", Pause="begun")
    assert "LastedMs" not in begun
    _decision(voice)
    wait_until_all_is_heard(call, SAID_SECONDS)
    heard = call.heard_samples()
    (first, second) = stretches_of(OLD_HZ, heard)
    assert 0.7 <= second[0] - first[1] <= 1.0
    # Where it falls silent and where it begins: a click would be heard at all frequencies.
    for moment in (first[1], second[0]):
        near = heard[round((moment - 0.03) * 8000) : round((moment + 0.03) * 8000)]
        assert max(level_at(near, hz, 8000) for hz in (2500.0, 3200.0)) < -50.0


@pytest.mark.parametrize("words", ["Stop, please.", "Yes, but not today."])
def test_words_end_it(voice: Voice, words: str) -> None:
    call, conversation = _talk(voice, tone(OLD_HZ, SAID_SECONDS, 8000))
    conversation.interrupt(1)
    voice.event("AIConvAIPause", Pause="begun")
    _says(conversation, words)
    assert _decision(voice)[0]
    event = voice.event("AIConvAIInterruption")
    conversation.send_audio(tone(NEXT_HZ, 0.4, 8000), event_id=2)
    wait_until_all_is_heard(call, float(event["HeardMs"]) / 1000)
    heard = agent_audio(call)
    assert seconds_of(heard, OLD_HZ, 8000) == pytest.approx(int(event["HeardMs"]) / 1000, abs=0.06)
    assert seconds_of(heard, NEXT_HZ, 8000) == pytest.approx(0.4, abs=0.03)


def test_mm_hmm_is_none_and_costs_no_more_than_it_takes_to_be_understood(voice: Voice) -> None:
    call, conversation = _talk(voice, tone(OLD_HZ, SAID_SECONDS, 8000))
    conversation.interrupt(1)
    voice.event("AIConvAIPause", Pause="begun")
    _says(conversation, "Mm-hmm.")
    interrupted, lasted_ms = _decision(voice)
    assert not interrupted
    assert lasted_ms < 600
    wait_until_all_is_heard(call, SAID_SECONDS)
    assert seconds_of(agent_audio(call), OLD_HZ, 8000) >= SAID_SECONDS - 0.05


def test_who_goes_on_speaking_means_it(voice: Voice) -> None:
    call, conversation = _talk(voice, tone(OLD_HZ, SAID_SECONDS, 8000))
    conversation.interrupt(1)
    call.play(tone(CALLER_HZ, 1.2, 8000)).wait()
    interrupted, lasted_ms = _decision(voice)
    assert interrupted
    assert 680 <= lasted_ms <= 1100
    heard = seconds_of(agent_audio(call), OLD_HZ, 8000)
    time.sleep(1.0)
    assert seconds_of(agent_audio(call), OLD_HZ, 8000) == heard


def test_an_answer_to_it_takes_the_place_of_the_old_one(voice: Voice) -> None:
    call, conversation = _talk(voice, tone(OLD_HZ, SAID_SECONDS, 8000))
    conversation.interrupt(1)
    voice.event("AIConvAIPause", Pause="begun")
    conversation.send_audio(tone(NEXT_HZ, 0.5, 8000), event_id=2)
    assert _decision(voice)[0]
    wait_until_all_is_heard(call, 1.5)
    heard = agent_audio(call)
    assert seconds_of(heard, NEXT_HZ, 8000) == pytest.approx(0.5, abs=0.03)
    assert seconds_of(heard[-round(0.49 * 8000) :], OLD_HZ, 8000) == 0


def test_who_steers_the_call_forbids_and_allows_it(voice: Voice) -> None:
    call, conversation = _talk(voice, tone(OLD_HZ, 2.0, 8000), interruption="service")
    ami = voice.asterisk.ami
    ami.action("AIConvAIInterruptible", Channel=voice.channel(), Interruptible="no")
    conversation.interrupt(1)
    wait_until_all_is_heard(call, 2.0)
    assert seconds_of(agent_audio(call), OLD_HZ, 8000) == pytest.approx(2.0, abs=0.03)
    assert voice.events("AIConvAIInterruption") == []
    ami.action("AIConvAIInterruptible", Channel=voice.channel(), Interruptible="yes")
    began = time.monotonic()
    conversation.send_audio(tone(NEXT_HZ, 2.0, 8000), event_id=2, chunk_ms=250)
    call.wait_for_sound(since=began)
    conversation.interrupt(2)
    voice.event("AIConvAIInterruption")
    with pytest.raises(Exception, match="Interruptible is missing"):
        ami.action("AIConvAIInterruptible", Channel=voice.channel(), Interruptible="perhaps")
