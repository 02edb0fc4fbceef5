"""Datagrams that the kernel dropped because the socket they were for was full."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aiconvai.rig.asterisk.process import ProcessReader

_INODE, _DROPS = 9, 12
_PREFIX = "socket:["


def socket_drops(process: ProcessReader) -> int:
    """Of the UDP sockets that a process has open, since it opened them."""
    drops = parse(Path("/proc/net/udp").read_text(encoding="ascii"))
    links = process.open_files().values()
    inodes = {int(link[len(_PREFIX) : -1]) for link in links if link.startswith(_PREFIX)}
    return sum(count for inode, count in drops.items() if inode in inodes)


def parse(text: str) -> Mapping[int, int]:
    """Reads /proc/net/udp: datagrams dropped by the socket's inode."""
    rows = (line.split() for line in text.splitlines()[1:])
    return {int(row[_INODE]): int(row[_DROPS]) for row in rows}
