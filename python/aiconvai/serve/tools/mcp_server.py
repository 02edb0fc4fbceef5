"""A server of the Model Context Protocol, by its own library.

A task keeps a connection to it; a server that is gone is tried again, and a tool that is called meanwhile waits for it
as long as it has time.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpcore2
import httpx2
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import MCP_DEFAULT_SSE_READ_TIMEOUT, MCP_DEFAULT_TIMEOUT
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED, INTERNAL_ERROR, INVALID_REQUEST, TextContent, Tool
from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

from aiconvai.serve.outgoing import Reach, guard
from aiconvai.serve.retrying import failure_of
from aiconvai.serve.settings import McpSettings
from aiconvai.serve.tools.tool import ToolError

LONGEST_WAIT_SECONDS = 15.0
"""Between two tries of a server that is not there."""
LONGEST_LIST = 1_000
"""Tools of a server."""
LONGEST_ANSWER = 4 << 20
"""Bytes of an answer over HTTP, and of each event; a program that is started here is trusted with this machine."""
_LOST = (CONNECTION_CLOSED, INVALID_REQUEST, INTERNAL_ERROR)
"""What the library says of a connection that broke, of a session that the server does not know any more, and of a
transport that failed.
"""

_log = logging.getLogger(__name__)


class McpServer:
    """One of them. One event loop's."""

    def __init__(self, name: str, settings: McpSettings, reach: Reach | None = None) -> None:
        self.name = name
        self.problem = ""
        """Why it cannot be used at present; empty: it can, or nobody knows yet."""
        self._settings = settings
        self._reach = reach or Reach()
        self._client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._is_lost = asyncio.Event()

    async def run(self) -> None:
        """Does not return."""
        retrying = AsyncRetrying(
            wait=wait_exponential_jitter(initial=0.5, max=LONGEST_WAIT_SECONDS, jitter=0.5), before_sleep=self._note
        )
        while True:
            await retrying(self._serve)

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """The texts of the answer. Raises `ToolError` where the tool failed, the server says no, or goes away."""
        client = await asyncio.shield(self._client)
        try:
            result = await client.call_tool(tool, arguments)
        except Exception as error:  # The library's, and its transports'.
            self._note_failure(client, error)
            raise ToolError(f"The tool failed: {error}") from error
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        if result.is_error:
            raise ToolError(text or "The tool failed.")
        return text

    async def tools(self) -> list[Tool]:
        """Raises `ToolError`."""
        client = await asyncio.shield(self._client)
        found: list[Tool] = []
        cursor: str | None = None
        try:
            for _ in range(LONGEST_LIST):
                page = await client.list_tools(cursor=cursor)
                found += page.tools
                # Also pages without a tool come to an end.
                if not (cursor := page.next_cursor) or len(found) >= LONGEST_LIST:
                    break
        except Exception as error:  # As above.
            self._note_failure(client, error)
            raise ToolError(f"mcp.{self.name}: {error}") from error
        return found

    def _note_failure(self, client: Client, error: Exception) -> None:
        """What the server itself says is no reason to leave it; a connection that is lost is."""
        is_answer = isinstance(error, MCPError) and error.error.code not in _LOST
        # An answer that is not as the tool's own schema has it is a RuntimeError of the library's.
        if is_answer or (isinstance(error, (RuntimeError, ValueError)) and not isinstance(error, MCPError)):
            return
        if self._client.done() and self._client.result() is client:
            self._client = asyncio.get_running_loop().create_future()
            self._is_lost.set()

    async def _serve(self) -> None:
        """Until the connection is lost; then another one is made."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(Client(await self._transport(stack)))
            self.problem = ""
            _log.info("mcp.%s: connected", self.name)
            self._is_lost.clear()
            if self._client.done():
                # The one before broke by itself.
                self._client = asyncio.get_running_loop().create_future()
            self._client.set_result(client)
            await self._is_lost.wait()

    async def _transport(self, stack: AsyncExitStack) -> Any:
        settings = self._settings
        if settings.command:
            program, *arguments = settings.command
            environment = {name: value.get_secret_value() for name, value in settings.environment.items()}
            started = StdioServerParameters(command=program, args=arguments, env=environment)
            # This program's own: the library's default is what stderr was when it was first imported.
            return stdio_client(started, errlog=sys.__stderr__ or sys.stderr)
        # Redirections are followed by the library within the server's own origin alone.
        client = await stack.enter_async_context(_http_client(settings.read_headers(), self._reach))
        return streamable_http_client(settings.url, http_client=client)

    def _note(self, state: RetryCallState) -> None:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            # It came while the library was failing, which then told of that alone.
            raise asyncio.CancelledError
        error = failure_of(state)
        problem = f"mcp.{self.name}: {_first(error)}"
        if problem != self.problem:
            _log.warning("%s", problem)
        self.problem = problem


class _Bounded(httpx2.AsyncByteStream):
    """What a server answers, up to a bound: of an answer, and of each event of a stream of them."""

    def __init__(self, stream: httpx2.AsyncByteStream, *, are_events: bool) -> None:
        self._stream = stream
        self._are_events = are_events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        came, tail = 0, b""
        async for part in self._stream:
            came += len(part)
            if self._are_events:
                # Events end with an empty line, wherever the parts do.
                text = (tail + part).replace(b"\r\n", b"\n")
                end = max(text.rfind(b"\n\n"), text.rfind(b"\r\r"))
                if end >= 0:
                    came = len(text) - end - 2
                tail = text[-3:]
            if came > LONGEST_ANSWER:
                raise httpx2.ReadError(f"an answer of more than {LONGEST_ANSWER} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _BoundedTransport(httpx2.AsyncBaseTransport):
    """Nobody here is made to keep what a server says without an end."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # What is small packed may be anything unpacked, and would be so behind the bound.
        request.headers["Accept-Encoding"] = "identity"
        answer = await self._transport.handle_async_request(request)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            await answer.aclose()
            raise httpx2.ReadError("an answer that is packed, which was not asked for")
        are_events = answer.headers.get("Content-Type", "").startswith("text/event-stream")
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        answer.stream = _Bounded(answer.stream, are_events=are_events)
        return answer

    async def aclose(self) -> None:
        await self._transport.aclose()


def _http_client(headers: dict[str, str], reach: Reach) -> httpx2.AsyncClient:
    """As the library makes one, with connections to where they may go, and answers of a bounded length."""
    timeout = httpx2.Timeout(MCP_DEFAULT_TIMEOUT, read=MCP_DEFAULT_SSE_READ_TIMEOUT)
    transport = guard(httpx2.AsyncHTTPTransport(), reach, httpcore2.AnyIOBackend(), httpcore2.ConnectError)
    return httpx2.AsyncClient(headers=headers, timeout=timeout, transport=_BoundedTransport(transport))


def _first(error: BaseException | None) -> BaseException | None:
    """Of what failed together, something that says why."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
