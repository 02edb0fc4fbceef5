"""The line of a browser's call: what comes by a WebSocket goes to the loops by AudioSocket, and the other way.

Pacing, playout and interruption are theirs (`media.py`); here messages are passed on, and none is kept. What is under
way has a bound both ways: a browser answers pings, each behind all audio that was sent before it, or is let go; and it
sends no more than there is time for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

from pydantic import BaseModel
from starlette.websockets import WebSocket, WebSocketDisconnect

from aiconvai.gateway.browser_messages import FRAME_BYTES, Began, Begin, BrowserError, Ping, Pong, Press, read_message
from aiconvai.serve.tasks import cancel_all

PING_SECONDS = 1.0
PONG_SECONDS = 5.0
"""In which a ping is answered: no more audio than this waits for a browser, wherever it waits."""
MESSAGES_A_SECOND = 60
"""From a browser: 50 of audio, keys and answers to pings; and clocks differ."""
MOST_AT_ONCE = round(2 * PONG_SECONDS * MESSAGES_A_SECOND)
"""What may have been under way while nothing came, and as much again."""
_TERMINATE, _DTMF, _AUDIO = 0x00, 0x03, 0x12
_HEADER = struct.Struct(">BH")
_READ_BYTES = 16_384


class _Allowance:
    """How many messages a browser may send: so many a second, and some at once."""

    def __init__(self) -> None:
        self._sent = 0.0
        self._time = time.monotonic()

    def take(self) -> None:
        """Raises `BrowserError` where it is used up."""
        now = time.monotonic()
        self._sent = max(0.0, self._sent - (now - self._time) * MESSAGES_A_SECOND) + 1
        self._time = now
        if self._sent > MOST_AT_ONCE:
            raise BrowserError(f"expected at most {MESSAGES_A_SECOND} messages a second, and {MOST_AT_ONCE} at once")


class BrowserLine:
    """One of them. Use `run`, once. One event loop's."""

    def __init__(self, websocket: WebSocket, connection: socket.socket, let_go: Callable[[str], None]) -> None:
        """`connection`: the end of AudioSocket that is ours; `run` closes it. `let_go` is told before that, where it is
        the browser's fault, why.
        """
        self._websocket = websocket
        self._connection = connection
        self._let_go = let_go
        self._began: asyncio.Future[Began] = asyncio.get_running_loop().create_future()
        self._asked = 0
        """The last ping."""
        self._is_answered = asyncio.Event()

    def begun(self, began: Began) -> None:
        """Its conversation has."""
        if not self._began.done():
            self._began.set_result(began)

    async def run(self) -> bool:
        """Until the call is over, or the browser has hung up: false. Raises `BrowserError` where it does what our page
        does not.
        """
        reader, writer = await asyncio.open_unix_connection(sock=self._connection, limit=_READ_BYTES)
        to_browser = asyncio.create_task(self._pass_audio(reader))
        parts = [to_browser, asyncio.create_task(self._take_messages(writer)), asyncio.create_task(self._ping())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
            return True
        except WebSocketDisconnect:
            return False
        except BrowserError as error:
            self._let_go(str(error))
            raise
        finally:
            await cancel_all(parts)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pass_audio(self, reader: asyncio.StreamReader) -> None:
        """To the browser, until the call is over."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                kind, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                payload = await reader.readexactly(length)
                if kind == _TERMINATE:
                    return
                await self._websocket.send_bytes(payload)

    async def _take_messages(self, writer: asyncio.StreamWriter) -> None:
        """Until the browser hangs up."""
        allowance = _Allowance()
        while True:
            message = await receive(self._websocket)
            allowance.take()
            if isinstance(message, bytes):
                if len(message) != FRAME_BYTES:
                    raise BrowserError(f"expected audio in messages of {FRAME_BYTES} bytes, got {len(message)}")
                writer.write(_HEADER.pack(_AUDIO, FRAME_BYTES) + message)
            else:
                self._take(read_message(message), writer)
            await writer.drain()

    def _take(self, message: Begin | Press | Pong, writer: asyncio.StreamWriter) -> None:
        match message:
            case Press():
                writer.write(_HEADER.pack(_DTMF, 1) + message.key.encode("ascii"))
            case Pong() if message.number == self._asked:
                self._is_answered.set()
            case Begin():
                raise BrowserError("the call has begun already")

    async def _ping(self) -> None:
        """For as long as it is answered."""
        await tell(self._websocket, await self._began)
        round_trip_ms: float | None = None
        while True:
            self._asked += 1
            self._is_answered.clear()
            sent = time.monotonic()
            try:
                async with asyncio.timeout(PONG_SECONDS):
                    await tell(self._websocket, Ping(number=self._asked, round_trip_ms=round_trip_ms))
                    await self._is_answered.wait()
            except TimeoutError:
                raise BrowserError(f"the browser has taken nothing for {PONG_SECONDS:.0f} s") from None
            round_trip_ms = round((time.monotonic() - sent) * 1000, 1)
            await asyncio.sleep(PING_SECONDS)


async def tell(websocket: WebSocket, message: BaseModel) -> None:
    await websocket.send_text(message.model_dump_json())


async def receive(websocket: WebSocket) -> str | bytes:
    """Raises `WebSocketDisconnect`."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text: str | None = message.get("text")
    data: bytes = message.get("bytes") or b""
    return data if text is None else text
