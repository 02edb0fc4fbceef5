"""The agent's audio reaches the caller whole, in order and at the pace of real time, however the service sends it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hearing import agent_audio, check_pace, noise, seconds_of, tone_in, wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, encode, resample, tone, ulaw_encode
from aiconvai.mock import ElevenLabsAgent, load_scenario
from aiconvai.mock.elevenlabs.messages import AudioFormat
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call, find

__all__ = ["mock_options", "voice"]

BURST_SECONDS = 20
MEBIBYTE = 1 << 20
TAKES = 8


def _talk(voice: Voice, agent: ElevenLabsAgent | None = None, **options: object) -> tuple[Call, ThreadedConversation]:
    voice.agent("speaker", agent, audio_frames_buffer_ms=20, **options)
    voice.dialplan("exten => 100,1,AIConvAI(speaker)")
    voice.apply()
    call = voice.call("100")
    return call, voice.conversation()


def _report_number(voice: Voice, pattern: str) -> int:
    report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    found = re.search(pattern, report)
    assert found, report
    return int(found[1])


FILTER_SAMPLES = 32
"""By so many samples at 8 kHz audio that is resampled is heard later."""


def _is_whole(heard: Samples, said: Samples) -> bool:
    """Whether every second of what was said, at 8 kHz, is heard in its place, later by the filter's delay."""
    for start in range(0, len(said) - 8000 + 1, 8000):
        first = max(0, start - 800)
        place = find(said[start : start + 8000], heard[first : start + 8800])
        if place.similarity < 0.95 or abs(first + place.position - start - FILTER_SAMPLES) > 1.0:
            return False
    return True


def _check_pace(call: Call, packets: int) -> None:
    spacing = call.heard_spacing_ms()
    assert len(spacing) == packets - 1
    check_pace(spacing)
    assert call.lost() == 0


