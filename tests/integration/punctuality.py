"""Whether this process, in which the callers and the services of a test are, was on time while the test ran."""

from __future__ import annotations

import threading
import time
from types import TracebackType

PERIOD_SECONDS = 0.005
LATE_SECONDS = 0.040
"""Two packets of a caller: one who is later is not the telephone that the test means."""


class Punctuality:
    """A thread that wants to wake up every 5 ms, like a caller's, and notes how late it was. A context manager."""

    def __init__(self) -> None:
        self._latest = 0.0  # written by the thread alone, but for begin()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="punctuality", daemon=True)

    def __enter__(self) -> Punctuality:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def begin(self) -> None:
        """Forget what was."""
        self._latest = 0.0

    @property
    def latest_ms(self) -> float:
        """The most by which it was late since begin()."""
        return self._latest * 1000

    @property
    def was_late(self) -> bool:
        """Whether a caller in this process could not keep its time since begin()."""
        return self._latest > LATE_SECONDS

    def _run(self) -> None:
        while not self._ending.is_set():
            wanted = time.monotonic() + PERIOD_SECONDS
            time.sleep(PERIOD_SECONDS)
            self._latest = max(self._latest, time.monotonic() - wanted)
