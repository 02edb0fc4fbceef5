"""AI services that do nothing by themselves: whether and when they accept a call, announce it and act is a test's.

One server serves many calls at once, each with an agent of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import Callable
from typing import Any

from websockets.http11 import Response

from aiconvai.audio import tone
from aiconvai.mock import MockOptions, MockThread, mock_class
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, Limits
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockServer, json_response
from aiconvai.mock.threaded import ThreadedConversation

PATIENT = Limits(initiation=60.0, pong=60.0, receive=600.0)
_AGENT = "walk_agent"


class Door:
    """Where one agent's calls come to. Methods are for the test's thread; they raise `TimeoutError`."""

    def __init__(self) -> None:
        self._knocks: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Future[int]]] = queue.Queue()
        self._inside: queue.Queue[tuple[Conversation, asyncio.Event]] = queue.Queue()
        self._announced: asyncio.Event | None = None
        self._open: list[Callable[[int], None]] = []
        self.loop: asyncio.AbstractEventLoop | None = None

    def wait_for_knock(self, seconds: float) -> Callable[[int], None]:
        """Somebody wants a conversation; what is returned lets him in (0) or refuses him with an HTTP status."""
        try:
            loop, answer = self._knocks.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"nobody asked for a conversation within {seconds:g} s") from None

        def decide(status: int) -> None:
            loop.call_soon_threadsafe(lambda: None if answer.done() else answer.set_result(status))

        self._open.append(decide)
        return decide

    def shut(self) -> None:
        """Whoever still waits is refused."""
        with contextlib.suppress(TimeoutError):
            while True:
                self.wait_for_knock(0.01)
        for decide in self._open:
            decide(503)

    def wait_inside(self, seconds: float) -> ThreadedConversation:
        """Who was let in, once he has said what he wants."""
        try:
            conversation, self._announced = self._inside.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no conversation was begun within {seconds:g} s") from None
        assert self.loop is not None
        return ThreadedConversation(conversation, self.loop)

    def announce(self) -> None:
        assert self.loop is not None
        assert self._announced is not None
        self.loop.call_soon_threadsafe(self._announced.set)

    # For the service --------------------------------------------------------------------------------

    async def knock(self) -> int:
        """How the request is answered, once the test has decided it."""
        self.loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = self.loop.create_future()
        self._knocks.put((self.loop, answer))
        return await answer

    async def stay(self, conversation: Conversation) -> None:
        announced = asyncio.Event()
        self._inside.put((conversation, announced))
        await announced.wait()
        conversation.start()
        await asyncio.Event().wait()


class Doors:
    """A service of one provider, with a door for each name of an agent. A context manager."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self._doors: dict[str, Door] = {}
        self._mock = _walked(mock_class(provider), self._doors)(MockOptions(limits=PATIENT))
        self._thread: MockThread[Any] = MockThread(self._mock)

    def __enter__(self) -> Doors:
        self._thread.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._thread.__exit__(*exception)

    def section(self, agent: str) -> dict[str, str]:
        """The options of aiconvai.conf that lead to that agent's door."""
        self._mock.agents.setdefault(agent, self._mock.AGENT())
        settings = self._mock.settings(agent)
        for name in ("conversation_url", "conversation_endpoint"):
            if name in settings:
                settings[name] += f"{'&' if '?' in settings[name] else '?'}{_AGENT}={agent}"
        return settings

    def door(self, agent: str) -> Door:
        """A new one for the agent's next call; whoever stands before the old one is not let in any more."""
        self._doors[agent] = Door()
        return self._doors[agent]


def _walked(mock: type[MockServer[Any, Any]], doors: dict[str, Door]) -> type[MockServer[Any, Any]]:
    class Walked(mock):  # type: ignore[valid-type, misc]
        async def _reply_to_upgrade(self, connection: MockConnection, record: HttpRequest) -> Response | None:
            door = doors.get(record.query.get(_AGENT, ""))
            status = await door.knock() if door is not None else 503
            if status:
                return json_response(connection, status, {"detail": "as the walk has it"})
            normal: Response | None = await super()._reply_to_upgrade(connection, record)
            return normal

        def _agent_id(self, record: HttpRequest) -> str | None:
            return record.query.get(_AGENT)

        async def _converse(self, conversation: Conversation, connection: MockConnection) -> None:
            door = doors[conversation.request.query[_AGENT]]
            await conversation.run(door.stay)

    return Walked


def say(conversation: ThreadedConversation, seconds: float, hz: float, event_id: int) -> None:
    """The agent says something, all of it at once."""
    audio = tone(hz, seconds, conversation.record.downlink_rate)
    conversation.send_audio(audio, event_id, chunk_ms=250)


def run(conversation: ThreadedConversation, act: Callable[[Conversation], Any]) -> Any:
    """Something that only the mock's own conversation can do, in its thread; what it returns, awaited."""

    async def call() -> Any:
        result = act(conversation._conversation)
        return await result if asyncio.iscoroutine(result) else result

    return conversation._run(call(), 10.0)


