"""Numbers from readings. No input or output here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

Numbers = Sequence[float] | npt.NDArray[np.float64]


class Distribution(BaseModel):
    """How readings spread; percentiles are interpolated between neighbours."""

    count: int
    minimum: float
    p50: float
    p95: float
    p99: float
    maximum: float


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


def ratio_of_medians(values: Numbers, floor: Numbers) -> float:
    """The median of the values divided by the median of the floor."""
    return float(np.median(np.asarray(values)) / np.median(np.asarray(floor)))
