"""Calls as they are now: what the page shows, and the metrics count. In memory; one event loop's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiconvai.serve.events import (
    Answer,
    CallEvent,
    Ended,
    HandOver,
    Hold,
    Interruption,
    Keys,
    Listening,
    Pause,
    Problem,
    Ready,
    Started,
    StateEntered,
    ToolCall,
    ToolCancelled,
    ToolDone,
    Transcript,
)
from aiconvai.serve.outbound.outcome import is_outbound
from aiconvai.serve.told import Told

TURNS_SHOWN = 400
"""Of a call, the last ones."""
TOOLS_SHOWN = 200
PROBLEMS_SHOWN = 50
KEYS_SHOWN = 200
"""The same of the others."""
CALLS_SHOWN = 5_000
"""More than that are not followed; the oldest that has ended goes first."""
ENDED_SHOWN_SECONDS = 60.0

Key = tuple[str, str]
"""An Asterisk's name, and a call's record there."""
Role = Literal["caller", "agent"]


@dataclass(slots=True)
class Line:
    """What one of the two said, as far as it is known."""

    turn: int
    role: Role
    text: str
    time: float
    is_final: bool
    is_cut: bool = False
    """The caller interrupted it."""


@dataclass(slots=True)
class Tool:
    """One that the agent called."""

    id: str
    name: str
    parameters: str
    called: float
    outcome: Literal["open", "done", "error", "cancelled"] = "open"
    result: str = ""
    answered: float | None = None


@dataclass(slots=True)
class LiveCall:
    """One that goes on, or has just ended."""

    asterisk: str
    record: str
    started: float
    agent: str
    channel: str = ""
    unique_id: str = ""
    caller_number: str = ""
    caller_name: str = ""
    extension: str = ""
    conversation_id: str = ""
    phase: Literal["connecting", "talking", "on hold", "listening", "ended"] = "connecting"
    prompt_state: str = ""
    speaks: Role | None = None
    """Who did last."""
    is_paused: bool = False
    """The agent, until it is known whether the caller interrupts it."""
    answer_ms: int | None = None
    """The last one's."""
    ready_ms: float | None = None
    interruptions: int = 0
    problems: list[str] = field(default_factory=list)
    keys: str = ""
    lines: list[Line] = field(default_factory=list)
    tools: OrderedDict[str, Tool] = field(default_factory=OrderedDict)
    ended: float | None = None
    status: str = ""
    reason: str = ""
    version: int = 0
    """Another one after each change."""

    @property
    def key(self) -> Key:
        return self.asterisk, self.record

    @property
    def direction(self) -> str:
        """outbound: it was made here; `caller_number` is who was called then."""
        return "outbound" if is_outbound(self.unique_id) else "inbound"


class LiveCalls:
    """All of them."""

    def __init__(self) -> None:
        self.calls: OrderedDict[Key, LiveCall] = OrderedDict()
        """The oldest first."""
        self.version = 0
        """Another one after each change."""

    def take(self, told: Told) -> None:
        """An event changes its call, which may be new. With the beginning told again all of it will be."""
        event = told.event
        call = self.calls.get(told.call)
        if call is None or (told.is_replayed and isinstance(event, Started)):
            version = call.version if call is not None else 0
            call = LiveCall(told.asterisk, event.record, started=event.time, agent=event.agent, version=version)
            self.calls[told.call] = call
            self._make_room()
        _apply(call, event)
        self._note(call)

    def take_listed(self, asterisk: str, listed: Mapping[str, str], now: float) -> None:
        """A call as AIConvAICall tells it, of which nothing else may be known."""
        record = listed.get("Record", "")
        if (known := self.calls.get((asterisk, record))) is not None:
            known.channel = known.channel or listed.get("Channel", "")
            known.unique_id = known.unique_id or listed.get("Uniqueid", "")
            return
        if not record:
            return
        duration = listed.get("DurationMs", "")
        started = now - int(duration) / 1000 if duration.isdecimal() else now
        call = LiveCall(asterisk, record, started=started, agent=listed.get("Agent", ""))
        call.channel, call.unique_id = listed.get("Channel", ""), listed.get("Uniqueid", "")
        call.conversation_id = listed.get("ConversationID", "")
        call.phase = "talking" if listed.get("State") == "active" else "connecting"
        self.calls[call.key] = call
        self._make_room()
        self._note(call)

    def forget_others(self, asterisk: str, records: Collection[str]) -> list[LiveCall]:
        """That Asterisk has no others than these any more: the rest has ended, nobody was told how. Returns those."""
        gone = [one for one in self.going_on() if one.asterisk == asterisk and one.record not in records]
        for call in gone:
            call.phase, call.ended = "ended", call.ended or call.started
            self._note(call)
        return gone

    def drop_ended(self, now: float) -> None:
        """Those that ended more than `ENDED_SHOWN_SECONDS` ago."""
        since = now - ENDED_SHOWN_SECONDS
        old = [key for key, one in self.calls.items() if one.ended is not None and one.ended < since]
        for key in old:
            del self.calls[key]
        self.version += bool(old)

    def going_on(self) -> list[LiveCall]:
        """The oldest first."""
        return [call for call in self.calls.values() if call.ended is None]

    def _note(self, call: LiveCall) -> None:
        call.version += 1
        self.version += 1

    def _make_room(self) -> None:
        if len(self.calls) <= CALLS_SHOWN:
            return
        ended = (key for key, call in self.calls.items() if call.ended is not None)
        del self.calls[next(ended, next(iter(self.calls)))]


