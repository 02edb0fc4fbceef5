"""How much somebody may send with a request: no form of ours, and no text for an agent, is longer.

The longest is a section with prompts: each state has 16 KiB, and a form writes a letter as three bytes at the worst.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1024 * 1024
"""Bytes."""


class BodyLimit:
    """Whoever sends more is answered 413, and not read any further."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > LONGEST_BODY:
                raise HTTPException(413, f"no more than {LONGEST_BODY} bytes are taken")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)
