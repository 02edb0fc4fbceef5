"""What calls cost, from stretches of them. No input or output here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiconvai.rig.bench.results import Cost, Stretch
from aiconvai.rig.bench.statistics import median


def costs(stretches: Sequence[Stretch]) -> list[Cost]:
    """By version of Asterisk, path and number of calls, in the order in which they first were measured."""
    kinds = list(dict.fromkeys((one.asterisk, one.path, one.calls) for one in stretches))
    return [_cost(stretches, asterisk, path, calls) for asterisk, path, calls in kinds]


def _cost(stretches: Sequence[Stretch], asterisk: int, path: str, calls: int) -> Cost:
    own = [one for one in stretches if (one.asterisk, one.path, one.calls) == (asterisk, path, calls)]
    counted = [one.system_calls for one in own if one.system_calls is not None]
    return Cost(
        asterisk=asterisk,
        path=path,
        calls=calls,
        stretches=len(own),
        asterisk_cpu=median([one.asterisk_cpu for one in own]),
        helper_cpu=median([one.helper_cpu for one in own]),
        ratio=_ratio(own, lambda one: one.asterisk_cpu + one.helper_cpu),
        asterisk_ratio=_ratio(own, lambda one: one.asterisk_cpu),
        context_switches=median([one.context_switches for one in own]),
        system_calls=median(counted) if counted else None,
    )


def _ratio(stretches: Sequence[Stretch], cost: Callable[[Stretch], float]) -> float | None:
    ratios = [cost(one) / one.echo_cpu for one in stretches if one.echo_cpu]
    return median(ratios) if ratios else None
