"""Silence before and after what is said: voices make up to half a second of it, and a caller waits for it."""

from __future__ import annotations

import numpy as np

from aiconvai.local.parts import Speech

KEPT_BEFORE_SECONDS = 0.02
KEPT_AFTER_SECONDS = 0.05
"""Of the silence that is there. A word fades longer than it begins."""
FRAME_SECONDS = 0.005
QUIET_DB = 46.0
"""Below the loudest frame of the sentence. An "f" or an "h" is some 30 to 40 dB below a vowel."""
SILENT_DBFS = -66.0
"""Nothing below it is heard on a telephone, whose mu-law's smallest step is at -72 dBFS (G.711)."""


def trimmed(speech: Speech) -> Speech:
    """The same without the silence at its ends, but for a little of it; silence alone becomes nothing.

    Silence in between stays, as do levels. `samples` is a view of what was given.
    """
    frame = max(1, round(speech.rate * FRAME_SECONDS))
    samples = speech.samples
    count = -(-samples.size // frame)
    if count == 0:
        return speech
    padded = np.zeros(count * frame, dtype=np.float32)
    padded[: samples.size] = samples
    power = np.mean(np.square(padded.reshape(count, frame) / np.float32(32768.0)), axis=1)
    threshold = max(float(power.max()) * 10.0 ** (-QUIET_DB / 10.0), 10.0 ** (SILENT_DBFS / 10.0))
    loud = np.flatnonzero(power > threshold)
    if loud.size == 0:
        return Speech(samples[:0], speech.rate)
    begin = int(loud[0]) * frame - round(speech.rate * KEPT_BEFORE_SECONDS)
    end = (int(loud[-1]) + 1) * frame + round(speech.rate * KEPT_AFTER_SECONDS)
    return Speech(samples[max(0, begin) : end], speech.rate)
