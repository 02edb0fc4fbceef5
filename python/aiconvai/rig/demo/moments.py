"""What happened in a call, each thing with its time: the material of the display, the checks and the picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a moment is about; the value is its name for people."""

    ANSWERED = "answered"
    READY = "ready"
    AGENT_SAYS = "agent"
    CALLER_SAYS = "caller"
    VOICE = "voice"
    TOOL_CALL = "tool call"
    TOOL_RESULT = "tool result"
    INTERRUPTION = "interruption"
    SILENCE = "silence"
    ERROR = "error"
    END = "end"
    HANGUP = "hangup"


@dataclass(frozen=True)
class Moment:
    """`time` is CLOCK_MONOTONIC seconds; `text` is for people."""

    time: float
    kind: Kind
    text: str


class Moments:
    """All of them so far. One thread adds; any may read."""

    def __init__(self) -> None:
        self._all: list[Moment] = []

    def add(self, time: float, kind: Kind, text: str) -> Moment:
        """Note something."""
        moment = Moment(time, kind, text)
        self._all.append(moment)
        return moment

    def since(self, position: int) -> list[Moment]:
        """In the order in which they were noted, from that number on."""
        return self._all[position:]

    def in_order(self) -> list[Moment]:
        """In the order of time."""
        return sorted(self._all, key=lambda moment: moment.time)

    def of(self, kind: Kind) -> list[Moment]:
        """Those of one kind, in the order of time."""
        return [moment for moment in self.in_order() if moment.kind is kind]

    def first(self, kind: Kind) -> Moment | None:
        """The earliest of one kind."""
        return next(iter(self.of(kind)), None)
