"""The figures of `aiconvai bench talk`, from turns. No input or output here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt

from aiconvai.rig.bench.model import Result
from aiconvai.rig.bench.statistics import Distribution, distribution
from aiconvai.rig.talk.turn import Turn

LEAST_EVENTS = 10
"""Of fewer no rate is given (tau-voice's rule)."""
_Z = 1.959964
"""Of a normal distribution, 95 % lie within so many deviations."""


class Rate(Result):
    """So many of so many, with the interval in which the true share lies with 95 % (Wilson, 1927)."""

    count: int
    """How many did."""
    of: int
    """Of how many."""
    lowest: float
    """The lower end of the interval, 0 to 1."""
    highest: float
    """The upper one."""

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.count / self.of

    def __str__(self) -> str:
        return f"{self.share:.1%} ({self.count}/{self.of})".replace("%", " %")


def rate(happened: Iterable[bool]) -> Rate | None:
    """None of fewer than `LEAST_EVENTS`."""
    events = list(happened)
    count, of = sum(events), len(events)
    if of < LEAST_EVENTS:
        return None
    share, spread = count / of, _Z**2 / of
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return Rate(count=count, of=of, lowest=max(0.0, centre - half), highest=min(1.0, centre + half))


class EchoFigures(Result):
    """Of turns in which the caller said nothing."""

    broken_off: Rate | None
    """Answers that the agent's own voice broke off."""
    first_broken_off: Rate | None
    """The same of the first turns of calls."""
    paused: Rate | None
    """Answers that had a pause in them, taken back or not."""


class InterruptionFigures(Result):
    """Of turns in which the caller interrupted the agent; turns that were broken off before count as missed."""

    decided_200: Rate | None
    """The module has paused or interrupted the agent within 200 ms of the caller's first sound."""
    decided_500: Rate | None
    """Within 500 ms."""
    yielded: Rate | None
    """The agent was silent at the caller's ear within two seconds."""
    silent_ms: Distribution | None
    """How long that took."""
    silent_after_decision_ms: Distribution | None
    """From the decision on."""


class SelectivityFigures(Result):
    """Of turns in which the caller made a sound that is no interruption."""

    rest_heard: Rate | None
    """The rest of the answer was heard."""
    lost_ms: float
    """The most that was skipped at a pause of a turn whose rest was heard; the mean of the turn's pauses."""
    repeated_ms: float
    """The most that was heard twice, likewise."""
    pause_ms: Distribution | None
    """How long the agent paused, where it did."""


def echo_figures(turns: Sequence[Turn]) -> EchoFigures:
    """Of one column and line, or of several."""
    return EchoFigures(
        broken_off=rate(turn.cut for turn in turns),
        first_broken_off=rate(turn.cut for turn in turns if turn.first),
        paused=rate(bool(turn.pauses_ms) for turn in turns),
    )


def interruption_figures(turns: Sequence[Turn]) -> InterruptionFigures:
    """Of one column and line, or of several."""
    return InterruptionFigures(
        decided_200=rate(_within(turn.decided_ms, 200) for turn in turns),
        decided_500=rate(_within(turn.decided_ms, 500) for turn in turns),
        yielded=rate(turn.silent_ms is not None and turn.cut for turn in turns),
        silent_ms=_spread(turn.silent_ms for turn in turns if turn.cut),
        silent_after_decision_ms=_spread(turn.silent_after_decision_ms for turn in turns if turn.cut),
    )


def selectivity_figures(turns: Sequence[Turn]) -> SelectivityFigures:
    """Of one column and kind of sound."""
    whole = [turn for turn in turns if not turn.cut]
    return SelectivityFigures(
        rest_heard=rate(not turn.cut for turn in turns),
        lost_ms=max((turn.lost_ms / max(1, len(turn.pauses_ms)) for turn in whole), default=0),
        repeated_ms=max((turn.repeated_ms / max(1, len(turn.pauses_ms)) for turn in whole), default=0),
        pause_ms=_spread(pause for turn in whole for pause in turn.pauses_ms),
    )


def _within(ms: float | None, limit: float) -> bool:
    return ms is not None and ms <= limit


def _spread(readings: Iterable[float | None]) -> Distribution | None:
    known = [one for one in readings if one is not None]
    return distribution(known) if known else None
