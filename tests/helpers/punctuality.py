"""Whether this machine was on time while a test ran: the callers and the services of a test, which are in this process,
and each of the processors that Asterisk may have been on.
"""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType

PERIOD_SECONDS = 0.005
LATE_SECONDS = 0.020
"""A packet of a caller: one who is later is not the telephone that the test means."""


class Punctuality:
    """A thread on each processor that wants to wake up every 5 ms, as whoever has a packet to send does, and notes how
    late it was. A context manager.
    """

    def __init__(self) -> None:
        self._latest = 0.0
        """Of all of them; what one notes is lost where another one notes something at the same moment."""
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Punctuality:
        """May be entered again: what runs a test once more may have ended all that its session had."""
        self._ending.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(processor,), name=f"punctuality-{processor}", daemon=True)
            for processor in os.sched_getaffinity(0)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def begin(self) -> None:
        """Forget what was."""
        self._latest = 0.0

    @property
    def latest_ms(self) -> float:
        """The most by which one of them was late since begin()."""
        return self._latest * 1000

    @property
    def was_late(self) -> bool:
        """Whether who has a packet to send could not keep its time since begin()."""
        return self._latest > LATE_SECONDS

    def _run(self, processor: int) -> None:
        os.sched_setaffinity(0, {processor})  # this thread's
        while not self._ending.is_set():
            wanted = time.monotonic() + PERIOD_SECONDS
            time.sleep(PERIOD_SECONDS)
            self._latest = max(self._latest, time.monotonic() - wanted)
