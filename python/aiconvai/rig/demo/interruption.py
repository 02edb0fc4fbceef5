"""How fast an interruption is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiconvai.mock.record import ConversationRecord
from aiconvai.rig.caller.rtp import NANOSECONDS, RtpPacket


@dataclass(frozen=True)
class HeardInterruption:
    """Times are CLOCK_MONOTONIC seconds."""

    sent: float
    """When the service sent the interruption."""
    last_old_packet: float
    """Arrival, by the kernel, of the last packet with audio from before it."""
    unheard_seconds: float
    """Agent audio that had been sent and was not to be heard any more."""

    @property
    def silence_after_ms(self) -> float:
        """From the message to the last old packet; 0 where that came before the message."""
        return max(0.0, (self.last_old_packet - self.sent) * 1000)


def heard_interruption(record: ConversationRecord, heard: Sequence[RtpPacket]) -> HeardInterruption | None:
    """The first interruption of a conversation; None when there was none, or nothing was heard before it.

    What sounds after it and before the service sends further audio is old: there is nothing else to hear.
    """
    if not record.interruptions:
        return None
    sent = record.interruptions[0]
    further = [chunk.time for chunk in list(record.downlink) if chunk.time > sent]
    until = min(further, default=float("inf"))
    sounding = [packet.time_ns / NANOSECONDS for packet in heard if not _is_idle(packet)]
    old = [time for time in sounding if time < until]
    if not old:
        return None
    before = sum(len(chunk.data) for chunk in list(record.downlink) if chunk.time <= sent)
    seconds_sent = before / record.downlink_bytes_per_second
    return HeardInterruption(sent, old[-1], seconds_sent - 0.02 * len(old))


def _is_idle(packet: RtpPacket) -> bool:
    """Silence, as it goes out while nobody says anything: the same sample throughout."""
    return len(set(packet.payload)) <= 1
