"""What both directions of the ElevenLabs conversation WebSocket share: names, codes and the base model."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

ErrorType = Literal[
    "unknown",
    "invalid_message",
    "telephony_agent_error",
    "mcp_tool_error",
    "mcp_https_error",
    "value_error",
    "missing_fields",
    "override_error",
    "missing_dynamic_variable_transfer",
    "missing_dynamic_variable",
    "websocket_disconnect",
    "safety_violation",
    "llm_timeout",
    "transport_receive_timeout",
    "asyncio_timeout",
    "http_exception",
    "max_duration_exceeded",
    "llm_error",
    "custom_llm_error",
    "cascade_brain_error",
    "asr_transcription_error",
    "vad_error",
    "turn_probability_error",
    "tts_cascade_error",
    "redis_timeout_error",
    "unknown_websocket_crash",
]

CloseCode = Literal[1000, 1002, 1008, 1011]

ERROR_CLOSE_CODES: dict[ErrorType, CloseCode] = {
    "unknown": 1011,
    "invalid_message": 1008,
    "telephony_agent_error": 1008,
    "mcp_tool_error": 1008,
    "mcp_https_error": 1008,
    "value_error": 1008,
    "missing_fields": 1008,
    "override_error": 1008,
    "missing_dynamic_variable_transfer": 1008,
    "missing_dynamic_variable": 1008,
    "websocket_disconnect": 1002,
    "safety_violation": 1002,
    "llm_timeout": 1002,
    "transport_receive_timeout": 1002,
    "asyncio_timeout": 1002,
    "http_exception": 1002,
    "max_duration_exceeded": 1000,
    "llm_error": 1002,
    "custom_llm_error": 1002,
    "cascade_brain_error": 1002,
    "asr_transcription_error": 1002,
    "vad_error": 1002,
    "turn_probability_error": 1002,
    "tts_cascade_error": 1002,
    "redis_timeout_error": 1002,
    "unknown_websocket_crash": 1011,
}
"""The WebSocket close code that follows an `error` of each type."""

AudioFormat = Literal["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"]

ClientEvent = Literal[
    "conversation_initiation_metadata",
    "asr_initiation_metadata",
    "ping",
    "audio",
    "interruption",
    "user_transcript",
    "tentative_user_transcript",
    "agent_response",
    "agent_response_correction",
    "agent_response_metadata",
    "agent_response_complete",
    "agent_chat_response_part",
    "agent_reasoning_response_part",
    "client_tool_call",
    "client_error",
    "rich_content",
    "mcp_tool_call",
    "mcp_connection_status",
    "agent_tool_request",
    "agent_tool_response",
    "agent_tool_response_full_payload",
    "vad_score",
    "dtmf_request",
    "guardrail_triggered",
    "context_usage",
    "internal_turn_probability",
    "internal_tentative_agent_response",
    "agent_typing",
    "external_agent_connected",
    "external_agent_disconnected",
]
"""What an agent's `conversation.client_events` may name."""


class Message(BaseModel):
    """A message, or an object inside one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def to_json(self) -> str:
        """The message as it goes over the socket; keys that were never given stay away."""
        return self.model_dump_json(exclude_unset=True)


def _base64(value: str) -> str:
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not valid base64: {error}") from None
    if not decoded:
        raise ValueError("no audio in it")
    return value


Base64Audio = Annotated[str, AfterValidator(_base64)]
