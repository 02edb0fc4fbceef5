"""Who speaks when, by the level of the packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiconvai.audio import Samples, rms_dbfs
from aiconvai.rig.caller.codecs import Codec
from aiconvai.rig.caller.rtp import NANOSECONDS, RtpPacket

SPEECH_DBFS = -42.0
PAUSE_SECONDS = 0.6
"""Speech with a shorter pause in it counts as one stretch."""
PACKET_SECONDS = 0.02


@dataclass(frozen=True)
class Stretch:
    """Somebody spoke from `start` to `end`, CLOCK_MONOTONIC seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end - self.start


class VoiceActivity:
    """Finds stretches of speech in packets as they come, and keeps every packet's level."""

    def __init__(self) -> None:
        self.levels: list[tuple[float, float]] = []
        """(time, level in dBFS) of each packet."""
        self.stretches: list[Stretch] = []
        """Those that are over."""
        self._start: float | None = None
        self._last = 0.0

    @property
    def speaking_since(self) -> float | None:
        """When the stretch that still goes on began."""
        return self._start

    def feed(self, packets: Sequence[tuple[RtpPacket, Codec, Samples]]) -> None:
        """Further packets, in the order of time."""
        for packet, _, samples in packets:
            self.feed_level(packet.time_ns / NANOSECONDS, rms_dbfs(samples))

    def feed_level(self, time: float, level_dbfs: float) -> None:
        """A further packet's time and level."""
        self.levels.append((time, level_dbfs))
        self.pass_time(time)
        if level_dbfs >= SPEECH_DBFS:
            if self._start is None:
                self._start = time
            self._last = time + PACKET_SECONDS

    def pass_time(self, now: float) -> None:
        """It is `now`, and no packet has come since the last one fed: an agent that is silent sends none."""
        if self._start is not None and now - self._last > PAUSE_SECONDS:
            self.stretches.append(Stretch(self._start, self._last))
            self._start = None

    def recent_levels(self, now: float, seconds: float, columns: int) -> list[float]:
        """The loudest level in each of `columns` equal parts of the last `seconds`; -inf where nothing came."""
        loudest = [float("-inf")] * columns
        for time, level in reversed(self.levels):
            column = columns - 1 - int((now - time) / seconds * columns)
            if column < 0:
                break
            column = min(column, columns - 1)
            loudest[column] = max(loudest[column], level)
        return loudest
