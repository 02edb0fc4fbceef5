"""A live conversation of a mock: hears the client, remembers everything, speaks for the service.

What all services have in common is here. The messages of each are in a subclass of its own, which fills in the methods
under "What a service has its own messages for".
"""

# ruff: noqa: ASYNC109 - a test states how long each of its waits may take.

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from websockets.exceptions import ConnectionClosed

from aiconvai.audio import Samples, decode, encode, sample_bytes
from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.echo import EchoConverter
from aiconvai.mock.errors import CLIENT_ERRORS, ConversationClosedError, ErrorType, InvalidMessageError
from aiconvai.mock.futures import give_up
from aiconvai.mock.jitter import NO_JITTER, Jitter
from aiconvai.mock.playout_estimate import PlayoutEstimate
from aiconvai.mock.record import (
    AudioChunk,
    CallerTurn,
    ConversationRecord,
    HttpRequest,
    Journal,
    Received,
    Sent,
    Violation,
)
from aiconvai.mock.scenario import Pace, Wire
from aiconvai.mock.speech_detector import SpeechDetector
from aiconvai.mock.waiters import Waiters

END_CALL_TOOL = "end_call"
END_CALL_SECONDS = 20.0
"""The client lets what was said be heard to its end before it hangs up."""
_MAX_CLOSE_REASON_BYTES = 123


@dataclass(frozen=True)
class Limits:
    """How long the mock waits for a client, in seconds."""

    initiation: float = 5.0
    """From the upgrade to the first message."""
    pong: float = 5.0
    """From a ping to its pong."""
    receive: float = 60.0
    """Between two messages of the client, pongs aside."""


@dataclass(frozen=True)
class ToolResult:
    """What the client answered to the call of a tool."""

    tool_call_id: str
    result: str
    is_error: bool = False
    """Where the service's protocol can say so."""


