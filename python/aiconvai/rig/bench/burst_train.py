"""Tone bursts one after another in a call, and how long each took to come back."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import numpy as np

from aiconvai.rig.caller import Call, Playback, find, timeline
from aiconvai.rig.caller.correlation import sweep
from aiconvai.rig.caller.rtp import NANOSECONDS

_PAUSE_SECONDS = (0.15, 0.25)
_LEAST_SIMILARITY = 0.6
_SPARE_SECONDS = 5.0
_EARLY_MS = 60
"""A packet that the caller sent late stands in what is heard where it should have been, before its own sending."""


@dataclass(frozen=True)
class Delays:
    """Of one train."""

    milliseconds: list[float]
    lost: int


class BurstTrain:
    """Made on an answered call, it queues its bursts at once; `finish` waits for the last and looks for them all.

    Nothing is looked for while they run, which would take processor time from what is measured. Pauses are of any
    number of samples, so that bursts begin anywhere in a packet; they are longer by what the path holds back
    (held_seconds), so that a burst is back before the next one leaves.
    """

    def __init__(self, call: Call, seconds: float, held_seconds: float, pauses: random.Random) -> None:
        self._call = call
        self._rate = call.sample_rate
        self._burst = sweep(self._rate)
        self._bursts: list[Playback] = []
        self._silence: Playback | None = None
        self._length = 0.0
        """Of all of it, in seconds."""
        while self._length < seconds:
            pause = pauses.uniform(*_PAUSE_SECONDS) + held_seconds
            self._bursts.append(call.play(self._burst))
            self._silence = call.play(np.zeros(round(pause * self._rate), dtype=np.int16))
            self._length += len(self._burst) / self._rate + pause

    def finish(self) -> Delays:
        """Wait until the last has had its time to come back, and measure."""
        assert self._silence is not None
        self._silence.wait(self._length + _SPARE_SECONDS)
        self._call.wait_heard(since=time.monotonic())  # so that nothing waits to be taken in that came before
        decoded = self._call.stream.decoded_heard()
        if not decoded:
            return Delays([], len(self._bursts))
        origin = decoded[0][0].time_ns
        placed = timeline.place(decoded, self._rate, origin, "timestamp")
        heard = timeline.render(placed)
        starts = np.array([one.start for one in placed])
        delays: list[float] = []
        bounds = [*(self._index(burst, origin) for burst in self._bursts), len(heard)]
        for burst, begun, end in zip(self._bursts, bounds[:-1], bounds[1:], strict=True):
            assert burst.started_ns is not None
            first = max(0, begun - self._rate * _EARLY_MS // 1000)
            match = find(self._burst, heard[first:end])
            if match.similarity < _LEAST_SIMILARITY:
                continue
            position = first + match.position
            carrier = placed[max(0, int(np.searchsorted(starts, position, side="right")) - 1)]
            heard_ns = carrier.packet.time_ns + (position - carrier.start) * NANOSECONDS / self._rate
            delays.append((heard_ns - burst.started_ns) / 1e6)
        return Delays(delays, len(self._bursts) - len(delays))

    def _index(self, burst: Playback, origin_ns: int) -> int:
        assert burst.started_ns is not None
        return (burst.started_ns - origin_ns) * self._rate // NANOSECONDS
