"""A client of a service that speaks JSON, and perhaps sends audio in binary messages."""

from __future__ import annotations

import json
from typing import Any

from service_client import ServiceClient
from websockets.exceptions import ConnectionClosed

TOKEN = {"Authorization": "Bearer test-api-key"}
"""Of the mock's agents, unless a test says otherwise."""


class JsonClient(ServiceClient):
    """`key` is the one that says what a message is."""

    def __init__(self, url: str, *, key: str = "type", **connect_options: Any) -> None:
        super().__init__(url, **connect_options)
        self.binary = b""
        """What came in binary messages."""
        self._key = key

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                if isinstance(message, bytes):
                    self.binary += message
                else:
                    self.messages.append(json.loads(message))
                self._waiters.wake()
        except ConnectionClosed:
            pass

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message[self._key] == kind]
