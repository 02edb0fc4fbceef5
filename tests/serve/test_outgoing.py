"""Where requests go: not to a private address that nobody allowed, whatever a name server or a redirection says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from serve_events import a_start, until

from aiconvai.serve.outgoing import Reach
from aiconvai.serve.settings import McpSettings, ServeSettings, ToolSettings, WebhookSettings
from aiconvai.serve.tools import mcp_server
from aiconvai.serve.tools.http_tools import HttpTools, a_client
from aiconvai.serve.tools.mcp_server import McpServer
from aiconvai.serve.tools.tool import CallFacts, ToolError, ToolRequest
from aiconvai.serve.webhooks import DeliveryError, Webhook

Answering = Callable[[bytes], bytes]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NOWHERE = Reach(())


class Names:
    """A name server: each question has the next answer, and the last one again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> None:
        self.asked: list[str] = []
        real = socket.getaddrinfo

        def resolve(host: Any, port: Any, *arguments: Any, **given: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else str(host)
            self.asked.append(name)
            known = answers.get(name.partition(".")[0])
            if known is None:
                return real(host, port, *arguments, **given)
            found = known.pop(0) if len(known) > 1 else known[0]
            return [one for address in found for one in real(address, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)


@asynccontextmanager
async def a_server(answer: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Its port, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked.append(head)
                writer.write(answer(head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


def tool(place: str) -> ToolRequest:
    return ToolRequest("1", "find", place, {}, CallFacts("pbx", "1.1", "1.1"))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "2002:7f00:1::", "64:ff9b::a00:1"],
)  # fmt: skip
def test_private_addresses_are_for_a_list(address: str) -> None:
    assert not NOWHERE.may(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_world_is_for_all(address: str) -> None:
    assert NOWHERE.may(address)


def test_what_is_allowed_is_what_serve_toml_says() -> None:
    settings = ServeSettings.model_validate(
        {"outgoing": {"private": ["10.1.0.0/16"]}, "webhook": {"crm": {"url": "http://192.168.7.7:99/x"}}}
    )
    reach = settings.reach
    may = {one: reach.may(one) for one in ("10.1.9.9", "192.168.7.7", "192.168.7.8", "127.0.0.1")}
    assert may == {"10.1.9.9": True, "192.168.7.7": True, "192.168.7.8": False, "127.0.0.1": False}
    assert ServeSettings().reach.may("127.0.0.1")


@pytest.mark.fault("security.private-address")
@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:{port}/x", "http:http://127.0.0.1:{port}/x", "http://localhost:{port}/x",
              "http://rebound.example:{port}/x", "http://2130706433:{port}/x", "http://0x7f.1:{port}/x",
              "http://[::ffff:127.0.0.1]:{port}/x", "http://crm.example@127.0.0.1:{port}/x"],
)  # fmt: skip
async def test_a_tool_reaches_no_private_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    Names(monkeypatch, rebound=[["127.0.0.1"]])
    async with a_server(lambda _: OK) as (port, asked), a_client(NOWHERE) as client:
        with pytest.raises(ToolError, match="cannot be reached") as told:
            await HttpTools(client, {}).run(tool(place.format(port=port)))
        assert asked == []
    # The agent is not told what is where; the administrator is.
    assert "127.0.0.1" not in str(told.value)
    assert "which `private` of [outgoing] in serve.toml does not allow" in caplog.text


async def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of two addresses is connected to at the one that may be; asked once, it cannot change in between."""
    names = Names(monkeypatch, rebound=[["10.255.255.1", "127.0.0.1"], ["10.255.255.1"]])
    async with a_server(lambda _: OK) as (port, asked), a_client(Reach()) as client:
        assert await HttpTools(client, {}).run(tool(f"http://rebound.example:{port}/x")) == "ok"
        assert f"Host: rebound.example:{port}".lower().encode() in asked[0].lower()
    assert [one for one in names.asked if one.startswith("rebound")] == ["rebound.example"]


async def test_a_certificate_is_still_that_of_the_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    Names(monkeypatch, crm=[["127.0.0.1"]], other=[["127.0.0.1"]])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("crm.example").configure_cert(context)
    async with a_server(lambda _: OK, context) as (port, asked), a_client(Reach()) as client:
        assert await HttpTools(client, {}).run(tool(f"https://crm.example:{port}/x")) == "ok"
        for url in (f"https://other.example:{port}/x", f"https://127.0.0.1:{port}/x"):
            with pytest.raises(ToolError, match="cannot be reached"):
                await HttpTools(client, {}).run(tool(url))
        assert len(asked) == 1


@pytest.mark.fault("security.private-address")
async def test_no_redirection_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_server(lambda _: OK) as (inside, asked):
        moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{inside}/x\r\nContent-Length: 0\r\n\r\n".encode()
        async with a_server(lambda _: moved) as (port, _), a_client(Reach()) as client:
            secret = ToolSettings.model_validate({"headers": {"X-Key": "s"}})
            with pytest.raises(ToolError, match="HTTP status 307"):
                await HttpTools(client, {"find": secret}).run(tool(f"http://127.0.0.1:{port}/x"))
            webhook = Webhook("crm", WebhookSettings(url=f"http://127.0.0.1:{port}/x"), client)
            with pytest.raises(DeliveryError, match="HTTP 307"):
                await webhook.take([a_start()])
            server = McpServer("shop", McpSettings.model_validate({"url": f"http://127.0.0.1:{port}/mcp"}), Reach())
            await tried(server, lambda: bool(server.problem))
        assert asked == []


async def test_a_webhook_says_why_it_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, crm=[["10.0.0.7"]])
    async with a_client(Reach()) as client:
        webhook = Webhook("crm", WebhookSettings(url="https://crm.example/x"), client)
        with pytest.raises(DeliveryError, match="a private address that \\[outgoing\\] does not allow"):
            await webhook.take([a_start()])


# Servers of the Model Context Protocol that lie


async def tried(server: McpServer, is_so: Callable[[], bool]) -> None:
    task = asyncio.create_task(server.run())
    try:
        await until(is_so)
    finally:
        task.cancel()
        # Also where it comes while the library fails.
        async with asyncio.timeout(10):
            await asyncio.gather(task, return_exceptions=True)


async def test_a_server_at_a_private_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_server(lambda _: OK) as (port, asked):
        server = McpServer("shop", McpSettings.model_validate({"url": f"http://127.0.0.1:{port}/mcp"}), NOWHERE)
        await tried(server, lambda: "does not allow" in server.problem)
        assert asked == []


@pytest.mark.fault("security.tool-server-lies")
@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n",
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n",
    ],
)
async def test_an_answer_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(mcp_server, "LONGEST_ANSWER", 100_000)
    is_chunked = b"chunked" in head
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n" + head)
            while True:
                part = b"data: " + b"x" * 16_000
                writer.write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
                await writer.drain()
                sent += len(part)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        server = McpServer("shop", McpSettings.model_validate({"url": f"http://127.0.0.1:{port}/mcp"}), Reach())
        await tried(server, lambda: bool(server.problem))
        # What sockets hold is beyond what is read.
        assert sent < 20_000_000


@pytest.mark.fault("security.tool-server-lies")
@pytest.mark.parametrize(
    "answer",
    [
        '{"jsonrpc": "2.0", "id": 4711, "result": {}}',
        '{"jsonrpc": "2.0", "id": null, "result": null}',
        "[]",
        "null",
        "[" * 50_000,
        '{"jsonrpc": "2.0", "id": 0, "error": {"code": 1, "message": "\\u0000\\ud800"}}',
        "\xff\xfe",
    ],
)
async def test_an_answer_that_is_none_is_a_problem_and_no_more(answer: str) -> None:
    body = answer.encode("latin-1")
    sent = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    sent += b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with a_server(lambda _: sent) as (port, asked):
        server = McpServer("shop", McpSettings.model_validate({"url": f"http://127.0.0.1:{port}/mcp"}), Reach())
        await tried(server, lambda: bool(asked))


async def test_a_list_without_an_end_is_not_read_to_it() -> None:
    """Pages of tools, each of which says that there is another one; and pages that have none."""

    class Client:
        pages = 0

        async def list_tools(self, cursor: str | None) -> Any:
            self.pages += 1
            return type("Page", (), {"tools": [], "next_cursor": "more"})

    server = McpServer("shop", McpSettings.model_validate({"url": "http://127.0.0.1:1/mcp"}))
    lying: Any = Client()
    server._client.set_result(lying)
    async with asyncio.timeout(10):
        assert await server.tools() == []
    assert lying.pages <= mcp_server.LONGEST_LIST
