"""The messages of the protocol that the provider `websocket` speaks; docs/protocol/websocket.md tells it to people."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

EXTENSIONS = ("event_ids", "interruption", "dtmf", "tools", "mark", "hangup", "binary_audio", "turns")
"""What the client can do beyond the bare protocol."""
USUAL_EXTENSIONS = tuple(each for each in EXTENSIONS if each != "turns")
"""What it announces where it leaves the caller's turns to the server."""
WIRE_FORMATS = {
    "pcm_8000": ("pcm16", 8000),
    "pcm_16000": ("pcm16", 16000),
    "pcm_24000": ("pcm16", 24000),
    "pcm_48000": ("pcm16", 48000),
    "ulaw_8000": ("g711_ulaw", 8000),
    "alaw_8000": ("g711_alaw", 8000),
}
"""What an audio format is called in aiconvai.conf, and the `audio_format` and `sample_rate` of session.init."""
FORMAT_NAMES = {wire: name for name, wire in WIRE_FORMATS.items()}
"""The other way round."""

AudioFormat = Literal["pcm16", "g711_ulaw", "g711_alaw"]
Role = Literal["user", "caller", "assistant", "agent"]
Base64 = Annotated[str, Field(min_length=1, json_schema_extra={"contentEncoding": "base64"})]
EventId = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[int, Field(ge=0)]


class Message(BaseModel):
    """Whoever receives a key, or a whole message, that it does not know ignores it."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)


# What the client sends


class SessionConfig(Message):
    """What the session is to be."""

    audio_format: AudioFormat
    """Of the audio, both ways: 16-bit little-endian, or G.711."""
    sample_rate: Literal[8000, 16000, 24000, 48000]
    """In Hz; 8000 with G.711."""
    channels: Literal[1]
    language: str | None = None
    """Such as en or cs."""
    voice: str | None = None
    system_prompt: str | None = None
    first_message: str | None = None
    """What the agent is to say first. Only `provider = local` sends it; others send it as text.input."""
    vad_enabled: bool
    """Whether the server is to look for the caller's turns itself."""
    vad_threshold: Annotated[float, Field(ge=0, le=1)]
    """How sure the server must be that it hears speech."""
    vad_silence_duration_ms: Milliseconds
    """Silence after which the caller has finished."""
    vad_prefix_padding_ms: Milliseconds
    """Audio before the speech that belongs to it."""

    @model_validator(mode="after")
    def _has_a_rate_of_its_format(self) -> Self:
        if (self.audio_format, self.sample_rate) not in WIRE_FORMATS.values():
            raise ValueError(f"{self.audio_format} at {self.sample_rate} Hz: G.711 has 8000 Hz only")
        return self


class Tool(Message):
    """A tool that the agent may call."""

    name: str
    description: str
    """What it does, and when it is to be used; may be empty."""
    parameters: dict[str, Any]
    """JSON Schema of the arguments, an object."""


class SessionInit(Message):
    """The first message of all."""

    type: Literal["session.init"]
    config: SessionConfig
    variables: dict[str, str] = Field(default_factory=dict)
    """What is known about the call, such as caller_number."""
    extensions: list[str] = Field(default_factory=list)
    """What the client can do beyond the bare protocol."""
    tools: list[Tool] = Field(default_factory=list)
    """What the agent may call, as far as the client declares it."""


class AudioInput(Message):
    """Audio of the caller. It never pauses: where the caller is not heard, silence is sent. With the extension
    `turns` it comes within turns only.
    """

    type: Literal["audio.input"]
    audio: Base64
    format: AudioFormat


class TextInput(Message):
    """Something the caller "says" in text."""

    type: Literal["text.input"]
    text: str
    role: Literal["user", "system"] = "user"
    """system: something the agent should know, which nobody said."""


class TurnStarted(Message):
    """The caller speaks: the audio that follows is what he says."""

    type: Literal["turn.started"]


class TurnEnded(Message):
    """The caller has finished: it is the agent's turn."""

    type: Literal["turn.ended"]


class Dtmf(Message):
    """The caller pressed a key."""

    type: Literal["dtmf"]
    digit: Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]


