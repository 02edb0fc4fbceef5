"""What every answer tells a browser: it is this page's alone, is not kept, and nothing is fetched from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "media-src 'self'",
        "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer` browsers do not say where a form comes from either (Origin: null).
    "Referrer-Policy": "same-origin",
    # Other sites do not show what is here.
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Nor do they hold a window of it; without TLS browsers complain of the header.
_BY_TLS = {"Cross-Origin-Opener-Policy": "same-origin"}


class AnswerHeaders:
    """Around all that answers; what fails unexpectedly is answered outside of it: `say_fault`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message), scope["scheme"])
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


async def say_fault(request: Request, __: Exception) -> Response:
    """Of what the program has not expected: what it was stands in the log, and nowhere else."""
    response = PlainTextResponse("Internal Server Error", 500)
    _add(response.headers, request.url.scheme)
    return response


async def say_problem(_: Request, error: Exception) -> Response:
    """Of an `HTTPException`, as JSON."""
    assert isinstance(error, HTTPException)
    if error.status_code < 200 or error.status_code in (204, 304):
        return Response(status_code=error.status_code, headers=error.headers)
    return _json({"detail": error.detail}, error.status_code, error.headers)


async def say_invalid(_: Request, error: Exception) -> Response:
    """Of what does not fit its model: what is wrong and where, without what was given."""
    assert isinstance(error, RequestValidationError)
    return _json({"detail": [{name: one[name] for name in ("type", "loc", "msg")} for one in error.errors()]}, 422)


def _json(said: Any, status: int, headers: Any = None) -> Response:
    # Of ASCII alone: half characters, which JSON may have, are no UTF-8.
    return Response(json.dumps(said, default=str), status, headers, "application/json")


def _add(headers: MutableHeaders, scheme: str) -> None:
    for name, value in (_ALWAYS | _BY_TLS if scheme == "https" else _ALWAYS).items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
