"""Finding a known sound in what was heard, and how long it took to come back."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.rig.caller import timeline
from aiconvai.rig.caller.call import Call
from aiconvai.rig.caller.rtp import NANOSECONDS

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Match:
    """Where a reference was found: position in samples (fractional), and how alike, -1 to 1."""

    position: float
    similarity: float


@dataclass(frozen=True)
class RoundTrip:
    """How long a sound took to come back, and how alike it was, -1 to 1."""

    delay_ms: float
    similarity: float


def find(reference: Samples, heard: Samples) -> Match:
    """The place in `heard` most like `reference` (same rate), by normalised cross-correlation; level does
    not matter.
    """
    ref: _Floats = np.asarray(reference, dtype=np.float64)
    signal: _Floats = np.asarray(heard, dtype=np.float64)
    ref = ref - ref.mean()
    energy = float(np.sqrt(np.dot(ref, ref)))
    if energy == 0.0:
        raise ValueError("the reference is silence: nothing can be found by it")
    if len(signal) < len(ref):
        return Match(0.0, 0.0)
    size = 1 << (len(signal) + len(ref) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(signal, size) * np.conj(np.fft.rfft(ref, size)), size)
    scores: _Floats = product[: len(signal) - len(ref) + 1]
    sums = np.concatenate(([0.0], np.cumsum(signal)))
    squares = np.concatenate(([0.0], np.cumsum(np.square(signal))))
    window = len(ref)
    total = sums[window:] - sums[:-window]
    local = np.sqrt(np.maximum(squares[window:] - squares[:-window] - np.square(total) / window, 0.0))
    # Near silence, rounding noise would be divided by next to nothing.
    floor = energy * 1e-4
    normalised: _Floats = np.where(local > floor, scores / (energy * np.maximum(local, floor)), 0.0)
    peak = int(np.argmax(normalised))
    return Match(peak + _vertex(normalised, peak), float(normalised[peak]))


def similarity(reference: Samples, heard: Samples) -> float:
    """How alike the best-fitting place in `heard` is to `reference`, -1 to 1."""
    return find(reference, heard).similarity


def sweep(rate: int, seconds: float = 0.08, level: float = 0.3) -> Samples:
    """A rising tone from 400 Hz to 3300 Hz with soft edges: its correlation peak is sharp."""
    moment = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (400 * moment + (3300 - 400) / (2 * seconds) * np.square(moment))
    wave: _Floats = np.sin(phase) * np.hanning(len(moment)) * level * (FULL_SCALE - 1)
    return wave.astype(np.int16)


def tone_burst_round_trip(call: Call, *, max_delay: float = 2.0, least_similarity: float = 0.6) -> RoundTrip:
    """Play a short sweep and measure the time until it is heard again.

    From the moment the packet with the burst's first sample was sent to the kernel's arrival time of the
    packet that brings that sample back, each plus the sample's place within its packet. max_delay in
    seconds. Raises TimeoutError when nothing like the burst comes back, or the call ends before it is sent.
    """
    rate = call.sample_rate
    burst = sweep(rate)
    first = len(call.stream.heard)
    playback = call.play(burst)
    playback.wait()
    started = playback.started_ns
    if started is None:
        raise TimeoutError(f"{call}: ended before the burst was sent ({call.end_reason})")
    best = Match(0.0, 0.0)
    deadline = started / NANOSECONDS + max_delay + len(burst) / rate
    while True:
        decoded = call.stream.decoded_heard(first)
        if decoded:
            origin = decoded[0][0].time_ns
            placed = timeline.place(decoded, rate, origin, "timestamp")
            best = find(burst, timeline.render(placed))
            if best.similarity >= least_similarity:
                carrier = max(
                    (one for one in placed if one.start <= best.position),
                    key=lambda one: one.start,
                    default=placed[0],
                )
                heard_ns = carrier.packet.time_ns + (best.position - carrier.start) * NANOSECONDS / rate
                return RoundTrip((heard_ns - started) / 1e6, best.similarity)
        if time.monotonic() > deadline or not call.alive:
            raise TimeoutError(
                f"{call}: the burst did not come back within {max_delay} s (best similarity {best.similarity:.2f})"
            )
        time.sleep(0.02)


def _vertex(values: _Floats, peak: int) -> float:
    """How far the true maximum lies from the highest sample, by a parabola through its neighbours."""
    if peak == 0 or peak == len(values) - 1:
        return 0.0
    left, middle, right = (float(values[peak + step]) for step in (-1, 0, 1))
    curvature = left - 2 * middle + right
    return 0.0 if curvature == 0.0 else 0.5 * (left - right) / curvature
