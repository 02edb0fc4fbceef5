"""An HTTP proxy that makes connections for others (RFC 9110 section 9.3.6), as a company has one."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress


class ConnectProxy:
    """Listens on the loopback. credentials: who may use it, USER:PASSWORD; names: what it makes of names that nobody
    else knows.
    """

    def __init__(self, credentials: str | None = None, names: Mapping[str, str] | None = None) -> None:
        self.asked: list[str] = []
        """HOST:PORT of each request, in their order."""
        self.status = 200
        """What it answers, whoever asks; 0: nothing at all."""
        self._wanted = None if credentials is None else base64.b64encode(credentials.encode()).decode()
        self._names = dict(names or {})
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve_one(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        method, target, _ = request.split(" ")
        self.asked.append(target)
        given = headers.get("proxy-authorization", "").partition(" ")[2]
        status = 407 if self._wanted is not None and given != self._wanted else self.status
        if not status:
            await asyncio.sleep(60)
        if method != "CONNECT" or status != 200:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        host, _, port = target.rpartition(":")
        there = await asyncio.open_connection(self._names.get(host, host), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
        finally:
            there[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


@contextmanager
def connect_proxy(credentials: str | None = None, names: Mapping[str, str] | None = None) -> Iterator[ConnectProxy]:
    """One that runs, in a thread of its own."""
    proxy = ConnectProxy(credentials, names)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(proxy.serve(ready, stop),))
    thread.start()
    assert ready.wait(10.0)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
