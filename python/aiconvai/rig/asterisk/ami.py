"""A client of Asterisk's manager interface with a synchronous face, for tests and tools.

A thread of its own reads; events are kept in order of arrival so that a test may wait for one that has come
already.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

_KEPT_EVENTS = 100_000


class ManagerError(RuntimeError):
    """The manager refused an action, fell silent or closed the connection."""


@dataclass(frozen=True)
class Message:
    """A response or an event. Keys are case-insensitive; a key that repeats gives all its values through
    `all`.
    """

    headers: tuple[tuple[str, str], ...]
    received: float = field(default=0.0, compare=False)
    """time.monotonic() of its arrival."""

    def __getitem__(self, key: str) -> str:
        value = self.get(key)
        if value is None:
            raise KeyError(f"{key} in {self}")
        return value

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str, default: str | None = None) -> str | None:
        """The first value of a key."""
        lower = key.lower()
        return next((value for name, value in self.headers if name.lower() == lower), default)

    def all(self, key: str) -> list[str]:
        """All values of a key."""
        lower = key.lower()
        return [value for name, value in self.headers if name.lower() == lower]

    @property
    def event(self) -> str | None:
        """The event's name; None for a response."""
        return self.get("Event")

    def as_dict(self) -> dict[str, str]:
        """All headers; of a repeated key the last."""
        return dict(self.headers)

    def __str__(self) -> str:
        return ", ".join(f"{name}: {value}" for name, value in self.headers)


class ManagerClient:
    """One logged-in manager connection. timeout (seconds) bounds the login and every action."""

    def __init__(self, host: str, port: int, user: str, secret: str, *, timeout: float = 10.0) -> None:
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._events: list[Message] = []
        self._dropped = 0
        self._responses: dict[str, Message] = {}
        self._closed: str | None = None
        self._socket = socket.create_connection((host, port), timeout)
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, name=f"ami-{port}", daemon=True)
        self._reader.start()
        try:
            self.action("Login", Username=user, Secret=secret)
        except ManagerError:
            self.close()
            raise

    def __enter__(self) -> ManagerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; harmless when closed."""
        with contextlib.suppress(OSError):  # closed by the other side already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def action(self, name: str, /, *, check: bool = True, **fields: str | int | Sequence[str]) -> Message:
        """Send an action, wait for its response. A field given as a list is sent once per value.

        Raises ManagerError when the response is not Success/Goodbye and check is set.
        """
        identity = f"rig-{next(self._ids)}"
        lines = [f"Action: {name}", f"ActionID: {identity}"]
        for key, value in fields.items():
            values = [str(value)] if isinstance(value, (str, int)) else list(value)
            for one in values:
                if "\r" in one or "\n" in one:
                    raise ManagerError(f"action {name}: line break in {key}: {one!r}")
                lines.append(f"{key}: {one}")
        try:
            self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        except OSError as error:
            raise ManagerError(f"action {name}: {error}") from error
        deadline = time.monotonic() + self._timeout
        with self._changed:
            while identity not in self._responses:
                self._check_open(name)
                if not self._changed.wait(deadline - time.monotonic()):
                    raise ManagerError(f"action {name}: no response within {self._timeout} s")
            response = self._responses.pop(identity)
        if check and response["Response"] not in ("Success", "Goodbye", "Follows"):
            raise ManagerError(f"action {name}: {response}")
        return response

    def command(self, command: str) -> str:
        """Run a command of the command line through the manager."""
        return "\n".join(self.action("Command", Command=command).all("Output"))

    def position(self) -> int:
        """A mark: events that arrive from now on are at or after it."""
        with self._changed:
            return self._dropped + len(self._events)

    def events(self, name: str | None = None, *, since: int = 0) -> list[Message]:
        """Events so far from a mark on, all or those of one name."""
        with self._changed:
            found = self._events[max(0, since - self._dropped) :]
        return [event for event in found if name is None or event.event == name]

    def wait_for(
        self,
        name: str,
        predicate: Callable[[Message], bool] | None = None,
        timeout: float = 10.0,
        *,
        since: int = 0,
    ) -> Message:
        """The first event of that name from a mark on that satisfies the predicate. timeout in seconds."""
        deadline = time.monotonic() + timeout
        position = since
        seen: list[str] = []
        with self._changed:
            while True:
                for event in self._events[max(0, position - self._dropped) :]:
                    if event.event == name:
                        if predicate is None or predicate(event):
                            return event
                        seen.append(str(event))
                position = self._dropped + len(self._events)
                self._check_open(f"wait for {name}")
                if not self._changed.wait(deadline - time.monotonic()):
                    others = "; ".join(seen[-5:]) or "none of that name"
                    raise ManagerError(f"no event {name} as wanted within {timeout} s; seen: {others}")

    def _check_open(self, doing: str) -> None:
        if self._closed is not None:
            raise ManagerError(f"{doing}: connection closed: {self._closed}")

    def _read(self) -> None:
        buffer = b""
        reason = "end of stream"
        try:
            while data := self._socket.recv(65536):
                buffer += data
                *blocks, buffer = buffer.split(b"\r\n\r\n")
                for block in blocks:
                    self._take(block.decode(errors="replace"))
        except OSError as error:
            reason = str(error)
        with self._changed:
            self._closed = reason
            self._changed.notify_all()

    def _take(self, block: str) -> None:
        headers: list[tuple[str, str]] = []
        for line in block.split("\r\n"):
            # The greeting ("Asterisk Call Manager/x.y") is the only line without a colon and is not a header.
            key, colon, value = line.partition(":")
            if colon:
                headers.append((key.strip(), value.removeprefix(" ")))
        message = Message(tuple(headers), time.monotonic())
        with self._changed:
            if message.event is not None:
                self._events.append(message)
                if len(self._events) > _KEPT_EVENTS:
                    half = _KEPT_EVENTS // 2
                    del self._events[:half]
                    self._dropped += half
            elif (identity := message.get("ActionID")) is not None:
                self._responses[identity] = message
            self._changed.notify_all()
