"""What a client may say on the conversation WebSocket, and the strict parser the mock judges it by."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from aiconvai.mock.elevenlabs.messages.base import Base64Audio, ClientEvent, Message
from aiconvai.mock.errors import InvalidMessageError
from aiconvai.mock.strict_json import parse_object, quoted, validate


class PromptOverride(Message):
    prompt: str | None = None
    llm: str | None = None
    reasoning_effort: str | None = None
    tool_ids: list[str] | None = None
    tool_ids_strict: bool | None = None
    native_mcp_server_ids: list[str] | None = None
    knowledge_base: list[dict[str, Any]] | None = None


class AgentOverride(Message):
    prompt: PromptOverride | None = None
    first_message: str | None = None
    language: str | None = None
    max_conversation_duration_message: str | None = None
    native_mcp_server_ids: list[str] | None = Field(default=None, max_length=10)


class TtsOverride(Message):
    model_id: str | None = None
    voice_id: str | None = None
    supported_voices: list[dict[str, Any]] | None = None
    stability: float | None = Field(default=None, ge=0.0, le=1.0)
    speed: float | None = Field(default=None, ge=0.7, le=5.0)
    similarity_boost: float | None = Field(default=None, ge=0.0, le=1.0)
    clone_strength: float | None = None
    pronunciation_dictionary_locators: list[dict[str, Any]] | None = None


class AsrOverride(Message):
    keywords: list[str] | None = None


class SoftTimeoutOverride(Message):
    message: str | None = None
    additional_soft_timeout_messages: list[str] | None = None


class TurnOverride(Message):
    soft_timeout_config: SoftTimeoutOverride | None = None
    noisy_environment_message: str | None = None


class ConversationOverride(Message):
    text_only: bool | None = None
    max_duration_seconds: int | None = Field(default=None, gt=0)
    client_events: list[ClientEvent] | None = Field(default=None, min_length=1)


class ConfigOverride(Message):
    """What a client may change for one conversation, where the agent's settings allow it."""

    agent: AgentOverride | None = None
    asr: AsrOverride | None = None
    turn: TurnOverride | None = None
    tts: TtsOverride | None = None
    conversation: ConversationOverride | None = None

    def fields_given(self) -> list[str]:
        """Dotted names of the fields that override something, such as `agent.prompt.prompt`."""
        return _fields_given(self, "")


def _fields_given(model: Message, prefix: str) -> list[str]:
    names: list[str] = []
    for name in model.model_fields_set:
        value = getattr(model, name)
        if isinstance(value, Message):
            names += _fields_given(value, f"{prefix}{name}.")
        elif value is not None:
            names.append(prefix + name)
    return sorted(names)


SOURCES = (
    "unknown", "android_sdk", "node_js_sdk", "react_native_sdk", "react_sdk", "js_sdk", "python_sdk", "widget",
    "sip_trunk", "twilio", "exotel", "genesys", "avaya", "audiocodes", "swift_sdk", "whatsapp", "twilio_sms",
    "flutter_sdk",
    "zendesk_integration", "slack_integration", "telegram_integration", "intercom_integration", "freshdesk_integration",
    "salesforce_integration", "template_preview", "genesys_bot_connector", "subagent_tool",
)  # fmt: skip
"""What the vendor's API lists."""


def _listed(source: str | None) -> str | None:
    if source is not None and source not in SOURCES:
        raise ValueError(f"expected one of those that the vendor lists, got {source!r}")
    return source


class SourceInfo(Message):
    source: Annotated[str | None, AfterValidator(_listed)] = None
    version: str | None = None


class ToolMockConfig(Message):
    mocking_strategy: Literal["none", "all", "selected"] = "none"
    mocked_tool_names: list[str] = Field(default_factory=list)
    fallback_strategy: Literal["raise_error", "call_real_tool"] = "raise_error"


class Initiation(Message):
    type: Literal["conversation_initiation_client_data"]
    conversation_config_override: ConfigOverride = ConfigOverride()
    custom_llm_extra_body: dict[str, Any] = Field(default_factory=dict)
    dynamic_variables: dict[str, str | bool | int | float] = Field(default_factory=dict)
    user_id: str | None = None
    source_info: SourceInfo = SourceInfo()
    branch_id: str | None = None
    environment: str | None = None
    starting_workflow_node_id: str | None = None
    procedure_ids: list[str] | None = None
    start_procedure_ids: list[str] | None = Field(default=None, max_length=5)
    tool_mock_config: ToolMockConfig = ToolMockConfig()


class UserAudio(Message):
    user_audio_chunk: Base64Audio


class Pong(Message):
    type: Literal["pong"]
    event_id: int


class ClientToolResult(Message):
    type: Literal["client_tool_result"]
    tool_call_id: str
    result: str
    is_error: bool


class ContextualUpdate(Message):
    type: Literal["contextual_update"]
    text: str
    context_id: str | None = None


class UserMessage(Message):
    type: Literal["user_message"]
    text: str | None = None
    rich_content_id: str | None = None


class UserActivity(Message):
    type: Literal["user_activity"]


class Feedback(Message):
    type: Literal["feedback"]
    event_id: int
    score: Literal["like", "dislike"] | None


class McpToolApprovalResult(Message):
    type: Literal["mcp_tool_approval_result"]
    tool_call_id: str
    is_approved: bool


class FileInput(Message):
    type: Literal["file_input"]
    file_id: str


class MultimodalMessage(Message):
    type: Literal["multimodal_message"]
    text: UserMessage | None = None
    file: FileInput | None = None


ClientMessage = (
    Initiation
    | UserAudio
    | Pong
    | ClientToolResult
    | ContextualUpdate
    | UserMessage
    | UserActivity
    | Feedback
    | McpToolApprovalResult
    | MultimodalMessage
)

_CLIENT_MODELS: dict[str, type[ClientMessage]] = {
    "conversation_initiation_client_data": Initiation,
    "pong": Pong,
    "client_tool_result": ClientToolResult,
    "contextual_update": ContextualUpdate,
    "user_message": UserMessage,
    "user_activity": UserActivity,
    "feedback": Feedback,
    "mcp_tool_approval_result": McpToolApprovalResult,
    "multimodal_message": MultimodalMessage,
}


def parse_client_message(text: str) -> ClientMessage:
    """The message in `text`.

    Raises `InvalidMessageError`, which names the message, the key, what was expected and what was given.
    """
    value = parse_object(text)
    if "type" not in value:
        if "user_audio_chunk" not in value:
            raise InvalidMessageError(
                "missing_fields", f"neither `type` nor `user_audio_chunk` among the keys {quoted(value)}"
            )
        return validate(UserAudio, value, "user_audio_chunk")
    kind = value["type"]
    model = _CLIENT_MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise InvalidMessageError(
            "invalid_message", f"unknown type {kind!r}; a client may send {', '.join(_CLIENT_MODELS)}"
        )
    return validate(model, value, kind)
