"""The server of a mock: HTTP, TLS, who may converse with which agent, and the conversations there were.

It listens on one port, accepts any client that behaves as the official ones do, and refuses whoever does not, as the
real service would. What goes wrong on purpose is in the scenario of the agent asked for.
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
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, Limits
from aiconvai.mock.player import Player
from aiconvai.mock.record import HttpRequest, Journal
from aiconvai.mock.scenario import HttpReply

if TYPE_CHECKING:
    import trustme

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_SECRET_HEADERS = frozenset({"authorization", "xi-api-key", "api-key", "x-goog-api-key"})

logger = logging.getLogger(__name__)

AgentT = TypeVar("AgentT", bound=MockAgent)
ConversationT = TypeVar("ConversationT", bound=Conversation)


@dataclass(frozen=True)
class MockOptions:
    """What a mock service is made of."""

    agents: Mapping[str, Any] = field(default_factory=dict)
    """By what the service calls them, which each mock says."""
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
    """Seconds in which a signed URL can start a conversation, where the service has such."""
    compression: bool = False
    """Whether permessage-deflate is accepted."""
    close_timeout: float = 5.0
    """Seconds a client may take to answer a close."""
    log_file: Path | None = None
    """Where everything that happens is written, one JSON object a line."""


class MockServer(Generic[AgentT, ConversationT]):
    """A mock service; `async with` one. Leaving raises what failed in it.

    A subclass says where its conversations are (`CONVERSATION_PATH`, or `_reply` where there is more), whom it serves
    (`_agent_id`, `_refuse`) and of what class they are (`CONVERSATION`).
    """

    PROVIDER: ClassVar[str]
    """As the module calls the service."""
    TITLE: ClassVar[str]
    """As people call it."""
    AGENT: ClassVar[type[MockAgent]] = MockAgent
    CONVERSATION: ClassVar[type[Conversation]]
    CONNECTION: ClassVar[type[MockConnection]] = MockConnection
    ID_PREFIX: ClassVar[str] = ""
    """What the names of its conversations begin with."""
    HAS_INTERRUPTIONS: ClassVar[bool] = True
    """Whether it tells the client that the agent was interrupted."""
    HAS_TOOLS: ClassVar[bool] = True
    HAS_TRANSCRIPTS: ClassVar[bool] = True
    CONVERSATION_PATH: ClassVar[str | None] = None
    """Of the WebSocket; None: any."""
    SUBPROTOCOLS: ClassVar[tuple[str, ...]] = ()
    """Those it agrees to if a client offers them."""

    def __init__(self, options: MockOptions) -> None:
        self.options = options
        self.agents: dict[str, AgentT] = dict(options.agents)
        """May be changed at any time; a conversation keeps the agent it began with."""
        self.conversations: list[ConversationT] = []
        """Every conversation that was accepted, oldest first."""
        self.requests: list[HttpRequest] = []
        """Every HTTP request, oldest first."""
        self._failures: list[Exception] = []
        self._arrivals: asyncio.Queue[ConversationT] = asyncio.Queue()
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
            create_connection=self.CONNECTION,
            process_request=self._process_request,
            select_subprotocol=self._select_subprotocol,
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
        """What a client takes instead of the real service's."""
        return f"{'https' if self._advertises_tls else 'http'}://{self.host}:{self.port}"

    @property
    def conversation_endpoint(self) -> str:
        """Where conversations are; a query may be for the client to add."""
        return f"{'wss' if self._advertises_tls else 'ws'}://{self.host}:{self.port}{self.CONVERSATION_PATH or '/'}"

    @property
    def _advertises_tls(self) -> bool:
        given = self.options.advertise_tls
        return self.options.tls is not None if given is None else given

    async def next_conversation(self, timeout: float | None = 10.0) -> ConversationT:
        """The oldest conversation that this has not returned yet. Raises `TimeoutError`."""
        return await asyncio.wait_for(self._arrivals.get(), timeout)

    def settings(self, agent_id: str) -> dict[str, str]:
        """The options of aiconvai.conf that reach an agent."""
        key = self.agents[agent_id].api_key
        return {"provider": self.PROVIDER, "api_key": key, "conversation_endpoint": self.conversation_endpoint}

    # What a service has its own rules for ---------------------------------------------------------------

    def _agent_id(self, record: HttpRequest) -> str | None:
        """Which agent the request for a conversation asks for. By default there is only one."""
        return next(iter(self.agents), None)

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: AgentT | None) -> Response | None:
        """The reply to whoever is not to be upgraded."""
        return None

    def _refusal(self, record: HttpRequest, agent: AgentT | None) -> tuple[int, str] | None:
        """The close of whoever is upgraded and then not served."""
        return None if agent is not None else (1008, "there is no such agent")

    def _conversation_id(self, record: HttpRequest) -> str:
        return new_conversation_id(self.ID_PREFIX)

    def _conversation_options(self, record: HttpRequest) -> dict[str, Any]:
        """What the class of its conversations takes besides what all take."""
        return {}

    def _new_conversation(
        self, connection: MockConnection, record: HttpRequest, agent_id: str, agent: AgentT
    ) -> ConversationT:
        conversation = self.CONVERSATION(
            connection,
            record,
            conversation_id=self._conversation_id(record),
            agent_id=agent_id,
            agent=agent,
            limits=self.options.limits,
            journal=self._journal,
            **self._conversation_options(record),
        )
        return cast("ConversationT", conversation)

    def _bears_key(self, record: HttpRequest) -> bool:
        """Whether the request has the key of one of the agents."""
        given = self._key_of(record)
        return any(given == agent.api_key for agent in self.agents.values())

    def _key_of(self, record: HttpRequest) -> str | None:
        """Where a client puts the account's key: by default it is the bearer token."""
        return bearer_token(record)

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
        reply = await self._reply(connection, record)
        record.status = reply.status_code if reply is not None else None
        return reply

    async def _reply(self, connection: MockConnection, record: HttpRequest) -> Response | None:
        """The answer to any request; None accepts the upgrade."""
        if self.CONVERSATION_PATH not in (None, record.path):
            return json_response(connection, 404, {"detail": "Not Found"})
        return await self._reply_to_upgrade(connection, record)

    async def _reply_to_upgrade(self, connection: MockConnection, record: HttpRequest) -> Response | None:
        agent_id = self._agent_id(record) or ""
        agent = self.agents.get(agent_id)
        if agent is not None and agent.scenario.wire is not None:
            connection.shape(agent.scenario.wire)
        fault = self._fault(agent_id, record, agent.scenario.handshake.upgrade) if agent else None
        return await self._answer(connection, fault, self._refuse(connection, record, agent))

    def _fault(self, agent_id: str, record: HttpRequest, reply: HttpReply) -> HttpReply | None:
        key = agent_id, record.path
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
        reply = json_response(connection, status, {"detail": http.HTTPStatus(status).phrase})
        if fault.body is not None:
            reply = connection.respond(http.HTTPStatus(status), fault.body)
        if fault.location is not None:
            reply.headers["Location"] = fault.location
        return reply

    def _select_subprotocol(self, _: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return next((each for each in offered if each in self.SUBPROTOCOLS), None)

    # Conversations -------------------------------------------------------------------------------------

    async def _serve_conversation(self, connection: ServerConnection) -> None:
        assert isinstance(connection, MockConnection)
        record = connection.http_request
        assert record is not None
        record.status = 101
        agent_id = self._agent_id(record) or ""
        agent = self.agents.get(agent_id)
        refusal = self._refusal(record, agent)
        if refusal is not None or agent is None:
            code, record.refused = refusal or (1008, "there is no such agent")
            await connection.close(code, record.refused)
            return
        conversation = self._new_conversation(connection, record, agent_id, agent)
        self.conversations.append(conversation)
        self._arrivals.put_nowait(conversation)
        try:
            await self._converse(conversation, connection)
        except Exception as error:
            logger.exception("conversation %s with agent %s failed", conversation.id, agent_id)
            self._failures.append(error)

    async def _converse(self, conversation: Conversation, connection: MockConnection) -> None:
        """Until the conversation is over."""
        await conversation.run(lambda live: Player(live, live.agent.scenario).run())

    def _ssl_context(self) -> ssl.SSLContext | None:
        if self.options.tls is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.options.tls.configure_cert(context)
        return context


def bearer_token(record: HttpRequest) -> str | None:
    """What the request is authorized by, if it is by a bearer token."""
    scheme, _, token = record.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else None


def new_conversation_id(prefix: str) -> str:
    """A fresh one that nobody can guess."""
    return prefix + secrets.token_hex(13)


def json_response(connection: ServerConnection, status: int, content: Any) -> Response:
    """An HTTP reply with a JSON body."""
    response = connection.respond(http.HTTPStatus(status), json.dumps(content))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def _without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "(hidden)" if name in _SECRET_HEADERS else value for name, value in headers.items()}
