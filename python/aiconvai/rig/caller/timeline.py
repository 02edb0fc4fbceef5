"""Packets laid out on a time axis as samples."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aiconvai.audio import Samples, resample
from aiconvai.rig.caller.codecs import Codec, Decoder
from aiconvai.rig.caller.rtp import NANOSECONDS, RtpPacket

Placing = Literal["timestamp", "arrival"]

# A step of the RTP timestamp that differs from the passing of time by more than this starts a new segment.
_JUMP_SECONDS = 1.0


@dataclass(frozen=True)
class PlacedPacket:
    """A packet's samples, at the timeline's rate, and their first sample's index on the axis."""

    packet: RtpPacket
    start: int
    samples: Samples


class PacketDecoder:
    """Decodes the audio packets of one direction in order, once each, however often it is asked."""

    def __init__(self) -> None:
        self._decoders: dict[tuple[str, int], Decoder] = {}
        self.decoded: list[tuple[RtpPacket, Codec, Samples]] = []

    def extend(self, packets: Sequence[tuple[RtpPacket, Codec]]) -> None:
        """Decode the packets past those already known."""
        for packet, codec in packets[len(self.decoded) :]:
            key = (codec.name, packet.ssrc)
            if key not in self._decoders:
                self._decoders[key] = codec.make_decoder()
            self.decoded.append((packet, codec, self._decoders[key](packet.payload)))


def place(
    decoded: Sequence[tuple[RtpPacket, Codec, Samples]], rate: int, origin_ns: int, by: Placing
) -> list[PlacedPacket]:
    """Lay packets out at `rate` samples a second, index 0 being origin_ns.

    by="timestamp": where the sender's RTP timestamps put them, anchored at each segment's first packet; exact
    to the sample. by="arrival": where a receiver without any jitter buffer would play them: never before
    arrival.
    """
    if by == "arrival":
        return _place_by_arrival(decoded, rate, origin_ns)
    placed: list[PlacedPacket] = []
    anchor: tuple[RtpPacket, Codec, int] | None = None
    for packet, codec, samples in decoded:
        arrival_index = (packet.time_ns - origin_ns) * rate // NANOSECONDS
        index = arrival_index
        if anchor is not None and anchor[0].ssrc == packet.ssrc and anchor[1] is codec:
            first, _, first_index = anchor
            step = (packet.timestamp - first.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
            index = first_index + round(step * rate / codec.clock_rate)
            if abs(index - arrival_index) > _JUMP_SECONDS * rate:
                anchor = None
        else:
            anchor = None
        if anchor is None:
            index = arrival_index
            anchor = (packet, codec, index)
        placed.append(PlacedPacket(packet, index, resample(samples, codec.rate, rate)))
    return placed


def _place_by_arrival(
    decoded: Sequence[tuple[RtpPacket, Codec, Samples]], rate: int, origin_ns: int
) -> list[PlacedPacket]:
    placed: list[PlacedPacket] = []
    cursor = 0
    for packet, codec, samples in decoded:
        start = max(cursor, (packet.time_ns - origin_ns) * rate // NANOSECONDS)
        converted = resample(samples, codec.rate, rate)
        placed.append(PlacedPacket(packet, start, converted))
        cursor = start + len(converted)
    return placed


def render(placed: Sequence[PlacedPacket], length: int | None = None) -> Samples:
    """One array from index 0 on, silence where no packet lies; later packets win where they overlap."""
    end = max((one.start + len(one.samples) for one in placed), default=0)
    timeline = np.zeros(length if length is not None else max(end, 0), dtype=np.int16)
    for one in placed:
        start, samples = one.start, one.samples
        if start < 0:
            start, samples = 0, samples[-start:]
        samples = samples[: max(0, len(timeline) - start)]
        timeline[start : start + len(samples)] = samples
    return timeline


def spacing_ms(packets: Sequence[RtpPacket]) -> npt.NDArray[np.float64]:
    """Milliseconds between the arrivals of packets that follow each other in sequence."""
    return np.array(
        [
            (after.time_ns - before.time_ns) / 1e6
            for before, after in itertools.pairwise(packets)
            if after.ssrc == before.ssrc and (after.sequence - before.sequence) & 0xFFFF == 1
        ]
    )


def lost(packets: Sequence[RtpPacket]) -> int:
    """Packets missing from the sequence numbers seen, summed over streams."""
    missing = 0
    extended: dict[int, set[int]] = {}
    highest: dict[int, int] = {}
    for packet in packets:
        if packet.ssrc not in highest:
            highest[packet.ssrc] = packet.sequence
            extended[packet.ssrc] = {packet.sequence}
            continue
        step = (packet.sequence - highest[packet.ssrc] + 0x8000) % 0x10000 - 0x8000
        number = highest[packet.ssrc] + step
        extended[packet.ssrc].add(number)
        highest[packet.ssrc] = max(highest[packet.ssrc], number)
    for numbers in extended.values():
        missing += max(numbers) - min(numbers) + 1 - len(numbers)
    return missing
