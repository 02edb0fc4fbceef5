"""How regularly the caller gets the agent's packets while the agent has much to say."""

from __future__ import annotations

import itertools
import time

from aiconvai.caller import Caller
from aiconvai.caller.rtp import NANOSECONDS
from aiconvai.measure.bench import TALK_EXTENSION, Bench
from aiconvai.measure.results import PacketSpacing
from aiconvai.measure.statistics import distribution, drift_ppm, share_within
from aiconvai.measure.validity import caller_problems

MARGIN_SECONDS = 5.0
"""What the agent has to say beyond the time measured: the queue must not run empty in it."""
_PACKET_SECONDS = 0.02
_FIRST_PACKET = 100
"""The first two seconds are left out: the agent's speech is still coming in."""


def measure(bench: Bench, seconds: float) -> tuple[PacketSpacing, list[str]]:
    """Over so many seconds; also what makes the result invalid. The service must talk for `MARGIN_SECONDS` longer."""
    with Caller(bench.asterisk.sip_port, record=False) as caller:
        call = caller.call(TALK_EXTENSION).wait_answered()
        call.wait_heard(_FIRST_PACKET)
        time.sleep(seconds)
        call.hangup()
    heard = call.heard[_FIRST_PACKET:]
    spacing = [(after.time_ns - before.time_ns) / 1e6 for before, after in itertools.pairwise(heard)]
    what = f"packet spacing, Asterisk {bench.asterisk.version}"
    problems = caller_problems(call, what)
    expected = seconds / _PACKET_SECONDS
    if len(heard) < 0.99 * expected:
        problems.append(f"{what}: {len(heard)} packets in {seconds:g} s; expected about {expected:.0f}")
    return PacketSpacing(
        asterisk=bench.asterisk.version,
        seconds=seconds,
        summary=distribution(spacing),
        share_within_1_ms=share_within(spacing, 20.0, 1.0),
        drift_ppm=drift_ppm([packet.time_ns / NANOSECONDS for packet in heard], _PACKET_SECONDS),
        lost=call.lost(),
        spacings_ms=[round(one, 3) for one in spacing],
    ), problems
