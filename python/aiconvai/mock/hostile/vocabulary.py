"""The messages of each service with the places in them where something hostile can stand.

Each is written down once, as the service would send it: every kind of attack takes it from here and puts its own
values into the slots. Beside the slots every other value can be replaced, too (`leaves`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from aiconvai.mock.hostile.wire import BINARY, TEXT, Write, encode, message

Path = tuple[str | int, ...]
"""Where in a message something stands."""


class Role(Enum):
    """What a value is to the client."""

    TEXT = auto()
    """For people: what was said, what went wrong."""
    NAME = auto()
    """Of a tool, a format, a code."""
    ID = auto()
    NUMBER = auto()
    OBJECT = auto()
    """Parameters of a tool."""
    ARGUMENTS = auto()
    """The same as JSON in a string."""
    AUDIO = auto()
    OTHER = auto()


class Does(Enum):
    """What a message brings about."""

    ANNOUNCES = auto()
    SPEAKS = auto()
    TELLS = auto()
    CALLS_TOOL = auto()
    CANCELS_TOOL = auto()
    INTERRUPTS = auto()
    FAILS = auto()
    ASKS = auto()
    """The client has to answer: a ping, a mark."""
    TURNS = auto()
    """An answer begins or ends."""
    ENDS = auto()
    """The conversation; not sent by the way."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A value of a template, and what the service would say."""

    role: Role
    honest: Any


@dataclass(frozen=True)
class Template:
    """A message of a service."""

    name: str
    does: Does
    body: Any
    opcode: int = TEXT

    def leaves(self) -> Iterator[tuple[Path, Role]]:
        """Every single value in it."""
        return _leaves(self.body, ())

    def paths(self, *roles: Role) -> list[Path]:
        """Where the values of these roles stand."""
        return [path for path, role in self.leaves() if role in roles]

    def text(self, values: Mapping[Path, Any] | None = None) -> bytes:
        """As JSON, with `values` in their places."""
        return encode(_filled(self.body, (), values or {}))

    def message(self, values: Mapping[Path, Any] | None = None) -> Write:
        """The same in a frame."""
        return message(self.text(values), self.opcode)


@dataclass(frozen=True)
class Vocabulary:
    """All that a service says."""

    provider: str
    templates: tuple[Template, ...]
    speaks_binary: bool = False
    """Audio is in binary messages."""

    def harmless(self) -> list[Template]:
        """Those after which a conversation goes on."""
        return [each for each in self.templates if each.does is not Does.ENDS]

    def that(self, *does: Does) -> list[Template]:
        """Those that do one of these."""
        return [each for each in self.templates if each.does in does]

    def slots(self, *roles: Role) -> list[tuple[Template, Path]]:
        """Where the values of these roles stand, in those after which a conversation goes on."""
        return [(template, path) for template in self.harmless() for path in template.paths(*roles)]


def _leaves(body: Any, path: Path) -> Iterator[tuple[Path, Role]]:
    if isinstance(body, Slot):
        yield path, body.role
    elif isinstance(body, dict):
        for key, value in body.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from _leaves(value, (*path, index))
    else:
        yield path, Role.OTHER


def _filled(body: Any, path: Path, values: Mapping[Path, Any]) -> Any:
    if path in values:
        return values[path]
    if isinstance(body, Slot):
        return body.honest
    if isinstance(body, dict):
        return {key: _filled(value, (*path, key), values) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, (*path, index), values) for index, value in enumerate(body)]
    return body


def _text(honest: str = "Hello.") -> Slot:
    return Slot(Role.TEXT, honest)


def _name(honest: str) -> Slot:
    return Slot(Role.NAME, honest)


def _id(honest: str) -> Slot:
    return Slot(Role.ID, honest)


def _number(honest: float = 1) -> Slot:
    return Slot(Role.NUMBER, honest)


_AUDIO = Slot(Role.AUDIO, base64.b64encode(b"\xff\x00" * 80).decode())
_PARAMETERS = Slot(Role.OBJECT, {"number": "7"})
_ARGUMENTS = Slot(Role.ARGUMENTS, '{"number":"7"}')


def _elevenlabs(kind: str, does: Does, event: str = "", /, **fields: Any) -> Template:
    return Template(kind, does, {"type": kind, **({event: fields} if event else fields)})


