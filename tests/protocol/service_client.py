"""A small correct client of the conversation WebSocket, for tests of the mock itself."""

# ruff: noqa: ASYNC109 - a test states how long each of its waits may take.

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from aiconvai.mock.waiters import Waiters

INITIATION: dict[str, Any] = {"type": "conversation_initiation_client_data"}


class ServiceClient:
    """Reads everything the service sends; answers pings unless told not to."""

    def __init__(self, url: str, *, answer_pings: bool = True, **connect_options: Any) -> None:
        self.messages: list[dict[str, Any]] = []
        self.answer_pings = answer_pings
        self._url = url
        self._connect_options = {"compression": None, "max_size": None, **connect_options}
        self._waiters = Waiters()

    async def __aenter__(self) -> Self:
        self.socket: ClientConnection = await connect(self._url, **self._connect_options)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.socket.close()
        await self._reader

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                assert isinstance(text, str)
                message = json.loads(text)
                self.messages.append(message)
                self._waiters.wake()
                if message["type"] == "ping" and self.answer_pings:
                    # The service may have closed already, and what it said before that is still to be read.
                    with suppress(ConnectionClosed):
                        await self.send({"type": "pong", "event_id": message["ping_event"]["event_id"]})
        except ConnectionClosed:
            pass

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(message))

    async def initiate(self, **content: Any) -> None:
        """The initiation; returns when the service has answered with its metadata."""
        await self.send({**INITIATION, **content})
        await self.until(lambda: bool(self.of("conversation_initiation_metadata")))

    async def send_audio(self, data: bytes) -> None:
        await self.send({"user_audio_chunk": base64.b64encode(data).decode()})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def audio(self, event_id: int | None = None) -> bytes:
        """The agent's audio so far, or that of one event."""
        events = [message["audio_event"] for message in self.of("audio")]
        return b"".join(
            base64.b64decode(event["audio_base_64"])
            for event in events
            if event_id is None or event["event_id"] == event_id
        )

    async def until(self, condition: Callable[[], bool], timeout: float = 20.0) -> None:
        """Until `condition` holds, asked after every message."""
        await asyncio.wait_for(self._waiters.until(condition), timeout)

    async def closed(self, timeout: float = 20.0) -> tuple[int | None, str | None]:
        """The service's close code and reason, once it has closed."""
        await asyncio.wait_for(asyncio.shield(self._reader), timeout)
        return self.socket.close_code, self.socket.close_reason
