"""What can go wrong in a conversation, in the words ElevenLabs has for it: those of scenarios and violations.

The mock of another service says the nearest of its own.
"""

from __future__ import annotations

from typing import Literal

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

CLIENT_ERRORS: frozenset[ErrorType] = frozenset(
    {
        "invalid_message",
        "telephony_agent_error",
        "mcp_tool_error",
        "mcp_https_error",
        "value_error",
        "missing_fields",
        "override_error",
        "missing_dynamic_variable_transfer",
        "missing_dynamic_variable",
    }
)
"""What the client did wrong."""


class InvalidMessageError(ValueError):
    """A client message that breaks the protocol."""

    def __init__(self, error_type: ErrorType, detail: str) -> None:
        super().__init__(detail)
        self.error_type: ErrorType = error_type
        self.detail = detail


class ConversationClosedError(Exception):
    """The conversation is over: nothing more can be sent."""
