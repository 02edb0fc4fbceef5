"""What calls cost while others come and go beside them."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass

from aiconvai.rig.bench.callers import Callers, Churn, ManyCalls
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.machine import ProcessTimes, process_times, stolen_seconds, used_by_others
from aiconvai.rig.bench.paths import ECHO, CallPath
from aiconvai.rig.bench.process_usage import ProcessUsage, read_usage, used
from aiconvai.rig.bench.results import CallersOwn, ChurnCost, Problem
from aiconvai.rig.bench.stage import Stage
from aiconvai.rig.bench.stretch import ECHO_SEED, mark_both
from aiconvai.rig.bench.validity import MOST_OTHER_SHARE, MOST_STOLEN_SHARE, own_problems

LASTING_SECONDS = 2.0
"""Each call that comes and goes."""
_CHURN_SEED = 3
_SETTLING_SECONDS = 2.0


@dataclass(frozen=True)
class _Reading:
    time: float
    asterisk: ProcessUsage
    floor: ProcessUsage
    stolen: float
    processes: ProcessTimes


@dataclass(frozen=True)
class _Part:
    """A time that was measured."""

    cpu: float
    """Of asterisk, for each second of a steady call."""
    ratio: float
    """That to Echo() at the same time."""
    own: CallersOwn
    problems: list[Problem]


def measure(
    stage: Stage, path: CallPath, calls: int, churn_path: CallPath, rate: float, seconds: float
) -> tuple[ChurnCost, list[Problem]]:
    """So many steady calls, alone over so many seconds and then with so many set-ups a second beside them; also what
    makes it invalid. The calls of the second part are those of the first.
    """
    asterisk, floor = stage.asterisk, stage.floor
    if floor is None or stage.bursts:
        raise BenchError("calls that come and go need another Asterisk for Echo(), and callers who hear")
    what = f"{calls} calls, {path.name}, and {rate:g} set-ups a second of {churn_path.name}"
    longest = 2 * (seconds + _SETTLING_SECONDS)
    churn = Churn(churn_path.extension, rate, LASTING_SECONDS)
    with ExitStack() as stack:
        stack.callback(asterisk.hang_up_all)
        stack.callback(floor.hang_up_all)
        echoed = stack.enter_context(stage.calls(floor, ECHO.extension, calls, longest, seed=ECHO_SEED))
        steady = stack.enter_context(stage.calls(asterisk, path.extension, calls, longest))
        echoed.wait_up()
        steady.wait_up()
        ours = {os.getpid(), asterisk.pid, floor.pid, stage.far_end.reader.pid, echoed.reader.pid, steady.reader.pid}
        time.sleep(_SETTLING_SECONDS)
        before = _part(stage, steady, echoed, calls, seconds, ours, f"{what}, before them")
        # They stay away until the last of the steady ones is up, so at once; and hang up when they are left.
        with Callers(asterisk.host, asterisk.sip_port, ECHO.extension, 0, seed=_CHURN_SEED, churn=churn) as coming:
            coming.wait_up()
            # As many come as go.
            time.sleep(LASTING_SECONDS + _SETTLING_SECONDS)
            during = _part(stage, steady, echoed, calls, seconds, ours | {coming.reader.pid}, what)
    assert coming.totals is not None
    return ChurnCost(
        path=path.name,
        calls=calls,
        churn_path=churn_path.name,
        rate=rate,
        lasting=LASTING_SECONDS,
        steady_cpu=before.cpu,
        churn_cpu=during.cpu,
        ratio=during.ratio / before.ratio,
        begun=coming.totals.begun,
        steady_gap_ms=before.own.longest_gap_ms,
        churn_gap_ms=during.own.longest_gap_ms,
        lateness_p99_ms=during.own.lateness_p99_ms,
    ), [*before.problems, *during.problems]


def _part(
    stage: Stage, steady: ManyCalls, echoed: ManyCalls, calls: int, seconds: float, ours: set[int], what: str
) -> _Part:
    mark_both(steady, echoed)
    before = _read(stage)
    time.sleep(seconds)
    after = _read(stage)
    own, echo_own = mark_both(steady, echoed)
    assert own is not None
    assert echo_own is not None
    length = after.time - before.time
    asterisk, floor = used(before.asterisk, after.asterisk).ran, used(before.floor, after.floor).ran
    problems = own_problems(own, what) + own_problems(echo_own, f"Echo() beside {what}")
    if own.missing:
        text = f"{what}: {own.missing} packets to the steady callers were lost"
        problems.append(Problem(kind="loss", text=text))
    if (others := used_by_others(before.processes, after.processes, ours) / length) > MOST_OTHER_SHARE:
        problems.append(Problem(kind="machine", text=f"{what}: other processes used {others:.2f} of a core"))
    if (stolen := (after.stolen - before.stolen) / length) > MOST_STOLEN_SHARE:
        text = f"{what}: the hypervisor took {stolen:.2f} of a core away"
        problems.append(Problem(kind="machine", text=text))
    return _Part(asterisk / (length * calls), asterisk / floor, own, problems)


def _read(stage: Stage) -> _Reading:
    assert stage.floor is not None
    return _Reading(
        processes=process_times(),
        stolen=stolen_seconds(),
        floor=read_usage(stage.floor.pid),
        time=time.monotonic(),
        asterisk=read_usage(stage.asterisk.pid),
    )
