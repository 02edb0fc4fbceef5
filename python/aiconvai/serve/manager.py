"""One connection to Asterisk's manager interface, for asyncio.

A message is a block of lines `Name: value` that ends with an empty line. Responses carry the ActionID of what they
answer; everything else is an event. (Asterisk's documentation of AMI, and main/manager.c.)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

CONNECT_SECONDS = 10.0
ACTION_SECONDS = 10.0
LONGEST_LINE = 1 << 20
"""Bytes: an event's text may have 64 KiB, and each character of it four bytes."""
LONGEST_MESSAGE_LINES = 1000
_HEADER_BYTES = 900
"""Asterisk takes 1024 in a line, its name included."""
_FORBIDDEN = frozenset("\r\n\0")
"""In a header's value: they would end it."""
_MOST_HEADERS = 110
"""Of a text: Asterisk takes 128 in a message (manager.h)."""
EVENTS_WAITING = 10_000
"""Events that nobody has taken yet; with more the connection is read no further."""


class ManagerError(RuntimeError):
    """The manager cannot be reached, refused an action, or said what no manager says; the message names it."""


class ManagerRefusal(ManagerError):
    """It was asked, and has not done it."""


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Where it is, and who asks."""

    host: str = "127.0.0.1"
    port: int = 5038
    user: str = ""
    secret: str = ""
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


Headers = Mapping[str, str]
"""Of one message; of a header that repeats the last."""
Act = Callable[..., Awaitable[Headers]]
"""Asks the Asterisk with that name to do something: takes an action's name, and its headers. Raises `ManagerError`."""


def whole_characters(text: str) -> str:
    """What can be sent: a half character, which JSON may have, is a question mark."""
    return text.encode("utf-8", "replace").decode()


def text_lines(text: str) -> list[str]:
    """For a header that may be a text: it is sent as many headers, which are its lines (manager_actions.c). Where a
    message has no room for so many they are not kept apart, and where it has none for all of it the end is left out.
    """
    lines = text.splitlines()
    if sum(len(_parts(line)) for line in lines) <= _MOST_HEADERS:
        return lines
    return ["".join(_parts(" ".join(lines))[:_MOST_HEADERS])]


def _parts(line: str) -> list[str]:
    """What a header has room for, each; no character is cut in two."""
    parts: list[str] = []
    encoded = line.encode()
    while len(encoded) > _HEADER_BYTES:
        end = _HEADER_BYTES
        while encoded[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(encoded[:end].decode())
        encoded = encoded[end:]
    return [*parts, encoded.decode()]


class Manager:
    """A connection that is logged in. Used by one task at a time, but for `action`."""

    def __init__(self, settings: ManagerSettings, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use `connect`."""
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Headers]] = {}
        self._events: asyncio.Queue[Headers | None] = asyncio.Queue(EVENTS_WAITING)
        self._problem: ManagerError | None = None
        self._reading = asyncio.create_task(self._read(), name=f"manager {settings}")

    @classmethod
    async def connect(cls, settings: ManagerSettings) -> Self:
        """Raises `ManagerError`."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    settings.host, settings.port, ssl=settings.tls, limit=LONGEST_LINE
                )
                await reader.readline()  # Its name and version.
        except TimeoutError:
            raise ManagerError(f"{settings}: no answer within {CONNECT_SECONDS:g} s") from None
        except (OSError, ValueError) as error:
            raise ManagerError(f"{settings}: {error}") from error
        manager = cls(settings, reader, writer)
        try:
            await manager.action("Login", Username=settings.user, Secret=settings.secret)
        except ManagerError:
            await manager.close()
            raise
        return manager

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Harmless where it is closed."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self._writer.wait_closed()

    async def action(self, name: str, /, **headers: str | Sequence[str]) -> Headers:
        """Sends an action and waits for its response. Raises `ManagerError` where that is not a success.

        A header with several values is sent as often, and what a header has no room for as another one that goes on
        with it (`NAME+`; manager_actions.c). `ActionID`: where an event is to have it, too; each has another.
        """
        if self._problem is not None:
            raise self._problem
        own = headers.pop("ActionID", "")
        identity = own if isinstance(own, str) and own else f"aiconvai-{next(self._ids)}"
        given = [(key, [one] if isinstance(one, str) else one) for key, one in headers.items()]
        lines = [("Action", name), ("ActionID", identity)]
        for key, value in ((key, value) for key, many in given for value in many):
            if not _FORBIDDEN.isdisjoint(value):
                raise ManagerError(f"{self._settings}: {name}: a line break or NUL in {key}: {value!r:.100}")
            first, *rest = _parts(value)
            lines += [(key, first), *((f"{key}+", part) for part in rest)]
        answer: asyncio.Future[Headers] = asyncio.get_running_loop().create_future()
        self._answers[identity] = answer
        try:
            self._writer.write(("".join(f"{key}: {value}\r\n" for key, value in lines) + "\r\n").encode())
            async with asyncio.timeout(ACTION_SECONDS):
                response = await answer
        except TimeoutError:
            raise ManagerError(f"{self._settings}: {name}: no response within {ACTION_SECONDS:g} s") from None
        finally:
            del self._answers[identity]
        if response.get("Response") not in ("Success", "Goodbye"):
            raise ManagerRefusal(f"{self._settings}: {name}: {response.get('Message', 'no reason given')}")
        return response

    async def events(self) -> AsyncIterator[Headers]:
        """Every event from now on, until the connection is lost. Raises `ManagerError` then."""
        while (event := await self._events.get()) is not None:
            yield event
        assert self._problem is not None
        raise self._problem

    # The reading task --------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                message = await self._read_message()
                answer = self._answers.get(message.get("ActionID", ""))
                # Also an event may have a response in it: how an Originate ended.
                if "Event" in message:
                    await self._events.put(message)
                elif answer is not None and not answer.done():
                    answer.set_result(message)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self._fail(ManagerError(f"{self._settings}: the connection is lost: {error}"))
            await self._events.put(None)

    async def _read_message(self) -> Headers:
        headers: dict[str, str] = {}
        for _ in range(LONGEST_MESSAGE_LINES):
            line = (await self._reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return headers
            key, _, value = line.partition(":")
            headers[key] = value.removeprefix(" ")
        raise ValueError(f"a message of more than {LONGEST_MESSAGE_LINES} lines")

    def _fail(self, problem: ManagerError) -> None:
        self._problem = problem
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(problem)
