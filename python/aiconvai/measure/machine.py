"""What this machine is, and whether it is quiet enough to measure on."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiconvai.measure.results import Machine

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


@dataclass(frozen=True)
class MachineTime:
    """Seconds of all cores together since the machine started."""

    busy: float
    stolen: float
    """Taken by the hypervisor for others."""


def machine_time() -> MachineTime:
    """What the kernel has counted up to now."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, steal = (int(one) / _TICKS_PER_SECOND for one in fields[:8])
    return MachineTime(user + nice + system + irq + softirq, steal)


ProcessTimes = Mapping[tuple[int, str], float]
"""Processor seconds so far by process id and name."""


def process_times() -> ProcessTimes:
    """Of every process there is, kernel threads among them."""
    times: dict[tuple[int, str], float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = path.read_text(encoding="utf-8", errors="replace").rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        pid, _, name = before.partition(" (")
        fields = after.split()
        times[int(pid), name] = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
    return times


def busiest(before: ProcessTimes, after: ProcessTimes, without: Collection[int]) -> str:
    """Who used most processor time in between, in words; those that ended meanwhile are not seen."""
    used = {key: after[key] - before.get(key, 0.0) for key in after if key[0] not in without}
    most = sorted(used, key=lambda key: used[key], reverse=True)[:3]
    return ", ".join(f"{name} ({pid}) {used[pid, name]:.1f} s" for pid, name in most)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
