"""How many calls the machine holds, callers and far end on it too, and what there is not enough of then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiconvai.rig.asterisk.control import ControlError
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.results import Capacity, Stretch

_NEARLY_ALL = 0.9
_ONE_THREAD = 0.85
_WAITING = 1.0


def search(
    path: str, steps: Sequence[int], measure: Callable[[int], Stretch], cores: int
) -> tuple[Capacity, list[Stretch]]:
    """Tries the numbers of calls in their order until a rule is broken; also the stretches in which none was.

    That something else ran on the machine does not end the search; the run is invalid anyway then.
    """
    held: list[Stretch] = []
    tried: list[int] = []
    for calls in steps:
        tried.append(calls)
        most = held[-1].calls if held else 0
        try:
            stretch = measure(calls)
        except (BenchError, ControlError) as error:
            # So many that not even that could be found out.
            limit = f"nothing could be told: {error}"
            return Capacity(path=path, held=most, tried=tried, broken=None, limit=limit), held
        broken = [problem.text for problem in stretch.problems if problem.kind != "machine"]
        if broken:
            limit = f"{limiting_resource(stretch, cores)}. {'; '.join(broken)}"
            return Capacity(path=path, held=most, tried=tried, broken=stretch, limit=limit), held
        held.append(stretch)
    limit = "none was met: more were not tried"
    return Capacity(path=path, held=tried[-1] if tried else 0, tried=tried, broken=None, limit=limit), held


def limiting_resource(stretch: Stretch, cores: int) -> str:
    """What there was most likely not enough of, in words."""
    parts = {
        "asterisk": stretch.asterisk_share,
        "callers": stretch.callers_share,
        "the far end": stretch.far_end_share,
        "others": stretch.other_share,
    }
    shares = ", ".join(f"{name} {share:.2f}" for name, share in parts.items())
    if sum(parts.values()) + stretch.stolen_share > _NEARLY_ALL * cores:
        return f"the machine's {cores} cores ({shares})"
    if stretch.busiest_thread_share > _ONE_THREAD:
        return f"one thread of asterisk, which had {stretch.busiest_thread_share:.2f} of a core ({shares} of {cores})"
    if stretch.far_end_share > _ONE_THREAD:
        return f"the far end's one thread ({shares} of {cores})"
    if stretch.run_queue > _WAITING:
        return f"the run queue: {stretch.run_queue:.1f} threads of asterisk waited for a core ({shares} of {cores})"
    return f"audio was lost or late though the cores were not full ({shares} of {cores})"
