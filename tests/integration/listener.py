"""A manager's client in a process of its own, which is as quick as the events of a flood are many.

It keeps what the test's dialplan tells (`UserEvent`) and what looks forged, and counts the rest.
"""

from __future__ import annotations

import multiprocessing
import re
import socket
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.asterisk.ports import HOST

_START_SECONDS = 15.0
_BUFFER_BYTES = 4 << 20
_END = b"\r\n\r\n"
_HEADER = re.compile(rb"^([^:\r\n]+):[ ]?([^\r\n]*)", re.MULTILINE)


@dataclass
class Told:
    """All that was heard so far."""

    events: list[dict[str, str]] = field(default_factory=list)
    """Of the dialplan."""
    forged: list[str] = field(default_factory=list)
    bytes: int = 0
    count: int = 0
    """Of all events."""
    cut_off: int = 0
    """How often Asterisk has closed the connection of this client, which reads all the time; it is made again."""


class Listener:
    """`with Listener(ami_port, word) as listener`: an event or a header is forged whose name is `word`."""

    def __init__(self, ami_port: int, word: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_listen, args=(other, ami_port, word), name="listener", daemon=True)
        self._told = Told()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="listener", daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        if not self._pipe.poll(_START_SECONDS):
            raise TimeoutError(f"the manager's client did not log in within {_START_SECONDS:g} s")
        self._pipe.recv()
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def told(self) -> Told:
        """What was heard so far; the counts are as old as the last event of the dialplan."""
        with self._changed:
            return self._told

    def wait_for(self, name: str, extension: str, timeout: float) -> dict[str, str]:
        """The dialplan's event of that name from that extension. Raises `TimeoutError`."""

        def find() -> dict[str, str] | None:
            wanted = {"UserEvent": name, "Extension": extension}
            return next((event for event in self._told.events if wanted.items() <= event.items()), None)

        with self._changed:
            self._changed.wait_for(lambda: find() is not None, timeout)
            event = find()
            if event is None:
                raise TimeoutError(f"no event {name} of {extension} within {timeout:g} s")
            return event

    def _read(self) -> None:
        while True:
            try:
                told: Told = self._pipe.recv()
            except (EOFError, OSError):
                return
            with self._changed:
                told.events = self._told.events + told.events
                told.forged = self._told.forged + told.forged
                self._told = told
                self._changed.notify_all()


def _listen(pipe: Connection, ami_port: int, word: str) -> None:
    forged = re.compile(rb"^(Event:[ ]?%b\r$|%b[ ]*:)" % ((word.encode(),) * 2), re.MULTILINE | re.IGNORECASE)
    told = Told()
    pipe.send(None)
    while True:
        try:
            _hear(pipe, ami_port, forged, told)
        except OSError:
            return  # There is no Asterisk any more.
        told.cut_off += 1
        pipe.send(told)


def _hear(pipe: Connection, ami_port: int, forged: re.Pattern[bytes], told: Told) -> None:
    """Until Asterisk closes the connection."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as manager:
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        manager.connect((HOST, ami_port))
        manager.sendall(f"Action: Login\r\nUsername: {AMI_USER}\r\nSecret: {AMI_SECRET}\r\n\r\n".encode())
        pieces: list[bytes] = []
        while data := manager.recv(1 << 20):
            told.bytes += len(data)
            pieces.append(data)
            if _END not in data and data[-3:].count(b"\n") == 0:
                continue  # A long event is put together once.
            *blocks, rest = b"".join(pieces).split(_END)
            pieces = [rest]
            for block in blocks:
                told.count += 1
                if forged.search(block):
                    told.forged.append(block.decode(errors="replace")[:500])
                if b"UserEvent: Hostile" in block:
                    headers = _HEADER.findall(block)
                    told.events.append({key.decode(): value.decode(errors="replace") for key, value in headers})
            if told.events or told.forged:
                pipe.send(told)
                told.events, told.forged = [], []
