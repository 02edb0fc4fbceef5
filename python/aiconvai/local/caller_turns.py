"""When the caller speaks and has finished: turns, out of how likely each 32 ms are speech. No clock, no I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from aiconvai.audio import Samples
from aiconvai.local.parts import LINE_RATE, WINDOW

WINDOW_MS = WINDOW * 1000 // LINE_RATE
_HYSTERESIS = 0.15
"""Somebody who speaks is believed to go on with that much less."""


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """In milliseconds, which count in windows of 32."""

    threshold: float = 0.5
    """How likely speech has to be."""
    begin_ms: int = 96
    """Of speech that begin a turn: a click is shorter."""
    pause_ms: int = 200
    """Of silence after which it is worth while to see what was said."""
    end_ms: int = 450
    """Of silence that end a turn."""
    unfinished_ms: int = 900
    """The same where what was said sounds unfinished."""
    prefix_ms: int = 300
    """Before the speech that belong to it: the first consonant is not heard as speech."""
    longest_ms: int = 60_000
    """After which a turn is over whatever is heard: a television does not stop."""


@dataclass(frozen=True, slots=True)
class Began:
    """The caller speaks."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The caller may have finished: this is what was heard up to here."""

    samples: Samples
    silence_ms: int
    """That it ends with."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """No, it goes on: what was made of the pause is void."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The caller has finished, with what the last `Paused` had."""


TurnEvent = Began | Paused | Resumed | Ended


@dataclass
class CallerTurns:
    """Of one conversation. A turn has the events Began, (Paused, Resumed)*, Paused, Ended."""

    settings: TurnSettings = field(default_factory=TurnSettings)

    def __post_init__(self) -> None:
        self._before: deque[Samples] = deque(maxlen=max(1, self._windows(self.settings.prefix_ms)))
        self._turn: list[Samples] = []
        self._speech = self._silence = 0
        self._is_paused = False
        self._end_ms = self.settings.end_ms

    @property
    def is_speaking(self) -> bool:
        """Whether a turn goes on."""
        return bool(self._turn)

    def hear(self, window: Samples, probability: float) -> list[TurnEvent]:
        """What `WINDOW` samples more come to. `probability`: of speech in them."""
        if not self._turn:
            return self._wait(window, probability)
        self._turn.append(window)
        if probability >= self.settings.threshold - _HYSTERESIS:
            self._silence = 0
            resumed: list[TurnEvent] = [Resumed()] if self._is_paused else []
            self._is_paused, self._end_ms = False, self.settings.end_ms
            return resumed + (self._end() if self._is_too_long() else [])
        self._silence += 1
        events: list[TurnEvent] = []
        if not self._is_paused and self._silence >= self._windows(self.settings.pause_ms):
            events.append(self._pause())
        if self._silence >= self._windows(self._end_ms) or self._is_too_long():
            events += self._end()
        return events

    def wait_longer(self) -> None:
        """What was said up to this pause sounds unfinished."""
        if self._is_paused:
            self._end_ms = self.settings.unfinished_ms

    def finish(self) -> list[TurnEvent]:
        """Somebody else says that the turn is over."""
        return self._end() if self._turn else []

    def _wait(self, window: Samples, probability: float) -> list[TurnEvent]:
        self._before.append(window)
        self._speech = self._speech + 1 if probability >= self.settings.threshold else 0
        if self._speech < self._windows(self.settings.begin_ms):
            return []
        self._turn = list(self._before)
        self._before.clear()
        self._speech = self._silence = 0
        return [Began()]

    def _end(self) -> list[TurnEvent]:
        events: list[TurnEvent] = []
        if not self._is_paused:
            events.append(self._pause())
        events.append(Ended())
        self._turn, self._is_paused, self._end_ms = [], False, self.settings.end_ms
        self._speech = self._silence = 0
        return events

    def _pause(self) -> Paused:
        self._is_paused = True
        return Paused(np.concatenate(self._turn), self._silence * WINDOW_MS)

    def _is_too_long(self) -> bool:
        return len(self._turn) >= self._windows(self.settings.longest_ms)

    @staticmethod
    def _windows(milliseconds: int) -> int:
        return max(1, round(milliseconds / WINDOW_MS))