class ToolResult(Message):
    """The answer to a tool_call. One always comes, if only to say that nobody answered in time."""

    type: Literal["tool_result"]
    id: str
    name: str
    result: str
    is_error: bool = False
    answer: Annotated[bool, Field(description="false: the agent need not say anything about it.")] = True


# What either side sends


class Mark(Message):
    """From the server: a place in its audio. From the client: the audio before it was heard, or dropped."""

    type: Literal["mark"]
    name: Annotated[str, Field(min_length=1, max_length=63)]


# What the server sends


class SessionStarted(Message):
    """The server is ready: the caller's audio follows."""

    type: Literal["session_started", "ready"]
    session_id: str | None = None
    """The server's name for the session, for people who compare logs."""


class AudioDelta(Message):
    """Audio of the agent, as much as there is; it is played one after the other."""

    type: Literal["audio_delta"]
    audio: Base64
    event_id: EventId | None = None
    """One number for all of an utterance, growing from one to the next; on all audio or on none."""


class AudioChunk(Message):
    """The same as audio_delta."""

    type: Literal["audio_chunk"]
    data: Base64
    event_id: EventId | None = None


class Transcript(Message):
    """What the caller or the agent said."""

    type: Literal["transcript"]
    text: str
    role: Role
    final: bool = True
    """Whether it will not change any more."""
    event_id: EventId | None = None


class Transcription(Message):
    """The same as transcript."""

    type: Literal["transcription"]
    text: str
    speaker: Role
    final: bool = True
    event_id: EventId | None = None


class SpeechStarted(Message):
    """The caller has begun to speak: what is being played is cut off."""

    type: Literal["user_speech_started", "speech_started"]


class Interruption(Message):
    """What is being played is cut off, and what still comes of that event id or a smaller one is not played."""

    type: Literal["interruption"]
    event_id: EventId | None = None


class ResponseComplete(Message):
    """All audio of an answer was sent."""

    type: Literal["response_complete", "audio_done"]


class ToolCall(Message):
    """The client is to run a tool; tool_result answers."""

    type: Literal["tool_call"]
    id: str
    """Unlike that of any other call that is not answered yet."""
    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class Hangup(Message):
    """The agent ends the call. What it has said is still heard; the server closes the WebSocket, or the client does."""

    type: Literal["hangup"]


class Error(Message):
    """Something went wrong."""

    type: Literal["error"]
    message: str
    fatal: bool = False
    """Whether the conversation ends by it; another error is logged."""


CLIENT_MODELS: tuple[type[Message], ...] = (
    SessionInit,
    AudioInput,
    TextInput,
    TurnStarted,
    TurnEnded,
    Dtmf,
    ToolResult,
    Mark,
)
SERVER_MODELS: tuple[type[Message], ...] = (
    SessionStarted,
    AudioDelta,
    AudioChunk,
    Transcript,
    Transcription,
    SpeechStarted,
    Interruption,
    ResponseComplete,
    ToolCall,
    Mark,
    Hangup,
    Error,
)


def _by_type(models: tuple[type[Message], ...]) -> dict[str, type[Message]]:
    return {name: model for model in models for name in get_args(model.model_fields["type"].annotation)}


CLIENT_MESSAGES = _by_type(CLIENT_MODELS)
SERVER_MESSAGES = _by_type(SERVER_MODELS)


def read_client_message(text: str | bytes) -> Message | None:
    """What a client has said; None: a message that is not known here. Raises `ValueError`, also for JSON that is too
    deep: pydantic's reader bounds that.
    """
    value = from_json(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    model = CLIENT_MESSAGES.get(str(value.get("type")))
    return model.model_validate(value) if model is not None else None


def fault_of(error: ValidationError) -> str:
    """The first thing that is wrong with a message: its key, and why."""
    problem = error.errors(include_url=False, include_input=False)[0]
    return ": ".join(filter(None, (".".join(map(str, problem["loc"])), problem["msg"])))


def close_reason(text: str) -> str:
    """As much of it as the reason of a close may have (RFC 6455 5.5.1: 125 bytes with the code)."""
    return text.encode()[:123].decode(errors="ignore")
