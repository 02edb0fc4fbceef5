"""What this machine is, and whether it is quiet enough to measure on."""

from __future__ import annotations

import os
import platform
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


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
