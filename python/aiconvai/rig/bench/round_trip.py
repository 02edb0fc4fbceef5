"""How long a tone burst takes from the caller to the echo and back, alone and among other calls."""

from __future__ import annotations

import random
import time

from aiconvai.rig.bench.burst_train import BurstTrain, Delays
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.paths import CallPath, prompt
from aiconvai.rig.bench.results import Problem, RoundTrips
from aiconvai.rig.bench.stage import Stage
from aiconvai.rig.bench.statistics import distribution
from aiconvai.rig.bench.validity import caller_problems
from aiconvai.rig.caller import Call, Caller

_SETTLING_SECONDS = 1.0
_MARGIN_SECONDS = 2.0
_TICK_SECONDS = 0.02


def measure_alone(stage: Stage, path: CallPath, calls: int, seconds: float) -> tuple[RoundTrips, list[Problem]]:
    """Bursts over so many seconds in each of so many calls, one call after another: each has its own place between
    two ticks of the module's clock.
    """
    pauses = random.Random(calls)
    done: list[tuple[Call, Delays]] = []
    with Caller(stage.asterisk.sip_port) as caller:
        for _ in range(calls):
            call = _begin(caller, path)
            time.sleep(_SETTLING_SECONDS)
            train = BurstTrain(call, seconds, path.chunk_ms / 1000, pauses)
            done.append((call, train.finish()))
            call.hangup()
    return _result(stage, path, 0, done)


def measure_among_others(
    stage: Stage, path: CallPath, measured: int, calls: int, seconds: float
) -> tuple[RoundTrips, list[Problem]]:
    """Bursts in `measured` calls at once, of `calls` in all."""
    asterisk = stage.asterisk
    others = calls - measured
    pauses = random.Random(measured)
    lasting = _SETTLING_SECONDS + measured * 2 * _TICK_SECONDS + seconds + 1 + _MARGIN_SECONDS
    with stage.calls(asterisk, path.extension, others, lasting) as many:
        many.wait_up()
        with Caller(asterisk.sip_port) as caller:
            answered = []
            for _ in range(measured):
                answered.append(_begin(caller, path))
                time.sleep(pauses.uniform(0.0, _TICK_SECONDS))
            time.sleep(_SETTLING_SECONDS)
            trains = [BurstTrain(call, seconds, path.chunk_ms / 1000, pauses) for call in answered]
            done = [(call, train.finish()) for call, train in zip(answered, trains, strict=True)]
            for call in answered:
                call.hangup()
    return _result(stage, path, calls - 1, done)


def _begin(caller: Caller, path: CallPath) -> Call:
    call = caller.call(prompt(path).extension).wait_answered()
    call.wait_heard(5)
    return call


def _result(
    stage: Stage, path: CallPath, others: int, done: list[tuple[Call, Delays]]
) -> tuple[RoundTrips, list[Problem]]:
    version = stage.asterisk.version
    what = f"round trip, {path.name}, {others} other calls, Asterisk {version}"
    delays = [one for _, train in done for one in train.milliseconds]
    lost = sum(train.lost for _, train in done)
    if not delays:
        raise BenchError(f"{what}: none of {lost} bursts came back")
    problems = caller_problems([call for call, _ in done], what)
    if lost:
        text = f"{what}: {lost} of {lost + len(delays)} bursts were not back when the next one left"
        problems.append(Problem(kind="timing", text=text))
    return RoundTrips(
        asterisk=version,
        path=path.name,
        others=others,
        delays_ms=[round(one, 3) for one in delays],
        lost=lost,
        summary=distribution(delays),
    ), problems
