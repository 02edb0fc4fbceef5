"""An announced conversation: audio both ways, what the caller does, and half an hour of it."""

from __future__ import annotations

import base64
import gc
import json
import random
from typing import Any

import pytest
from engine_host import (
    ULAW,
    Host,
    audio,
    interruption,
    metadata,
    ping,
)
from engine_memory import allocated_bytes

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import (
    AudioQueued,
    Interrupted,
    Send,
)
from aiconvai.engine.library import load_library
from aiconvai.engine.playout_queue import PlayoutResult

# Agent audio


def test_audio_is_queued_for_playout(host: Host) -> None:
    host.clock.advance(ms=300)
    data = random.Random(1).randbytes(480)
    host.say(audio(1, data))
    assert host.told(AudioQueued) == [AudioQueued()]
    assert host.play() == data
    stats = host.conversation.stats()
    assert (stats.downlink_chunks, stats.downlink_bytes, stats.first_audio_us) == (1, 480, 300_000)
    assert stats.downlink_dbfs > -30


@pytest.mark.parametrize("name", ["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000"])
def test_audio_is_converted_as_one_stream(name: str) -> None:
    host = Host()
    host.start(name)
    data = random.Random(2).randbytes(40_000)
    sizes = random.Random(3)
    at = 0
    while at < len(data):
        # Odd lengths too: a sample may be cut in two.
        length = sizes.randint(1, 5000)
        host.say(audio(1, data[at : at + length]))
        at += length
    expected = Transcoder(AudioFormat.parse(name), ULAW).run(data)
    assert host.play()[: len(expected)] == expected


def test_an_interruption_drops_up_to_its_id_and_keeps_what_is_newer(host: Host) -> None:
    for event_id in (1, 2, 3, 4):
        host.say(audio(event_id, bytes([event_id]) * 320))
    played = b"".join(host.conversation.playout.take().audio for _ in range(3))
    assert played == b"\1" * 320 + b"\2" * 160
    host.say(interruption(3))
    (event,) = host.told(Interrupted)
    assert (event.event_id, event.heard_ms) == (3, 20)
    assert (event.result.removed_ids, event.result.removed_bytes) == ((2, 3), 160 + 320)
    assert (event.result.heard_event_id, event.result.heard_samples) == (2, 160)
    assert host.play() == b"\4" * 320
    assert host.conversation.stats().interruptions == 1


def test_late_audio_of_an_interrupted_id_is_dropped_and_counted(host: Host) -> None:
    host.say(audio(3, bytes(320)))
    host.say(interruption(3))
    queued = len(host.told(AudioQueued))
    for event_id in (3, 2, -5):
        host.say(audio(event_id, b"\1" * 320))
    assert host.conversation.playout.is_empty()
    assert host.conversation.playout.stats().chunks_late == 3
    assert len(host.told(AudioQueued)) == queued
    host.say(audio(4, b"\4" * 160))
    assert host.play() == b"\4" * 160


@pytest.mark.parametrize("late", [True, False])
def test_nothing_of_interrupted_audio_is_heard_in_what_follows(late: bool) -> None:
    """The resampler's memory would carry some milliseconds of it over."""
    loud = b"\x00\x40\x00\xc0" * 800
    following = random.Random(5).randbytes(3200)
    host = Host()
    host.start("pcm_16000")
    host.say(audio(1, loud))
    host.say(interruption(1))
    if late:
        host.say(audio(1, loud + b"\x7f"))
    host.say(audio(2, following))
    expected = Transcoder(AudioFormat.parse("pcm_16000"), ULAW).run(following)
    assert host.play()[: len(expected)] == expected


def test_an_interruption_does_not_cut_newer_audio_inside_the_resampler() -> None:
    host = Host()
    host.start("pcm_16000")
    first, second = random.Random(6).randbytes(3200), random.Random(7).randbytes(3200)
    host.say(audio(5, first))
    host.say(interruption(4))
    host.say(audio(5, second))
    expected = Transcoder(AudioFormat.parse("pcm_16000"), ULAW).run(first + second)
    assert host.play()[: len(expected)] == expected


@pytest.mark.parametrize(
    "event",
    [
        {"audio_base_64": "not base64!", "event_id": 1},
        {"event_id": 1},
        {"audio_base_64": 7, "event_id": 1},
        {},
    ],
)
def test_audio_that_is_none(host: Host, event: dict[str, Any]) -> None:
    host.say({"type": "audio", "audio_event": event})
    assert "not base64" in host.errors[0]
    assert host.conversation.playout.is_empty()
    host.say(audio(1, b"\1" * 160))
    assert host.play() == b"\1" * 160


