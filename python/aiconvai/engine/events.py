"""What a conversation tells its host, and what it asks the host to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiconvai.engine.audio import AudioFormat
from aiconvai.engine.library import Library
from aiconvai.engine.playout_queue import Interruption, event_id_or_none


class Status(Enum):
    """How a conversation ended; the names are those of `enum aic_status`."""

    COMPLETED = "COMPLETED"
    CALLER_HANGUP = "CALLER_HANGUP"
    BUSY = "BUSY"
    UNAVAILABLE = "UNAVAILABLE"
    LOST = "LOST"
    TIMEOUT = "TIMEOUT"
    INVALID = "INVALID"


class Role(Enum):
    """Whose words a transcript holds; the names are those of `enum aic_role`."""

    CALLER = "caller"
    AGENT = "agent"


class TranscriptKind(Enum):
    """The names are those of `enum aic_transcript_kind`."""

    TENTATIVE = "tentative"
    FINAL = "final"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Ready:
    """The service announced the conversation; audio flows."""

    conversation_id: str
    uplink: AudioFormat
    downlink: AudioFormat


@dataclass(frozen=True, slots=True)
class AudioQueued:
    """Agent audio was queued for playout."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the caller or the agent said."""

    role: Role
    kind: TranscriptKind
    text: str
    event_id: int | None
    turn: int = field(default=0, compare=False)
    """Of what was said, in the order in which it was said."""
    spoken_ms: int = field(default=0, compare=False)
    """When, since the conversation began."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The caller barged in; `heard_ms` is how much of `result.heard_event_id` had been heard."""

    event_id: int
    result: Interruption
    heard_ms: int


@dataclass(frozen=True, slots=True)
class Pause:
    """The agent is silent until it is known whether the caller interrupts it; or that is known."""

    is_on: bool
    interrupted: bool = False
    lasted_ms: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """The agent wants the recording of the call paused, or to go on."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Secret:
    """What the caller presses is for nobody's ears; or that is over."""

    on: bool


@dataclass(frozen=True, slots=True)
class Echo:
    """The agent's voice comes back by the line."""

    delay_ms: int
    return_db: float


@dataclass(frozen=True, slots=True)
class Vad:
    """How sure the service is that the caller speaks, 0 to 1."""

    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The agent is heard, so long after the caller's last audible moment."""

    latency_ms: int


@dataclass(frozen=True, slots=True)
class Thinking:
    """The caller has waited for an answer for a while; or it has come."""

    is_on: bool


class ToolRun(Enum):
    """Who answers a tool call; the names are those of `enum aic_tool_run`."""

    AMI = "ami"
    GOSUB = "gosub"
    SEND_DTMF = "send_dtmf"
    END_CALL = "end_call"
    TRANSFER_CALL = "transfer_call"
    TRANSFER_TO_AGENT = "transfer_to_agent"
    COLLECT_DIGITS = "collect_digits"
    ENTER_STATE = "enter_state"
    PAUSE_RECORDING = "pause_recording"
    RESUME_RECORDING = "resume_recording"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent waits for the result of a tool; `parameters` is JSON. The engine itself runs those that only concern
    the conversation.
    """

    id: str
    name: str
    parameters: str
    run: ToolRun = ToolRun.AMI
    place: str | None = None
    """Where a subroutine is; what runs a tool of AMI's; of a transfer NAME=PLACE, as configured."""
    schema: str | None = None
    """JSON Schema of the parameters; None: the configuration has no such tool."""


@dataclass(frozen=True, slots=True)
class ToolDone:
    """Nobody waits for an answer to that call any more; withdrawn: though none was given."""

    id: str
    name: str = field(default="", compare=False)
    withdrawn: bool = field(default=False, compare=False)
    result: str | None = field(default=None, compare=False)
    """What the agent was told."""
    is_error: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """The caller pressed them: a number, as far as one can tell."""

    pressed: str
    collected: bool = field(default=False, compare=False)
    """By the tool collect_digits."""
    secret: bool = field(default=False, compare=False)
    """For nobody's eyes who need not see them."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The caller can neither hear nor be heard; or can again, after so long."""

    is_on: bool
    lasted_ms: int


