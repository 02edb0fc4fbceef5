"""What the service says on the conversation WebSocket."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from aiconvai.mock.elevenlabs.messages.base import AudioFormat, Base64Audio, CloseCode, Message
from aiconvai.mock.errors import ErrorType


def _timestamp(value: str) -> str:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("a timestamp needs a time zone, such as 2026-01-01T00:00:00Z")
    return value


Timestamp = Annotated[str, AfterValidator(_timestamp)]


class MetadataEvent(Message):
    conversation_id: str
    agent_output_audio_format: AudioFormat
    user_input_audio_format: AudioFormat


class Metadata(Message):
    type: Literal["conversation_initiation_metadata"]
    conversation_initiation_metadata_event: MetadataEvent


class PingEvent(Message):
    event_id: int
    ping_ms: int | None = None


class Ping(Message):
    type: Literal["ping"]
    ping_event: PingEvent


class Alignment(Message):
    chars: list[str]
    char_start_times_ms: list[int]
    char_durations_ms: list[int]


class AudioEvent(Message):
    audio_base_64: Base64Audio
    event_id: int
    alignment: Alignment | None = None


class Audio(Message):
    type: Literal["audio"]
    audio_event: AudioEvent


class InterruptionEvent(Message):
    event_id: int


class Interruption(Message):
    type: Literal["interruption"]
    interruption_event: InterruptionEvent


class TranscriptEvent(Message):
    user_transcript: str
    event_id: int


class UserTranscript(Message):
    type: Literal["user_transcript"]
    user_transcription_event: TranscriptEvent


class TentativeUserTranscript(Message):
    type: Literal["tentative_user_transcript"]
    tentative_user_transcription_event: TranscriptEvent


class AgentResponseEvent(Message):
    agent_response: str
    event_id: int


class AgentResponse(Message):
    type: Literal["agent_response"]
    agent_response_event: AgentResponseEvent


class CorrectionEvent(Message):
    original_agent_response: str
    corrected_agent_response: str
    event_id: int


class AgentResponseCorrection(Message):
    type: Literal["agent_response_correction"]
    agent_response_correction_event: CorrectionEvent


class ResponsePart(Message):
    text: str
    type: Literal["start", "delta", "stop"]
    event_id: int


class AgentChatResponsePart(Message):
    type: Literal["agent_chat_response_part"]
    text_response_part: ResponsePart


class ReasoningPart(Message):
    text: str
    type: Literal["start", "delta", "stop"]
    # The published schema makes this one a string, unlike every other event id.
    event_id: str


class AgentReasoningResponsePart(Message):
    type: Literal["agent_reasoning_response_part"]
    reasoning_response_part: ReasoningPart


class VadScoreEvent(Message):
    vad_score: float = Field(ge=0.0, le=1.0)


class VadScore(Message):
    type: Literal["vad_score"]
    vad_score_event: VadScoreEvent


class ToolCall(Message):
    tool_name: str
    tool_call_id: str
    parameters: dict[str, Any]
    event_id: int
    # Not in the published schema, but the live service is reported to send it.
    expects_response: bool | None = None


class ClientToolCall(Message):
    type: Literal["client_tool_call"]
    client_tool_call: ToolCall


class ToolRequest(Message):
    tool_name: str
    tool_call_id: str
    tool_type: str
    event_id: int


class AgentToolRequest(Message):
    type: Literal["agent_tool_request"]
    agent_tool_request: ToolRequest


class ToolResponse(Message):
    tool_name: str
    tool_call_id: str
    tool_type: str
    is_error: bool
    is_called: bool
    event_id: int


class AgentToolResponse(Message):
    type: Literal["agent_tool_response"]
    agent_tool_response: ToolResponse


class ToolResponseFullPayload(ToolResponse):
    full_tool_result: str
    truncated: bool = False
    is_blocked: bool = False


class AgentToolResponseFullPayload(Message):
    type: Literal["agent_tool_response_full_payload"]
    agent_tool_response_full_payload: ToolResponseFullPayload


class McpIntegration(Message):
    integration_id: str
    integration_type: Literal["mcp_server", "mcp_integration"]
    is_connected: bool
    tool_count: int


class McpIntegrations(Message):
    integrations: list[McpIntegration]


class McpConnectionStatus(Message):
    type: Literal["mcp_connection_status"]
    mcp_connection_status: McpIntegrations


class _McpCall(Message):
    service_id: str
    tool_call_id: str
    tool_name: str
    tool_description: str | None = None
    parameters: dict[str, Any]
    timestamp: Timestamp


class McpCallLoading(_McpCall):
    state: Literal["loading"]


class McpCallAwaitingApproval(_McpCall):
    state: Literal["awaiting_approval"]
    approval_timeout_secs: int


class McpCallSuccess(_McpCall):
    state: Literal["success"]
    result: list[dict[str, Any]]


class McpCallFailure(_McpCall):
    state: Literal["failure"]
    error_message: str


class McpToolCall(Message):
    type: Literal["mcp_tool_call"]
    mcp_tool_call: Annotated[
        McpCallLoading | McpCallAwaitingApproval | McpCallSuccess | McpCallFailure,
        Field(discriminator="state"),
    ]


class RichContentEvent(Message):
    rich_content_id: str
    component: str
    props: dict[str, Any]
    event_id: int


class RichContent(Message):
    type: Literal["rich_content"]
    rich_content: RichContentEvent


class AsrMetadata(Message):
    type: Literal["asr_initiation_metadata"]
    asr_initiation_metadata_event: dict[str, Any]


class TentativeAgentResponseEvent(Message):
    tentative_agent_response: str


class TentativeAgentResponse(Message):
    type: Literal["internal_tentative_agent_response"]
    tentative_agent_response_internal_event: TentativeAgentResponseEvent


class TurnProbabilityEvent(Message):
    turn_probability: float = Field(ge=0.0, le=1.0)


class TurnProbability(Message):
    type: Literal["internal_turn_probability"]
    turn_probability_internal_event: TurnProbabilityEvent


class GuardrailTriggered(Message):
    type: Literal["guardrail_triggered"]


class ContextUsageEvent(Message):
    event_id: int
    model: str
    context_tokens: int
    context_limit_tokens: int


class ContextUsage(Message):
    type: Literal["context_usage"]
    context_usage_event: ContextUsageEvent


class TypingEvent(Message):
    is_typing: bool
    duration_ms: int | None = None


class AgentTyping(Message):
    type: Literal["agent_typing"]
    agent_typing_event: TypingEvent


class ExternalAgentConnected(Message):
    type: Literal["external_agent_connected"]
    external_agent_connected_event: dict[str, Any] = Field(default_factory=dict)


class ExternalAgentDisconnected(Message):
    type: Literal["external_agent_disconnected"]
    external_agent_disconnected_event: dict[str, Any] = Field(default_factory=dict)


class ResponseCompleteEvent(Message):
    event_id: int


class AgentResponseComplete(Message):
    """In the list of client events, its shape known only from clients that read it."""

    type: Literal["agent_response_complete"]
    agent_response_complete_event: ResponseCompleteEvent


class QueueStatusEvent(Message):
    status: Literal["waiting", "admitted", "timed_out"]


class QueueStatus(Message):
    """Not in the published schema; the official web widget understands it."""

    type: Literal["queue_status"]
    queue_status_event: QueueStatusEvent


class ErrorEvent(Message):
    code: CloseCode
    error_type: ErrorType | None = None
    message: str = ""
    reason: str | None = None
    debug_message: str | None = None
    details: dict[str, Any] | None = None


class Error(Message):
    type: Literal["error"]
    error_event: ErrorEvent


ServerMessage = (
    Metadata
    | Ping
    | Audio
    | Interruption
    | UserTranscript
    | TentativeUserTranscript
    | AgentResponse
    | AgentResponseCorrection
    | AgentResponseComplete
    | AgentChatResponsePart
    | AgentReasoningResponsePart
    | VadScore
    | ClientToolCall
    | AgentToolRequest
    | AgentToolResponse
    | AgentToolResponseFullPayload
    | McpConnectionStatus
    | McpToolCall
    | RichContent
    | AsrMetadata
    | TentativeAgentResponse
    | TurnProbability
    | GuardrailTriggered
    | ContextUsage
    | AgentTyping
    | ExternalAgentConnected
    | ExternalAgentDisconnected
    | QueueStatus
    | Error
)

_SERVER_MESSAGE: TypeAdapter[ServerMessage] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="type")])


def parse_server_message(value: str | dict[str, Any]) -> ServerMessage:
    """The service's message in JSON text, or already parsed; raises `pydantic.ValidationError`."""
    if isinstance(value, str):
        return _SERVER_MESSAGE.validate_json(value)
    return _SERVER_MESSAGE.validate_python(value)
