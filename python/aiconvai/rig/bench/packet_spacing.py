"""How regularly the caller gets the agent's packets while the agent has much to say."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack

from aiconvai.rig.bench.paths import CHUNKS_20, TALK
from aiconvai.rig.bench.results import PacketSpacing, Problem
from aiconvai.rig.bench.stage import Stage
from aiconvai.rig.bench.statistics import distribution, drift_ppm, share_within
from aiconvai.rig.bench.validity import caller_problems
from aiconvai.rig.caller import Caller
from aiconvai.rig.caller.rtp import NANOSECONDS

MARGIN_SECONDS = 15
"""What the agent has to say beyond the time measured: the queue must not run empty in it."""
_PACKET_SECONDS = 0.02
_FIRST_PACKET = 100
"""The first two seconds are left out: the agent's speech is still coming in."""
_SPARE_SECONDS = 6.0


def measure(stage: Stage, seconds: float, others: int) -> tuple[PacketSpacing, list[Problem]]:
    """Over so many seconds, with so many other calls that echo in chunks of 20 ms; also what makes it invalid.

    The stage's agent must talk for `MARGIN_SECONDS` longer.
    """
    asterisk = stage.asterisk
    with ExitStack() as stack:
        if others:
            many = stage.calls(asterisk, CHUNKS_20.extension, others, seconds + _SPARE_SECONDS)
            stack.enter_context(many).wait_up()
        caller = stack.enter_context(Caller(asterisk.sip_port, record=False))
        call = caller.call(TALK.extension).wait_answered()
        call.wait_heard(_FIRST_PACKET)
        time.sleep(seconds)
        call.hangup()
    heard = call.heard[_FIRST_PACKET:]
    spacing = [(after.time_ns - before.time_ns) / 1e6 for before, after in itertools.pairwise(heard)]
    what = f"packet spacing, {others} other calls, Asterisk {asterisk.version}"
    problems = caller_problems([call], what)
    expected = seconds / _PACKET_SECONDS
    if len(heard) < 0.99 * expected:
        text = f"{what}: {len(heard)} packets in {seconds:g} s; expected about {expected:.0f}"
        problems.append(Problem(kind="calls", text=text))
    return PacketSpacing(
        asterisk=asterisk.version,
        others=others,
        seconds=seconds,
        summary=distribution(spacing),
        share_within_1_ms=share_within(spacing, 20.0, 1.0),
        drift_ppm=drift_ppm([packet.time_ns / NANOSECONDS for packet in heard], _PACKET_SECONDS),
        lost=call.lost(),
        spacings_ms=[round(one, 3) for one in spacing],
    ), problems