@dataclass(frozen=True, slots=True)
class Listening:
    """The caller speaks with somebody else and the agent listens; or not any more, after so long."""

    to: str
    is_on: bool
    lasted_ms: int


@dataclass(frozen=True, slots=True)
class StateEntered:
    """The conversation is in another state of the agent's prompts."""

    name: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The agent that was chosen last takes over from the one before."""


@dataclass(frozen=True, slots=True)
class Failover:
    """Another agent is tried: which of `Conversation.failover`, and why."""

    other: int
    reason: str


class TroubleKind(Enum):
    """The names are those of `enum aic_trouble`."""

    NO_CALLER_AUDIO = "no_caller_audio"
    SILENT_CALLER = "silent_caller"
    UNHEARD_CALLER = "unheard_caller"
    SILENT_AGENT = "silent_agent"
    AGENT_HEARS_ITSELF = "agent_hears_itself"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the call is silent or goes badly; once of each kind."""

    kind: TroubleKind
    text: str
    """A sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Error:
    """Something went wrong; the conversation, or the attempts to start it, go on."""

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event. `close_code` is None where the service closed nothing, `transfer` (its name, and where that is in
    the dialplan) where the agent sends the caller nowhere.
    """

    status: Status
    close_code: int | None
    reason: str
    transfer: tuple[str, str] | None = None


Event = (
    Ready
    | AudioQueued
    | Transcript
    | Interrupted
    | Pause
    | Recording
    | Secret
    | Echo
    | Vad
    | Answer
    | Thinking
    | ToolCall
    | ToolDone
    | Keys
    | Hold
    | Listening
    | StateEntered
    | HandedOver
    | Failover
    | Trouble
    | Error
    | Ended
)


class RequestKind(Enum):
    """The names are those of `enum aic_request_kind`."""

    HTTP_GET = "HTTP GET"
    WEBSOCKET = "WebSocket"


@dataclass(frozen=True, slots=True)
class Request:
    """What to open. The URL and the headers may be secrets; `origin` may be shown."""

    kind: RequestKind
    origin: str
    url: str = field(repr=False)
    subprotocol: str | None
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Open:
    """Start this request."""

    request: Request


