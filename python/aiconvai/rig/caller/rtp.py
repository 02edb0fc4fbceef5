"""RTP packets, the sockets they pass through with the kernel's arrival times, and the clock that sends
them.
"""

from __future__ import annotations

import heapq
import itertools
import socket
import struct
import threading
import time
from typing import NamedTuple, Protocol

from aiconvai.rig.caller.codecs import PACKET_MS

NANOSECONDS = 1_000_000_000
PACKET_NS = PACKET_MS * 1_000_000
_HEADER = struct.Struct("!BBHII")
_TIMESPEC = struct.Struct("qq")
_SO_TIMESTAMPNS = 35
_RECEIVE_BUFFER_BYTES = 1 << 20


class RtpPacket(NamedTuple):
    """One packet, sent or heard. time_ns is CLOCK_MONOTONIC: when it was given to, or came from, the
    network.
    """

    time_ns: int
    sequence: int
    timestamp: int
    marker: bool
    payload_type: int
    ssrc: int
    payload: bytes


def encode(sequence: int, timestamp: int, marker: bool, payload_type: int, ssrc: int, payload: bytes) -> bytes:
    """A packet's bytes."""
    second = payload_type | (0x80 if marker else 0)
    return _HEADER.pack(0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def decode(data: bytes, time_ns: int) -> RtpPacket | None:
    """Read a packet; None when it is not RTP version 2 or is cut short."""
    if len(data) < _HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - data[-1] if first & 0x20 else len(data)
    if start > end:
        return None
    return RtpPacket(time_ns, sequence, timestamp, bool(second & 0x80), second & 0x7F, ssrc, data[start:end])


class KernelClock:
    """Turns the kernel's arrival times, which are wall-clock, into CLOCK_MONOTONIC."""

    def __init__(self) -> None:
        self._offset = min((self._sample() for _ in range(20)), key=lambda pair: pair[0])[1]

    @staticmethod
    def _sample() -> tuple[int, int]:
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        return after - before, wall - (before + after) // 2

    def monotonic(self, wall_ns: int) -> int:
        """The CLOCK_MONOTONIC time of a wall-clock time, both in nanoseconds."""
        return wall_ns - self._offset


class RtpSocket:
    """An RTP socket on an even loopback port, and the odd one beside it that takes (and ignores) RTCP."""

    def __init__(self, host: str, clock: KernelClock) -> None:
        self._clock = clock
        for _ in range(200):
            media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            media.bind((host, 0))
            self.port = int(media.getsockname()[1])
            control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                if self.port % 2:
                    raise OSError("odd port")
                control.bind((host, self.port + 1))
            except OSError:
                media.close()
                control.close()
                continue
            media.setblocking(False)
            media.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            media.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            self._media = media
            self._control = control
            return
        raise OSError(f"{host}: no free pair of RTP ports")

    def fileno(self) -> int:
        """For a selector."""
        return self._media.fileno()

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send a datagram; one that the kernel refuses counts as lost on the network."""
        try:
            self._media.sendto(data, to)
        except OSError:
            return

    def receive(self) -> list[RtpPacket]:
        """All packets that wait, with the times at which the kernel took them in."""
        packets: list[RtpPacket] = []
        while True:
            try:
                data, ancillary, _flags, _source = self._media.recvmsg(4096, 64)
            except (BlockingIOError, ConnectionRefusedError):
                return packets
            except OSError:
                return packets  # closed by another thread meanwhile
            time_ns = time.monotonic_ns()
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(value)
                    time_ns = self._clock.monotonic(seconds * NANOSECONDS + nanoseconds)
            packet = decode(data, time_ns)
            if packet is not None:
                packets.append(packet)

    def close(self) -> None:
        """Close both sockets."""
        self._media.close()
        self._control.close()


class Ticking(Protocol):
    """Something that the media clock calls every 20 ms, until it answers False."""

    def tick(self) -> bool: ...


class MediaClock:
    """A thread that ticks every stream at its own absolute deadlines, 20 ms apart: no drift, whatever the
    load.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[int, int, Ticking]] = []
        self._order = itertools.count()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rtp-clock", daemon=True)
        self._thread.start()

    def add(self, stream: Ticking) -> None:
        """Tick this stream from now on."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic_ns(), next(self._order), stream))
            self._changed.notify()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopping and not self._due:
                    self._changed.wait()
                if self._stopping:
                    return
                deadline, order, stream = self._due[0]
                remaining = deadline - time.monotonic_ns()
                if remaining > 0:
                    self._changed.wait(remaining / NANOSECONDS)
                    continue
                heapq.heappop(self._due)
            if stream.tick():
                with self._changed:
                    heapq.heappush(self._due, (deadline + PACKET_NS, order, stream))
