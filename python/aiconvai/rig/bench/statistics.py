"""Numbers from readings. No input or output here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aiconvai.rig.bench.model import Result

Numbers = Sequence[float] | npt.NDArray[np.float64]


class Distribution(Result):
    """How readings spread; percentiles are interpolated between neighbours."""

    count: int
    """Number of readings."""
    minimum: float
    """The smallest."""
    p50: float
    """The median."""
    p95: float
    """95 % are at or below it."""
    p99: float
    """99 % are at or below it."""
    maximum: float
    """The largest."""


def distribution(values: Numbers) -> Distribution:
    """Of at least one reading."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise ValueError("no readings: nothing was measured")
    p50, p95, p99 = (float(one) for one in np.percentile(array, (50, 95, 99)))
    return Distribution(
        count=int(array.size), minimum=float(array.min()), p50=p50, p95=p95, p99=p99, maximum=float(array.max())
    )


def share_within(values: Numbers, centre: float, tolerance: float) -> float:
    """The share, 0 to 1, of values no further from the centre than the tolerance; 0 of no values."""
    array = np.asarray(values, dtype=np.float64)
    return float(np.mean(np.abs(array - centre) <= tolerance)) if array.size else 0.0


def drift_ppm(arrivals: Numbers, period: float) -> float:
    """How much slower (positive) or faster than one each `period` things arrive, in parts per million.

    The slope of a straight line through the arrivals, in the unit of the period; a few late ones hardly change it.
    """
    array = np.asarray(arrivals, dtype=np.float64)
    if array.size < 2:
        raise ValueError(f"{array.size} arrivals: a drift needs two")
    slope = np.polyfit(np.arange(array.size), array - array[0], 1)[0]
    return float((slope / period - 1.0) * 1e6)


def median(values: Numbers) -> float:
    """Of at least one reading."""
    return distribution(values).p50


def ratios_to_neighbours(costs: Sequence[float | None], floors: Sequence[float | None]) -> list[float]:
    """Each cost divided by the mean of the floors next to it, before and after.

    Both have one entry for each stretch, in their order; None where a stretch is not of that kind. What changes in
    the machine over minutes changes neighbours alike and so not their ratio. Costs without any floor have no ratio.
    """
    known = [index for index, floor in enumerate(floors) if floor is not None]
    ratios: list[float] = []
    for index, cost in enumerate(costs):
        if cost is None or not known:
            continue
        before = [one for one in known if one < index][-1:]
        after = [one for one in known if one > index][:1]
        near = [floors[one] for one in (before + after or known[:1])]
        ratios.append(cost / float(np.mean([floor for floor in near if floor is not None])))
    return ratios


def change_percent(before: float, after: float) -> float | None:
    """How much larger (positive) or smaller the second is; None where the first is 0."""
    return (after / before - 1.0) * 100 if before else None


def ecdf(values: Numbers) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sorted values, and the share of values, in per cent, up to each."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return ordered, np.arange(1, len(ordered) + 1) / len(ordered) * 100