_ELEVENLABS = (
    _elevenlabs(
        "conversation_initiation_metadata",
        Does.ANNOUNCES,
        "conversation_initiation_metadata_event",
        conversation_id=_id("conv_hostile"),
        agent_output_audio_format="ulaw_8000",
        user_input_audio_format="ulaw_8000",
    ),
    _elevenlabs("ping", Does.ASKS, "ping_event", event_id=_number(12), ping_ms=_number(45)),
    _elevenlabs("audio", Does.SPEAKS, "audio_event", audio_base_64=_AUDIO, event_id=_number(3)),
    _elevenlabs("interruption", Does.INTERRUPTS, "interruption_event", event_id=_number(3)),
    _elevenlabs(
        "user_transcript", Does.TELLS, "user_transcription_event", user_transcript=_text(), event_id=_number(4)
    ),
    _elevenlabs(
        "tentative_user_transcript",
        Does.TELLS,
        "tentative_user_transcription_event",
        user_transcript=_text(),
        event_id=_number(4),
    ),
    _elevenlabs("agent_response", Does.TELLS, "agent_response_event", agent_response=_text(), event_id=_number(3)),
    _elevenlabs(
        "agent_response_correction",
        Does.TELLS,
        "agent_response_correction_event",
        original_agent_response=_text(),
        corrected_agent_response=_text(),
        event_id=_number(3),
    ),
    _elevenlabs("vad_score", Does.TELLS, "vad_score_event", vad_score=_number(0.5)),
    _elevenlabs(
        "client_tool_call",
        Does.CALLS_TOOL,
        "client_tool_call",
        tool_name=_name("find"),
        tool_call_id=_id("hostile_1"),
        parameters=_PARAMETERS,
        event_id=_number(5),
    ),
    _elevenlabs(
        "agent_tool_response",
        Does.TELLS,
        "agent_tool_response",
        tool_name=_name("look_up"),
        tool_call_id=_id("x"),
        tool_type="system",
        is_error=False,
        is_called=True,
        event_id=_number(6),
    ),
    _elevenlabs(
        "mcp_tool_call",
        Does.ASKS,
        "mcp_tool_call",
        service_id=_id("s"),
        tool_call_id=_id("m1"),
        tool_name=_name("t"),
        parameters=_PARAMETERS,
        timestamp="2026-01-01T00:00:00Z",
        state="awaiting_approval",
        approval_timeout_secs=_number(300),
    ),
    _elevenlabs(
        "error",
        Does.FAILS,
        "error_event",
        code=_number(1011),
        error_type=_name("llm_error"),
        message=_text(),
        reason=_text(),
    ),
    _elevenlabs("queue_status", Does.TELLS, "queue_status_event", status=_text("waiting")),
    _elevenlabs("guardrail_triggered", Does.TELLS),
    Template(
        "agent_tool_response: end_call",
        Does.ENDS,
        {
            "type": "agent_tool_response",
            "agent_tool_response": {
                "tool_name": "end_call",
                "tool_call_id": "x",
                "tool_type": "system",
                "is_error": False,
                "is_called": True,
                "event_id": 6,
            },
        },
    ),
)


def _openai(kind: str, does: Does, /, **fields: Any) -> Template:
    return Template(kind, does, {"type": kind, "event_id": _id("event_1"), **fields})


