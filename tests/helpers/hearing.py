"""What was heard, in numbers: a tone's level and purity, and the waits that make sure that all of it has come.

A tone is fitted as a whole, so its purity tells at once whether anything is wrong with it: a gap, a jump, a piece
that is missing or came twice, clipping, another frequency or another sound beside it all end up in what is left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aiconvai.audio import FULL_SCALE, Samples, decode, resample, rms_dbfs
from aiconvai.mock import AudioChunk, ConversationRecord
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.codecs import PACKET_MS
from aiconvai.rig.caller.rtp import NANOSECONDS

AUDIBLE_DBFS = -45.0
"""Quieter than this is silence."""

_FRAME_SECONDS = 0.005
_EDGE_SECONDS = 0.01
_QUIET_CHUNKS = 5


@dataclass(frozen=True)
class Tone:
    """A tone as it was heard."""

    seconds: float
    """From its first to its last audible moment."""
    level_dbfs: float
    """Of the tone alone."""
    purity_db: float
    """How far everything else lies below the tone."""
    peak: int
    """The largest sample."""


def sounding(samples: Samples, rate: int) -> Samples:
    """From the first to the last audible moment, 5 ms exact."""
    size = round(_FRAME_SECONDS * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    powers = np.mean(np.square(frames), axis=1)
    loud = np.flatnonzero(powers > (FULL_SCALE * 10 ** (AUDIBLE_DBFS / 20)) ** 2)
    if not len(loud):
        return samples[:0]
    return samples[loud[0] * size : (loud[-1] + 1) * size]


def tone_in(samples: Samples, hz: float, rate: int) -> Tone:
    """The tone of `hz` from the first to the last audible moment, without the edges where filters ring."""
    whole = sounding(samples, rate)
    edge = round(_EDGE_SECONDS * rate)
    inner = whole[edge : len(whole) - edge].astype(np.float64)
    assert len(inner) > edge, (
        f"no sound of {hz:g} Hz: {len(whole) / rate:.3f} s of {len(samples) / rate:.3f} s are audible"
    )
    fitted = _fitted(inner, hz, rate)
    rest = inner - fitted
    power, left = float(np.mean(np.square(fitted))), float(np.mean(np.square(rest)))
    return Tone(
        len(whole) / rate,
        10 * np.log10(power / FULL_SCALE**2) if power else -np.inf,
        10 * np.log10(power / left) if left else np.inf,
        int(np.max(np.abs(inner))),
    )


def level_at(samples: Samples, hz: float, rate: int) -> float:
    """The level in dBFS of what lies within 50 Hz of `hz`, over all the samples."""
    spectrum = np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    near = np.abs(frequencies - hz) <= 50.0
    # The Hann window's power is 3/8.
    power = 2 * float(np.sum(np.square(np.abs(spectrum[near])))) / len(samples) ** 2 / 0.375
    return 10 * float(np.log10(power / FULL_SCALE**2)) if power else -np.inf


def spacing_since(call: Call, since: float) -> npt.NDArray[np.float64]:
    """Milliseconds from each packet to the next, of those that the call heard from then on (CLOCK_MONOTONIC) and the
    last one before: a pause at once counts as any other.
    """
    times_ns = np.array([packet.time_ns for packet in call.heard])
    first = int(np.searchsorted(times_ns, since * NANOSECONDS))
    return np.diff(times_ns[max(first - 1, 0) :]) * 1000 / NANOSECONDS


def check_pace(spacing_ms: npt.NDArray[np.float64]) -> None:
    """Packets went every 20 ms: most of them on time, and none so late or early that the stream has slipped.

    A machine that stalls delays a packet or two, and the next come the sooner for it; a wrong clock shows in every one.
    """
    median_ms = float(np.median(spacing_ms))
    slipped_ms = float(np.max(np.abs(np.cumsum(spacing_ms - PACKET_MS))))
    assert abs(median_ms - PACKET_MS) < 0.5, f"packets went every {median_ms:.2f} ms"
    assert slipped_ms < 250.0, f"a packet was {slipped_ms:.1f} ms off its time"


def seconds_of(samples: Samples, hz: float, rate: int) -> float:
    """For how long a tone of `hz` was heard, counted in windows of 10 ms in which it prevails."""
    size = round(0.01 * rate)
    count = 0
    for start in range(0, len(samples) - size + 1, size):
        window = samples[start : start + size].astype(np.float64)
        power = float(np.mean(np.square(window)))
        tone_power = float(np.mean(np.square(_fitted(window, hz, rate))))
        count += power > (FULL_SCALE * 10 ** (AUDIBLE_DBFS / 20)) ** 2 and tone_power > 0.5 * power
    return count * size / rate


def noise(seconds: float, rate: int, seed: int, level_dbfs: float = -16.0) -> Samples:
    """Noise up to 3 kHz, no stretch of which is like another: where a piece of it is heard tells whence it comes."""
    band = np.random.default_rng(seed).normal(0.0, FULL_SCALE * 10 ** (level_dbfs / 20), round(seconds * 6000))
    return resample(np.clip(band, -32768, 32767).astype(np.int16), 6000, rate)[: round(seconds * rate)]


def agent_audio(call: Call) -> Samples:
    """All that the call heard, packet after packet, whenever they came."""
    return call.heard_samples(fill_gaps=False)


def wait_until_all_is_heard(call: Call, seconds: float, timeout: float = 10.0) -> None:
    """Wait until so much agent audio has come, and then nothing for 200 ms."""
    call.wait_heard(int(seconds * 50), timeout)
    call.wait_for_silence(duration_ms=200, timeout=timeout, since=time.monotonic())


def wait_until_agent_heard(conversation: ThreadedConversation, since: float, timeout: float = 10.0) -> None:
    """Wait until the agent has heard the caller speak after `since` (CLOCK_MONOTONIC) and fall silent again."""

    def is_loud(record: ConversationRecord, chunks: Sequence[AudioChunk]) -> bool:
        return any(rms_dbfs(decode(chunk.data, record.input_format)) > AUDIBLE_DBFS for chunk in chunks)

    def spoken(record: ConversationRecord) -> bool:
        chunks = [chunk for chunk in record.uplink if chunk.time >= since]
        last = chunks[-_QUIET_CHUNKS:]
        return len(last) == _QUIET_CHUNKS and not is_loud(record, last) and is_loud(record, chunks)

    conversation.wait_received(spoken, timeout)


def agent_heard(conversation: ThreadedConversation, since: float) -> Samples:
    """The caller's audio that the agent got after `since` (CLOCK_MONOTONIC)."""
    record = conversation.record
    data = b"".join(chunk.data for chunk in list(record.uplink) if chunk.time >= since)
    return decode(data, record.input_format)


def _fitted(samples: npt.NDArray[np.float64], hz: float, rate: int) -> npt.NDArray[np.float64]:
    angle = 2 * np.pi * hz * np.arange(len(samples)) / rate
    basis = np.column_stack([np.sin(angle), np.cos(angle)])
    solution, *_ = np.linalg.lstsq(basis, samples, rcond=None)
    result: npt.NDArray[np.float64] = basis @ solution
    return result
