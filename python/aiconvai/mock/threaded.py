"""The mock in a thread of its own, for tests and programs that are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from aiconvai.audio import Samples
from aiconvai.mock.agent import MockAgent
from aiconvai.mock.conversation import Conversation
from aiconvai.mock.elevenlabs import ElevenLabsMock
from aiconvai.mock.jitter import NO_JITTER, Jitter
from aiconvai.mock.record import ConversationRecord, HttpRequest
from aiconvai.mock.scenario import Pace, Wire
from aiconvai.mock.server import MockOptions, MockServer

T = TypeVar("T")
MockT = TypeVar("MockT", bound=MockServer[Any, Any])

START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 20.0
CALL_TIMEOUT_SECONDS = 30.0


class ThreadedConversation:
    """A conversation of a mock in another thread; `record` may be read at any time, methods wait.

    What they do and raise is what the methods of `Conversation` of the same name do and raise.
    """

    def __init__(self, conversation: Conversation, loop: asyncio.AbstractEventLoop) -> None:
        self._conversation = conversation
        self._loop = loop

    @property
    def record(self) -> ConversationRecord:
        return self._conversation

    @property
    def current_event_id(self) -> int:
        return self._conversation.current_event_id

    def wait_initiated(self, timeout: float = 10.0) -> Any:
        return self._run(self._conversation.wait_initiated(timeout), timeout)

    def wait_started(self, timeout: float = 10.0) -> None:
        self._run(self._conversation.wait_started(timeout), timeout)

    def wait_received(self, condition: Callable[[ConversationRecord], bool], timeout: float = 10.0) -> None:
        """`condition` is called in the mock's thread and must only read."""
        self._run(self._conversation.wait_received(condition, timeout), timeout)

    def wait_closed(self, timeout: float = 10.0) -> None:
        self._run(self._conversation.wait_closed(timeout), timeout)

    def wait_for_playout(self, timeout: float = 60.0) -> None:
        self._run(self._conversation.wait_for_playout(), timeout)

    def send(self, message: Any) -> None:
        self._run(self._conversation.send(message))

    def send_raw(self, text: str) -> None:
        self._run(self._conversation.send_raw(text))

    def send_audio(self, audio: Samples | bytes, event_id: int, chunk_ms: int | None = None) -> None:
        self._run(self._conversation.send_audio(audio, event_id, chunk_ms))

    def play(
        self,
        audio: Samples | bytes,
        event_id: int | None = None,
        *,
        text: str | None = None,
        pace: Pace = "burst",
        chunk_ms: int = 250,
        jitter: Jitter = NO_JITTER,
        timeout: float = 60.0,
    ) -> bool:
        play = self._conversation.play(audio, event_id, text=text, pace=pace, chunk_ms=chunk_ms, jitter=jitter)
        return self._run(play, timeout)

    def interrupt(self, event_id: int | None = None) -> None:
        self._run(self._conversation.interrupt(event_id))

    def ping(self, timeout: float = 5.0) -> float:
        return self._run(self._conversation.ping(timeout), timeout)

    def call_tool(
        self,
        name: str,
        parameters: dict[str, Any] | None = None,
        timeout: float = 20.0,
        *,
        arguments: str | None = None,
    ) -> Any:
        return self._run(self._conversation.call_tool(name, parameters, timeout, arguments=arguments), timeout)

    def start_tool(self, name: str, parameters: dict[str, Any] | None = None) -> None:
        """Calls a tool whose result nobody waits for."""

        async def start() -> None:
            self._conversation.start_tool(name, parameters)

        self._run(start())

    def call_tools(self, *calls: tuple[str, dict[str, Any]], timeout: float = 20.0) -> list[Any]:
        """Calls several tools at once; their results, in that order. Raises `TimeoutError`."""

        async def call() -> list[Any]:
            async with asyncio.timeout(timeout):
                return await asyncio.gather(*self._conversation.start_tools(*calls))

        return self._run(call(), timeout)

    def caller_said(self, text: str) -> None:
        self._call(self._conversation.caller_said, text)

    def overtake(self, audio: Samples) -> None:
        self._call(self._conversation.overtake, audio)

    def echo(self, on: bool, event_id: int | None = None) -> None:
        self._call(self._conversation.echo, on, event_id)

    def shape(self, wire: Wire) -> None:
        self._call(self._conversation.shape, wire)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self._run(self._conversation.close(code, reason))

    def drop(self) -> None:
        self._call(self._conversation.drop)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        async def call() -> None:
            function(*arguments)

        self._run(call())

    def _run(self, coroutine: Coroutine[Any, Any, T], timeout: float = 0.0) -> T:
        return _run(self._loop, coroutine, timeout)


class MockThread(Generic[MockT]):
    """`with MockThread(SomeMock(options)) as mock`: a mock service that runs beside a sync test."""

    def __init__(self, mock: MockT) -> None:
        self._mock = mock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run_thread, name="mock", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_SECONDS):
            raise TimeoutError(f"the mock did not start within {START_TIMEOUT_SECONDS:g} s")
        if self._error is not None:
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # The loop is closed if the mock failed already.
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_TIMEOUT_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError(f"the mock did not stop within {STOP_TIMEOUT_SECONDS:g} s")
        if self._error is not None and error is None:
            raise self._error

    @property
    def agent_class(self) -> type[MockAgent]:
        """What agents of this service are made of."""
        return self._mock.AGENT

    def settings(self, agent_id: str) -> dict[str, str]:
        """The options of aiconvai.conf that reach an agent."""
        return self._mock.settings(agent_id)

    @property
    def agents(self) -> dict[str, Any]:
        return self._mock.agents

    @property
    def requests(self) -> list[HttpRequest]:
        return self._mock.requests

    @property
    def conversations(self) -> list[ThreadedConversation]:
        """Every conversation that was accepted, oldest first."""
        return [ThreadedConversation(each, self._running_loop) for each in list(self._mock.conversations)]

    @property
    def host(self) -> str:
        return self._mock.host

    @property
    def port(self) -> int:
        return self._mock.port

    @property
    def base_url(self) -> str:
        return self._mock.base_url

    @property
    def conversation_endpoint(self) -> str:
        return self._mock.conversation_endpoint

    def next_conversation(self, timeout: float = 10.0) -> ThreadedConversation:
        """The oldest conversation that this has not returned yet. Raises `TimeoutError`."""
        loop = self._running_loop
        return ThreadedConversation(_run(loop, self._mock.next_conversation(timeout), timeout), loop)

    @property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the mock is not running; use it in a `with` statement")
        return self._loop

    def _run_thread(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._mock:
            self._ready.set()
            await self._stop.wait()


class ElevenLabsMockThread(MockThread[ElevenLabsMock]):
    """`with ElevenLabsMockThread(options) as mock`: an `ElevenLabsMock` that runs beside a sync test."""

    def __init__(self, options: MockOptions) -> None:
        super().__init__(ElevenLabsMock(options))

    @property
    def signed_url_endpoint(self) -> str:
        return self._mock.signed_url_endpoint

    def conversation_url(self, agent_id: str) -> str:
        return self._mock.conversation_url(agent_id)

    def signed_url(self, agent_id: str, *, include_conversation_id: bool = False) -> str:
        return self._mock.signed_url(agent_id, include_conversation_id=include_conversation_id)


def _run(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], timeout: float) -> T:
    """The coroutine's result; it has its own `timeout`, this only adds a bound in case the mock hangs."""
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result(timeout + CALL_TIMEOUT_SECONDS)
    except TimeoutError:
        future.cancel()
        raise
