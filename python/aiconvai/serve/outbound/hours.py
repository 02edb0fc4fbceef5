"""When people may be called: by the clock of where they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(?:([a-z,\- ]+?) +)?(\d\d?):(\d\d) *- *(\d\d?):(\d\d)")
_DAYS_AHEAD = 15
"""In which whatever opens has opened once, also where clocks leave out an hour of a day."""
_MINUTES_A_DAY = 24 * 60


class HoursError(ValueError):
    """What is no span of hours; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Span:
    """Of each of those days, from one minute to another, which is not in it."""

    days: frozenset[int]
    """0 is Monday."""
    begin: int
    end: int


def read_span(text: str) -> Span:
    """Of `mon-fri 09:00-17:30`, `sat,sun 10:00-12:00` or `09:00-20:00`. Raises `HoursError`."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise HoursError(f"expected DAYS HH:MM-HH:MM such as mon-fri 09:00-17:30, got {text!r:.60}")
    begin, end = (_minute(found[at], found[at + 1], text) for at in (2, 4))
    if begin >= end:
        raise HoursError(f"expected the later time behind the earlier one, got {text!r:.60}")
    return Span(frozenset(_days(found[1] or "mon-sun", text)), begin, end)


def _minute(hours: str, minutes: str, text: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > _MINUTES_A_DAY:
        raise HoursError(f"expected times from 00:00 to 24:00, got {text!r:.60}")
    return minute


def _days(names: str, text: str) -> Iterator[int]:
    for part in names.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise HoursError(f"expected days of {', '.join(_DAYS)}, got {text!r:.60}")
        begin = _DAYS.index(first)
        for step in range((_DAYS.index(last or first) - begin) % 7 + 1):
            yield (begin + step) % 7


class Hours:
    """All spans of a time zone; without any people may be called at any time."""

    def __init__(self, spans: Sequence[Span], zone: ZoneInfo) -> None:
        self._spans = spans
        self._zone = zone

    def are_open(self, moment: float) -> bool:
        """`moment`: seconds since 1970."""
        if not self._spans:
            return True
        local = datetime.fromtimestamp(moment, self._zone)
        minute = local.hour * 60 + local.minute
        return any(local.weekday() in one.days and one.begin <= minute < one.end for one in self._spans)

    def next_opening(self, moment: float) -> float:
        """The first moment from this one on at which they are open."""
        if self.are_open(moment):
            return moment
        openings = (one for one in self._openings(moment) if one > moment and self.are_open(one))
        return min(openings)

    def _openings(self, moment: float) -> Iterator[float]:
        today = datetime.fromtimestamp(moment, self._zone).date()
        for ahead in range(_DAYS_AHEAD):
            day = today + timedelta(days=ahead)
            for span in self._spans:
                # An hour that there is twice begins twice. Of one that there is not the end may open: it is looked at.
                for minute in {span.begin, *range(span.begin, span.end, 15)}:
                    for fold in (0, 1):
                        local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, fold=fold)
                        yield local.replace(tzinfo=self._zone).timestamp()
