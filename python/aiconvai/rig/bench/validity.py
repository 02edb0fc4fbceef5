"""What makes a run invalid, as far as it is the same for several measurements."""

from __future__ import annotations

from collections.abc import Sequence

from aiconvai.rig.bench.results import CallersOwn, Problem, Stretch
from aiconvai.rig.bench.statistics import share_within
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.rtp import KernelClock

CALLER_TOLERANCE_MS = 2.0
CALLER_LEAST_SHARE = 0.99
CLOCK_STEP_MS = 1.0
MOST_OTHER_SHARE = 0.10
MOST_FAR_END_SHARE = 0.90
MOST_STOLEN_SHARE = 0.02
REPEATED_ABOVE_STOLEN_SHARE = 0.005
"""Of a core: callers who are late while the hypervisor takes so much away are late because of it."""
REPEATED_AT_MOST = 3
"""Times that one measurement is taken again."""
LEAST_PACKET_SHARE = 0.98
LEAST_LEVEL_DBFS = -40.0


def caller_problems(calls: Sequence[Call], what: str) -> list[Problem]:
    """A caller who does not keep his own time measures the machine and not the module."""
    problems = []
    spacing = [one for call in calls for one in call.sent_spacing_ms()]
    share = share_within(spacing, 20.0, CALLER_TOLERANCE_MS)
    if spacing and share < CALLER_LEAST_SHARE:
        text = f"only {share:.1%} of the caller's own packets left within {CALLER_TOLERANCE_MS:g} ms of their time"
        problems.append(Problem(kind="timing", text=f"{what}: {text}"))
    if (lost := sum(call.lost() for call in calls)) > 0:
        problems.append(Problem(kind="loss", text=f"{what}: {lost} packets to the caller were lost"))
    return problems


def own_problems(own: CallersOwn, what: str, *, held: bool = False) -> list[Problem]:
    """What callers say against themselves, and against what they heard; who holds hears nothing."""
    found: list[Problem] = []
    if own.lateness_p99_ms > CALLER_TOLERANCE_MS:
        text = f"1 % of the callers' packets left more than {own.lateness_p99_ms:.1f} ms late"
        found.append(Problem(kind="timing", text=f"{what}: {text}"))
    if held:
        return found
    if own.least_heard == 0:
        found.append(Problem(kind="calls", text=f"{what}: one of the callers heard nothing"))
    elif own.least_heard < LEAST_PACKET_SHARE * own.expected:
        text = f"a caller heard {own.least_heard} packets; expected about {own.expected}"
        found.append(Problem(kind="timing", text=f"{what}: {text}"))
    return found


def stretch_problems(stretch: Stretch) -> list[Problem]:
    """What its own numbers say against a stretch of calls."""
    found: list[Problem] = []
    what = f"{stretch.calls} calls, {stretch.path}, Asterisk {stretch.asterisk}"

    def add(kind: str, text: str) -> None:
        found.append(Problem.model_validate({"kind": kind, "text": f"{what}: {text}"}))

    if lost := {name: count for name, count in stretch.losses.model_dump().items() if count}:
        add("loss", "audio was lost: " + ", ".join(f"{name} {count}" for name, count in lost.items()))
    counts = {"from": stretch.least_packets_in}
    if not stretch.held:
        counts["to"] = stretch.least_packets_out
    for direction, count in counts.items():
        if count == 0:
            add("calls", f"no packet came {direction} one of the callers")
        elif count < LEAST_PACKET_SHARE * stretch.expected_packets:
            add("timing", f"{count} packets {direction} a caller; expected about {stretch.expected_packets}")
    if stretch.callers is not None:
        found += own_problems(stretch.callers, what, held=stretch.held)
    if stretch.echo_callers is not None:
        found += own_problems(stretch.echo_callers, f"Echo() beside {what}")
    if stretch.far_end_share > MOST_FAR_END_SHARE:
        add("timing", f"the far end used {stretch.far_end_share:.2f} of a core and may have been the limit")
    if stretch.other_share > MOST_OTHER_SHARE:
        add("machine", f"other processes used {stretch.other_share:.2f} of a core")
    if stretch.stolen_share > MOST_STOLEN_SHARE:
        add("machine", f"the hypervisor took {stretch.stolen_share:.2f} of a core away")
    return found


def disturbed(problems: Sequence[Problem], stolen_share: float) -> bool:
    """Whether the machine, and nothing else, is what is wrong with a measurement, so that it may be taken again.

    stolen_share: of a core, what the hypervisor took away in the whole of it. Audio that was lost and calls that
    failed are never measured away.
    """
    kinds = {one.kind for one in problems}
    if not kinds or kinds & {"calls", "loss"}:
        return False
    return "machine" in kinds or stolen_share > REPEATED_ABOVE_STOLEN_SHARE


def not_held(problems: Sequence[Problem]) -> bool:
    """Whether packets did not come in time, and nothing else is wrong: the calls were too many for that path."""
    return bool(problems) and {one.kind for one in problems} <= {"timing", "loss"}


def clock_problems(before: KernelClock, after: KernelClock) -> list[Problem]:
    """The kernel stamps packets with the wall clock; it must not have been set meanwhile."""
    moved = abs(after.monotonic(0) - before.monotonic(0)) / 1e6
    if moved <= CLOCK_STEP_MS:
        return []
    return [Problem(kind="machine", text=f"the wall clock moved by {moved:.1f} ms during the run")]
