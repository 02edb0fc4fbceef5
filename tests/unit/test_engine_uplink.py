"""The caller's audio on its way to the service."""

from __future__ import annotations

import random

import pytest

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder
from aiconvai.engine.uplink import Uplink

ULAW = AudioFormat(Encoding.ULAW, 8000)
PCM_16K = AudioFormat(Encoding.PCM16, 16000)
PCM_24K = AudioFormat(Encoding.PCM16, 24000)
FRAME = 160


def chunks(uplink: Uplink) -> list[bytes]:
    taken = []
    while chunk := uplink.take_chunk():
        taken.append(chunk)
    return taken


def test_chunks_have_exactly_the_configured_length() -> None:
    uplink = Uplink(ULAW, 240, 5000)
    uplink.start(ULAW)
    audio = random.Random(1).randbytes(FRAME * 40)
    taken = []
    for at in range(0, len(audio), FRAME):
        uplink.add(audio[at : at + FRAME])
        taken += chunks(uplink)
    assert [len(chunk) for chunk in taken] == [240 * 8] * 3
    assert b"".join(taken) == audio[: 3 * 240 * 8]
    assert uplink.bytes_waiting == len(audio) - 3 * 240 * 8
    assert (uplink.bytes_received, uplink.bytes_dropped) == (len(audio), 0)


def test_audio_before_the_start_is_kept_the_newest_and_comes_first() -> None:
    uplink = Uplink(ULAW, 20, 1000)
    early = random.Random(2).randbytes(FRAME * 80)
    for at in range(0, len(early), FRAME):
        uplink.add(early[at : at + FRAME])
        assert uplink.take_chunk() is None
    assert uplink.bytes_waiting == 8000
    assert uplink.bytes_dropped == len(early) - 8000
    uplink.start(ULAW)
    taken = chunks(uplink)
    uplink.add(b"\1" * FRAME)
    assert b"".join(taken + chunks(uplink)) == early[-8000:] + b"\1" * FRAME


def test_nothing_is_kept_where_the_limit_is_zero() -> None:
    uplink = Uplink(ULAW, 20, 0)
    uplink.add(bytes(FRAME * 3))
    assert (uplink.bytes_waiting, uplink.bytes_dropped) == (0, FRAME * 3)


def test_early_audio_is_converted_with_what_follows() -> None:
    """The whole stream comes out as if the format had been known from the beginning."""
    uplink = Uplink(ULAW, 100, 5000)
    audio = random.Random(3).randbytes(FRAME * 60)
    uplink.add(audio[: FRAME * 20])
    uplink.start(PCM_16K)
    taken = chunks(uplink)
    for at in range(FRAME * 20, len(audio), FRAME):
        uplink.add(audio[at : at + FRAME])
        taken += chunks(uplink)
    assert {len(chunk) for chunk in taken} == {3200}
    assert Transcoder(ULAW, PCM_16K).run(audio).startswith(b"".join(taken))
    assert len(taken) == 12


@pytest.mark.parametrize("service_rate", [8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("line_rate", [8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000])
def test_each_packet_is_a_chunk_at_once(line_rate: int, service_rate: int) -> None:
    """No chunk waits for the packet after it, whatever the rates."""
    line, service = AudioFormat(Encoding.PCM16, line_rate), AudioFormat(Encoding.PCM16, service_rate)
    uplink = Uplink(line, 20, 5000)
    uplink.start(service)
    for _ in range(100):
        uplink.add(bytes(line.bytes_of(20)))
        assert [len(chunk) for chunk in chunks(uplink)] == [service.bytes_of(20)]
        assert uplink.bytes_waiting == 0


@pytest.mark.parametrize("frames_at_once", [1, 3, 7])
@pytest.mark.parametrize("chunk_ms", [20, 240, 500])
@pytest.mark.parametrize("limit_ms", [0, 20, 240, 5000])
def test_a_limit_for_early_audio_loses_nothing_later(limit_ms: int, chunk_ms: int, frames_at_once: int) -> None:
    """A host that is late by a few frames, or a converter that gives uneven amounts, is no reason to drop."""
    uplink = Uplink(ULAW, chunk_ms, limit_ms)
    uplink.start(PCM_24K)
    audio = random.Random(4).randbytes(FRAME * frames_at_once * 40)
    taken = []
    for at in range(0, len(audio), FRAME * frames_at_once):
        uplink.add(audio[at : at + FRAME * frames_at_once])
        taken += chunks(uplink)
    assert uplink.bytes_dropped == 0
    assert Transcoder(ULAW, PCM_24K).run(audio).startswith(b"".join(taken))


def test_a_service_that_stops_reading_costs_bounded_memory() -> None:
    uplink = Uplink(ULAW, 240, 1000)
    uplink.start(PCM_16K)
    for _ in range(5000):
        uplink.add(bytes(FRAME))
    assert uplink.bytes_waiting <= PCM_16K.bytes_of(5000)
    assert uplink.bytes_waiting % 2 == 0
    assert uplink.bytes_dropped > 0


def test_the_level_is_that_of_the_caller() -> None:
    uplink = Uplink(AudioFormat(Encoding.PCM16, 8000), 20, 1000)
    assert uplink.level_dbfs == -99
    uplink.add(b"\x00\x40" * 8000)
    assert uplink.level_dbfs == pytest.approx(-6.02, abs=0.01)
