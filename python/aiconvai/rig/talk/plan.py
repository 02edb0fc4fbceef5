"""Which calls `aiconvai bench talk` makes: the same ones each time."""

from __future__ import annotations

from aiconvai.rig.talk.lines import DISTORTED, HEADSET, LINES, LOUD, NOISY, USUAL, Line
from aiconvai.rig.talk.run import NOTHING, OURS, SERVICE, Case, Column
from aiconvai.rig.talk.sounds import Kind

NO_INTERRUPTIONS = (Kind.HELLO, Kind.BACK_CHANNEL, Kind.COUGH, Kind.DOOR, Kind.ASIDE)
_HARD = (LOUD, DISTORTED, NOISY)
_SEEDS_APART = 1000


def full() -> list[Case]:
    """About 15 minutes."""
    usual = [line for line in LINES if line.usual]
    return _numbered(
        # For less than 1 % of first turns it takes 300 of them without one.
        *((OURS, line, Kind.NOTHING, 45, 2) for line in usual),
        *((OURS, line, Kind.NOTHING, 15, 2) for line in (HEADSET, *_HARD)),
        *((SERVICE, line, Kind.NOTHING, 10, 2) for line in (HEADSET, USUAL, LOUD)),
        (NOTHING, USUAL, Kind.NOTHING, 12, 1),
        (OURS, HEADSET, Kind.INTERRUPTION, 50, 2),
        *((OURS, line, Kind.INTERRUPTION, 10, 2) for line in usual),
        *((OURS, line, Kind.INTERRUPTION, 15, 2) for line in _HARD),
        *((SERVICE, line, Kind.INTERRUPTION, 15, 2) for line in (HEADSET, USUAL)),
        (NOTHING, HEADSET, Kind.INTERRUPTION, 12, 1),
        *((OURS, line, kind, 12, 2) for line in (HEADSET, USUAL) for kind in NO_INTERRUPTIONS),
        *((SERVICE, HEADSET, kind, 6, 2) for kind in NO_INTERRUPTIONS),
        *((column, line, Kind.QUESTION, 6, 2) for column in (SERVICE, OURS) for line in (HEADSET, USUAL)),
    )


def quick() -> list[Case]:
    """About two minutes: whether everything works, with too few calls for most rates."""
    return _numbered(
        *((column, USUAL, Kind.NOTHING, 6, 2) for column in (OURS, SERVICE)),
        *((column, line, Kind.INTERRUPTION, 6, 2) for column in (OURS, SERVICE) for line in (HEADSET, USUAL)),
        *((OURS, HEADSET, kind, 6, 2) for kind in NO_INTERRUPTIONS),
        (SERVICE, HEADSET, Kind.COUGH, 6, 2),
        (OURS, HEADSET, Kind.QUESTION, 6, 2),
    )


def _numbered(*groups: tuple[Column, Line, Kind, int, int]) -> list[Case]:
    """So many calls of each, with so many turns. The same line and kind has the same seeds in each column."""
    cases = []
    for column, line, kind, calls, turns in groups:
        begin = _SEEDS_APART * (len(Kind) * LINES.index(line) + list(Kind).index(kind))
        cases += [Case(column, line, kind, turns, begin + number) for number in range(calls)]
    return cases
