"""A stand-in for a server of the WebSocket protocol: one that has all of it, or one that knows no extensions."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel
from websockets.http11 import Response

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, ToolResult
from aiconvai.mock.errors import ErrorType, InvalidMessageError
from aiconvai.mock.marks import Marks
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockServer, json_response
from aiconvai.mock.strict_json import decode_base64, parse_object, read_message
from aiconvai.websocket_protocol import (
    CLIENT_MESSAGES,
    EXTENSIONS,
    FORMAT_NAMES,
    SERVER_MESSAGES,
    AudioChunk,
    AudioDelta,
    AudioInput,
    Dtmf,
    Mark,
    SessionConfig,
    SessionInit,
    TurnEnded,
    TurnStarted,
)
from aiconvai.websocket_protocol import ToolResult as ToolResultMessage

ALIASES = {
    "session_started": "ready",
    "audio_delta": "audio_chunk",
    "transcript": "transcription",
    "user_speech_started": "speech_started",
    "response_complete": "audio_done",
}
"""The other names of messages."""
_ALIASED_KEYS = {"audio_chunk": {"audio": "data"}, "transcription": {"role": "speaker"}}


@dataclass(frozen=True)
class WebSocketAgent(MockAgent):
    """`api_key` is the bearer token, without which nobody is served."""

    extensions: bool = True
    """Whether it knows more than the bare protocol; what it does not know it ignores."""
    aliases: frozenset[str] = frozenset()
    """Of `ALIASES`, the messages that it calls by their other name."""
    binary_audio: bool = False
    """Whether it sends audio in binary messages; an extension."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := sorted(self.aliases - set(ALIASES)):
            raise ValueError(f"aliases: {', '.join(unknown)} have none; there are {', '.join(ALIASES)}")
        if self.binary_audio and not self.extensions:
            raise ValueError("binary_audio: is an extension, and this agent has none")

    def check_message(self, message: dict[str, Any]) -> None:
        read_message(message, "type", SERVER_MESSAGES)


