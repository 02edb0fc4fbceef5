"""A live conversation of the mock: judges what the client says, remembers it, speaks for the service."""

# ruff: noqa: ASYNC109 - a test states how long each of its waits may take.

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed

from aiconvai.audio import Samples, decode, encode, sample_bytes
from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import ConversationClosedError, MockConnection
from aiconvai.mock.echo import EchoConverter
from aiconvai.mock.jitter import NO_JITTER, Jitter
from aiconvai.mock.messages import (
    ERROR_CLOSE_CODES,
    ClientMessage,
    ClientToolResult,
    CloseCode,
    ErrorType,
    Initiation,
    InvalidMessageError,
    McpToolApprovalResult,
    Pong,
    ServerMessage,
    UserAudio,
    parse_client_message,
    parse_server_message,
)
from aiconvai.mock.messages.server import Audio, McpCallAwaitingApproval, McpToolCall
from aiconvai.mock.pings import Pings, give_up
from aiconvai.mock.playout_estimate import PlayoutEstimate
from aiconvai.mock.record import (
    AudioChunk,
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

_AUDIO_PREFIXES = ('{"user_audio_chunk":"', '{"user_audio_chunk": "')
_AUDIO_SUFFIX = '"}'
_MAX_CLOSE_REASON_BYTES = 123
_ALWAYS_SENT = frozenset({"conversation_initiation_metadata", "error"})


@dataclass(frozen=True)
class Limits:
    """How long the mock waits for a client, in seconds."""

    initiation: float = 5.0
    """From the upgrade to the first message."""
    pong: float = 5.0
    """From a ping to its pong."""
    receive: float = 60.0
    """Between two messages of the client, pongs aside."""


class Conversation(ConversationRecord):
    """See `ConversationRecord` for what can be read; the methods act on the live connection.

    Methods that send raise `ConversationClosedError` once the connection is closed.
    """

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
    ) -> None:
        super().__init__(conversation_id, agent_id, request, agent.input_format, agent.output_format)
        self.agent = agent
        self._connection = connection
        self._limits = limits
        self._journal = journal
        self._client_events = agent.client_events
        self._max_duration = agent.max_duration_seconds
        self._event_id = 0
        self._interrupted_through = 0
        self._playout = PlayoutEstimate()
        self._last_heard = self.begun
        self._pings = Pings(self._ping_expired)
        self._tool_ids = itertools.count(1)
        self._tool_calls: dict[str, asyncio.Future[ClientToolResult]] = {}
        self._approvals: set[str] = set()
        self._echo: EchoConverter | None = None
        self._echo_event_id: int | None = None
        self._echo_verbatim = False
        self._listeners: list[SpeechDetector] = []
        self._barge_in: tuple[SpeechDetector, int] | None = None
        self._waiters = Waiters()
        self._initiated = asyncio.Event()
        self._started = asyncio.Event()
        self._closed = asyncio.Event()

    # What happened -------------------------------------------------------------------------------------

    @property
    def current_event_id(self) -> int:
        """The id of the newest agent audio; 0 before there is any."""
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

    async def wait_initiated(self, timeout: float = 10.0) -> Initiation:
        """The client's initiation, once it has come. Raises `TimeoutError`."""
        await asyncio.wait_for(self._initiated.wait(), timeout)
        assert self.initiation is not None
        return self.initiation

    async def wait_started(self, timeout: float = 10.0) -> None:
        """Until the metadata has been sent. Raises `TimeoutError`."""
        await asyncio.wait_for(self._started.wait(), timeout)

    async def wait_closed(self, timeout: float | None = 10.0) -> None:
        """Until the connection is gone and the record complete. Raises `TimeoutError`."""
        await asyncio.wait_for(self._closed.wait(), timeout)

    async def wait_received(self, condition: Callable[[ConversationRecord], bool], timeout: float = 10.0) -> None:
        """Until `condition` holds for the record, asked after every client message. Raises `TimeoutError`."""

        async with asyncio.timeout(timeout):
            await self._waiters.until(lambda: condition(self) or self.closed is not None)
        if not condition(self):
            raise ConversationClosedError("the conversation ended before the condition held")

    # What the service does -----------------------------------------------------------------------------

    async def send(self, message: ServerMessage | dict[str, Any]) -> None:
        """Sends any message of the service; a dict is validated first."""
        self.send_now(parse_server_message(message) if isinstance(message, dict) else message)
        await self._drain()

    def send_now(self, message: ServerMessage) -> None:
        """As `send`, without waiting until the connection takes more."""
        if isinstance(message, Audio):
            event = message.audio_event
            self._send_chunk(base64.b64decode(event.audio_base_64), event.event_id, message.to_json())
            return
        if isinstance(message, McpToolCall) and isinstance(message.mcp_tool_call, McpCallAwaitingApproval):
            self._approvals.add(message.mcp_tool_call.tool_call_id)
        if self._may_send(message.type):
            self._transmit(message.to_json(), message)

    async def send_raw(self, text: str) -> None:
        """Sends text as it is, such as garbage or a message type nobody knows."""
        self._transmit(text, None)
        await self._drain()

    def next_event_id(self) -> int:
        """A new id for the agent's next utterance."""
        self._event_id += 1
        return self._event_id

    async def send_audio(self, audio: Samples | bytes, event_id: int, chunk_ms: int | None = None) -> None:
        """Agent audio in one message, or one every `chunk_ms` of it, all at once.

        Samples are at `downlink_rate`; bytes are already in `output_format`.
        """
        for chunk in self._chunks(audio, chunk_ms):
            self._send_chunk(chunk, event_id)
        await self._drain()

    async def play(
        self,
        audio: Samples | bytes,
        event_id: int | None = None,
        *,
        pace: Pace = "burst",
        chunk_ms: int = 250,
        jitter: Jitter = NO_JITTER,
    ) -> bool:
        """An utterance in chunks; stops, as the service does, when it is interrupted. False if it was.

        At the pace of real time each chunk is sent when the one before it ends, or as much later as `jitter` says.
        """
        event_id = self.next_event_id() if event_id is None else event_id
        already_interrupted = self._interrupted_through >= event_id
        began = time.monotonic()
        chunks = self._chunks(audio, chunk_ms)
        for chunk, due_ms in zip(chunks, jitter.arrivals_ms(len(chunks), chunk_ms), strict=True):
            if pace == "realtime":
                await asyncio.sleep(max(0.0, began + due_ms / 1000 - time.monotonic()))
            if not already_interrupted and self._interrupted_through >= event_id:
                return False
            self._send_chunk(chunk, event_id)
            await self._drain()
        if pace == "realtime":
            await asyncio.sleep(max(0.0, began + len(chunks) * chunk_ms / 1000 - time.monotonic()))
        return True

    async def interrupt(self, event_id: int | None = None) -> None:
        """An interruption of the audio of `event_id` (by default the newest) and everything before it."""
        self.interrupt_now(event_id)
        await self._drain()

    def interrupt_now(self, event_id: int | None = None) -> None:
        """As `interrupt`, without waiting until the connection takes more."""
        event_id = self._event_id if event_id is None else event_id
        self._interrupted_through = max(self._interrupted_through, event_id)
        self._playout.interrupt(event_id, time.monotonic())
        self.send_now(parse_server_message({"type": "interruption", "interruption_event": {"event_id": event_id}}))

    async def ping(self, timeout: float | None = None) -> float:
        """Seconds until the pong. An unanswered ping is a violation, and raises `TimeoutError`."""
        if not self._may_send("ping"):
            raise ValueError("this conversation's client_events leave out ping")
        event_id, answer = self._pings.open(self._limits.pong if timeout is None else timeout)
        event: dict[str, Any] = {"event_id": event_id, "ping_ms": self._pings.round_trip_ms}
        try:
            self.send_now(parse_server_message({"type": "ping", "ping_event": event}))
        except ConversationClosedError as error:
            self._pings.give_up(error)
        return await answer

    async def call_tool(
        self, name: str, parameters: dict[str, Any] | None = None, timeout: float = 20.0
    ) -> ClientToolResult:
        """Calls a tool of the client; its result. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self.start_tool(name, parameters))

    def start_tool(
        self, name: str, parameters: dict[str, Any] | None = None, *, expects_response: bool | None = None
    ) -> asyncio.Future[ClientToolResult]:
        """Calls a tool of the client without waiting for the result."""
        tool_call_id = f"tool_call_{next(self._tool_ids)}"
        call: dict[str, Any] = {
            "tool_name": name,
            "tool_call_id": tool_call_id,
            "parameters": parameters or {},
            "event_id": self._event_id,
        }
        if expects_response is not None:
            call["expects_response"] = expects_response
        result: asyncio.Future[ClientToolResult] = asyncio.get_running_loop().create_future()
        self._tool_calls[tool_call_id] = result
        self.send_now(parse_server_message({"type": "client_tool_call", "client_tool_call": call}))
        return result

    async def fail(
        self,
        error_type: ErrorType,
        message: str,
        *,
        code: CloseCode | None = None,
        announce: bool = True,
        close: bool = True,
    ) -> None:
        """An `error` (if `announce`) and the close that belongs to it (if `close`)."""
        code = ERROR_CLOSE_CODES[error_type] if code is None else code
        if announce:
            event = {"code": code, "error_type": error_type, "message": message, "reason": message}
            with contextlib.suppress(ConversationClosedError):
                self.send_now(parse_server_message({"type": "error", "error_event": event}))
        if close:
            await self.close(code, message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the WebSocket and waits until it is closed; does nothing if it is."""
        short = reason.encode()[:_MAX_CLOSE_REASON_BYTES].decode(errors="ignore")
        await self._connection.close(code, short)

    def drop(self) -> None:
        """Resets the TCP connection without a close, as a network failure does."""
        self._connection.abort()

    def shape(self, wire: Wire) -> None:
        """From here on bytes to the client are cut as `wire` says."""
        self._connection.shape(wire)

    def echo(self, on: bool, event_id: int | None = None) -> None:
        """Whether caller audio goes straight back: every chunk with its own id, or all with `event_id`."""
        self._echo = EchoConverter(self.input_format, self.output_format) if on else None
        self._echo_verbatim = self.input_format == self.output_format
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
        """Sends the metadata."""
        event = {
            "conversation_id": self.id,
            "agent_output_audio_format": self.output_format,
            "user_input_audio_format": self.input_format,
        }
        self.send_now(
            parse_server_message(
                {
                    "type": "conversation_initiation_metadata",
                    "conversation_initiation_metadata_event": event,
                }
            )
        )
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
            detail = f"no conversation_initiation_client_data within {self._limits.initiation:g} s"
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
            async for text in self._connection:
                try:
                    self._accept(text, time.monotonic())
                except InvalidMessageError as error:
                    self._violate(error.error_type, error.detail, repr(text)[:500])
                    await self.fail(error.error_type, error.detail)
                self._waiters.wake()

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, text: str | bytes, now: float) -> None:
        if not isinstance(text, str):
            raise InvalidMessageError(
                "invalid_message",
                f"a binary message of {len(text)} bytes; the service takes text messages only",
            )
        if self.initiation is not None and self._accept_audio_text(text, now):
            return
        message = parse_client_message(text)
        if isinstance(message, Initiation):
            self._accept_initiation(message, now)
        elif self.initiation is None:
            raise InvalidMessageError(
                "invalid_message",
                "the first message must be conversation_initiation_client_data, "
                f"got {getattr(message, 'type', 'user_audio_chunk')}",
            )
        elif isinstance(message, UserAudio):
            encoded = message.user_audio_chunk
            self._accept_audio(base64.b64decode(encoded), encoded, now)
            return
        self._judge(message, now)
        self.received.append(Received(now, message))
        self._note("received", text=text)

    def _accept_audio_text(self, text: str, now: float) -> bool:
        """The usual spelling of an audio message, without a JSON parser: it is nearly all the traffic."""
        for prefix in _AUDIO_PREFIXES:
            if text.startswith(prefix) and text.endswith(_AUDIO_SUFFIX):
                encoded = text[len(prefix) : -len(_AUDIO_SUFFIX)]
                try:
                    data = binascii.a2b_base64(encoded, strict_mode=True)
                except ValueError:
                    return False
                if not data:
                    return False
                self._accept_audio(data, encoded, now)
                return True
        return False

    def _accept_audio(self, data: bytes, encoded: str, now: float) -> None:
        if len(data) % sample_bytes(self.input_format):
            raise InvalidMessageError(
                "value_error", f"user_audio_chunk: {len(data)} bytes are no whole number of 16-bit samples"
            )
        self.uplink.append(AudioChunk(now, data))
        self._last_heard = now
        if self._journal is not None:
            self._note("received", audio=encoded)
        if self._echo is not None:
            with contextlib.suppress(ConversationClosedError):
                self._send_back(self._echo, data, encoded)
        if self._listeners:
            samples = decode(data, self.input_format)
            for listener in list(self._listeners):
                listener.feed(samples)
            with contextlib.suppress(ConversationClosedError):
                self._interrupt_if_spoken_over()

    def _send_back(self, converter: EchoConverter, data: bytes, encoded: str) -> None:
        event_id = self._event_id + 1 if self._echo_event_id is None else self._echo_event_id
        if self._echo_verbatim:
            self._send_chunk(data, event_id, _audio_text(encoded, event_id))
        elif converted := converter.convert(data):
            self._send_chunk(converted, event_id)

    def _interrupt_if_spoken_over(self) -> None:
        if self._barge_in is None:
            return
        detector, min_ms = self._barge_in
        if detector.speech_ms >= min_ms and self.playout_left > 0.0:
            detector.start_again()
            self.interrupt_now()

    def _accept_initiation(self, message: Initiation, now: float) -> None:
        if self.initiation is not None:
            raise InvalidMessageError("invalid_message", "conversation_initiation_client_data a second time")
        self.agent.check(message)
        override = message.conversation_config_override.conversation
        if override is not None and override.client_events is not None:
            self._client_events = frozenset(override.client_events)
        if override is not None and override.max_duration_seconds is not None:
            self._max_duration = override.max_duration_seconds
        self.initiation = message
        self.initiated = now
        self._initiated.set()

    def _judge(self, message: ClientMessage, now: float) -> None:
        if isinstance(message, Pong):
            if not self._pings.answered(message.event_id, now):
                raise InvalidMessageError(
                    "value_error", f"pong: event_id {message.event_id} is not that of an open ping"
                )
            return
        self._last_heard = now
        if isinstance(message, ClientToolResult):
            call = self._tool_calls.pop(message.tool_call_id, None)
            if call is None:
                raise InvalidMessageError(
                    "value_error",
                    f"client_tool_result: tool_call_id {message.tool_call_id!r} belongs to no open tool call",
                )
            if not call.done():
                call.set_result(message)
        elif isinstance(message, McpToolApprovalResult):
            if message.tool_call_id not in self._approvals:
                raise InvalidMessageError(
                    "value_error",
                    f"mcp_tool_approval_result: tool_call_id {message.tool_call_id!r} needs no approval",
                )
            self._approvals.remove(message.tool_call_id)

    def _ping_expired(self, event_id: int, limit: float) -> None:
        if self._connection.is_open:
            self._violate("invalid_message", f"ping {event_id} was not answered within {limit:g} s")

    def _violate(self, error_type: ErrorType, detail: str, text: str = "") -> None:
        self.violations.append(Violation(time.monotonic(), error_type, detail, text))
        self._note("violation", error_type=error_type, detail=detail, text=text)

    # Sending -------------------------------------------------------------------------------------------

    def _may_send(self, message_type: str) -> bool:
        return self._client_events is None or message_type in self._client_events or message_type in _ALWAYS_SENT

    def _transmit(self, text: str, message: ServerMessage | None) -> None:
        now = time.monotonic()
        self._connection.transmit(text)
        self.sent.append(Sent(now, text, message))
        self._note("sent", text=text)

    def _send_chunk(self, data: bytes, event_id: int, text: str | None = None) -> None:
        if not self._may_send("audio"):
            return
        if text is None:
            text = _audio_text(base64.b64encode(data).decode(), event_id)
        now = time.monotonic()
        self._connection.transmit(text)
        self.downlink.append(AudioChunk(now, data, event_id))
        self._event_id = max(self._event_id, event_id)
        self._playout.add(event_id, len(data) / self.downlink_bytes_per_second, now)
        if self._journal is not None:
            self._note("sent", text=text)

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
        gone = ConversationClosedError(f"the conversation was closed ({self.close_code})")
        self._pings.give_up(gone)
        for result in self._tool_calls.values():
            give_up(result, gone)
        self.closed = time.monotonic()
        self._note("closed", by=self.closed_by, code=self.close_code, reason=self.close_reason)
        self._waiters.wake()
        self._closed.set()


def _audio_text(encoded: str, event_id: int) -> str:
    return '{"type":"audio","audio_event":{"audio_base_64":"' + encoded + f'","event_id":{event_id}}}}}'