def test_empty_audio_is_no_audio(host: Host) -> None:
    host.say(audio(1, b""))
    assert host.told(AudioQueued) == []
    assert host.errors == []


def test_silence_before_each_turn() -> None:
    host = Host(silence_padding_ms=60)
    host.start()
    silence = b"\xff" * 480
    host.say(audio(1, b"\1" * 160))
    host.say(audio(1, b"\1" * 160))
    assert host.play() == silence + b"\1" * 320
    host.say(audio(1, b"\1" * 160))
    assert host.play() == b"\1" * 160, "the same turn goes on"
    host.say(audio(2, b"\2" * 160))
    host.say(audio(3, b"\3" * 160))
    assert host.play() == silence + b"\2" * 160 + b"\3" * 160, "what is still playing needs no pause"
    host.say(interruption(3))
    host.say(audio(3, b"\3" * 160))
    assert host.conversation.playout.stats().chunks_late == 1
    assert host.play() == b""


def test_a_turn_that_ran_dry_delays_the_next_one() -> None:
    host = Host(playout_max_delay_ms=30)
    host.start()
    host.say(audio(1, b"\1" * 160))
    assert host.play() == b"\1" * 160
    host.clock.advance(ms=20 + 50)
    host.say(audio(2, b"\2" * 160))
    assert host.play() == b"\2" * 160
    stats = host.conversation.playout.stats()
    assert (stats.underruns, stats.gap_us, stats.delay_ms) == (1, 50_000, 20)
    host.clock.advance(ms=2000)
    host.say(audio(3, b"\3" * 160))
    assert host.conversation.playout.take().result is PlayoutResult.HOLD
    assert host.play() == b"\3" * 160


def test_audio_beyond_the_limit_is_dropped() -> None:
    host = Host(playout_limit_seconds=10)
    host.start()
    for _ in range(12):
        host.say(audio(1, bytes(8000)))
    assert host.conversation.playout.stats().bytes_overflow == 16_000
    assert len(host.play()) == 80_000


def test_a_message_in_pieces(host: Host) -> None:
    text = json.dumps(audio(1, b"\5" * 1600)).encode()
    for at in range(0, len(text), 7):
        host.conversation.message(text[at : at + 7], complete=False)
    host.conversation.message(b"", complete=True)
    host.pump()
    assert host.play() == b"\5" * 1600
    assert host.conversation.stats().messages_received == 2


# What the caller does


def test_keys_may_be_kept_from_the_agent() -> None:
    host = Host(send_dtmf="no")
    host.conversation.dtmf("1")
    host.start()
    host.conversation.dtmf("2")
    assert host.pump() == []
    assert host.conversation.stats().dtmf_digits == 0


def test_context_and_user_messages(host: Host) -> None:
    assert host.conversation.context('caller is a customer \udcff "ž"')
    assert host.conversation.user_message("I want sales")
    host.pump()
    assert host.sent[1:] == [
        {"type": "contextual_update", "text": 'caller is a customer \N{REPLACEMENT CHARACTER} "ž"'},
        {"type": "user_message", "text": "I want sales"},
    ]


def test_context_is_refused_before_the_announcement() -> None:
    host = Host()
    host.open()
    assert not host.conversation.context("x")
    assert not host.conversation.user_message("x")


def test_nothing_is_sent_to_a_socket_that_takes_nothing(host: Host) -> None:
    host.writable = False
    host.conversation.caller_audio(b"\1" * 160 * 5)
    host.say(ping(1))
    assert host.pump() == []
    assert host.conversation.wants_to_send
    host.writable = True
    sent = host.pump()
    assert [sorted(json.loads(action.message)) for action in sent if isinstance(action, Send)] == [
        ["event_id", "type"],
        *[["user_audio_chunk"]] * 5,
    ], "a pong does not wait behind audio"
    assert not host.conversation.wants_to_send


def test_a_socket_that_never_takes_anything_costs_bounded_memory(host: Host) -> None:
    host.writable = False
    limit = load_library().lib.AIC_OUTBOX_MAX
    for number in range(limit + 50):
        host.say(ping(number))
        host.conversation.caller_audio(bytes(160))
    lost_audio, *lost_messages = host.errors
    assert lost_audio.startswith("audio of the caller is being dropped"), "said once"
    assert len(lost_messages) == 50
    assert "stopped reading" in lost_messages[0]
    assert host.conversation.stats().uplink_bytes_waiting <= 8000 * 6
    host.writable = True
    host.pump()
    assert [pong["event_id"] for pong in host.messages("pong")] == list(range(limit))


# Half an hour


