"""A stand-in for OpenAI's Live service, which hears and speaks at the same time.

Every message, both ways, is checked with the types of the vendor's own Python client, and with what their comments say
beyond that. Where the service's behaviour is not known, the stricter reading is taken.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable
from typing import Any, ClassVar

from openai.types.live import ClientEvent, OutputAudioDeltaEvent, ServerEvent, SessionConfig, SessionStartEvent
from pydantic import BaseModel
from websockets.http11 import Response

from aiconvai.audio import Samples
from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, ToolResult
from aiconvai.mock.errors import ErrorType, InvalidMessageError
from aiconvai.mock.openai import models_by_type, wrong_key
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockServer, json_response
from aiconvai.mock.strict_json import decode_base64, parse_object, read_message

CLIENT_EVENTS = models_by_type(ClientEvent)
SERVER_EVENTS = {
    # The others are of connections beside a session's own.
    kind: model
    for kind, model in models_by_type(ServerEvent).items()
    if kind not in CLIENT_EVENTS and not kind.startswith("transport.")
}
APPENDED_WORDS_MAX = 500
"""Of tokens, of which a word is at least one."""
INSTRUCTIONS_WORDS_MAX = 16384
"""Likewise."""

_FORMATS = {
    ("audio/pcmu", 8000): "ulaw_8000",
    ("audio/pcma", 8000): "alaw_8000",
    ("audio/pcm", 16000): "pcm_16000",
    ("audio/pcm", 24000): "pcm_24000",
}
CHUNK_MS = 40
"""Longest piece of agent audio: after it the agent can fall silent."""

_APPENDING = frozenset({"session.commentary.append", "session.instructions.append", "session.thinking.append"})
_ENDS: dict[ErrorType, str] = {"max_duration_exceeded": "expired", "safety_violation": "content"}
"""What ends a session without being an error, and the reason it is given."""


class OpenAiLiveConversation(Conversation):
    """What is said has no number that the client is told: it plays what comes, in order."""

    OPENING_MESSAGE: ClassVar[str] = "session.start"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, input_format="pcm_24000", output_format="pcm_24000", **options)
        self.session: dict[str, Any] = {}
        """The settings the client began with."""
        self.muted = False
        self._expires_at = int(time.time() + self._max_duration)
        self._ids = itertools.count(1)
        self._delegations: set[str] = set()
        self._is_over = False
        """The end of the session was told."""
        self._must_close = False
        self._judged_event_id: str | None = None
        """That of the client's message that is being judged; the next, while its refusal is told."""
        self._client_event_id: str | None = None

    # What the service says -----------------------------------------------------------------------------

    @property
    def identifies_audio(self) -> bool:
        return False

    def announce(self) -> None:
        self._send("session.started", session=self._resource())

    def send_now(self, message: dict[str, Any]) -> None:
        if message.get("type") != "session.output_audio.delta":
            message = {"event_id": f"event_{next(self._ids)}", **message}
        event = read_message(message, "type", SERVER_EVENTS)
        if isinstance(event, OutputAudioDeltaEvent):
            data = decode_base64(event.delta, "delta")
            self._send_chunk(data, self.current_event_id or self.next_event_id(), message=json.dumps(message))
            return
        self._transmit(json.dumps(message), message["type"])

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        """Transcripts only grow: what is not certain yet is not told."""
        if not tentative:
            self._send("session.input_transcript.delta", delta=text, **self._now())

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        self._send("session.output_transcript.delta", delta=text, **self._now())

    def interrupt_now(self, event_id: int | None = None) -> None:
        """The agent falls silent. There is no message for it, so what was sent is still heard."""
        self._interrupted_through = self.current_event_id
        if self.playout_left > 0.0:
            self.interruptions.append(time.monotonic())

    async def play(self, audio: Samples | bytes, event_id: int | None = None, **options: Any) -> bool:
        """It speaks as it is heard: otherwise it could not fall silent."""
        chunk_ms = min(options.pop("chunk_ms", CHUNK_MS), CHUNK_MS)
        return await super().play(audio, event_id, **{**options, "pace": "realtime", "chunk_ms": chunk_ms})

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> str:
        delta = base64.b64encode(data).decode() if encoded is None else encoded
        return f'{{"type":"session.output_audio.delta","delta":"{delta}"}}'

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        """A delegation; what is wanted has been said in the conversation."""
        self._delegations.add(tool_call_id)
        delegation = {"id": tool_call_id, "target": "client", "type": "delegation"}
        self._send("session.delegation.created", offset_ms=self._elapsed_ms(), delegation=delegation)

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        if error_type in _ENDS:
            self._tell_end(_ENDS[error_type])
            return
        kind = "server_error" if code == 1011 else "invalid_request_error"
        error = {"code": error_type, "type": kind, "message": message}
        if self._client_event_id is not None:
            error["client_event_id"] = self._client_event_id
        self._send("error", error=error)

    def close_code_for(self, error_type: ErrorType) -> int:
        return 1000 if error_type in _ENDS else super().close_code_for(error_type)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if code == 1000 and self._connection.is_open:
            self._tell_end("remote_hangup")
        await super().close(code, reason)

    def _tell_end(self, reason: str) -> None:
        if self.started is not None and not self._is_over:
            self._is_over = True
            usage = {"seconds": self._elapsed_ms() / 1000}
            self._send("session.closed", reason=reason, session=self._resource(), usage=usage)

    def _send(self, kind: str, **fields: Any) -> None:
        self.send_now({"type": kind, **fields})

    def _resource(self) -> dict[str, Any]:
        defaults = {"delegation": {"type": "client"}}
        given = {"id": self.id, "status": "active", "expires_at": self._expires_at}
        return {**defaults, **self.session, **given}

    def _elapsed_ms(self) -> int:
        return int((time.monotonic() - (self.started or time.monotonic())) * 1000)

    def _now(self) -> dict[str, int]:
        elapsed = self._elapsed_ms()
        return {"start_ms": elapsed, "end_ms": elapsed}

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, message: str | bytes, now: float) -> None:
        self._judged_event_id = None
        if not isinstance(message, str):
            raise InvalidMessageError("invalid_message", "a binary message; the service takes text messages only")
        value = parse_object(message)
        event_id = value.get("event_id")
        self._judged_event_id = event_id if isinstance(event_id, str) else None
        event = read_message(value, "type", CLIENT_EVENTS)
        kind = str(value["type"])
        if isinstance(event, SessionStartEvent):
            if self.initiation is None:
                self._obey(event.session, value["session"])
            self._accept_initiation(event, kind, now, message)
            return
        self._require_initiation(kind)
        if self._is_over and kind == "session.input_audio.append":
            return  # It may have crossed session.closed.
        if self.started is None or self._is_over:
            when = "before session.started" if self.started is None else "after session.closed"
            raise InvalidMessageError("invalid_message", f"{kind} {when}")
        if kind == "session.input_audio.append":
            self._hear(value["audio"], now)
            return
        self._act(kind, value, event)
        self._accept_other(event, kind, now, message)

    def _obey(self, config: SessionConfig, session: dict[str, Any]) -> None:
        if config.model != self.agent_id:
            raise InvalidMessageError("value_error", f"session.model: there is no {config.model!r}")
        if config.client is not None:
            raise InvalidMessageError("value_error", "session.client: is for WebRTC only")
        _limit(config.instructions or "", INSTRUCTIONS_WORDS_MAX, "session.instructions")
        form = config.audio.format if config.audio else None
        if form is not None:
            name = _FORMATS.get((form.type, form.rate))
            if name is None:
                raise InvalidMessageError(
                    "value_error", f"session.audio.format: there is no {form.type} at {form.rate} Hz"
                )
            self.input_format = self.output_format = name
        self.session = session

    def _hear(self, encoded: str, now: float) -> None:
        data = decode_base64(encoded, "audio")
        if self.muted:
            self._last_heard = now
        else:
            self._accept_audio(data, now, encoded)

    def _act(self, kind: str, value: dict[str, Any], event: BaseModel) -> None:
        if kind in _APPENDING:
            self._append(kind, value)
        elif kind.startswith("session.input_audio."):
            self.muted = kind.endswith(".mute")
            self._send(f"{kind}d")
        elif kind.startswith("response."):
            raise InvalidMessageError("value_error", f"{kind}: only where the session delegates to responses")
        elif kind == "session.update":
            self._update(value["session"])
        elif kind == "session.close":
            self._tell_end("close_requested")
            self._must_close = True

    def _append(self, kind: str, value: dict[str, Any]) -> None:
        if "delegation_id" not in value:
            raise InvalidMessageError("missing_fields", f"{kind}: delegation_id: is required, null where there is none")
        delegation = value["delegation_id"]
        if delegation is not None and delegation not in self._delegations:
            raise InvalidMessageError("value_error", f"{kind}: delegation_id: there is no delegation {delegation!r}")
        _limit(value["content"], APPENDED_WORDS_MAX, f"{kind}: content")
        if kind == "session.commentary.append" and delegation in self._tool_calls:
            self._accept_tool_result(delegation, ToolResult(delegation, value["content"]))
        self._send(f"{kind}ed", **self._now())

    def _update(self, update: dict[str, Any]) -> None:
        before, after = (one.get("delegation") or {"type": "client"} for one in (self.session, update))
        if before["type"] != after["type"]:
            raise InvalidMessageError("value_error", "session.delegation.type: cannot be changed")
        self.session = {**self.session, **update}
        self._send("session.updated", session=self._resource())

    async def _refuse(self, error: InvalidMessageError) -> None:
        """An error does not end a session that has begun; it names the message that was wrong."""
        self._client_event_id = self._judged_event_id
        await self.fail(error.error_type, error.detail, close=self.started is None)
        self._client_event_id = None

    async def _judged(self, act: Callable[[], None], message: str | bytes) -> None:
        await super()._judged(act, message)
        if self._must_close:
            await self.close()


class OpenAiLiveMock(MockServer[MockAgent, OpenAiLiveConversation]):
    """Its only agent is known by the name of its model."""

    PROVIDER: ClassVar[str] = "openai_live"
    TITLE: ClassVar[str] = "OpenAI Live"
    CONVERSATION: ClassVar[type[Conversation]] = OpenAiLiveConversation
    ID_PREFIX: ClassVar[str] = "live_"
    HAS_INTERRUPTIONS: ClassVar[bool] = False
    CONVERSATION_PATH: ClassVar[str | None] = "/v1/live/sessions"

    def settings(self, agent_id: str) -> dict[str, str]:
        return {**super().settings(agent_id), "model": agent_id}

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: MockAgent | None) -> Response | None:
        if not self._bears_key(record):
            return wrong_key(connection)
        if record.query:
            error = {"type": "invalid_request_error", "code": "unknown_parameter", "message": "there are no parameters"}
            return json_response(connection, 400, {"error": error})
        return None


def _limit(text: str, words: int, name: str) -> None:
    if len(text.split()) > words:
        raise InvalidMessageError(
            "value_error", f"{name}: expected at most {words} tokens, got {len(text.split())} words"
        )