_OPENAI_PLACE = {"response_id": _id("resp_h"), "item_id": _id("item_h"), "output_index": _number(0), "content_index": 0}
_OPENAI_CALL = {
    "id": _id("item_f"),
    "type": "function_call",
    "status": "completed",
    "call_id": _id("hostile_1"),
    "name": _name("find"),
    "arguments": _ARGUMENTS,
}
_OPENAI = (
    _openai("session.created", Does.ANNOUNCES, session={"id": _id("sess_h"), "type": "realtime", "model": "m"}),
    _openai("session.updated", Does.ANNOUNCES, session={"id": _id("sess_h"), "type": "realtime", "audio": {}}),
    _openai("input_audio_buffer.speech_started", Does.INTERRUPTS, audio_start_ms=_number(1200), item_id=_id("item_u")),
    _openai("input_audio_buffer.speech_stopped", Does.TURNS, audio_end_ms=_number(2600), item_id=_id("item_u")),
    _openai(
        "conversation.item.input_audio_transcription.delta",
        Does.TELLS,
        item_id=_id("item_u"),
        content_index=_number(0),
        delta=_text("he"),
    ),
    _openai(
        "conversation.item.input_audio_transcription.completed",
        Does.TELLS,
        item_id=_id("item_u"),
        content_index=_number(0),
        transcript=_text(),
    ),
    _openai("response.created", Does.TURNS, response={"id": _id("resp_h"), "status": _name("in_progress")}),
    _openai("response.output_audio.delta", Does.SPEAKS, delta=_AUDIO, **_OPENAI_PLACE),
    _openai("response.output_audio.done", Does.TURNS, **_OPENAI_PLACE),
    _openai("response.output_audio_transcript.done", Does.TELLS, transcript=_text(), **_OPENAI_PLACE),
    _openai(
        "response.output_item.done",
        Does.CALLS_TOOL,
        response_id=_id("resp_h"),
        output_index=_number(0),
        item=_OPENAI_CALL,
    ),
    _openai(
        "response.done",
        Does.TURNS,
        response={
            "id": _id("resp_h"),
            "status": _name("failed"),
            "status_details": {"type": "failed", "error": {"type": _name("server_error"), "message": _text()}},
            "output": [],
        },
    ),
    _openai("conversation.item.truncated", Does.TURNS, item_id=_id("item_h"), content_index=0, audio_end_ms=_number()),
    _openai(
        "error",
        Does.FAILS,
        error={
            "type": _name("invalid_request_error"),
            "code": _name("invalid_value"),
            "message": _text(),
            "param": None,
            "event_id": _id("event_7"),
        },
    ),
)


def _live(kind: str, does: Does, /, **fields: Any) -> Template:
    return Template(kind, does, {"type": kind, "event_id": _id("event_1"), **fields})


_LIVE_SESSION = {"id": _id("live_h"), "model": "m", "status": "active", "expires_at": _number(4102444800)}
_OPENAI_LIVE = (
    _live("session.started", Does.ANNOUNCES, session=_LIVE_SESSION),
    _live("session.output_audio.delta", Does.SPEAKS, delta=_AUDIO),
    _live("session.input_transcript.delta", Does.TELLS, delta=_text(), start_ms=_number(0), end_ms=_number(300)),
    _live("session.output_transcript.delta", Does.TELLS, delta=_text(), start_ms=_number(0), end_ms=_number(300)),
    _live(
        "session.delegation.created",
        Does.CALLS_TOOL,
        offset_ms=_number(900),
        delegation={"id": _id("hostile_1"), "target": "client", "type": "delegation"},
    ),
    _live("session.usage.updated", Does.TELLS, usage={"seconds": _number(12.5)}),
    _live(
        "error",
        Does.FAILS,
        error={"code": _name("unknown_parameter"), "type": _name("invalid_request_error"), "message": _text()},
    ),
    _live("session.closed", Does.ENDS, reason="expired", session={"id": "live_h"}, usage={"seconds": 1.0}),
)


def _gemini(name: str, does: Does, body: Any, opcode: int = TEXT) -> Template:
    return Template(name, does, body, opcode)


_GEMINI = (
    _gemini("setupComplete", Does.ANNOUNCES, {"setupComplete": {"sessionId": _id("s1")}}, BINARY),
    _gemini(
        "modelTurn",
        Does.SPEAKS,
        {
            "serverContent": {
                "modelTurn": {
                    "role": "model",
                    "parts": [{"inlineData": {"mimeType": _name("audio/pcm;rate=24000"), "data": _AUDIO}}],
                }
            }
        },
        BINARY,
    ),
    _gemini("inputTranscription", Does.TELLS, {"serverContent": {"inputTranscription": {"text": _text()}}}),
    _gemini(
        "outputTranscription",
        Does.TELLS,
        {"serverContent": {"outputTranscription": {"text": _text(), "finished": True}}},
        BINARY,
    ),
    _gemini("interrupted", Does.INTERRUPTS, {"serverContent": {"interrupted": True}}),
    _gemini("generationComplete", Does.TURNS, {"serverContent": {"generationComplete": True}}),
    _gemini(
        "turnComplete",
        Does.TURNS,
        {"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": _number(12)}},
    ),
    _gemini(
        "toolCall",
        Does.CALLS_TOOL,
        {"toolCall": {"functionCalls": [{"id": _id("hostile_1"), "name": _name("find"), "args": _PARAMETERS}]}},
        BINARY,
    ),
    _gemini("toolCallCancellation", Does.CANCELS_TOOL, {"toolCallCancellation": {"ids": [_id("hostile_1")]}}),
    _gemini(
        "sessionResumptionUpdate",
        Does.TELLS,
        {"sessionResumptionUpdate": {"newHandle": _id("h1"), "resumable": True}},
    ),
    _gemini("goAway", Does.ENDS, {"goAway": {"timeLeft": _name("9.5s")}}),
)


