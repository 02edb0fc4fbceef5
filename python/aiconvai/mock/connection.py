"""A WebSocket connection of the mock, with control over how its bytes reach the client."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from aiconvai.mock.errors import ConversationClosedError
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.scenario import Wire

_ESTABLISHED = 1
"""Of a TCP connection, in the kernel's words: TCP_ESTABLISHED."""


class MockConnection(ServerConnection):
    """Messages are sent synchronously, so that none can come between the frames of another."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.http_request: HttpRequest | None = None
        """The request this connection began with, once it has come."""
        self._wire = Wire()
        self._frame_sizes: Iterator[int] = iter(())
        self._segment_sizes: Iterator[int] = iter(())
        self._held: list[bytes] = []
        self._segments: deque[bytes] = deque()
        self._hold_timer: asyncio.TimerHandle | None = None
        self._segment_timer: asyncio.TimerHandle | None = None
        self._late_timers: set[asyncio.TimerHandle] = set()
        self._is_silent = False
        # The library answers pings by itself, as soon as it has read them.
        self._send_frame = self.protocol.send_frame
        self.protocol.send_frame = self._take_frame  # type: ignore[method-assign]

    def shape(self, wire: Wire) -> None:
        """From here on bytes are cut as `wire` says; what was held back goes out first."""
        self._release()
        self._wire = wire
        self._frame_sizes = itertools.cycle(wire.frame_sizes)
        self._segment_sizes = itertools.cycle(wire.segment_sizes)

    @property
    def is_open(self) -> bool:
        """Neither side has begun to close."""
        return self.protocol.state is State.OPEN

    def transmit(self, message: str | bytes) -> None:
        """Sends a text message, or a binary one of bytes, now. Raises `ConversationClosedError`."""
        if not self.is_open:
            raise ConversationClosedError("the connection is closed")
        data = message.encode() if isinstance(message, str) else message
        send = self.protocol.send_text if isinstance(message, str) else self.protocol.send_binary
        if not self._wire.frame_sizes:
            send(data)
        else:
            pieces = _cut(data, self._frame_sizes)
            for index, piece in enumerate(pieces):
                last = index == len(pieces) - 1
                if index == 0:
                    send(piece, fin=last)
                    continue
                if self._wire.ping_between_frames:
                    self.protocol.send_ping(b"between frames")
                self.protocol.send_continuation(piece, fin=last)
        self.send_data()

    def fall_silent(self) -> None:
        """Neither reads nor sends any more."""
        self._is_silent = True
        self.transport.pause_reading()
        self._look_for_peer()

    def abort(self) -> None:
        """Resets the TCP connection."""
        self.transport.abort()

    async def wait_lost(self) -> None:
        """Until the TCP connection is gone."""
        await asyncio.shield(self.connection_lost_waiter)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tcp_socket = transport.get_extra_info("socket")
        if tcp_socket is not None:
            tcp_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._hold_timer, self._segment_timer, *self._late_timers):
            if timer is not None:
                timer.cancel()
        self._late_timers.clear()
        self._hold_timer = self._segment_timer = None
        self._held.clear()
        self._segments.clear()
        super().connection_lost(exc)

    def send_data(self) -> None:
        """Called by the library whenever the protocol has bytes to send; an empty one asks to half-close."""
        if self._is_silent:
            return
        idle = not self._held and not self._segments
        if idle and self._wire.coalesce == 1 and not self._wire.segment_sizes:
            super().send_data()
            return
        parts = self.protocol.data_to_send()
        end = b"" in parts
        message = b"".join(parts)
        if message:
            self._held.append(message)
        if end or len(self._held) >= self._wire.coalesce:
            self._release()
        elif self._held and self._hold_timer is None:
            self._hold_timer = self.loop.call_later(self._wire.hold, self._release)
        if end:
            self._segments.append(b"")
            self._pump()

    def _take_frame(self, frame: Frame) -> None:
        """Called by the library for each frame that is to be sent."""
        if frame.opcode is not Opcode.PONG:
            self._send_frame(frame)
        elif self._wire.answers_pings:
            self._after(self._wire.pong_delay, lambda: self._answer(frame))

    def _answer(self, pong: Frame) -> None:
        if self.is_open:
            self._send_frame(pong)
            self.send_data()

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        """At once for 0."""
        if not seconds:
            act()
            return

        def due() -> None:
            self._late_timers.discard(timer)
            act()

        timer = self.loop.call_later(seconds, due)
        self._late_timers.add(timer)

    def _look_for_peer(self) -> None:
        """asyncio does not see that the peer has gone where it does not read."""
        tcp_socket = self.transport.get_extra_info("socket")
        if tcp_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED:
            self._after(0.05, self._look_for_peer)
        else:
            self.transport.abort()

    def _release(self) -> None:
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None
        data = b"".join(self._held)
        self._held.clear()
        if data:
            self._segments.extend(_cut(data, self._segment_sizes))
            self._pump()

    def _pump(self) -> None:
        if self._segment_timer is None:
            self._write_segment()

    def _write_segment(self) -> None:
        self._segment_timer = None
        if not self._segments or self.transport.is_closing():
            return
        segment = self._segments.popleft()
        if segment:
            self.transport.write(segment)
        elif self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
        if self._segments:
            self._segment_timer = self.loop.call_later(self._wire.segment_gap, self._write_segment)


def _cut(data: bytes, sizes: Iterator[int]) -> list[bytes]:
    """`data` in pieces of the next `sizes`; in one piece if there are none."""
    pieces: list[bytes] = []
    position = 0
    while position < len(data):
        size = next(sizes, len(data) - position)
        pieces.append(data[position : position + size])
        position += size
    return pieces or [data]
