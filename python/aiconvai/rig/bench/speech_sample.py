"""Speech of any length, for callers and agents."""

from __future__ import annotations

import numpy as np

from aiconvai.audio import Samples
from aiconvai.speech import speak

_TEXT = (
    "This is a long answer, spoken by an agent that has much to say. It is sent faster than anybody can listen, as "
    "the services do, and waits in the queue of the module until its time has come."
)


def speech(seconds: float, rate: int) -> Samples:
    """So many seconds of speech."""
    once = speak(_TEXT, rate)
    samples: Samples = np.resize(once, round(seconds * rate))
    return samples