class WebSocketConversation(Conversation):
    """The numbers of utterances are the `event_id`s of the messages, as far as the agent sends any."""

    OPENING_MESSAGE: ClassVar[str] = "session.init"
    agent: WebSocketAgent
    config: SessionConfig
    """What the client asked for; there is none before its first message."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, input_format="pcm_16000", output_format="pcm_16000", **options)
        self.marks = Marks()
        self._used_extensions: frozenset[str] = frozenset()
        self._ends_by_error = False

    # What the service says -----------------------------------------------------------------------------

    @property
    def identifies_audio(self) -> bool:
        return self._uses("event_ids") and not self._sends_binary

    def announce(self) -> None:
        self._send("session_started", session_id=self.id)

    def send_now(self, message: dict[str, Any]) -> None:
        read = read_message(message, "type", SERVER_MESSAGES)
        if isinstance(read, (AudioDelta, AudioChunk)):
            encoded = read.audio if isinstance(read, AudioDelta) else read.data
            event_id = read.event_id or self.current_event_id or self.next_event_id()
            self._send_chunk(base64.b64decode(encoded), event_id, message=json.dumps(message))
            return
        if isinstance(read, Mark):
            self.marks.add(read.name, time.monotonic() + self.playout_left)
        self._transmit(json.dumps(message), message["type"])

    async def mark(self, name: str) -> None:
        """Wants to be told when all audio sent so far was heard; `marks.reported` says of which the client did."""
        if not self._uses("mark"):
            raise ValueError("mark: the agent or the client does not know that extension")
        await self.send({"type": "mark", "name": name})

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        if not tentative:
            self._send("transcript", text=text, role="user")
        elif self.agent.extensions:
            self._send("transcript", text=text, role="user", final=False)

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        event_id = self.current_event_id if event_id is None else event_id
        self._send("transcript", text=text, role="assistant", event_id=event_id if self.identifies_audio else None)

    def caller_began_speaking(self) -> None:
        if self.playout_left > 0.0:
            self.interrupt_now()
        else:
            self._send("user_speech_started")

    def _tell_interruption(self, event_id: int) -> None:
        self.marks.release(time.monotonic())
        if self._uses("interruption"):
            self._send("interruption", event_id=event_id if self.identifies_audio else None)
        else:
            self._send("user_speech_started")

    def _end_utterance(self, event_id: int, text: str | None, *, interrupted: bool) -> None:
        if not interrupted:
            self._send("response_complete")

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> str | bytes:
        if self._sends_binary:
            return data
        audio = base64.b64encode(data).decode() if encoded is None else encoded
        message = self._message("audio_delta", audio=audio, event_id=event_id if self.identifies_audio else None)
        return json.dumps(message, separators=(",", ":"))

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        if self._uses("tools"):
            self._send("tool_call", id=tool_call_id, name=name, parameters=parameters)
        else:
            self._accept_tool_result(tool_call_id, ToolResult(tool_call_id, "", is_error=True))

    async def end_call(self, tool_call_id: str) -> None:
        if self._uses("hangup"):
            self._send("hangup")

    async def fail(
        self,
        error_type: ErrorType,
        message: str,
        *,
        code: int | None = None,
        announce: bool = True,
        close: bool = True,
    ) -> None:
        self._ends_by_error = close
        await super().fail(error_type, message, code=code, announce=announce, close=close)

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        self._send("error", message=f"{error_type}: {message}", fatal=self._ends_by_error)

    def _send(self, kind: str, **fields: Any) -> None:
        self.send_now(self._message(kind, **fields))

    def _message(self, kind: str, **fields: Any) -> dict[str, Any]:
        """With the names that the agent has for it and its keys; fields without a value are left out."""
        kind = ALIASES[kind] if kind in self.agent.aliases else kind
        keys = _ALIASED_KEYS.get(kind, {})
        return {"type": kind, **{keys.get(key, key): value for key, value in fields.items() if value is not None}}

    def _uses(self, extension: str) -> bool:
        return extension in self._used_extensions

    @property
    def _sends_binary(self) -> bool:
        return self.agent.binary_audio and self._uses("binary_audio")

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, message: str | bytes, now: float) -> None:
        if not isinstance(message, str):
            raise InvalidMessageError(
                "invalid_message", f"a binary message of {len(message)} bytes; only text is taken"
            )
        value = parse_object(message)
        read = read_message(value, "type", CLIENT_MESSAGES)
        kind = str(value["type"])
        if isinstance(read, SessionInit):
            if self.initiation is None:
                self._obey(read)
            self._accept_initiation(read, kind, now, message)
            return
        self._require_initiation(kind)
        if self.started is None:
            raise InvalidMessageError("invalid_message", f"{kind} before the session was started")
        if isinstance(read, AudioInput):
            if read.format != self.config.audio_format:
                raise InvalidMessageError(
                    "value_error", f"format: announced was {self.config.audio_format}, got {read.format}"
                )
            if self._uses("turns") and not self._is_callers_turn:
                raise InvalidMessageError("value_error", "audio.input: outside of a turn")
            self._accept_audio(decode_base64(read.audio, "audio"), now, read.audio)
            return
        self._judge(read, now)
        self._accept_other(read, kind, now, message)

    def _obey(self, message: SessionInit) -> None:
        if unknown := sorted(set(message.extensions) - set(EXTENSIONS)):
            raise InvalidMessageError("value_error", f"extensions: there is no {', '.join(unknown)}")
        self.config = message.config
        self.input_format = self.output_format = FORMAT_NAMES[message.config.audio_format, message.config.sample_rate]
        if self.agent.extensions:
            self._used_extensions = frozenset(message.extensions)

    def _judge(self, message: BaseModel, now: float) -> None:
        if isinstance(message, Dtmf) and "dtmf" not in self.initiation.extensions:
            raise InvalidMessageError("value_error", "dtmf: the client did not announce that extension")
        if isinstance(message, TurnStarted | TurnEnded):
            self._take_turn(isinstance(message, TurnStarted), now)
        elif isinstance(message, Mark):
            self.marks.report(message.name, now)
        elif isinstance(message, ToolResultMessage):
            self._accept_tool_result(message.id, ToolResult(message.id, message.result, message.is_error))

    def _take_turn(self, begins: bool, now: float) -> None:
        kind = "turn.started" if begins else "turn.ended"
        if "turns" not in self.initiation.extensions:
            raise InvalidMessageError("value_error", f"{kind}: the client did not announce that extension")
        if self._is_callers_turn == begins:
            raise InvalidMessageError("value_error", f"{kind} for the second time")
        if begins:
            self._begin_caller_turn()
        else:
            self._end_caller_turn(now)


class WebSocketMock(MockServer[WebSocketAgent, WebSocketConversation]):
    """Has one agent, at any path."""

    PROVIDER: ClassVar[str] = "websocket"
    TITLE: ClassVar[str] = "WebSocket"
    AGENT: ClassVar[type[MockAgent]] = WebSocketAgent
    CONVERSATION: ClassVar[type[Conversation]] = WebSocketConversation
    ID_PREFIX: ClassVar[str] = "session_"

    def settings(self, agent_id: str) -> dict[str, str]:
        key = self.agents[agent_id].api_key
        return {"provider": self.PROVIDER, "api_key": key, "conversation_url": self.conversation_endpoint}

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: WebSocketAgent | None) -> Response | None:
        return None if self._bears_key(record) else json_response(connection, 401, {"message": "the token is wrong"})
