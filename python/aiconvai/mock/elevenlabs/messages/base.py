"""What both directions of the ElevenLabs conversation WebSocket share: names, codes and the base model."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict

from aiconvai.mock.errors import CLIENT_ERRORS, ErrorType

CloseCode = Literal[1000, 1002, 1008, 1011]


def _close_code(error_type: ErrorType) -> CloseCode:
    if error_type in CLIENT_ERRORS:
        return 1008
    if error_type == "max_duration_exceeded":
        return 1000
    return 1011 if error_type in ("unknown", "unknown_websocket_crash") else 1002


ERROR_CLOSE_CODES: dict[ErrorType, CloseCode] = {each: _close_code(each) for each in get_args(ErrorType)}
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
