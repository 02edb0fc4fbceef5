"""What the kernel says about one process: threads, file descriptors, memory, processor time. Children are
not counted.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class ProcessReader:
    """Reads /proc/PID; every method raises ProcessLookupError once the process is gone."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._proc = Path(f"/proc/{pid}")

    def alive(self) -> bool:
        """Whether the process exists and is not a zombie."""
        try:
            return self._status("State").split()[0] not in ("Z", "X")
        except ProcessLookupError:
            return False

    def threads(self) -> int:
        """Number of threads."""
        return int(self._status("Threads"))

    def thread_names(self) -> Counter[str]:
        """How many threads bear each name."""
        names: Counter[str] = Counter()
        for task in self._list("task"):
            try:
                names[(self._proc / "task" / task / "comm").read_text(encoding="utf-8").strip()] += 1
            except (FileNotFoundError, ProcessLookupError):
                continue
        return names

    def fds(self) -> int:
        """Number of open file descriptors."""
        return len(self._list("fd"))

    def open_files(self) -> dict[int, str]:
        """What each file descriptor points at."""
        targets: dict[int, str] = {}
        for number in self._list("fd"):
            try:
                targets[int(number)] = str((self._proc / "fd" / number).readlink())
            except FileNotFoundError:
                continue
        return targets

    def rss_kb(self) -> int:
        """Resident memory in KiB."""
        return int(self._status("VmRSS").split()[0])

    def cpu_seconds(self) -> float:
        """Processor time used by all threads so far, user and system, in seconds (resolution: one clock
        tick).
        """
        try:
            text = (self._proc / "stat").read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise ProcessLookupError(f"process {self.pid} is gone") from error
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def _status(self, key: str) -> str:
        try:
            for line in (self._proc / "status").read_text(encoding="utf-8").splitlines():
                name, _, value = line.partition(":")
                if name == key:
                    return value.strip()
        except FileNotFoundError as error:
            raise ProcessLookupError(f"process {self.pid} is gone") from error
        raise ProcessLookupError(f"process {self.pid} has no {key} (it has ended)")

    def _list(self, name: str) -> list[str]:
        try:
            return [entry.name for entry in (self._proc / name).iterdir()]
        except FileNotFoundError as error:
            raise ProcessLookupError(f"process {self.pid} is gone") from error
