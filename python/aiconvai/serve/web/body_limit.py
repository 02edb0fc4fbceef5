"""What a request may be: how long, how slow, and that its address has no NUL, which no database's text has.

No form of ours, and no text for an agent, is longer. The longest is a section with prompts: each state has 16 KiB, and
a form writes a letter as three bytes at the worst.
"""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1024 * 1024
"""Bytes."""


BODY_SECONDS = 60.0
"""In which all of it has come."""


class BodyLimit:
    """Whoever sends more is answered 413, and not read any further; whoever takes longer 408."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"%00" in scope.get("query_string", b"") or "\0" in scope["path"]):
            await JSONResponse({"detail": "expected an address without NUL"}, 400)(scope, receive, send)
            return
        came = 0
        loop = asyncio.get_running_loop()
        until = loop.time() + BODY_SECONDS
        has_come = False

        async def counted() -> Message:
            nonlocal came, has_come
            if has_come:
                # From now on it is asked whether somebody still waits for the answer, for as long as that takes.
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"all of it has to come within {BODY_SECONDS:g} s") from None
            has_come = not message.get("more_body", False)
            came += len(message.get("body", b""))
            if came > LONGEST_BODY:
                raise HTTPException(413, f"no more than {LONGEST_BODY} bytes are taken")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)
