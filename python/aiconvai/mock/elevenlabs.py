"""A mock of the ElevenLabs conversation service: the signed-URL request and the conversation WebSocket.

It is at least as strict as the service. Whatever a client does wrong is on the record of its conversation
and ends it as the service would. What goes wrong on purpose is in the scenario of the agent asked for.
"""

# ruff: noqa: ASYNC109 - a test states how long each of its waits may take.

from __future__ import annotations

import asyncio
import http
import json
import logging
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import trustme
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, Limits
from aiconvai.mock.player import Player
from aiconvai.mock.record import HttpRequest, Journal
from aiconvai.mock.scenario import HttpReply

SIGNED_URL_PATH = "/v1/convai/conversation/get-signed-url"
DEPRECATED_SIGNED_URL_PATH = "/v1/convai/conversation/get_signed_url"
CONVERSATION_PATH = "/v1/convai/conversation"
SUBPROTOCOL = Subprotocol("convai")
REFUSED_CLOSE_CODE = 3000
"""The service accepts the upgrade of a conversation it refuses, and then closes it with this code."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MockOptions:
    """What a mock service is made of."""

    agents: Mapping[str, MockAgent] = field(default_factory=dict)
    """By agent id."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one."""
    tls: trustme.LeafCert | None = None
    """The certificate to serve TLS with; None: plain HTTP and WebSocket."""
    advertise_tls: bool | None = None
    """Whether URLs say https and wss; by default whether `tls` is given, otherwise a mix-up of the two."""
    public_host: str | None = None
    """The host name in URLs; by default `host`."""
    limits: Limits = field(default_factory=Limits)
    signature_lifetime: float = 900.0
    """Seconds in which a signed URL can start a conversation."""
    compression: bool = False
    """Whether permessage-deflate is accepted."""
    close_timeout: float = 5.0
    """Seconds a client may take to answer a close."""
    log_file: Path | None = None
    """Where everything that happens is written, one JSON object a line."""


@dataclass
class _Signature:
    agent_id: str
    expires: float
    conversation_id: str | None
    used: bool = False


