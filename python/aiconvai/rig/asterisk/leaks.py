"""Whether an Asterisk holds after a test what it held before: threads, files, channels, use counts; and whether the
module took its locks in order meanwhile.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aiconvai.rig.asterisk.container import Asterisk
from aiconvai.rig.asterisk.images import MODULE_NAME

SETTLING_SECONDS = 8.0
"""How long Asterisk may take: after a REFER it keeps the leaving party's RTP sockets for 4.9 s by itself."""

EVENTFD = "anon_inode:[eventfd]"
"""What an event descriptor points at, as file_kinds() has it."""

_POLL_SECONDS = 0.02
_LOCK_ORDER = "lock order: "
# The command line's last connection takes a moment to vanish, and counted in, would hide a leak of its size.
_FIRST_LOOKS = 5


class LeakError(AssertionError):
    """Something was left behind; the text says what."""


@dataclass(frozen=True)
class Holdings:
    """What an Asterisk held at one moment."""

    threads: int
    thread_names: Counter[str]
    open_files: dict[int, str]
    channels: tuple[str, ...]
    use_counts: dict[str, int | None]

    def holds_no_more_than(self, other: Holdings) -> bool:
        """Neither threads nor files."""
        return self.threads <= other.threads and len(self.open_files) <= len(other.open_files)


class LeakCheck:
    """Made before a test; `verify` after it."""

    def __init__(
        self, asterisk: Asterisk, modules: Sequence[str] = (MODULE_NAME,), after: LeakCheck | None = None
    ) -> None:
        """After another check that found nothing, how much is usual is known, and one look mostly enough."""
        self._asterisk = asterisk
        self._modules = tuple(modules)
        self._pid = asterisk.pid
        self._log_position = asterisk.log_position()
        self._forgotten_before = asterisk.forgotten_eventfds
        usual = after.before if after is not None and after._pid == self._pid else None
        self.before: Holdings = self._look()
        for _ in range(_FIRST_LOOKS):
            if usual is not None and self.before.holds_no_more_than(usual):
                break
            time.sleep(_POLL_SECONDS / 2)
            process = asterisk.process
            now = replace(
                self.before,
                threads=process.threads(),
                thread_names=process.thread_names(),
                open_files=process.open_files(),
            )
            if now.holds_no_more_than(self.before):
                self.before = now

    def verify(self, deadline: float = SETTLING_SECONDS) -> None:
        """Wait up to deadline seconds for everything to be as before; raises LeakError saying what is not.

        Fewer threads and files than before are no leak; a use count must be exactly what it was.
        """
        end = time.monotonic() + deadline
        while True:
            self._asterisk.check_alive()
            now = self._look()
            problems = self._problems(now)
            if not problems:
                return
            if time.monotonic() > end:
                raise LeakError(
                    f"Asterisk {self._asterisk.version}: still {deadline:g} s after the test:\n- "
                    + "\n- ".join(problems)
                )
            time.sleep(_POLL_SECONDS)

    def _look(self) -> Holdings:
        process = self._asterisk.process
        # The command line's own connection must not be counted, so what the kernel knows is read before.
        threads, names, files = process.threads(), process.thread_names(), process.open_files()
        return Holdings(
            threads,
            names,
            files,
            tuple(sorted(self._asterisk.channels())),
            {name: self._asterisk.module_use_count(name) for name in self._modules},
        )

    def _problems(self, now: Holdings) -> list[str]:
        before = self.before
        problems: list[str] = []
        if self._asterisk.pid != self._pid:
            return problems  # restarted by the test on purpose
        if more := now.threads - before.threads:
            named = ", ".join(f"{name} +{count}" for name, count in (now.thread_names - before.thread_names).items())
            if more > 0:
                problems.append(f"threads: {before.threads} before, {now.threads} now ({named})")
        added = file_kinds(now.open_files) - file_kinds(before.open_files)
        # Nothing but an event descriptor may take the place of one that a library forgot.
        forgotten = min(added[EVENTFD], self._asterisk.forgotten_eventfds - self._forgotten_before)
        if len(now.open_files) > len(before.open_files) + forgotten:
            listed = ", ".join(f"{kind} +{count}" for kind, count in added.items())
            problems.append(f"file descriptors: {len(before.open_files)} before, {len(now.open_files)} now ({listed})")
        if left := sorted(set(now.channels) - set(before.channels)):
            problems.append(f"channels: {', '.join(left)}")
        for name, count in now.use_counts.items():
            if count != before.use_counts[name]:
                problems.append(f"use count of {name}: {before.use_counts[name]} before, {count} now")
        # Once logged it is not logged again.
        problems += [line for line in self._asterisk.log_since(self._log_position).splitlines() if _LOCK_ORDER in line]
        return problems


def file_kinds(files: Mapping[int, str]) -> Counter[str]:
    """How many open files there are of each kind; sockets and pipes without the number that makes each unique."""
    return Counter(re.sub(r":\[\d+\]$", "", target) for target in files.values())
