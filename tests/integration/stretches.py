"""When a frequency was heard."""

from __future__ import annotations

from hearing import level_at

from aiconvai.audio import Samples

_WINDOW_MS = 20


def stretches_of(hz: float, samples: Samples, rate: int = 8000, level_dbfs: float = -30.0) -> list[tuple[float, float]]:
    """Begin and end, in seconds, of every stretch in which that frequency is as loud as that."""
    step = rate * _WINDOW_MS // 1000
    found: list[tuple[float, float]] = []
    for start in range(0, len(samples) - step + 1, step):
        if level_at(samples[start : start + step], hz, rate) < level_dbfs:
            continue
        begin, end = start / rate, (start + step) / rate
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found
