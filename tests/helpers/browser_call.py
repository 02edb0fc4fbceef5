"""A browser as the gateway sees it: a WebSocket of somebody who has logged in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from gateway_program import GatewayProgram
from nginx_server import NginxServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from aiconvai.audio import Samples

RATE = 16_000
FRAME_BYTES = 640
FRAME_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Heard:
    """Audio that came, and when (time.monotonic())."""

    audio: bytes
    time: float


def log_in(gateway: GatewayProgram, name: str, password: str, proxy: NginxServer | None = None) -> str:
    """The header `Cookie` of a session; `proxy`: that the browser knows the page by."""
    address, trust = (proxy.address, proxy.trust) if proxy is not None else (gateway.address, True)
    answer = httpx.post(f"{address}/login", data={"name": name, "password": password}, verify=trust)
    assert answer.status_code == 303, answer.text
    return f"aiconvai={answer.cookies['aiconvai']}"


class BrowserCall:
    """It reads all the time unless it is told not to, answers pings, and speaks in real time."""

    def __init__(
        self, gateway: GatewayProgram, cookie: str | None, *, origin: str | None = "", answers: bool = True,
        proxy: NginxServer | None = None,
    ) -> None:  # fmt: skip
        """Connects. `origin`: of the page, which is the gateway's own, or the proxy's, unless it is said; `answers`:
        pings.
        """
        address = proxy.address if proxy is not None else gateway.address
        self.frames: list[Heard] = []
        self.told: list[dict[str, Any]] = []
        self._open = ExitStack()
        self.connection = self._open.enter_context(
            connect(
                f"{address.replace('http', 'ws', 1)}/talk/call",
                origin=Origin(address) if origin == "" else origin and Origin(origin),
                additional_headers={"Cookie": cookie} if cookie is not None else None,
                compression=None,
                proxy=None,
                ssl=proxy.trust if proxy is not None else None,
            )
        )
        self._answers = answers
        self._changed = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The caller hangs up."""
        self._open.close()
        self._reader.join(10)

    def tell(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def begin(self, agent: str, **variables: str) -> None:
        self.tell(type="begin", agent=agent, variables=variables)

    def say(self, samples: Samples) -> None:
        """In frames of 20 ms, in their time."""
        size = FRAME_BYTES // 2
        began = time.monotonic()
        for number, at in enumerate(range(0, len(samples) - size + 1, size)):
            self.connection.send(np.asarray(samples[at : at + size], dtype="<i2").tobytes())
            time.sleep(max(0.0, began + (number + 1) * FRAME_SECONDS - time.monotonic()))

    def wait_told(self, kind: str, seconds: float = 10.0) -> dict[str, Any]:
        """The first message of that type."""

        def found() -> dict[str, Any] | None:
            return next((one for one in self.told if one["type"] == kind), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None or self._is_over, seconds), self.told
            told = found()
        assert told is not None, (self.told, self.connection.close_code)
        return told

    def wait(self, seconds: float = 10.0) -> int | None:
        """Until the gateway has closed it. With what code."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._is_over, seconds), "the gateway did not close the connection"
        return self.connection.close_code

    def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """It is asked at first and after each message."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), (len(self.frames), self.told)

    def wait_loud(self, seconds: float = 10.0, peak: int = 1000) -> float:
        """When something is heard, from now on."""
        with self._changed:
            first = len(self.frames)

            def loud() -> float | None:
                return next((one.time for one in self.frames[first:] if peak_of(one.audio) > peak), None)

            assert self._changed.wait_for(loud, seconds), "nothing was heard"
            return loud() or 0.0

    def heard(self) -> Samples:
        """All that came, as one sound."""
        parts = [np.frombuffer(one.audio, dtype="<i2") for one in self.frames]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def _read(self) -> None:
        try:
            for message in self.connection:
                now = time.monotonic()
                told = json.loads(message) if isinstance(message, str) else None
                with self._changed:
                    if isinstance(message, bytes):
                        self.frames.append(Heard(message, now))
                    else:
                        self.told.append(told)
                    self._changed.notify_all()
                if self._answers and told is not None and told["type"] == "ping":
                    self.tell(type="pong", number=told["number"])
        except ConnectionClosed:
            pass
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


def peak_of(audio: bytes) -> int:
    return int(np.abs(np.frombuffer(audio, dtype="<i2").astype(np.int32)).max())
