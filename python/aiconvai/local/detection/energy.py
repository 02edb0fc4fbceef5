"""Speech detection by loudness: no library, no model, some 20 us a window.

Speech is what is clearly louder than the line's noise, whose level is followed all the time. A voice, music or an
announcement behind the caller is speech to it too: Silero's detection is better wherever it can be had.
"""

from __future__ import annotations

import math

import numpy as np

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.local.parts import LINE_RATE, WINDOW, Detection, SpeechDetector

START_DB = 5.0
"""Above the noise, from which on it is speech."""
STOP_DB = 2.5
"""Above the noise, down to which it stays speech: the ends of words are quiet."""
SLOPE_DB = 1.0
"""Of the logistic function that makes a probability of a level: this much above the threshold is 73 %."""
QUIETEST_DBFS = -55.0
"""Nothing below is speech, however quiet the line is."""
FIRST_FLOOR_DBFS = -45.0
"""The loudest that the noise is taken to be when a call begins: a caller may speak at once."""
LOWEST_FLOOR_DBFS = -75.0
"""Digital silence has no level."""
RISE_DB_A_SECOND = 2.0
"""How fast the noise may grow: slower than a sentence, in whose pauses it is found again."""
FALL_SECONDS = 0.1
"""In which two thirds of a fall of the noise are followed."""
_WINDOW_SECONDS = WINDOW / LINE_RATE
_LOWEST_HZ = 250.0
"""What is below does not count: mains hum and rumble, where a telephone has no speech."""
_TAPER = np.hanning(WINDOW + 1)[:-1]
_FIRST_BIN = math.ceil(_LOWEST_HZ * _WINDOW_SECONDS)
_POWER_SCALE = 2.0 / (WINDOW * float(np.sum(np.square(_TAPER))) * FULL_SCALE**2)
"""By Parseval's theorem: from the sum of a one-sided spectrum to the mean square of what was tapered."""


class EnergyDetection(Detection):
    """Its detectors have nothing in common, and there may be any number."""

    def __str__(self) -> str:
        return "loudness"

    async def open(self) -> None:
        """There is nothing to load."""

    def detector(self) -> SpeechDetector:
        return EnergyDetector()

    async def close(self) -> None:
        """There is nothing to give back."""


class EnergyDetector(SpeechDetector):
    """One conversation's. Not to be used by two threads at once."""

    def __init__(self) -> None:
        self._floor = math.inf
        """The noise's level in dBFS; none yet."""
        self._is_speech = False

    def probability(self, window: Samples) -> float:
        """More than 0.5 from `START_DB` above the noise on, until it falls below `STOP_DB`.

        Raises `ValueError` where it is not `WINDOW` samples.
        """
        if window.shape != (WINDOW,):
            raise ValueError(f"expected {WINDOW} samples of mono audio, got an array of shape {window.shape}")
        level = _level(window)
        self._follow(level)
        threshold = STOP_DB if self._is_speech else START_DB
        above = min(level - self._floor - threshold, level - QUIETEST_DBFS)
        self._is_speech = above > 0.0
        return 1.0 / (1.0 + math.exp(-above / SLOPE_DB))

    def close(self) -> None:
        """There is nothing to give back."""

    def _follow(self, level: float) -> None:
        """The noise falls at once and rises slowly, as the minimum of the levels does."""
        if self._floor == math.inf:
            self._floor = min(level, FIRST_FLOOR_DBFS)
        elif level < self._floor:
            self._floor += (level - self._floor) * (1.0 - math.exp(-_WINDOW_SECONDS / FALL_SECONDS))
        else:
            self._floor = min(level, self._floor + RISE_DB_A_SECOND * _WINDOW_SECONDS)


def _level(window: Samples) -> float:
    """Of the window in dBFS, without what is below `_LOWEST_HZ`; not below `LOWEST_FLOOR_DBFS`."""
    spectrum = np.fft.rfft(window * _TAPER)[_FIRST_BIN:]
    power = float(np.sum(np.square(spectrum.real) + np.square(spectrum.imag))) * _POWER_SCALE
    return max(10.0 * math.log10(power), LOWEST_FLOOR_DBFS) if power > 0.0 else LOWEST_FLOOR_DBFS
