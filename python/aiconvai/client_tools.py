"""Tools that the client of a conversation runs, by tool_call and tool_result of docs/protocol/websocket.md."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiconvai.websocket_protocol import ToolResult

TOOL_SECONDS = 60.0
"""In which a tool has answered: the client answers each, at the latest after its own time."""


class ClientTools:
    """Of one conversation, on its event loop."""

    def __init__(self, send: Callable[..., Awaitable[None]]) -> None:
        """`send(type, **fields)`: a message to the client."""
        self._send = send
        self._waiting: dict[str, asyncio.Future[ToolResult]] = {}
        self._count = 0

    async def run(self, name: str, arguments: Mapping[str, Any]) -> ToolResult | None:
        """What came of it; None: nobody answered within `TOOL_SECONDS`."""
        self._count += 1
        identity = f"call_{self._count}"
        waiting: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        self._waiting[identity] = waiting
        try:
            await self._send("tool_call", id=identity, name=name, parameters=dict(arguments))
            async with asyncio.timeout(TOOL_SECONDS):
                return await waiting
        except TimeoutError:
            return None
        finally:
            del self._waiting[identity]

    def take(self, result: ToolResult) -> None:
        """Of the client's; one that nobody waits for is nothing."""
        waiting = self._waiting.get(result.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)
