"""How long a tone burst takes from the caller through Asterisk and the service, and back."""

from __future__ import annotations

import random
import time

from aiconvai.caller import Caller, tone_burst_round_trip
from aiconvai.measure.bench import EXTENSIONS, Bench
from aiconvai.measure.results import PATHS, Path, RoundTrips
from aiconvai.measure.statistics import distribution
from aiconvai.measure.validity import caller_problems

_SETTLING_SECONDS = 1.0
_PAUSE_SECONDS = (0.05, 0.15)


def measure(bench: Bench, calls: int, bursts: int) -> tuple[list[RoundTrips], list[str]]:
    """So many bursts in each of so many calls, path after path in turns; also what makes the result invalid.

    Every call has its own place between two ticks of the module's clock, hence several.
    """
    delays: dict[Path, list[float]] = {path: [] for path in PATHS}
    problems: list[str] = []
    pauses = random.Random(bursts)
    with Caller(bench.asterisk.sip_port) as caller:
        for _ in range(calls):
            for path in PATHS:
                call = caller.call(EXTENSIONS[path]).wait_answered()
                call.wait_heard(5)
                time.sleep(_SETTLING_SECONDS)
                for _ in range(bursts):
                    delays[path].append(tone_burst_round_trip(call).delay_ms)
                    time.sleep(pauses.uniform(*_PAUSE_SECONDS))
                call.hangup()
                problems += caller_problems(call, f"round trip, Asterisk {bench.asterisk.version}, {path}")
    return [
        RoundTrips(
            asterisk=bench.asterisk.version,
            path=path,
            delays_ms=[round(one, 3) for one in delays[path]],
            summary=distribution(delays[path]),
        )
        for path in PATHS
    ], problems
