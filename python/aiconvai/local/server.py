"""The server: conversations by our WebSocket protocol (docs/protocol/websocket.md), health and figures on one port."""

from __future__ import annotations

import asyncio
import hmac
import http
import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from aiconvai.local.conversation import Agent, Conversation
from aiconvai.local.parts import PartError
from aiconvai.websocket_protocol import SessionInit, close_reason, fault_of, read_client_message

HEALTH, METRICS = "/health", "/metrics"
_MOST_BYTES = 1024 * 1024
"""Of a message: the longest one of the module's has 0.5 s of 48 kHz."""
_INIT_SECONDS = 10.0
"""In which a client says session.init."""
_CLOSE_SECONDS = 5.0
_NO_ROOM = 1013
"""Close code "try again later": the module sets BUSY, and goes on at once."""
_WRONG = 1007
_POLICY = 1008

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerSettings:
    """Where it listens, and whom it serves."""

    host: str
    port: int
    """0: any free one."""
    most_calls: int
    """At the same time; who comes then is refused at once."""
    token: str | None = None
    """Whose bearer is served; None: whoever reaches the port."""


class LocalServer:
    """`async with LocalServer(...).running() as server`: it takes conversations until it is left."""

    def __init__(self, settings: ServerSettings, agent: Agent) -> None:
        """The agent's parts are open."""
        self._settings, self._agent = settings, agent
        self._active = 0
        agent.figures.most.set(settings.most_calls)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        """Raises `OSError` where the port cannot be had. When it is left conversations are closed with 1001."""
        async with serve(
            self._converse, self._settings.host, self._settings.port, process_request=self._answer_http,
            compression=None, max_size=_MOST_BYTES, close_timeout=_CLOSE_SECONDS, server_header=None,
        ) as server:  # fmt: skip
            yield server

    def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """None: it is a conversation."""
        path = request.path.partition("?")[0]
        if path == HEALTH:
            return _plain(connection, json.dumps(self.health()), "application/json")
        if path == METRICS:
            return _plain(connection, self._agent.figures.text().decode(), "text/plain; version=0.0.4")
        token = self._settings.token
        if token is not None:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return connection.respond(http.HTTPStatus.UNAUTHORIZED, "expected Authorization: Bearer TOKEN\n")
        return None

    def health(self) -> dict[str, Any]:
        """`busy` is no fault: calls that go on are well."""
        has_room = self._active < self._settings.most_calls
        return {
            "status": "healthy" if has_room else "busy", "calls": self._active,
            "most_calls": self._settings.most_calls,
        }  # fmt: skip

    async def _converse(self, connection: ServerConnection) -> None:
        if self._active >= self._settings.most_calls:
            self._agent.figures.refused.inc()
            await connection.close(_NO_ROOM, f"{self._active} calls go on, which is all that there is room for")
            return
        self._active += 1
        self._agent.figures.active.set(self._active)
        try:
            await self._serve(connection)
        except ConnectionClosed:
            pass
        except ValidationError as error:
            await connection.close(_WRONG, close_reason(fault_of(error)))
        except ValueError as error:
            await connection.close(_WRONG, close_reason(str(error)))
        except PartError as error:
            _log.error("%s", error)
            await connection.close(_POLICY, close_reason(str(error)))
        finally:
            self._active -= 1
            self._agent.figures.active.set(self._active)

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            async with asyncio.timeout(_INIT_SECONDS):
                first = _read(await connection.recv())
        except TimeoutError:
            await connection.close(_POLICY, f"no session.init within {_INIT_SECONDS:g} s")
            return
        if not isinstance(first, SessionInit):
            raise ValueError(f"{first.type if first is not None else 'something'} before session.init")

        async def send(kind: str, **fields: Any) -> None:
            message = {"type": kind, **{key: value for key, value in fields.items() if value is not None}}
            with suppress(ConnectionClosed):
                await connection.send(json.dumps(message, separators=(",", ":")))

        self._agent.figures.calls.inc()
        conversation = Conversation(f"local_{secrets.token_hex(8)}", first, self._agent, send, connection.close)
        try:
            await conversation.begin()
            async for text in connection:
                message = _read(text)
                if message is not None:
                    await conversation.take(message)
        finally:
            await conversation.close()


def _read(text: str | bytes) -> Any:
    """The message; None: one that this server does not know, which it ignores. Raises `ValueError`."""
    if isinstance(text, bytes):
        raise ValueError("a binary message: only text is taken")
    return read_client_message(text)


def _plain(connection: ServerConnection, text: str, kind: str) -> Response:
    response = connection.respond(http.HTTPStatus.OK, text)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = kind
    return response