@dataclass(frozen=True, slots=True)
class Send:
    """Send this message."""

    message: bytes
    binary: bool = False
    """And not text."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Send a WebSocket ping; what it brings is told with `service_heard`."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Abort:
    """Drop whatever is open or being opened, and report nothing more about it."""


Action = Open | Send | Ping | Close | Abort


def event_from_c(library: Library, event: Any) -> Event:
    """The event with everything in it copied, since C's is valid during the callback only."""
    kind = library.ffi.typeof("enum aic_event_type").elements[event.type]
    text = library.text
    match kind:
        case "AIC_EVENT_READY":
            ready = event.ready
            formats = AudioFormat.from_c(ready.uplink), AudioFormat.from_c(ready.downlink)
            return Ready(text(ready.conversation_id), *formats)
        case "AIC_EVENT_AUDIO":
            return AudioQueued()
        case "AIC_EVENT_TRANSCRIPT":
            said = event.transcript
            return Transcript(
                library.member(Role, "aic_role", "AIC_ROLE", said.role),
                library.member(TranscriptKind, "aic_transcript_kind", "AIC_TRANSCRIPT", said.kind),
                text(said.text),
                event_id_or_none(said.event_id),
                said.turn,
                said.spoken_ms,
            )
        case "AIC_EVENT_INTERRUPTION":
            happened = event.interruption
            return Interrupted(happened.event_id, Interruption.from_c(happened.result), happened.heard_ms)
        case "AIC_EVENT_PAUSE":
            return Pause(bool(event.pause.is_on), bool(event.pause.interrupted), event.pause.lasted_ms)
        case "AIC_EVENT_ECHO":
            return Echo(event.echo.delay_ms, event.echo.return_db)
        case "AIC_EVENT_VAD":
            return Vad(event.vad.score)
        case "AIC_EVENT_ANSWER":
            return Answer(event.answer.latency_ms)
        case "AIC_EVENT_THINKING":
            return Thinking(bool(event.thinking.is_on))
        case "AIC_EVENT_TOOL_CALL":
            call = event.tool_call
            run = library.member(ToolRun, "aic_tool_run", "AIC_TOOL", call.run)
            place, schema = text(call.place) or None, text(call.schema) or None
            return ToolCall(text(call.id), text(call.name), text(call.parameters), run, place, schema)
        case "AIC_EVENT_TOOL_DONE":
            done = event.tool_done
            result = text(done.result) if done.result else None
            return ToolDone(text(done.id), text(done.name), bool(done.withdrawn), result, bool(done.is_error))
        case "AIC_EVENT_RECORDING":
            return Recording(bool(event.recording.is_paused))
        case "AIC_EVENT_SECRET":
            return Secret(bool(event.secret.is_on))
        case "AIC_EVENT_KEYS":
            keys = event.keys
            return Keys(text(keys.pressed), bool(keys.collected), bool(keys.secret))
        case "AIC_EVENT_HOLD":
            return Hold(bool(event.hold.is_on), event.hold.lasted_ms)
        case "AIC_EVENT_LISTENING":
            return Listening(text(event.listening.to), bool(event.listening.is_on), event.listening.lasted_ms)
        case "AIC_EVENT_STATE":
            return StateEntered(text(event.state.name))
        case "AIC_EVENT_HANDED_OVER":
            return HandedOver()
        case "AIC_EVENT_FAILOVER":
            return Failover(event.failover.other, text(event.failover.reason))
        case "AIC_EVENT_TROUBLE":
            trouble = library.member(TroubleKind, "aic_trouble", "AIC_TROUBLE", event.trouble.kind)
            return Trouble(trouble, text(event.trouble.text))
        case "AIC_EVENT_ERROR":
            return Error(text(event.error.message))
        case "AIC_EVENT_ENDED":
            outcome = event.ended
            status = library.member(Status, "aic_status", "AIC_STATUS", outcome.status)
            transfer = (text(outcome.transfer), text(outcome.transfer_place))
            return Ended(status, outcome.close_code or None, text(outcome.reason), transfer if transfer[0] else None)
    raise NotImplementedError(f"the engine sent an event of the unknown type {kind}")


def action_from_c(library: Library, action: Any) -> Action | None:
    """The action with everything in it copied; None where there is nothing to do."""
    kind = library.ffi.typeof("enum aic_action_type").elements[action.type]
    match kind:
        case "AIC_ACTION_NONE":
            return None
        case "AIC_ACTION_OPEN":
            return Open(_request(library, action.request))
        case "AIC_ACTION_SEND":
            message = bytes(library.ffi.buffer(action.message, action.message_length))
            return Send(message, binary=action.binary)
        case "AIC_ACTION_PING":
            return Ping()
        case "AIC_ACTION_CLOSE":
            return Close(action.close_code, library.text(action.close_reason))
        case "AIC_ACTION_ABORT":
            return Abort()
    raise NotImplementedError(f"the engine asked for an action of the unknown type {kind}")


def _request(library: Library, request: Any) -> Request:
    buffer = library.ffi.new("char[]", 512)
    headers = [request.headers[at] for at in range(request.header_count)]
    return Request(
        kind=library.member(RequestKind, "aic_request_kind", "AIC_REQUEST", request.kind),
        origin=library.text(library.lib.aic_url_origin(request.url, buffer, len(buffer))),
        url=library.text(request.url),
        subprotocol=library.text(request.subprotocol) or None,
        headers={library.text(header.name): library.text(header.value) for header in headers},
    )
