"""What no program of ours sends: it is refused, and is never a fault."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from serve_routes import everything
from test_serve_api import as_role

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.program import _server
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.web import body_limit, slow_heads
from aiconvai.serve.web.page import Setup

DEEP = "[" * 100_000


@pytest.fixture
async def client(tmp_path: Path, url: str) -> AsyncIterator[httpx.AsyncClient]:
    given = {"data": tmp_path, "database": url, "outbound": {"dial": "PJSIP/{number}@t"},
             "asterisk": {"pbx": {"user": "u", "secret": "s", "port": 1}}}  # fmt: skip
    application = Application(ServeSettings.model_validate(given))
    async with application.running():
        transport = httpx.ASGITransport(everything(application, Setup()), raise_app_exceptions=False)
        headers = await as_role(application, Role.ADMIN)
        async with httpx.AsyncClient(transport=transport, base_url="http://serve", headers=headers) as one:
            yield one


async def test_nothing_that_comes_is_a_fault(client: httpx.AsyncClient) -> None:
    json = {"Content-Type": "application/json"}
    for asked, answer, expected in [
        (asked, await client.request(asked[0], asked[1], **asked[2]), expected)  # type: ignore[arg-type]
        for asked, expected in (
            (("GET", "/api/calls?text=%00", {}), (400,)),
            (("GET", "/api/calls?agent=a%00b", {}), (400,)),
            (("GET", "/api/do-not-call/4%00", {}), (400,)),
            (("DELETE", "/api/callers/4%00", {}), (400,)),
            (("GET", "/api/calls?since=nan&until=inf&before=-inf", {}), (200,)),
            (("GET", "/api/calls?text=%ff%fe", {}), (200,)),
            (("GET", "/api/calls?text='%3B DROP TABLE calls--", {}), (200,)),
            (("GET", f"/api/calls?text={'x' * 60_000}", {}), (200,)),
            (("GET", "/api/calls/9223372036854775808", {}), (422,)),
            (("GET", "/calls/2147483648", {}), (422,)),
            (("GET", "/outbound/2147483648", {}), (422,)),
            (("GET", "/outbound/1?after=9223372036854775808", {}), (303, 422)),
            (("POST", "/login", {"data": {"name": "a\0", "password": "x" * 12}}), (403,)),
            (("POST", "/login", {"data": {"name": "a" * 5000, "password": "x" * 5000}}), (403,)),
            (("POST", "/api/call-lists", {"content": DEEP, "headers": json}), (422,)),
            (("POST", "/api/call-lists", {"content": b'{"name": "\xff"}', "headers": json}), (422,)),
            (("POST", "/api/gateway/calls", {"content": DEEP, "headers": json}), (422,)),
            (("POST", "/api/calls/outbound", {"content": DEEP, "headers": json}), (400, 422)),
            (("POST", "/api/calls/outbound", {"content": f'{{"a": {"9" * 5000}}}', "headers": json}), (400, 422)),
            (("POST", "/api/do-not-call", {"content": '{"number": "\\ud800"}', "headers": json}), (422,)),
            (("POST", "/api/do-not-call", {"content": '{"number": "1", "\\udfff": 1}', "headers": json}), (422,)),
            (("POST", "/api/live/pbx/1.1/context", {"content": '{"text": "\\ud800"}', "headers": json}), (404, 422)),
            (("POST", "/api/live/pbx/1.1/context", {"content": '{"text": "a\\u0000"}', "headers": json}), (422,)),
            (
                (
                    "POST",
                    "/api/live/pbx/1.1/transfer",
                    {"content": '{"context": "a\\nAction: x", "extension": "1"}', "headers": json},
                ),
                (422,),
            ),
        )
    ]:
        assert answer.status_code in expected, (asked[:2], str(asked[2])[:80], answer.status_code, answer.text[:200])


@pytest.mark.parametrize(
    "path",
    ["../templates/base.html", "..%2ftemplates/base.html", "%2e%2e/templates/base.html",
     "..%252ftemplates%252fbase.html",
     "%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd", "/etc/passwd", "%2fetc%2fpasswd", "..\\..\\page.py",
     "....//page.py", "page.js/../../page.py", "page.css%00.html", "."],
)  # fmt: skip
async def test_no_other_file_is_given(client: httpx.AsyncClient, path: str) -> None:
    for folder in ("static", "api/calls/1", "calls/1"):
        url = httpx.URL("http://serve").copy_with(raw_path=f"/{folder}/{path}".encode())
        answer = await client.get(url)
        assert answer.status_code in (303, 400, 401, 404, 405, 422), (url, answer.status_code)
        assert "root:" not in answer.text
        assert "<html" not in answer.text


async def test_who_sends_too_slowly_is_not_waited_for(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_limit, "BODY_SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"name="
        await asyncio.sleep(30)

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with asyncio.timeout(20):
        assert (await client.post("/login", content=slow(), headers=headers)).status_code == 408


@asynccontextmanager
async def listening(application: Application) -> AsyncIterator[int]:
    """The page as the program has it, on a port."""
    own = socket.create_server(("127.0.0.1", 0))
    server: uvicorn.Server = _server(everything(application, Setup()))
    task = asyncio.create_task(server.serve([own]))
    try:
        yield own.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        own.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"\r\n"])
async def test_a_connection_that_asks_nothing_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(slow_heads, "HEAD_SECONDS", 0.2)
    application = Application(ServeSettings(data=tmp_path))
    async with application.running(), listening(application) as port:
        usual = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
        for before in (b"", usual):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if before:
                writer.write(before)
                async with asyncio.timeout(10):
                    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            # Byte by byte is no sign that somebody is about to ask.
            for one in range(len(sent)):
                writer.write(sent[one : one + 1])
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionError):
                    await reader.read()
            writer.close()
        # Who asks and takes the answer is not disturbed.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(usual)
            async with asyncio.timeout(10):
                assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.1)
        writer.close()
