"""What `aiconvai bench talk` measured."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from aiconvai.rig.bench.model import Result
from aiconvai.rig.talk.lines import Line
from aiconvai.rig.talk.run import Case, Column
from aiconvai.rig.talk.sounds import Kind
from aiconvai.rig.talk.turn import Turn


class Call(Result):
    """One call."""

    column: str
    """Who decided what is the caller."""
    line: str
    """The caller's telephone and line."""
    kind: Kind
    """What the caller did."""
    seed: int
    """Of what was said, of the room and of the noise."""
    late_ms: float
    """99 % of the caller's own packets left no later than this behind the 20 ms of the one before."""
    turns: list[Turn]
    """What became of each thing that the agent said."""


class TalkResults(Result):
    """All calls of a run."""

    made: str
    """When, as YYYY-MM-DD HH:MM."""
    asterisk: str
    """Its version."""
    processor: str
    """Of the machine."""
    quick: bool
    """Whether it was a quick run."""
    took_seconds: float
    """How long it took."""
    broken_off: list[str] = Field(default_factory=list)
    """Calls of which nothing counts, because they broke off."""
    calls: list[Call] = Field(default_factory=list)
    """In the order of their ends."""

    @property
    def late_ms(self) -> float:
        """99 % of the packets of nine callers in ten left no later than this."""
        ordered = sorted(call.late_ms for call in self.calls)
        return ordered[len(ordered) * 9 // 10] if ordered else 0.0

    def add(self, case: Case, turns: list[Turn], late_ms: float) -> None:
        """What became of a call."""
        column, line = case.column.name, case.line.name
        self.calls.append(Call(column=column, line=line, kind=case.kind, seed=case.seed, late_ms=late_ms, turns=turns))

    def turns(self, column: Column, lines: Iterable[Line], kind: Kind) -> list[Turn]:
        """Of all calls of that kind."""
        names = {line.name for line in lines}
        return [
            turn
            for call in self.calls
            if call.column == column.name and call.line in names and call.kind is kind
            for turn in call.turns
        ]