def _apply(call: LiveCall, event: CallEvent) -> None:
    call.conversation_id = event.conversation_id or call.conversation_id
    # Managers are told of the channel with every event.
    headers = event.model_extra or {}
    call.channel = call.channel or str(headers.get("Channel", ""))
    call.unique_id = call.unique_id or str(headers.get("Uniqueid", ""))
    match event:
        case Started() | Ended():
            _apply_channel(call, event)
        case Ready():
            call.phase, call.ready_ms = "talking", event.ready_ms
        case Transcript():
            _apply_transcript(call, event)
        case Answer():
            call.answer_ms, call.speaks = event.latency_ms, "agent"
        case Interruption():
            call.interruptions += 1
            call.speaks, call.is_paused = "caller", False
        case Pause():
            call.is_paused = event.state == "begun"
        case Hold() | Listening():
            name: Literal["on hold", "listening"] = "on hold" if isinstance(event, Hold) else "listening"
            call.phase = name if event.state == "begun" else "talking"
        case ToolCall():
            call.tools[event.id] = Tool(event.id, event.name, event.parameters, event.time)
            while len(call.tools) > TOOLS_SHOWN:
                call.tools.popitem(last=False)
        case ToolDone() | ToolCancelled():
            _apply_answer(call, event)
        case StateEntered():
            call.prompt_state = event.state
        case HandOver():
            call.agent = event.next_agent
        case Keys():
            call.keys = (call.keys + ("*" if event.secret else event.keys))[-KEYS_SHOWN:]
        case Problem():
            call.problems.append(event.message)
            del call.problems[:-PROBLEMS_SHOWN]
        case _:
            pass


def _apply_channel(call: LiveCall, event: Started | Ended) -> None:
    for name in ("channel", "unique_id", "caller_number", "caller_name", "extension"):
        setattr(call, name, getattr(event, name) or getattr(call, name))
    if isinstance(event, Started):
        call.started, call.agent = event.time, event.agent
    else:
        call.phase, call.ended, call.speaks = "ended", event.time, None
        call.status, call.reason = event.status, event.reason


def _apply_transcript(call: LiveCall, event: Transcript) -> None:
    call.speaks = event.role
    line = next((one for one in reversed(call.lines) if (one.turn, one.role) == (event.turn, event.role)), None)
    if line is None:
        line = Line(event.turn, event.role, event.text, event.time, event.final, event.correction)
        call.lines.append(line)
        call.lines.sort(key=lambda one: one.turn)
        del call.lines[:-TURNS_SHOWN]
    elif event.correction:
        line.text, line.is_cut, line.is_final = event.text, True, True
    elif line.is_final and event.final:
        # A turn that is told in parts; what is told again is known.
        if line.time < event.time:
            line.text, line.time = f"{line.text} {event.text}", event.time
    elif not line.is_final:
        line.text, line.is_final, line.time = event.text, event.final, event.time


def _apply_answer(call: LiveCall, event: ToolDone | ToolCancelled) -> None:
    tool = call.tools.get(event.id)
    if tool is None or tool.outcome != "open":
        return
    tool.answered = event.time
    if isinstance(event, ToolDone):
        tool.outcome, tool.result = "error" if event.error else "done", event.result
    else:
        tool.outcome = "cancelled"
