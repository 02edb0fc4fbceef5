"""What makes a run invalid, as far as it is the same for several measurements."""

from __future__ import annotations

from aiconvai.caller import Call
from aiconvai.caller.rtp import KernelClock
from aiconvai.measure.statistics import share_within

CALLER_TOLERANCE_MS = 2.0
CALLER_LEAST_SHARE = 0.99
CLOCK_STEP_MS = 1.0


def caller_problems(call: Call, what: str) -> list[str]:
    """A caller who does not keep his own time measures the machine and not the module."""
    problems = []
    share = share_within(call.sent_spacing_ms(), 20.0, CALLER_TOLERANCE_MS)
    if share < CALLER_LEAST_SHARE:
        problems.append(
            f"{what}: only {share:.1%} of the caller's own packets left within {CALLER_TOLERANCE_MS:g} ms of their time"
        )
    if (lost := call.lost()) > 0:
        problems.append(f"{what}: {lost} packets were lost")
    return problems


def clock_problems(before: KernelClock, after: KernelClock) -> list[str]:
    """The kernel stamps packets with the wall clock; it must not have been set meanwhile."""
    moved = abs(after.monotonic(0) - before.monotonic(0)) / 1e6
    return [f"the wall clock moved by {moved:.1f} ms during the run"] if moved > CLOCK_STEP_MS else []
