"""What this machine is, and whether it is quiet enough to measure on."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path

from aiconvai.rig.bench.results import Machine

QUIET_LOAD = 0.7
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def describe() -> Machine:
    """This machine, now."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(memory, 1),
        kernel=platform.release(),
        system=platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        load_average=os.getloadavg()[0],
    )


def stolen_seconds() -> float:
    """What the hypervisor has taken from this machine's cores for others since the start."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    return int(fields[8]) / _TICKS_PER_SECOND


ProcessTimes = Mapping[tuple[int, str], float]
"""Processor seconds by process id and name."""


def process_times() -> ProcessTimes:
    """Of every process there is, kernel threads among them, each with those of its children that have ended.

    The kernel's sum for the whole machine will not do: it is counted by who runs at a clock tick, and callers who
    wake up with the tick would seem to use far more than they do.
    """
    times: dict[tuple[int, str], float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = path.read_text(encoding="utf-8", errors="replace").rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        pid, _, name = before.partition(" (")
        times[int(pid), name] = sum(int(one) for one in after.split()[11:15]) / _TICKS_PER_SECOND
    return times


def used_by_others(before: ProcessTimes, after: ProcessTimes, ours: Collection[int]) -> float:
    """Processor seconds between the two of all processes but ours.

    What a process used that has ended is its parent's by then, so that nothing is lost and nothing counted twice.
    """
    total = sum(seconds for (pid, _), seconds in after.items() if pid not in ours)
    return max(0.0, total - sum(seconds for (pid, _), seconds in before.items() if pid not in ours))


def busiest(before: ProcessTimes, after: ProcessTimes, ours: Collection[int]) -> str:
    """Which processes but ours used most in between, in words."""
    used = {key: after[key] - before.get(key, 0.0) for key in after if key[0] not in ours}
    most = sorted(used, key=lambda key: used[key], reverse=True)[:3]
    return ", ".join(f"{name} ({pid}) {used[pid, name]:.1f} s" for pid, name in most)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
