"""A cable between two programs, which can be cut, be dead for a while, be long, and lose packets."""

from __future__ import annotations

import contextlib
import queue
import random
import socket
import threading
import time
from types import TracebackType
from typing import Self

_RETRANSMISSION_SECONDS = 0.2
"""How much later TCP brings what was lost: the least that Linux waits before it sends it again."""
_PIECES = 256
"""On their way in one direction; who sends more waits."""


class Cable:
    """`with Cable(port) as cable`: what is connected to `cable.port` reaches `port`, both of 127.0.0.1.

    delay_seconds is one way's; of all pieces that are sent `loss` is the share that TCP has to send again.
    """

    def __init__(self, port: int, *, delay_seconds: float = 0.0, loss: float = 0.0, seed: int = 1) -> None:
        self._to = port
        self._delay = delay_seconds
        self._loss = loss
        self._chance = random.Random(seed)
        self._alive = threading.Event()
        self._alive.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # close() alone wakes nobody who accepts.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        self.revive()
        for thread in self._threads:
            thread.join(10)

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    def cut(self) -> None:
        """All connections there are; new ones can be made."""
        with self._lock:
            ends, self._ends = self._ends, set()
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def die(self) -> None:
        """Nothing arrives any more, and nobody is told so, as where a router is gone."""
        self._alive.clear()

    def revive(self) -> None:
        """What was sent meanwhile arrives."""
        self._alive.set()

    def _start(self, run: object, *arguments: socket.socket) -> None:
        assert callable(run)
        thread = threading.Thread(target=run, args=arguments)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                self._ends |= {near, far}
            self._start(self._connect, near, far)

    def _connect(self, near: socket.socket, far: socket.socket) -> None:
        """Until both have closed it."""
        back = threading.Thread(target=self._carry, args=(far, near))
        back.start()
        self._carry(near, far)
        back.join()
        with self._lock:
            self._ends -= {near, far}
        near.close()
        far.close()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        pieces: queue.Queue[tuple[float, bytes]] = queue.Queue(_PIECES)
        writer = threading.Thread(target=self._deliver, args=(pieces, sink))
        writer.start()
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                late = self._delay + (_RETRANSMISSION_SECONDS if self._chance.random() < self._loss else 0.0)
                pieces.put((time.monotonic() + late, data))
        pieces.put((time.monotonic() + self._delay, b""))
        writer.join()
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _deliver(self, pieces: queue.Queue[tuple[float, bytes]], sink: socket.socket) -> None:
        """In their order, each at its time, until an empty one; where nobody takes them any more they are lost."""
        while True:
            due, data = pieces.get()
            if not data:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            self._alive.wait()
            with contextlib.suppress(OSError):
                sink.sendall(data)
