"""How far two runs agree. No input or output here."""

from __future__ import annotations

from dataclasses import dataclass

from aiconvai.rig.bench.headlines import HEADLINES, Headline
from aiconvai.rig.bench.results import Results
from aiconvai.rig.bench.statistics import change_percent

AGREE_PERCENT = 15.0


@dataclass(frozen=True)
class Difference:
    """One figure of two runs."""

    headline: Headline
    before: float
    after: float
    percent: float | None
    """None where the first is 0."""
    agrees: bool
    """Within `AGREE_PERCENT`, or within the figure's resolution."""


def compare(before: Results, after: Results) -> list[Difference]:
    """Of every figure that both have."""
    found = []
    for one in HEADLINES:
        if one.key not in before.headlines or one.key not in after.headlines:
            continue
        first, second = before.headlines[one.key], after.headlines[one.key]
        percent = change_percent(first, second)
        near = abs(second - first) <= one.resolution
        agrees = near or (percent is not None and abs(percent) <= AGREE_PERCENT)
        found.append(Difference(one, first, second, percent, agrees))
    return found
