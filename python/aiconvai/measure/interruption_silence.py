"""How soon after the service's interruption the caller hears nothing of the old audio any more."""

from __future__ import annotations

import bisect
import itertools

from aiconvai.caller import Caller
from aiconvai.caller.rtp import NANOSECONDS
from aiconvai.measure.bench import INTERRUPT_EXTENSION, Bench
from aiconvai.measure.results import Interruptions
from aiconvai.measure.statistics import distribution
from aiconvai.measure.validity import caller_problems

_LOOK_SECONDS = 0.25
"""After an interruption; the service is silent a little longer, so what comes in this time is old audio."""
_FLOWING_SECONDS = 0.025
"""A packet within this time before an interruption shows that there was something to interrupt."""
_NEXT_SECONDS = 30.0


def measure(bench: Bench) -> tuple[Interruptions, list[str]]:
    """As many as the service was set to; also what makes the result invalid."""
    with Caller(bench.asterisk.sip_port, record=False) as caller:
        call = caller.call(INTERRUPT_EXTENSION).wait_answered()
        sent: list[float] = []
        while "interrupted" in (fact := bench.service.next_fact(_NEXT_SECONDS)):
            sent.append(fact["interrupted"])
        call.hangup()
    arrivals = [packet.time_ns / NANOSECONDS for packet in call.heard]
    what = f"interruptions, Asterisk {bench.asterisk.version}"
    problems = caller_problems(call, what)
    silences, idle = [], 0
    for moment in sent:
        after = silence_after(arrivals, moment)
        if after is None:
            idle += 1
        else:
            silences.append(after * 1000)
    if idle:
        problems.append(f"{what}: at {idle} of {len(sent)} interruptions nothing was being played")
    return Interruptions(
        asterisk=bench.asterisk.version,
        silences_ms=[round(one, 3) for one in silences],
        summary=distribution(silences),
        share_within_20_ms=sum(one <= 20.0 for one in silences) / len(silences),
    ), problems


def silence_after(arrivals: list[float], moment: float) -> float | None:
    """Seconds from the moment to the last packet within the next 250 ms; 0 if none came after the moment.

    None when no packet came right before it either: there was nothing to silence. `arrivals` are in order.
    """
    before = bisect.bisect_right(arrivals, moment)
    if not before or moment - arrivals[before - 1] > _FLOWING_SECONDS:
        return None
    late = list(itertools.takewhile(lambda one: one <= moment + _LOOK_SECONDS, arrivals[before:]))
    return late[-1] - moment if late else 0.0