class ElevenLabsMock:
    """The service; `async with ElevenLabsMock(options) as mock`. Leaving raises what failed in it."""

    def __init__(self, options: MockOptions) -> None:
        self.options = options
        self.agents: dict[str, MockAgent] = dict(options.agents)
        """May be changed at any time; a conversation keeps the agent it began with."""
        self.conversations: list[Conversation] = []
        """Every conversation that was accepted, oldest first."""
        self.requests: list[HttpRequest] = []
        """Every HTTP request, oldest first."""
        self._failures: list[Exception] = []
        self._arrivals: asyncio.Queue[Conversation] = asyncio.Queue()
        self._signatures: dict[str, _Signature] = {}
        self._faults_used: Counter[tuple[str, str]] = Counter()
        self._journal: Journal | None = None
        self._server: Server | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        if self.options.log_file is not None:
            self._journal = Journal(self.options.log_file)
        self._server = await serve(
            self._serve_conversation,
            self.options.host,
            self.options.port,
            ssl=self._ssl_context(),
            create_connection=MockConnection,
            process_request=self._process_request,
            select_subprotocol=_select_subprotocol,
            compression="deflate" if self.options.compression else None,
            server_header=None,
            open_timeout=None,
            ping_interval=None,
            close_timeout=self.options.close_timeout,
            max_size=MAX_MESSAGE_BYTES,
            # A client that goes on talking while it is closed must not keep its own close unread.
            max_queue=None,
            logger=logger.getChild("websocket"),
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._journal is not None:
            self._journal.close()
        if self._failures and error is None:
            raise ExceptionGroup("the mock failed", self._failures)

    # Where it is ---------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """As it appears in URLs."""
        return self.options.public_host or self.options.host

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return self._port

    @property
    def base_url(self) -> str:
        """What a client takes instead of https://api.elevenlabs.io."""
        return f"{'https' if self._advertises_tls else 'http'}://{self.host}:{self.port}"

    @property
    def signed_url_endpoint(self) -> str:
        """Where a signed URL is requested; `?agent_id=` is for the client to add."""
        return self.base_url + SIGNED_URL_PATH

    @property
    def conversation_endpoint(self) -> str:
        """Where a public agent is reached; `?agent_id=` is for the client to add."""
        return f"{'wss' if self._advertises_tls else 'ws'}://{self.host}:{self.port}{CONVERSATION_PATH}"

    @property
    def _advertises_tls(self) -> bool:
        given = self.options.advertise_tls
        return self.options.tls is not None if given is None else given

    def conversation_url(self, agent_id: str) -> str:
        """The WebSocket URL of a public agent."""
        return f"{self.conversation_endpoint}?{urlencode({'agent_id': agent_id})}"

    def signed_url(self, agent_id: str, *, include_conversation_id: bool = False) -> str:
        """A new signed URL, single-use if it includes the conversation id."""
        signature = "cvtkn_" + secrets.token_urlsafe(24)
        query = {"agent_id": agent_id, "conversation_signature": signature}
        conversation_id = _new_conversation_id() if include_conversation_id else None
        if conversation_id is not None:
            query["conversation_id"] = conversation_id
        expires = time.monotonic() + self.options.signature_lifetime
        self._signatures[signature] = _Signature(agent_id, expires, conversation_id)
        return f"{self.conversation_endpoint}?{urlencode(query)}"

    async def next_conversation(self, timeout: float | None = 10.0) -> Conversation:
        """The oldest conversation that this has not returned yet. Raises `TimeoutError`."""
        return await asyncio.wait_for(self._arrivals.get(), timeout)

    # HTTP ----------------------------------------------------------------------------------------------

    async def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, MockConnection)
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        record = HttpRequest(time.monotonic(), url.path, query, headers)
        self.requests.append(record)
        connection.http_request = record
        if self._journal is not None:
            self._journal.write("", "request", path=request.path, headers=_without_secrets(headers))

        agent = self.agents.get(query.get("agent_id", ""))
        if url.path in (SIGNED_URL_PATH, DEPRECATED_SIGNED_URL_PATH):
            fault = self._fault(agent, record, agent.scenario.handshake.signed_url) if agent else None
            reply = await self._answer(connection, fault, self._reply_with_signed_url(connection, record))
        elif url.path == CONVERSATION_PATH:
            if agent is not None and agent.scenario.wire is not None:
                connection.shape(agent.scenario.wire)
            fault = self._fault(agent, record, agent.scenario.handshake.upgrade) if agent else None
            reply = await self._answer(connection, fault, None)
        else:
            reply = _json_response(connection, 404, {"detail": "Not Found"})
        record.status = reply.status_code if reply is not None else None
        return reply

    def _fault(self, agent: MockAgent, record: HttpRequest, reply: HttpReply) -> HttpReply | None:
        key = record.query["agent_id"], record.path
        self._faults_used[key] += 1
        return reply if reply.times is None or self._faults_used[key] <= reply.times else None

    async def _answer(
        self, connection: MockConnection, fault: HttpReply | None, normal: Response | None
    ) -> Response | None:
        """`normal` as far as `fault` does not say otherwise; None accepts the upgrade."""
        if fault is None:
            return normal
        await asyncio.sleep(fault.delay)
        if fault.drop:
            connection.abort()
            await connection.wait_lost()
            return None
        if fault.status is None and fault.body is None:
            return normal
        status = fault.status or 200
        reply = _json_response(connection, status, {"detail": http.HTTPStatus(status).phrase})
        if fault.body is not None:
            reply = _text_response(connection, status, fault.body)
        if fault.location is not None:
            reply.headers["Location"] = fault.location
        return reply

    def _reply_with_signed_url(self, connection: MockConnection, record: HttpRequest) -> Response:
        agent_id = record.query.get("agent_id")
        if agent_id is None:
            problem = {
                "type": "missing",
                "loc": ["query", "agent_id"],
                "msg": "Field required",
                "input": None,
            }
            return _json_response(connection, 422, {"detail": [problem]})
        key = record.headers.get("xi-api-key")
        agent = self.agents.get(agent_id)
        if key is None:
            return _api_error(connection, 401, "needs_authorization", "No xi-api-key header was received.")
        if agent is None and not any(key == known.api_key for known in self.agents.values()):
            return _api_error(connection, 401, "invalid_api_key", "Invalid API key")
        if agent is None:
            return _api_error(connection, 404, "agent_not_found", f"There is no agent {agent_id}.")
        if key != agent.api_key:
            return _api_error(connection, 401, "invalid_api_key", "Invalid API key")
        wants_id = record.query.get("include_conversation_id", "false").lower() == "true"
        url = self.signed_url(agent_id, include_conversation_id=wants_id)
        return _json_response(connection, 200, {"signed_url": url})

    # Conversations -------------------------------------------------------------------------------------

    async def _serve_conversation(self, connection: ServerConnection) -> None:
        assert isinstance(connection, MockConnection)
        record = connection.http_request
        assert record is not None
        record.status = 101
        agent_id = record.query.get("agent_id", "")
        agent = self.agents.get(agent_id)
        signature = self._signatures.get(record.query.get("conversation_signature", ""))
        record.refused = self._refusal(record, agent, signature)
        if record.refused is not None or agent is None:
            await connection.close(REFUSED_CLOSE_CODE, record.refused or "")
            return
        if signature is not None:
            signature.used = True
        conversation = Conversation(
            connection,
            record,
            conversation_id=(signature and signature.conversation_id) or _new_conversation_id(),
            agent_id=agent_id,
            agent=agent,
            limits=self.options.limits,
            journal=self._journal,
        )
        self.conversations.append(conversation)
        self._arrivals.put_nowait(conversation)
        try:
            await conversation.run(lambda live: Player(live, agent.scenario).run())
        except Exception as error:
            logger.exception("conversation %s with agent %s failed", conversation.id, agent_id)
            self._failures.append(error)

    def _refusal(self, record: HttpRequest, agent: MockAgent | None, signature: _Signature | None) -> str | None:
        if agent is None:
            return "The AI agent you are trying to reach does not exist."
        if "conversation_signature" not in record.query:
            return "The agent is private: a signed URL is needed." if agent.private else None
        if signature is None or signature.agent_id != record.query.get("agent_id"):
            return "The conversation signature is invalid."
        if time.monotonic() > signature.expires:
            return "The conversation signature has expired."
        if signature.conversation_id is not None and signature.used:
            return "The conversation signature has already been used."
        return None

    def _ssl_context(self) -> ssl.SSLContext | None:
        if self.options.tls is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.options.tls.configure_cert(context)
        return context


def _new_conversation_id() -> str:
    return "conv_" + secrets.token_hex(13)


def _select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def _without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "(hidden)" if name == "xi-api-key" else value for name, value in headers.items()}


def _text_response(connection: ServerConnection, status: int, body: str) -> Response:
    return connection.respond(http.HTTPStatus(status), body)


def _json_response(connection: ServerConnection, status: int, content: Any) -> Response:
    response = connection.respond(http.HTTPStatus(status), json.dumps(content))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def _api_error(connection: ServerConnection, status: int, code: str, message: str) -> Response:
    return _json_response(connection, status, {"detail": {"status": code, "message": message}})
