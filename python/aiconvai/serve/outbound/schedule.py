"""Who is called when: decisions alone. No clock, no database, no Asterisk: all of that is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiconvai.serve.outbound.hours import Hours
from aiconvai.serve.outbound.outcome import State


@dataclass(frozen=True, slots=True)
class Limits:
    """Of all calls that go out."""

    at_once: int
    per_second: float

    def have_room(self, going_on: int) -> bool:
        """For another call."""
        return going_on < self.at_once


@dataclass(frozen=True, slots=True)
class Candidate:
    """The first one who waits: of those that were asked for singly, or of a list."""

    id: int
    list_id: int | None
    due: float
    any_hour: bool


def choose(candidates: Sequence[Candidate], going_on: Mapping[int | None, int], now: float) -> Candidate | None:
    """Who is next. What was asked for singly comes first, then the list that has the fewest calls."""

    def order(one: Candidate) -> tuple[bool, bool, int, float, int]:
        is_of_list = one.list_id is not None
        return one.due > now, is_of_list, going_on.get(one.list_id, 0) if is_of_list else 0, one.due, one.id

    return min(candidates, key=order, default=None)


def when_to_begin(limits: Limits, hours: Hours, candidate: Candidate, *, last_begun: float, now: float) -> float:
    """The moment at which that one may be called, from now on."""
    moment = max(now, candidate.due, last_begun + 1 / limits.per_second)
    return moment if candidate.any_hour else hours.next_opening(moment)


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of somebody after an attempt."""

    state: State
    due: float = 0.0
    """When there is another one, where it waits."""


def after(result: State, attempts: int, *, most_attempts: int, again: Mapping[State, float], now: float) -> Next:
    """`attempts`: with this one. `again`: after how many seconds there is another, for results that have one."""
    wait = again.get(result)
    if wait is None or most_attempts == 1:
        return Next(result)
    if attempts >= most_attempts:
        return Next(State.GAVE_UP)
    return Next(State.WAITING, now + wait)
