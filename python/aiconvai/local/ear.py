"""What is heard of the caller: audio of the wire becomes the caller's turns."""

from __future__ import annotations

import numpy as np
import soxr

from aiconvai.audio import decode, format_rate
from aiconvai.local.caller_turns import CallerTurns, TurnEvent
from aiconvai.local.parts import LINE_RATE, WINDOW, SpeechDetector


class Ear:
    """Of one conversation."""

    def __init__(self, audio_format: str, detector: SpeechDetector, turns: CallerTurns) -> None:
        """`audio_format`: of what comes, a name of `WIRE_FORMATS`."""
        self.turns = turns
        self._format = audio_format
        self._detector = detector
        rate = format_rate(audio_format)
        self._resampler = None if rate == LINE_RATE else soxr.ResampleStream(rate, LINE_RATE, 1, dtype="int16")
        self._left = np.zeros(0, np.int16)

    def hear(self, audio: bytes) -> list[TurnEvent]:
        """What these bytes come to. Raises `ValueError` where they are no audio of that format."""
        samples = decode(audio, self._format)
        if self._resampler is not None:
            samples = np.asarray(self._resampler.resample_chunk(samples), np.int16)
        self._left = np.concatenate((self._left, samples))
        events: list[TurnEvent] = []
        while len(self._left) >= WINDOW:
            window, self._left = self._left[:WINDOW], self._left[WINDOW:]
            events += self.turns.hear(window, self._detector.probability(window))
        return events

    def close(self) -> None:
        self._detector.close()
