"""A service that accepts connections and never says a word."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

_WAITING = 1024


class SilentService:
    """`with SilentService() as silent`: the kernel accepts, nobody reads."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def __enter__(self) -> Self:
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(_WAITING)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def port(self) -> int:
        """Of 127.0.0.1."""
        port: int = self._socket.getsockname()[1]
        return port
