"""The caller's audio as recognisers want it: at 16 kHz, of a bounded length, cut where it is quiet."""

from __future__ import annotations

import io
import wave

import numpy as np

from aiconvai.audio import Samples, encode, resample
from aiconvai.local.parts import LINE_RATE, PartError

RECOGNITION_RATE = 16000
"""Hz, which all recognisers are made for. A server that gets less may resample it badly."""
LONGEST_SECONDS = 120.0
"""Of what is recognised at once."""
SHORTEST_SECONDS = 0.1
"""There is no word in less."""
_QUIET_SECONDS = 0.2
"""How long a place has to be quiet, on average, for a cut in its middle."""


def is_too_short(samples: Samples) -> bool:
    """There can be no word in these samples of `LINE_RATE`."""
    return samples.size < SHORTEST_SECONDS * LINE_RATE


def refuse_unusable(samples: Samples) -> None:
    """Raises `PartError` for what is not mono int16, or longer than `LONGEST_SECONDS` at `LINE_RATE`."""
    if samples.ndim != 1 or samples.dtype != np.int16:
        raise PartError(
            f"recognition was given {samples.dtype} samples of shape {samples.shape}; expected one row of int16"
        )
    seconds = samples.size / LINE_RATE
    if seconds > LONGEST_SECONDS:
        raise PartError(
            f"{seconds:.0f} s of speech are more than is recognised at once; expected {LONGEST_SECONDS:.0f} s or less: "
            "end the caller's turn earlier"
        )


def for_recognition(samples: Samples) -> Samples:
    """These samples of `LINE_RATE` at `RECOGNITION_RATE`. Takes about a millisecond for 10 s."""
    return resample(samples, LINE_RATE, RECOGNITION_RATE)


def wav_file(samples: Samples, rate: int) -> bytes:
    """A WAV file of mono samples, 16-bit PCM."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(encode(samples, f"pcm_{rate}"))
    return file.getvalue()


def pieces(samples: Samples, rate: int, longest: float) -> list[Samples]:
    """The samples in order, in pieces of no more than `longest` seconds; each ends where it is quietest in its second
    half.
    """
    most = int(longest * rate)
    found = []
    while samples.size > most:
        cut = _quietest(samples[most // 2 : most], max(int(_QUIET_SECONDS * rate), 1)) + most // 2
        found.append(samples[:cut])
        samples = samples[cut:]
    found.append(samples)
    return found


def _quietest(samples: Samples, width: int) -> int:
    """The middle of the `width` samples with the least energy. Needs `width` samples, at least."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    return int(np.argmin(energy[width:] - energy[:-width])) + width // 2