@pytest.mark.parametrize("output", ["ulaw_8000", "pcm_16000"])
def test_half_an_hour(output: str) -> None:
    """Both sides talk, with interruptions and pings: nothing grows, nothing drifts, nothing is lost."""
    host = Host(audio_frames_buffer_ms=240)
    host.start(output)
    service = AudioFormat.parse(output)
    turn_ms, frames = 3000, 30 * 60 * 50
    voice = (b"\x12\x34" * 70_000)[: service.bytes_of(500)]
    pieces = [json.dumps(audio(0, voice)).replace('"event_id": 0', '"event_id": %d').encode() for _ in range(6)]
    caller_frame = random.Random(8).randbytes(160)
    conversation = host.conversation
    event_id, interrupted_turns = 0, 0
    settled = 0
    uplink_bytes = 0
    played_frames = holds = 0
    for tick in range(frames):
        if tick % (turn_ms // 20) == 0:
            if event_id and event_id % 10 == 0:
                conversation.message(json.dumps(interruption(event_id)))
                interrupted_turns += 1
            event_id += 1
            for piece in pieces:
                conversation.message(piece % event_id)
            conversation.message(json.dumps(ping(event_id)))
        conversation.caller_audio(caller_frame)
        for action in conversation.actions():
            assert isinstance(action, Send)
            if action.message.startswith(b'{"user_audio_chunk"'):
                uplink_bytes += len(action.message) - len('{"user_audio_chunk":""}')
        result = conversation.playout.take().result
        played_frames += result is PlayoutResult.FRAME
        holds += result is PlayoutResult.HOLD
        conversation.take_events()
        host.clock.advance(ms=20)
        if tick == 3000:
            gc.collect()
            settled = allocated_bytes()
    gc.collect()
    assert allocated_bytes() - settled < 50_000
    stats = conversation.stats()
    assert stats.uplink_bytes == frames * 160
    assert stats.uplink_bytes_dropped == 0
    chunk = service.bytes_of(240)
    assert stats.uplink_chunks_sent == stats.uplink_bytes_sent // chunk
    assert abs(
        stats.uplink_bytes_sent + stats.uplink_bytes_waiting - service.bytes_of(30 * 60 * 1000)
    ) <= service.bytes_of(5)
    assert uplink_bytes >= stats.uplink_bytes_sent * 4 // 3
    assert stats.pings == event_id == 600
    assert stats.interruptions == interrupted_turns == 59
    playout = conversation.playout.stats()
    # A turn is as long as the time between two turns: but for a frame now and then it plays without a break.
    assert playout.frames_taken == played_frames
    assert frames - played_frames - holds <= 60
    assert playout.bytes_overflow == playout.chunks_late == 0
    assert conversation.phase is Phase.ACTIVE
    assert stats.errors == 0
    assert stats.uplink_format == service != AudioFormat(Encoding.ALAW, 8000)


# Where no caller audio comes


def uplink_audio(host: Host) -> bytes:
    """All caller audio sent so far."""
    return b"".join(
        base64.b64decode(message["user_audio_chunk"]) for message in host.sent if "user_audio_chunk" in message
    )


def test_silence_takes_the_place_of_audio_that_does_not_come(host: Host) -> None:
    host.conversation.caller_audio(b"\1" * 160)
    host.wait(ms=219)
    assert uplink_audio(host) == b"\1" * 160, "a late packet is no gap"
    host.wait(seconds=10)
    sent = uplink_audio(host)
    assert set(sent[160:]) == {0xFF}
    assert len(sent) / 8 == pytest.approx(10_239, abs=120), "as long as the gap"
    assert host.conversation.stats().uplink_silence_ms == pytest.approx(10_219, abs=120)
    assert host.conversation.stats().uplink_bytes == 160, "it is not the caller's"
    before = len(sent)
    for _ in range(50):
        host.conversation.caller_audio(b"\2" * 160)
        host.wait(ms=20)
    assert uplink_audio(host)[before:].count(b"\2") == 50 * 160
    assert len(uplink_audio(host)) - before <= 50 * 160 + 100 * 8, "and none beside the caller's audio"


def test_what_is_less_than_a_chunk_is_completed_with_silence() -> None:
    host = Host(audio_frames_buffer_ms=240)
    host.start()
    host.conversation.caller_audio(b"\1" * 800)
    host.wait(ms=900)
    assert uplink_audio(host).startswith(b"\1" * 800 + b"\xff" * 800)


def test_no_silence_is_sent_before_the_announcement() -> None:
    host = Host()
    host.open()
    host.wait(seconds=5)
    host.say(metadata())
    assert uplink_audio(host) == b""
