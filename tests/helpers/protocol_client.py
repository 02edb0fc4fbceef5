"""The client's side of the WebSocket protocol, for tests of servers: all that the server says is kept, and is valid."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from aiconvai.audio import Samples, decode
from aiconvai.websocket_protocol import SERVER_MESSAGES, WIRE_FORMATS

_SECONDS = 60.0


class ProtocolClient:
    """Of one conversation, on the event loop."""

    def __init__(self, connection: ClientConnection, audio_format: str) -> None:
        """`audio_format`: of both ways, a name of `WIRE_FORMATS`."""
        self.connection = connection
        self.format = audio_format
        self.wire, self.rate = WIRE_FORMATS[audio_format]
        self.messages: list[tuple[float, dict[str, Any]]] = []
        """With when they came (time.monotonic())."""
        self._changed = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                message = json.loads(text)
                SERVER_MESSAGES[message["type"]].model_validate(message, strict=True)
                async with self._changed:
                    self.messages.append((time.monotonic(), message))
                    self._changed.notify_all()
        except ConnectionClosed:
            pass

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **fields}))

    def of(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Messages of that type that have all these fields."""
        wanted = fields.items()
        return [one for _, one in self.messages if one["type"] == kind and wanted <= one.items()]

    async def until(self, condition: Callable[[], Any]) -> None:
        """That the condition holds after a message."""
        async with self._changed, asyncio.timeout(_SECONDS):
            await self._changed.wait_for(condition)

    async def wait_for(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The last such message, once there is one."""
        await self.until(lambda: self.of(kind, **fields))
        return self.of(kind, **fields)[-1]

    def heard(self, event_id: int) -> Samples:
        """All audio of that event, at `rate`."""
        audio = b"".join(base64.b64decode(one["audio"]) for one in self.of("audio_delta", event_id=event_id))
        return decode(audio, self.format)
