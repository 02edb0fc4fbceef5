"""Whether the caller speaks, by the energy of the audio that arrives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.mock.waiters import Waiters

WINDOW_MS = 10
PAUSE_MS = 300
"""Speech has short pauses; only a longer one starts the count of spoken time again."""


class SpeechDetector:
    """Counts spoken and quiet time in windows of 10 ms.

    `speech_ms` is the time spoken since the last pause longer than `PAUSE_MS`, `quiet_ms` the length of the
    quiet at the end of what has arrived.
    """

    def __init__(self, rate: int, level_dbfs: float) -> None:
        self.speech_ms = 0
        self.quiet_ms = 0
        self._window = max(1, rate * WINDOW_MS // 1000)
        self._threshold = FULL_SCALE * 10.0 ** (level_dbfs / 20.0)
        self._rest: Samples = np.zeros(0, dtype=np.int16)
        self._waiters = Waiters()

    def feed(self, samples: Samples) -> None:
        """Caller audio in the order it arrived."""
        together = np.concatenate((self._rest, samples)) if self._rest.size else samples
        whole = together.size // self._window * self._window
        self._rest = together[whole:]
        windows = together[:whole].reshape(-1, self._window).astype(np.float64)
        for loud in np.sqrt(np.mean(np.square(windows), axis=1)) > self._threshold:
            if loud:
                self.speech_ms += WINDOW_MS
                self.quiet_ms = 0
            else:
                self.quiet_ms += WINDOW_MS
                if self.quiet_ms > PAUSE_MS:
                    self.speech_ms = 0
            self._waiters.wake()

    def start_again(self) -> None:
        """Forgets what was spoken."""
        self.speech_ms = 0

    async def wait(self, condition: Callable[[SpeechDetector], bool]) -> None:
        """Until `condition` holds, which is asked after every window."""
        await self._waiters.until(lambda: condition(self))
