"""What a process has used of the processor, thread by thread and to the nanosecond."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class ThreadUsage:
    """Of one thread so far, in nanoseconds."""

    ran: int
    waited: int
    """For a processor, being ready to run."""


@dataclass(frozen=True)
class ProcessUsage:
    """Of one process at one moment."""

    threads: Mapping[int, ThreadUsage]
    ticks: int
    """What the process has used by the clock's ticks, with its threads that have ended."""


@dataclass(frozen=True)
class Used:
    """Of one process between two moments, in seconds."""

    ran: float
    waited: float
    """The sum over its threads."""
    busiest_thread: float
    """The most that one thread ran."""


def read_usage(pid: int) -> ProcessUsage:
    """Now. Raises ProcessLookupError when the process is gone.

    /proc/PID/stat counts in ticks of 10 ms, ten seconds of one call cost about one; the scheduler's own account of
    each thread is exact.
    """
    process = Path(f"/proc/{pid}")
    try:
        fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        threads = dict(_each_thread(process))
    except FileNotFoundError as error:
        raise ProcessLookupError(f"process {pid} is gone") from error
    return ProcessUsage(threads, int(fields[11]) + int(fields[12]))


def used(before: ProcessUsage, after: ProcessUsage) -> Used:
    """What was used in between.

    A thread that has ended took its account along: then the process's ticks say what the threads cannot.
    """
    none = ThreadUsage(0, 0)
    began = {thread: before.threads.get(thread, none) for thread in after.threads}
    ran = {thread: (usage.ran - began[thread].ran) / _NANOSECONDS for thread, usage in after.threads.items()}
    waited = sum(usage.waited - began[thread].waited for thread, usage in after.threads.items()) / _NANOSECONDS
    total = sum(ran.values())
    if before.threads.keys() - after.threads.keys():
        total = max(total, (after.ticks - before.ticks) / _TICKS_PER_SECOND)
    return Used(total, waited, max(ran.values(), default=0.0))


def context_switches(pid: int) -> int:
    """Of all the threads there are, so far: those they asked for and those they did not."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            lines = (task / "status").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        total += sum(int(line.partition(":")[2]) for line in lines if "ctxt_switches" in line)
    return total


def _each_thread(process: Path) -> list[tuple[int, ThreadUsage]]:
    threads = []
    for task in (process / "task").iterdir():
        try:
            ran, waited, _ = (task / "schedstat").read_text(encoding="ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        threads.append((int(task.name), ThreadUsage(int(ran), int(waited))))
    return threads