class Conversation(ConversationRecord):
    """See `ConversationRecord` for what can be read; the methods act on the live connection.

    Methods that send raise `ConversationClosedError` once the connection is closed.
    """

    OPENING_MESSAGE: ClassVar[str]
    """What the client has to begin with."""
    ECHO_HAS_IDS: ClassVar[bool] = False
    """Whether each chunk of an echo is an utterance of its own; otherwise all of it is one."""

    def __init__(
        self,
        connection: MockConnection,
        request: HttpRequest,
        *,
        conversation_id: str,
        agent_id: str,
        agent: MockAgent,
        limits: Limits,
        journal: Journal | None = None,
        input_format: str = "ulaw_8000",
        output_format: str = "ulaw_8000",
    ) -> None:
        super().__init__(conversation_id, agent_id, request, input_format, output_format)
        self.agent = agent
        self._connection = connection
        self._limits = limits
        self._journal = journal
        self._max_duration = agent.max_duration_seconds
        self._event_id = 0
        self._interrupted_through = 0
        self._playout = PlayoutEstimate()
        self._last_heard = self.begun
        self._tool_ids = itertools.count(1)
        self._tool_calls: dict[str, asyncio.Future[Any]] = {}
        self._raw_arguments: str | None = None
        self._echo: EchoConverter | None = None
        self._echo_event_id: int | None = None
        self._listeners: list[SpeechDetector] = []
        self._barge_in: tuple[SpeechDetector, int] | None = None
        self._is_callers_turn = False
        """Whether the client says that the caller speaks, where it tells when that begins."""
        self._turn_began_at = 0
        """The first chunk of the uplink in the caller's present turn, where the client tells turns."""
        self.forgives = False
        """What the client does wrong has no consequence any more, nor is it put on record: it was provoked."""
        self._waiters = Waiters()
        self._initiated = asyncio.Event()
        self._started = asyncio.Event()
        self._closed = asyncio.Event()

    # What a service has its own messages for -----------------------------------------------------------

    @property
    def identifies_audio(self) -> bool:
        """Whether the client is told which utterance audio belongs to.

        If not, an interruption is of all there is, and the service itself sends nothing more of it.
        """
        return True

    def greet(self) -> None:
        """The connection is open: what the service says before the client says anything.

        Raises `InvalidMessageError` if the request already broke the protocol.
        """

    def announce(self) -> None:
        """Tells the client that the conversation is on."""
        raise NotImplementedError

    def _accept(self, message: str | bytes, now: float) -> None:
        """Judges a message of the client and acts on it.

        To be used: `_accept_initiation`, `_accept_audio`, `_accept_tool_result`, `_accept_other`. Raises
        `InvalidMessageError`.
        """
        raise NotImplementedError

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> str | bytes:
        """The message with a chunk of agent audio; `encoded` is the same in base64, if that is known."""
        raise NotImplementedError

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        """The transcript of what the caller said, as far as the service tells it."""
        raise NotImplementedError

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        """The text of what the agent says."""
        raise NotImplementedError

    def voice_activity(self, score: float) -> None:
        """How much the caller's audio sounds like speech, 0 to 1, where the service tells it."""

    def caller_began_speaking(self) -> None:
        """The service noticed speech, over the agent's or not."""

    def caller_stopped_speaking(self) -> None:
        """The service noticed that the caller's turn is over."""

    def _tell_interruption(self, event_id: int) -> None:
        """Tells the client that the audio of `event_id` and everything before it is not to be heard any more."""
        raise NotImplementedError

    async def _wait_for_floor(self) -> None:
        """Until the service would speak at all."""

    def _begin_utterance(self, event_id: int, text: str | None) -> None:
        """The messages before the audio of an utterance; `text` is what it says, if that is to be told."""
        if text is not None:
            self.agent_said(text, event_id)

    def _end_utterance(self, event_id: int, text: str | None, *, interrupted: bool) -> None:
        """The messages after it, once all of it was sent or it was interrupted."""

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        raise NotImplementedError

    async def end_call(self, tool_call_id: str) -> None:
        """The agent ends the call: by the service's own message for it, else by the client's tool of that name."""
        if self._has_tool(END_CALL_TOOL):
            self.start_tool(END_CALL_TOOL)
            await self.wait_closed(END_CALL_SECONDS)

    def _has_tool(self, name: str) -> bool:
        """Whether the client declared such a tool."""
        return False

    async def _refuse(self, error: InvalidMessageError) -> None:
        """What the service does about a message that breaks its protocol; the violation is on record."""
        await self.fail(error.error_type, error.detail)

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        raise NotImplementedError

    def close_code_for(self, error_type: ErrorType) -> int:
        """With which the service closes after an error of that type."""
        if error_type in CLIENT_ERRORS:
            return 1008
        return 1000 if error_type == "max_duration_exceeded" else 1011

    def send_now(self, message: Any) -> None:
        """As `send`, without waiting until the connection takes more."""
        raise NotImplementedError

    # What happened -------------------------------------------------------------------------------------

    @property
    def current_event_id(self) -> int:
        """The number of the newest utterance; 0 before there is any. Some services send it as an id."""
        return self._event_id

    @property
    def playout_left(self) -> float:
        """Seconds of sent audio the caller has not heard yet, if the client plays without delay."""
        return self._playout.left(time.monotonic())

    async def wait_for_playout(self) -> None:
        """Until the caller has heard all audio sent so far, or an interruption made that pointless."""
        left = self.playout_left
        # Audio sent meanwhile makes it longer; only the clock says when it is over.
        while left > 0.0:
            await asyncio.sleep(left)
            left = self.playout_left

    async def wait_initiated(self, timeout: float = 10.0) -> Any:
        """The client's first message, once it has come. Raises `TimeoutError`."""
        await asyncio.wait_for(self._initiated.wait(), timeout)
        return self.initiation

    async def wait_started(self, timeout: float = 10.0) -> None:
        """Until the conversation was announced. Raises `TimeoutError`."""
        await asyncio.wait_for(self._started.wait(), timeout)

    async def wait_closed(self, timeout: float | None = 10.0) -> None:
        """Until the connection is gone and the record complete. Raises `TimeoutError`."""
        await asyncio.wait_for(self._closed.wait(), timeout)

    async def wait_received(self, condition: Callable[[ConversationRecord], bool], timeout: float = 10.0) -> None:
        """Until `condition` holds for the record, asked after every client message. Raises `TimeoutError`."""

        has_held = False

        def is_decided() -> bool:
            # What holds now may not hold any more when the waiting task comes to run.
            nonlocal has_held
            has_held = has_held or condition(self)
            return has_held or self.closed is not None

        async with asyncio.timeout(timeout):
            await self._waiters.until(is_decided)
        if not has_held:
            raise ConversationClosedError("the conversation ended before the condition held")

    # What the service does -----------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        """Sends any message of the service; a dict is validated first."""
        self.send_now(message)
        await self._drain()

    async def send_raw(self, text: str) -> None:
        """Sends text as it is, such as garbage or a message type nobody knows."""
        self._transmit(text, None)
        await self._drain()

    def next_event_id(self) -> int:
        """A new number for the agent's next utterance."""
        self._event_id += 1
        return self._event_id

    async def send_audio(self, audio: Samples | bytes, event_id: int, chunk_ms: int | None = None) -> None:
        """Agent audio in one message, or one every `chunk_ms` of it, all at once.

        Samples are at `downlink_rate`; bytes are already in `output_format`.
        """
        await self._wait_for_floor()
        for chunk in self._chunks(audio, chunk_ms):
            self._send_chunk(chunk, event_id)
        await self._drain()

    async def play(
        self,
        audio: Samples | bytes,
        event_id: int | None = None,
        *,
        text: str | None = None,
        pace: Pace = "burst",
        chunk_ms: int = 250,
        jitter: Jitter = NO_JITTER,
    ) -> bool:
        """An utterance in chunks; stops, as the service does, when it is interrupted. False if it was.

        `text` is what it says, if that is to be told. At the pace of real time each chunk is sent when the one before
        it ends, or as much later as `jitter` says.
        """
        await self._wait_for_floor()
        event_id = self.next_event_id() if event_id is None else event_id
        already_interrupted = self._interrupted_through >= event_id
        self._begin_utterance(event_id, text)
        began = time.monotonic()
        chunks = self._chunks(audio, chunk_ms)
        for chunk, due_ms in zip(chunks, jitter.arrivals_ms(len(chunks), chunk_ms), strict=True):
            if pace == "realtime":
                await asyncio.sleep(max(0.0, began + due_ms / 1000 - time.monotonic()))
            if not already_interrupted and self._interrupted_through >= event_id:
                self._end_utterance(event_id, text, interrupted=True)
                return False
            self._send_chunk(chunk, event_id)
            await self._drain()
        self._end_utterance(event_id, text, interrupted=False)
        if pace == "realtime":
            await asyncio.sleep(max(0.0, began + len(chunks) * chunk_ms / 1000 - time.monotonic()))
        return True

    async def interrupt(self, event_id: int | None = None) -> None:
        """An interruption of the utterance with that number (by default the newest) and everything before it."""
        self.interrupt_now(event_id)
        await self._drain()

    def interrupt_now(self, event_id: int | None = None) -> None:
        """As `interrupt`, without waiting until the connection takes more."""
        if event_id is None or not self.identifies_audio:
            event_id = self._event_id
        self._interrupted_through = max(self._interrupted_through, event_id)
        now = time.monotonic()
        if self._playout.left(now) > 0.0:
            self.interruptions.append(now)
        self._playout.interrupt(event_id, now)
        self._tell_interruption(event_id)

    async def ping(self, timeout: float | None = None) -> float:
        """Seconds until the pong. An unanswered ping is a violation, and raises `TimeoutError`.

        A ping of the WebSocket, where the service has no messages of its own for it.
        """
        limit = self._limits.pong if timeout is None else timeout
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                await (await self._connection.ping())
        except TimeoutError:
            self._violate("invalid_message", f"a WebSocket ping was not answered within {limit:g} s")
            raise
        except ConnectionClosed as error:
            raise ConversationClosedError(str(error)) from None
        self.pongs += 1
        return time.monotonic() - began

    async def call_tool(
        self,
        name: str,
        parameters: dict[str, Any] | None = None,
        timeout: float = 20.0,
        *,
        arguments: str | None = None,
    ) -> Any:
        """Calls a tool of the client; its result: a `ToolResult`, or what the service has for it.

        Raises `TimeoutError`.
        """
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self.start_tool(name, parameters, arguments=arguments))

    def start_tool(
        self,
        name: str,
        parameters: dict[str, Any] | None = None,
        *,
        expects_response: bool | None = None,
        arguments: str | None = None,
    ) -> asyncio.Future[Any]:
        """Calls a tool of the client without waiting for the result.

        `arguments` is what a service that has them as a text sends as it is, JSON or not.
        """
        tool_call_id = f"tool_call_{next(self._tool_ids)}"
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tool_calls[tool_call_id] = result
        self._raw_arguments = arguments
        self._tell_tool_call(tool_call_id, name, parameters or {}, expects_response)
        return result

    def _arguments_text(self, parameters: dict[str, Any]) -> str:
        """The arguments of the call being told, as a text."""
        return json.dumps(parameters) if self._raw_arguments is None else self._raw_arguments

    def start_tools(self, *calls: tuple[str, dict[str, Any]]) -> list[asyncio.Future[Any]]:
        """Calls several tools of the client, each a name and its parameters: at once, where the service can."""
        return [self.start_tool(name, parameters) for name, parameters in calls]

    def overtake(self, audio: Samples) -> None:
        """Where the client asks for answers: its next request meets an answer of the service's own, which says
        `audio`, and is refused.
        """
        raise ValueError("no client of this service asks for an answer, so that none can be refused")

    async def fail(
        self,
        error_type: ErrorType,
        message: str,
        *,
        code: int | None = None,
        announce: bool = True,
        close: bool = True,
    ) -> None:
        """An error message (if `announce`) and the close that belongs to it (if `close`)."""
        code = self.close_code_for(error_type) if code is None else code
        if announce:
            with contextlib.suppress(ConversationClosedError):
                self._tell_error(error_type, message, code)
        if close:
            await self.close(code, message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the WebSocket and waits until it is closed; does nothing if it is."""
        short = reason.encode()[:_MAX_CLOSE_REASON_BYTES].decode(errors="ignore")
        await self._connection.close(code, short)

    def drop(self) -> None:
        """Resets the TCP connection without a close, as a network failure does."""
        self._connection.abort()

    def fall_silent(self) -> None:
        """Neither reads nor sends from here on, as a service that hangs; its kernel still takes what fits."""
        self._connection.fall_silent()

    def shape(self, wire: Wire) -> None:
        """From here on bytes to the client are cut as `wire` says."""
        self._connection.shape(wire)

    def echo(self, on: bool, event_id: int | None = None) -> None:
        """Whether caller audio goes straight back: by default as the service numbers it, or all with `event_id`."""
        self._echo = EchoConverter(self.input_format, self.output_format) if on else None
        if on and event_id is None and not self.ECHO_HAS_IDS:
            event_id = self.next_event_id()
        self._echo_event_id = event_id

    def barge_in(self, enabled: bool, *, min_ms: int = 150, level_dbfs: float = -40.0) -> None:
        """Whether `min_ms` of caller speech while the agent can be heard interrupt the agent."""
        if self._barge_in is not None:
            self._listeners.remove(self._barge_in[0])
            self._barge_in = None
        if enabled:
            detector = SpeechDetector(self.uplink_rate, level_dbfs)
            self._listeners.append(detector)
            self._barge_in = detector, min_ms

    @contextlib.contextmanager
    def listen(self, level_dbfs: float, history_ms: int = 0) -> Iterator[SpeechDetector]:
        """A detector of the caller's speech that first hears the last `history_ms`."""
        detector = SpeechDetector(self.uplink_rate, level_dbfs)
        if history_ms:
            detector.feed(self._last_uplink(history_ms))
        self._listeners.append(detector)
        try:
            yield detector
        finally:
            self._listeners.remove(detector)

    # The life of the conversation, for the server -------------------------------------------------------

    async def run(self, drive: Callable[[Conversation], Awaitable[None]]) -> None:
        """Receives until the connection is gone.

        `drive`, which is begun after the initiation, is what the agent does.
        """
        try:
            await self._judged(self.greet, "")
            async with asyncio.TaskGroup() as group:
                others = [
                    group.create_task(self._drive(drive)),
                    group.create_task(self._enforce_limits()),
                ]
                try:
                    await self._receive()
                finally:
                    for task in others:
                        task.cancel()
        finally:
            # Nothing to do unless the mock itself failed: then the client must not wait for ever.
            await self._connection.close(1011, "the mock failed")
            await self._connection.wait_lost()
            self._note_close()

    def start(self) -> None:
        """Announces the conversation."""
        self.announce()
        self.started = time.monotonic()
        self._started.set()

    async def _drive(self, drive: Callable[[Conversation], Awaitable[None]]) -> None:
        await self._initiated.wait()
        with contextlib.suppress(ConversationClosedError):
            await drive(self)

    async def _enforce_limits(self) -> None:
        try:
            # Not wait_for(): up to Python 3.11 it forgets a cancellation that meets the end of the wait.
            async with asyncio.timeout(self._limits.initiation):
                await self._initiated.wait()
        except TimeoutError:
            detail = f"no {self.OPENING_MESSAGE} within {self._limits.initiation:g} s"
            self._violate("missing_fields", detail)
            await self.fail("missing_fields", detail)
            return
        end = self.begun + self._max_duration
        while (now := time.monotonic()) < end:
            silent_until = self._last_heard + self._limits.receive
            if now >= silent_until:
                detail = f"nothing from the client for {self._limits.receive:g} s"
                self._violate("transport_receive_timeout", detail)
                await self.fail("transport_receive_timeout", detail)
                return
            await asyncio.sleep(min(silent_until, end) - now)
        await self.fail("max_duration_exceeded", f"longer than {self._max_duration:g} s")

    async def _receive(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._connection:
                await self._judged(partial(self._accept, message, time.monotonic()), message)
                self._waiters.wake()

    async def _judged(self, act: Callable[[], None], message: str | bytes) -> None:
        try:
            act()
        except InvalidMessageError as error:
            self._violate(error.error_type, error.detail, repr(message)[:500])
            if not self.forgives:
                with contextlib.suppress(ConversationClosedError):
                    await self._refuse(error)
        except ConversationClosedError:
            pass  # What the service had to say about it comes too late.

    # Judging the client, for subclasses ----------------------------------------------------------------

    def _accept_initiation(self, message: Any, kind: str, now: float, text: str) -> None:
        """The client's first message; the service may announce the conversation from now on."""
        if self.initiation is not None:
            raise InvalidMessageError("invalid_message", f"{self.OPENING_MESSAGE} a second time")
        self.initiation = message
        self.initiated = now
        self._accept_other(message, kind, now, text)
        self._initiated.set()

    def _require_initiation(self, kind: str) -> None:
        if self.initiation is None:
            raise InvalidMessageError(
                "invalid_message", f"the first message must be {self.OPENING_MESSAGE}, got {kind}"
            )

    def _accept_audio(self, data: bytes, now: float, encoded: str | None = None) -> None:
        """A chunk of caller audio; `encoded` is the same in base64, if it came so."""
        if len(data) % sample_bytes(self.input_format):
            raise InvalidMessageError("value_error", f"audio: {len(data)} bytes are no whole number of 16-bit samples")
        self.uplink.append(AudioChunk(now, data))
        self._last_heard = now
        if self._journal is not None:
            self._note("received", audio=encoded or base64.b64encode(data).decode())
        if self._echo is not None:
            with contextlib.suppress(ConversationClosedError):
                self._send_back(self._echo, data, encoded)
        if self._listeners:
            samples = decode(data, self.input_format)
            for listener in list(self._listeners):
                listener.feed(samples)
            with contextlib.suppress(ConversationClosedError):
                self._interrupt_if_spoken_over()

    def _begin_caller_turn(self) -> None:
        """The client says that the caller speaks."""
        self._is_callers_turn = True
        self._turn_began_at = len(self.uplink)

    def _end_caller_turn(self, now: float) -> None:
        """The client says that the caller has finished; what he said is put on record."""
        self._is_callers_turn = False
        said = b"".join(chunk.data for chunk in self.uplink[self._turn_began_at :])
        self._turn_began_at = len(self.uplink)
        if said:
            self.caller_turns.append(CallerTurn(now, said))

    def _accept_tool_result(self, tool_call_id: str, result: Any) -> None:
        """`result` is a `ToolResult`, or what the service has for it; to be followed by `_accept_other`."""
        call = self._tool_calls.pop(tool_call_id, None)
        if call is None:
            raise InvalidMessageError("value_error", f"tool_call_id {tool_call_id!r} belongs to no open tool call")
        self.tool_results.append(result)
        if not call.done():
            call.set_result(result)

    def _accept_other(self, message: Any, kind: str, now: float, text: str, *, sign_of_life: bool = True) -> None:
        """A message that was found to be good."""
        if sign_of_life:
            self._last_heard = now
        self.received.append(Received(now, message, kind, text))
        self._note("received", text=text)

    def _violate(self, error_type: ErrorType, detail: str, text: str = "") -> None:
        if self.forgives:
            return
        self.violations.append(Violation(time.monotonic(), error_type, detail, text))
        self._note("violation", error_type=error_type, detail=detail, text=text)

    def _send_back(self, converter: EchoConverter, data: bytes, encoded: str | None) -> None:
        event_id = self._event_id + 1 if self._echo_event_id is None else self._echo_event_id
        if self.input_format == self.output_format:
            self._send_chunk(data, event_id, encoded)
        elif converted := converter.convert(data):
            self._send_chunk(converted, event_id)

    def _interrupt_if_spoken_over(self) -> None:
        if self._barge_in is None:
            return
        detector, min_ms = self._barge_in
        if detector.speech_ms >= min_ms and self.playout_left > 0.0:
            detector.start_again()
            self.interrupt_now()

    # Sending, for subclasses ---------------------------------------------------------------------------

    def _transmit(self, text: str | bytes, kind: str | None) -> None:
        """Sends a message other than audio, as text or binary.

        `kind` is what the service calls it, None for text as it is.
        """
        now = time.monotonic()
        self._connection.transmit(text)
        if isinstance(text, bytes):
            text = text.decode()
        self.sent.append(Sent(now, text, kind))
        self._note("sent", text=text)

    def _send_chunk(
        self, data: bytes, event_id: int, encoded: str | None = None, message: str | bytes | None = None
    ) -> None:
        """A chunk of agent audio; `encoded` is the same in base64, `message` the whole message, if they are known."""
        if not self.identifies_audio and event_id <= self._interrupted_through:
            return
        if message is None:
            message = self._audio_message(data, event_id, encoded)
        now = time.monotonic()
        self._connection.transmit(message)
        self.downlink.append(AudioChunk(now, data, event_id))
        self._event_id = max(self._event_id, event_id)
        self._playout.add(event_id, len(data) / self.downlink_bytes_per_second, now)
        if isinstance(message, str):
            self._note("sent", text=message)
        elif self._journal is not None:
            self._note("sent", audio=encoded or base64.b64encode(data).decode())

    async def _drain(self) -> None:
        try:
            await self._connection.drain()
        except (ConnectionClosed, ConnectionError) as error:
            raise ConversationClosedError(str(error)) from None

    def _chunks(self, audio: Samples | bytes, chunk_ms: int | None) -> list[bytes]:
        data = audio if isinstance(audio, bytes) else encode(audio, self.output_format)
        if chunk_ms is None:
            return [data] if data else []
        samples = max(1, self.downlink_rate * chunk_ms // 1000)
        size = samples * sample_bytes(self.output_format)
        return [data[start : start + size] for start in range(0, len(data), size)]

    def _last_uplink(self, milliseconds: int) -> Samples:
        wanted = self.uplink_rate * milliseconds // 1000
        parts: list[Samples] = []
        for chunk in reversed(self.uplink):
            if wanted <= 0:
                break
            parts.append(decode(chunk.data, self.input_format))
            wanted -= parts[-1].size
        return np.concatenate(parts[::-1]) if parts else np.zeros(0, dtype=np.int16)

    # The end -------------------------------------------------------------------------------------------

    def _note(self, event: str, **details: Any) -> None:
        if self._journal is not None:
            self._journal.write(self.id, event, **details)

    def _note_close(self) -> None:
        protocol = self._connection.protocol
        received, sent = protocol.close_rcvd, protocol.close_sent
        by_client = received is not None and (sent is None or bool(protocol.close_rcvd_then_sent))
        first = received if by_client else sent
        self.closed_by = "client" if by_client else "service" if sent is not None else "lost"
        self.close_code = first.code if first is not None else 1006
        self.close_reason = first.reason if first is not None else ""
        self.close_acknowledged = received is not None and sent is not None
        broken = protocol.parser_exc
        if broken is not None and not isinstance(broken, EOFError):
            self._violate("invalid_message", f"WebSocket protocol: {broken}")
        self._give_up(ConversationClosedError(f"the conversation was closed ({self.close_code})"))
        self.closed = time.monotonic()
        self._note("closed", by=self.closed_by, code=self.close_code, reason=self.close_reason)
        self._waiters.wake()
        self._closed.set()

    def _give_up(self, gone: ConversationClosedError) -> None:
        """Ends every wait for an answer of the client."""
        for result in self._tool_calls.values():
            give_up(result, gone)
