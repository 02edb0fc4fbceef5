"""Asterisk's side of a media WebSocket, as channels/chan_websocket.c has it, or as nobody should."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

FRAME_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that came, and when (time.monotonic())."""

    data: str | bytes
    time: float


class _Watched(ServerConnection):
    """That counts pings: older Asterisks hang up at one."""

    pings = 0

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode in (Opcode.PING, Opcode.PONG):
            self.pings += 1
        super().process_event(event)


class Connection:
    """One that was made; it reads all the time."""

    def __init__(self, socket: _Watched, rate: int, *, in_json: bool) -> None:
        self._socket = socket
        self._rate = rate
        self._in_json = in_json
        self.heard: list[Heard] = []
        self.is_over = threading.Event()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def path(self) -> str:
        assert self._socket.request is not None
        return self._socket.request.path

    @property
    def subprotocol(self) -> str | None:
        return self._socket.subprotocol

    @property
    def pings(self) -> int:
        return self._socket.pings

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for data in self._socket:
                with self._changed:
                    self.heard.append(Heard(data, time.monotonic()))
                    self._changed.notify_all()
        self.is_over.set()
        with self._changed:
            self._changed.notify_all()

    def tell(self, name: str, **fields: Any) -> None:
        """An event."""
        if self._in_json:
            self._socket.send(json.dumps({"event": name, "channel_id": "c", **fields}))
        else:
            self._socket.send(" ".join([name, *(f"{key}:{value}" for key, value in fields.items())]))

    def start(self, **more: Any) -> None:
        """It takes audio."""
        name = "slin16" if self._rate > 8000 else "slin"
        usual = {"connection_id": "c", "format": name, "optimal_frame_size": self._rate // 25, "ptime": 20}
        fields = usual | more
        self.tell("MEDIA_START", **fields)

    def send(self, data: str | bytes) -> None:
        self._socket.send(data)

    def say(self, samples: np.ndarray[Any, Any]) -> None:
        """In real time."""
        size = self._rate // 50
        due = time.monotonic()
        for at in range(0, len(samples) - size + 1, size):
            self._socket.send(samples[at : at + size].astype("<i2").tobytes())
            due += FRAME_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))

    def close(self) -> None:
        self._socket.close()

    def frames(self) -> list[Heard]:
        return [one for one in self.heard if isinstance(one.data, bytes)]

    def commands(self) -> list[str]:
        return [one.data for one in self.heard if isinstance(one.data, str)]

    def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, timeout), (len(self.frames()), self.commands())

    def join(self) -> None:
        self._reader.join(10)


class MediaServer:
    """`with MediaServer(rate) as server`: connections to `url` are taken."""

    def __init__(
        self,
        rate: int = 16_000,
        *,
        in_json: bool = False,
        handle: Callable[[_Watched], None] | None = None,
        refuse: Callable[[ServerConnection, Request], Response | None] | None = None,
    ) -> None:
        """`handle` does something else with one than to make a `Connection` of it; `refuse` answers the request."""
        self._rate, self._in_json = rate, in_json
        self._handle = handle or self._take
        self._refuse = refuse
        self._connections: list[Connection] = []
        self._came = threading.Condition()
        self.frames = 0
        self.problems: list[str] = []

    @classmethod
    def unruly(cls) -> MediaServer:
        """What each connection meets is a matter of chance."""
        server = cls()
        server._handle = server._vex
        return server

    def __enter__(self) -> Self:
        self._server: Server = serve(
            self._handle, "127.0.0.1", 0, subprotocols=["media"], create_connection=_Watched, compression=None,
            ping_interval=None, close_timeout=1, process_request=self._refuse,
        )  # fmt: skip
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._connections:
            one.close()
            one.join()
        self._server.shutdown()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/media/c1"

    def next(self, timeout: float = 10.0) -> Connection:
        """The next one that is made."""
        with self._came:
            assert self._came.wait_for(lambda: self._connections, timeout)
            return self._connections[-1]

    def _take(self, socket: _Watched) -> None:
        connection = Connection(socket, self._rate, in_json=self._in_json)
        with self._came:
            self._connections.append(connection)
            self._came.notify_all()
        connection.is_over.wait()

    def _vex(self, socket: _Watched) -> None:
        chance = random.Random()
        start = f"MEDIA_START format:slin16 optimal_frame_size:{chance.choice([640, 640, 640, 640, 320, 641])} ptime:20"
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            if chance.random() < 0.2:
                # Before it has said what audio is like.
                socket.send(chance.randbytes(640))
            if chance.random() < 0.9:
                socket.send(start)
            for _ in range(chance.randrange(100)):
                socket.send(chance.choice(self._things(chance)))
                with contextlib.suppress(TimeoutError):
                    self._note(socket.recv(timeout=0.01))
        if socket.pings:
            self.problems.append("a ping came")
        socket.close()

    def _note(self, message: str | bytes) -> None:
        if isinstance(message, str):
            if message not in ("FLUSH_MEDIA", "GET_STATUS"):
                self.problems.append(message)
        elif len(message) != 640:
            self.problems.append(f"{len(message)} bytes of audio")
        else:
            self.frames += 1

    @staticmethod
    def _things(chance: random.Random) -> list[str | bytes]:
        audio: list[str | bytes] = [chance.randbytes(640)] * 12
        return [
            *audio, chance.randbytes(chance.randrange(5000)), "MEDIA_XOFF", "MEDIA_XON", "MEDIA_XON", "DTMF_END x:5",
            f"STATUS queue_length:{chance.randrange(1000)}", "STATUS queue_length:0", "STATUS queue_length:-1", "{", "",
            '{"event": "STATUS", "queue_length": 5}', "x" * chance.randrange(20_000), "MEDIA_START format:ulaw",
        ]  # fmt: skip