@pytest.mark.long
def test_long_bursts_play_whole_and_at_the_pace_of_real_time(voice: Voice) -> None:
    """20 s of audio in one go: in many messages, in messages of 1 MiB, and in one message of several MiB."""
    formats: dict[str, AudioFormat] = {"many": "ulaw_8000", "mebibytes": "pcm_48000", "one": "pcm_48000"}
    for name, audio_format in formats.items():
        voice.agent(name, ElevenLabsAgent(output_format=audio_format))
        voice.dialplan(f"exten => {name},1,AIConvAI({name})")
    voice.apply()
    calls: dict[str, Call] = {}
    conversations: dict[str, ThreadedConversation] = {}
    for name in formats:
        calls[name] = voice.call(name)
        conversations[name] = voice.conversation()
    said = {name: noise(BURST_SECONDS, 48000, seed) for seed, name in enumerate(formats)}
    mulaw = ulaw_encode(resample(said["many"], 48000, 8000))
    conversations["many"].send_audio(mulaw, event_id=1, chunk_ms=250)
    for start in range(0, BURST_SECONDS * 96000, MEBIBYTE * 3 // 4):
        piece = encode(said["mebibytes"], "pcm_48000")[start : start + MEBIBYTE * 3 // 4]
        conversations["mebibytes"].send_audio(piece, event_id=1)
    conversations["one"].send_audio(said["one"], event_id=1)
    assert len(conversations["one"].record.downlink) == 1

    for call in calls.values():
        wait_until_all_is_heard(call, BURST_SECONDS, timeout=BURST_SECONDS + 10)
    assert b"".join(packet.payload for packet in calls["many"].heard) == mulaw
    for name in ("mebibytes", "one"):
        assert _is_whole(agent_audio(calls[name]), resample(said[name], 48000, 8000)), name
        # The filter's delay, which is less than a packet, comes on top.
        wait_until_all_is_heard(calls[name], BURST_SECONDS + 0.02)
        _check_pace(calls[name], BURST_SECONDS * 50 + 1)
    _check_pace(calls["many"], BURST_SECONDS * 50)


def test_chunks_play_in_the_order_they_came_in(voice: Voice) -> None:
    call, conversation = _talk(voice)
    pitches = [500.0, 2100.0, 800.0, 1700.0, 1100.0, 2600.0]
    said = np.concatenate([tone(hz, 0.1, 8000) for hz in pitches])
    for event_id, hz in enumerate(pitches, 1):
        conversation.send_audio(tone(hz, 0.1, 8000), event_id=event_id, chunk_ms=30)
    wait_until_all_is_heard(call, 0.6)
    assert b"".join(packet.payload for packet in call.heard) == ulaw_encode(said)


def _lateness_ms(conversation: ThreadedConversation, piece_ms: int) -> float:
    """How far the service itself was behind, at the most, with pieces that it was to send one after the other."""
    times = np.array([chunk.time for chunk in conversation.record.downlink])
    return float(np.max((times - times[0]) * 1000 - piece_ms * np.arange(len(times))))


@pytest.mark.quiet
def test_tiny_pieces_play_without_a_gap(voice: Voice) -> None:
    """5 ms of audio every 5 ms: nothing is ever in stock, and still no packet is filled up with silence.

    Where the service itself is late by a piece, which its own clock tells, a gap is its doing: then that call says
    nothing, and another is made.
    """
    call, conversation = _talk(voice)
    for _ in range(TAKES):
        assert conversation.play(tone(997.0, 1.5, 8000), event_id=1, pace="realtime", chunk_ms=5)
        wait_until_all_is_heard(call, 1.5)
        heard = tone_in(agent_audio(call), 997.0, 8000)
        assert heard.seconds == pytest.approx(1.5, abs=0.01)
        assert heard.purity_db > 30.0
        if (late_ms := _lateness_ms(conversation, 5)) < 5.0:
            break
        call.hangup()
        conversation.wait_closed()
        call, conversation = voice.call("100"), voice.conversation()
    assert late_ms < 5.0, "the service was late in every take: this machine cannot tell"
    assert _report_number(voice, r"(\d+) underruns") == 0


def test_an_utterance_that_ends_within_a_packet_is_completed_with_silence(voice: Voice) -> None:
    call, conversation = _talk(voice)
    said = ulaw_encode(tone(997.0, 0.1, 8000)) + b"\x12" * 7
    conversation.send_audio(said, event_id=1)
    wait_until_all_is_heard(call, 0.12)
    assert b"".join(packet.payload for packet in call.heard) == said + b"\xff" * 153


@pytest.mark.fault("service.audio-beyond-the-limit")
def test_audio_beyond_the_playout_limit_is_dropped_and_counted(voice: Voice) -> None:
    """The beginning is kept and not the end; what comes once there is room again is played."""
    call, conversation = _talk(voice, playout_limit_seconds=10)
    conversation.send_audio(tone(500.0, 9.5, 8000), event_id=1)
    conversation.send_audio(tone(1100.0, 0.5, 8000), event_id=2)
    conversation.send_audio(tone(1700.0, 2.0, 8000), event_id=3)
    conversation.interrupt(1)
    conversation.send_audio(tone(2300.0, 0.5, 8000), event_id=4)
    event = voice.event("AIConvAIInterruption")
    wait_until_all_is_heard(call, 1.0)
    heard = agent_audio(call)
    assert seconds_of(heard, 1100.0, 8000) == pytest.approx(0.5, abs=0.03)
    assert seconds_of(heard, 2300.0, 8000) == pytest.approx(0.5, abs=0.03)
    # While it came some audio was played already, which made room for as much of what was too much.
    played = int(event.get("HeardMs") or 0) / 1000
    kept = seconds_of(heard, 1700.0, 8000)
    assert kept <= played + 0.03
    assert _report_number(voice, r"(\d+) bytes over the limit") == pytest.approx((2.0 - kept) * 8000, abs=240)


@pytest.mark.fault("service.fragments")
def test_frames_and_segments_cut_anywhere_change_nothing(voice: Voice) -> None:
    """The scenario `fragments`: 2.5 s of one tone, cut into bytes, glued together and mixed with other messages."""
    call, conversation = _talk(voice, ElevenLabsAgent(scenario=load_scenario("fragments")))
    wait_until_all_is_heard(call, 2.5)
    said = ulaw_encode(np.concatenate([tone(1000.0, seconds, 8000) for seconds in (0.4, 0.4, 1.0, 0.7)]))
    heard = b"".join(packet.payload for packet in call.heard)
    # So cut, some of it comes slower than it plays; what fills the packets then is silence.
    assert heard.replace(b"\xff", b"") == said.replace(b"\xff", b"")
    transcript = voice.event("AIConvAITranscript", Role="agent")
    assert transcript["Text"] == "Příliš žluťoučký kůň úpěl ďábelské ódy. 🐎"
    assert not conversation.record.violations
    assert _report_number(voice, r"(\d+) malformed") == 0
