"""How soon after the service's interruption the caller hears nothing of the old audio any more."""

from __future__ import annotations

import bisect
import time

from aiconvai.rig.bench.paths import INTERRUPT
from aiconvai.rig.bench.results import Interruptions, Problem
from aiconvai.rig.bench.stage import Stage
from aiconvai.rig.bench.statistics import distribution
from aiconvai.rig.bench.validity import caller_problems
from aiconvai.rig.caller import Caller
from aiconvai.rig.caller.rtp import NANOSECONDS

_LOOK_SECONDS = 0.25
"""After an interruption; the service is silent a little longer, so what comes in this time is old audio."""
_FLOWING_SECONDS = 0.025
"""A packet within this time before an interruption shows that there was something to interrupt."""
_NEXT_SECONDS = 30.0


def measure(stage: Stage) -> tuple[Interruptions, list[Problem]]:
    """As many as the stage's agent makes; also what makes the result invalid."""
    with Caller(stage.asterisk.sip_port, record=False) as caller:
        call = caller.call(INTERRUPT.extension).wait_answered()
        sent: list[float] = []
        while "done" not in (fact := stage.far_end.next_fact(_NEXT_SECONDS)):
            sent += [fact["interrupted"]] if "interrupted" in fact else []
        time.sleep(_LOOK_SECONDS)
        call.hangup()
    arrivals = [packet.time_ns / NANOSECONDS for packet in call.heard]
    what = f"interruptions, Asterisk {stage.asterisk.version}"
    problems = caller_problems([call], what)
    last = [last_packet_after(arrivals, moment) for moment in sent]
    playing = [one * 1000 for one in last if one is not None]
    if idle := len(last) - len(playing):
        text = f"{what}: at {idle} of {len(sent)} interruptions nothing was being played"
        problems.append(Problem(kind="calls", text=text))
    silences = [max(0.0, one) for one in playing]
    return Interruptions(
        asterisk=stage.asterisk.version,
        last_packets_ms=[round(one, 3) for one in playing],
        summary=distribution(silences),
        share_within_20_ms=sum(one <= 20.0 for one in silences) / len(silences),
    ), problems


def last_packet_after(arrivals: list[float], moment: float) -> float | None:
    """Seconds from the moment to the last packet until 250 ms later; negative when none came after the moment.

    None when no packet came right before it either: there was nothing to silence. `arrivals` are in order.
    """
    before = bisect.bisect_right(arrivals, moment)
    if not before or moment - arrivals[before - 1] > _FLOWING_SECONDS:
        return None
    return arrivals[bisect.bisect_right(arrivals, moment + _LOOK_SECONDS) - 1] - moment
