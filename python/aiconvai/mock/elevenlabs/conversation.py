"""A live conversation with an agent of the ElevenLabs mock."""

# ruff: noqa: ASYNC109 - a test states how long each of its waits may take.

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar

from aiconvai.mock.conversation import Conversation
from aiconvai.mock.elevenlabs.agent import ElevenLabsAgent
from aiconvai.mock.elevenlabs.messages import (
    ERROR_CLOSE_CODES,
    ClientMessage,
    ClientToolResult,
    Initiation,
    McpToolApprovalResult,
    Pong,
    ServerMessage,
    UserAudio,
    parse_client_message,
    parse_server_message,
)
from aiconvai.mock.elevenlabs.messages.server import Audio, McpCallAwaitingApproval, McpToolCall
from aiconvai.mock.elevenlabs.pings import Pings
from aiconvai.mock.errors import ConversationClosedError, ErrorType, InvalidMessageError

_AUDIO_PREFIXES = ('{"user_audio_chunk":"', '{"user_audio_chunk": "')
_AUDIO_SUFFIX = '"}'
_ALWAYS_SENT = frozenset({"conversation_initiation_metadata", "error"})


class ElevenLabsConversation(Conversation):
    """The numbers of utterances are the `event_id`s of the service's messages."""

    OPENING_MESSAGE: ClassVar[str] = "conversation_initiation_client_data"
    ECHO_HAS_IDS: ClassVar[bool] = True

    def __init__(self, *args: Any, agent: ElevenLabsAgent, **options: Any) -> None:
        super().__init__(
            *args, agent=agent, input_format=agent.input_format, output_format=agent.output_format, **options
        )
        self._check_initiation = agent.check
        self._client_events = agent.client_events
        self._pings = Pings(self._ping_expired)
        self._approvals: set[str] = set()

    async def wait_initiated(self, timeout: float = 10.0) -> Initiation:
        """The client's initiation, once it has come. Raises `TimeoutError`."""
        await super().wait_initiated(timeout)
        assert isinstance(self.initiation, Initiation)
        return self.initiation

    # What the service does -----------------------------------------------------------------------------

    def announce(self) -> None:
        event = {
            "conversation_id": self.id,
            "agent_output_audio_format": self.output_format,
            "user_input_audio_format": self.input_format,
        }
        self.send_now({"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event": event})

    def send_now(self, message: ServerMessage | dict[str, Any]) -> None:
        if isinstance(message, dict):
            message = parse_server_message(message)
        if isinstance(message, Audio):
            event = message.audio_event
            self._send_chunk(base64.b64decode(event.audio_base_64), event.event_id, message=message.to_json())
            return
        if isinstance(message, McpToolCall) and isinstance(message.mcp_tool_call, McpCallAwaitingApproval):
            self._approvals.add(message.mcp_tool_call.tool_call_id)
        if self._may_send(message.type):
            self._transmit(message.to_json(), message.type)

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        event = {"user_transcript": text, "event_id": self._id(event_id)}
        if tentative:
            self.send_now({"type": "tentative_user_transcript", "tentative_user_transcription_event": event})
        else:
            self.send_now({"type": "user_transcript", "user_transcription_event": event})

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        event = {"agent_response": text, "event_id": self._id(event_id)}
        self.send_now({"type": "agent_response", "agent_response_event": event})

    def voice_activity(self, score: float) -> None:
        self.send_now({"type": "vad_score", "vad_score_event": {"vad_score": score}})

    async def ping(self, timeout: float | None = None) -> float:
        if not self._may_send("ping"):
            raise ValueError("this conversation's client_events leave out ping")
        event_id, answer = self._pings.open(self._limits.pong if timeout is None else timeout)
        event: dict[str, Any] = {"event_id": event_id, "ping_ms": self._pings.round_trip_ms}
        try:
            self.send_now({"type": "ping", "ping_event": event})
        except ConversationClosedError as error:
            self._pings.give_up(error)
        return await answer

    async def end_call(self, tool_call_id: str) -> None:
        request = {
            "tool_name": "end_call",
            "tool_call_id": tool_call_id,
            "tool_type": "system",
            "event_id": self.current_event_id,
        }
        self.send_now({"type": "agent_tool_request", "agent_tool_request": request})
        response = {**request, "is_error": False, "is_called": True}
        self.send_now({"type": "agent_tool_response", "agent_tool_response": response})

    def close_code_for(self, error_type: ErrorType) -> int:
        return ERROR_CLOSE_CODES[error_type]

    def _tell_interruption(self, event_id: int) -> None:
        self.send_now({"type": "interruption", "interruption_event": {"event_id": event_id}})

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        call: dict[str, Any] = {
            "tool_name": name,
            "tool_call_id": tool_call_id,
            "parameters": parameters,
            "event_id": self._event_id,
        }
        if expects_response is not None:
            call["expects_response"] = expects_response
        self.send_now({"type": "client_tool_call", "client_tool_call": call})

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        event = {"code": code, "error_type": error_type, "message": message, "reason": message}
        self.send_now({"type": "error", "error_event": event})

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> str:
        encoded = base64.b64encode(data).decode() if encoded is None else encoded
        return '{"type":"audio","audio_event":{"audio_base_64":"' + encoded + f'","event_id":{event_id}}}}}'

    def _send_chunk(
        self, data: bytes, event_id: int, encoded: str | None = None, message: str | bytes | None = None
    ) -> None:
        if self._may_send("audio"):
            super()._send_chunk(data, event_id, encoded, message)

    def _may_send(self, message_type: str) -> bool:
        return self._client_events is None or message_type in self._client_events or message_type in _ALWAYS_SENT

    def _id(self, event_id: int | None) -> int:
        return self.current_event_id if event_id is None else event_id

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, message: str | bytes, now: float) -> None:
        if not isinstance(message, str):
            raise InvalidMessageError(
                "invalid_message",
                f"a binary message of {len(message)} bytes; the service takes text messages only",
            )
        if self.initiation is not None and self._accept_audio_text(message, now):
            return
        parsed = parse_client_message(message)
        kind = getattr(parsed, "type", "user_audio_chunk")
        if isinstance(parsed, Initiation):
            if self.initiation is None:
                self._obey(parsed)
            self._accept_initiation(parsed, kind, now, message)
            return
        self._require_initiation(kind)
        if isinstance(parsed, UserAudio):
            encoded = parsed.user_audio_chunk
            self._accept_audio(base64.b64decode(encoded), now, encoded)
            return
        self._judge(parsed, now)
        self._accept_other(parsed, kind, now, message, sign_of_life=not isinstance(parsed, Pong))

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
                self._accept_audio(data, now, encoded)
                return True
        return False

    def _obey(self, message: Initiation) -> None:
        self._check_initiation(message)
        override = message.conversation_config_override.conversation
        if override is not None and override.client_events is not None:
            self._client_events = frozenset(override.client_events)
        if override is not None and override.max_duration_seconds is not None:
            self._max_duration = override.max_duration_seconds

    def _judge(self, message: ClientMessage, now: float) -> None:
        if isinstance(message, Pong):
            if not self._pings.answered(message.event_id, now):
                raise InvalidMessageError(
                    "value_error", f"pong: event_id {message.event_id} is not that of an open ping"
                )
            self.pongs += 1
        elif isinstance(message, ClientToolResult):
            self._accept_tool_result(message.tool_call_id, message)
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

    def _give_up(self, gone: ConversationClosedError) -> None:
        super()._give_up(gone)
        self._pings.give_up(gone)
