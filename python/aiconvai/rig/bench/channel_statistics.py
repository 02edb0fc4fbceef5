"""What Asterisk itself counted of each call's packets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiconvai.rig.asterisk import Asterisk

_LINE = re.compile(r"^\s*(?:\S+\s+)?(\S+-[0-9a-f]{8})\s+\d\d:\d\d:\d\d\s+\S+\s+(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class ChannelPackets:
    """RTP packets so far."""

    received: int
    receive_lost: int
    sent: int


def channel_packets(asterisk: Asterisk) -> dict[str, ChannelPackets]:
    """By channel."""
    return parse(asterisk.cli("pjsip show channelstats"))


def parse(table: str) -> dict[str, ChannelPackets]:
    """Reads the table of `pjsip show channelstats`."""
    packets: dict[str, ChannelPackets] = {}
    for name, rest in _LINE.findall(table):
        # Received: count, lost, per cent, jitter; sent: the same; round trip time. Large counts bear a K.
        received, lost, _, _, sent, *_ = rest.split()
        packets[name] = ChannelPackets(_count(received), _count(lost), _count(sent))
    return packets


def _count(text: str) -> int:
    return int(text.removesuffix("K")) * (1000 if text.endswith("K") else 1)