def _deepgram(kind: str, does: Does, /, **fields: Any) -> Template:
    return Template(kind, does, {"type": kind, **fields})


_DEEPGRAM_CALL = {"id": _id("hostile_1"), "name": _name("find")}
_DEEPGRAM = (
    _deepgram("Welcome", Does.ANNOUNCES, request_id=_id("r1")),
    _deepgram("SettingsApplied", Does.ANNOUNCES),
    _deepgram("UserStartedSpeaking", Does.INTERRUPTS),
    _deepgram("ConversationText", Does.TELLS, role=_name("user"), content=_text()),
    _deepgram("ConversationText: agent", Does.TELLS, type="ConversationText", role="assistant", content=_text()),
    _deepgram("AgentThinking", Does.TURNS, content=_text()),
    _deepgram("AgentStartedSpeaking", Does.TURNS, total_latency=_number(0.9)),
    _deepgram("AgentAudioDone", Does.TURNS),
    _deepgram(
        "FunctionCallRequest",
        Does.CALLS_TOOL,
        functions=[{**_DEEPGRAM_CALL, "arguments": _ARGUMENTS, "client_side": True}],
    ),
    _deepgram("FunctionCallCancelled", Does.CANCELS_TOOL, functions=[_DEEPGRAM_CALL]),
    _deepgram("InjectionRefused", Does.FAILS, message=_text()),
    _deepgram("Warning", Does.FAILS, description=_text(), code=_name("SLOW_THINK")),
    _deepgram("LatencyReport", Does.TELLS, total_latency=_number(1.1)),
    _deepgram("History", Does.TELLS, role="user", content=_text()),
    _deepgram("Error", Does.ENDS, description=_text(), code=_name("INTERNAL_SERVER_ERROR")),
)


def _websocket(kind: str, does: Does, /, **fields: Any) -> Template:
    return Template(kind, does, {"type": kind, **fields})


_WEBSOCKET = (
    _websocket("session_started", Does.ANNOUNCES, session_id=_id("session_h")),
    _websocket("audio_delta", Does.SPEAKS, audio=_AUDIO, event_id=_number(3)),
    _websocket("audio_chunk", Does.SPEAKS, data=_AUDIO, event_id=_number(3)),
    _websocket("transcript", Does.TELLS, text=_text(), role=_name("user"), final=True, event_id=_number(3)),
    _websocket("transcription", Does.TELLS, text=_text(), speaker=_name("assistant"), final=False),
    _websocket("user_speech_started", Does.INTERRUPTS),
    _websocket("interruption", Does.INTERRUPTS, event_id=_number(3)),
    _websocket("response_complete", Does.TURNS),
    _websocket("tool_call", Does.CALLS_TOOL, id=_id("hostile_1"), name=_name("find"), parameters=_PARAMETERS),
    _websocket("mark", Does.ASKS, name=_id("m1")),
    _websocket("error", Does.FAILS, message=_text(), fatal=False),
    _websocket("hangup", Does.ENDS),
)

_TWILIO = (
    Template("media", Does.SPEAKS, {"event": "media", "streamSid": _id("MZ0"), "media": {"payload": _AUDIO}}),
    Template("mark", Does.ASKS, {"event": "mark", "streamSid": _id("MZ0"), "mark": {"name": _id("m1")}}),
    Template("clear", Does.INTERRUPTS, {"event": "clear", "streamSid": _id("MZ0")}),
)

VOCABULARIES = {
    "elevenlabs": Vocabulary("elevenlabs", _ELEVENLABS),
    "openai": Vocabulary("openai", _OPENAI),
    "openai_live": Vocabulary("openai_live", _OPENAI_LIVE),
    "gemini": Vocabulary("gemini", _GEMINI),
    "deepgram": Vocabulary("deepgram", _DEEPGRAM, speaks_binary=True),
    "websocket": Vocabulary("websocket", _WEBSOCKET, speaks_binary=True),
    "twilio": Vocabulary("twilio", _TWILIO),
}
"""By the module's name of the provider."""
