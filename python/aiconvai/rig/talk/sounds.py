"""What a caller may be heard with: words, "mm-hmm", a cough, a door. The same seed gives the same sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.rig.talk.recorded_speech import passage
from aiconvai.rig.talk.telephone import RATE, at_level
from aiconvai.speech import speak

_Floats = npt.NDArray[np.float64]

SPEECH_DBFS = -22.0
"""Of somebody who speaks into a telephone."""
_FAR_DBFS = -40.0
"""Of somebody at the other side of the room."""
_AUDIBLE = 250
"""What is louder than this begins a sound: -42 dBFS."""

_TALKERS = ("en-us+m4", "en-gb+f2", "en-us+f4", "en-gb+m3", "en-us+m7", "en-gb+f5")
_INTERRUPTIONS = (
    "Sorry, can I stop you there? I only want the first one.",
    "Wait a moment, which day was that again?",
    "No, that is not what I asked for.",
    "Excuse me, I need to change my booking first.",
    "Could I speak to somebody about my invoice, please?",
)
_BACK_CHANNELS = ("Mm-hmm.", "Yeah.", "Okay.", "Right.", "I see.", "Uh-huh.")
_HELLOS = ("Hello?", "Hi.", "Hello, hello?")
_ASIDES = (
    "The keys are on the table next to the door.",
    "I will be there in five minutes.",
    "Put it over there, would you?",
)


class Kind(StrEnum):
    """What a caller does while the agent speaks."""

    NOTHING = "nothing"
    QUESTION = "question"
    """Asked while the agent is silent, which answers it."""
    INTERRUPTION = "interruption"
    HELLO = "hello?"
    """Said into the beginning of an answer, as people do who pick up a telephone."""
    BACK_CHANNEL = "back-channel"
    COUGH = "cough"
    DOOR = "door slams"
    ASIDE = "somebody at the far side of the room"


@dataclass(frozen=True)
class Sound:
    """At 8 kHz, from its first audible sample on."""

    samples: Samples
    text: str | None
    """What a service understands; None where there are no words, or none it would take for the caller's."""


def sound_of(kind: Kind, seed: int) -> Sound:
    """Of everything but `Kind.NOTHING`. Raises `SpeechError`."""
    rng = np.random.default_rng(seed)
    return _MAKERS[kind](rng)


def _interruption(rng: np.random.Generator) -> Sound:
    # Every other caller is a recording of a person.
    if rng.integers(2):
        return Sound(_from_its_beginning(at_level(passage(int(rng.integers(1 << 16)), 2.0), SPEECH_DBFS)), "one moment")
    return _spoken(rng, _INTERRUPTIONS, SPEECH_DBFS)


def _back_channel(rng: np.random.Generator) -> Sound:
    return _spoken(rng, _BACK_CHANNELS, SPEECH_DBFS)


def _hello(rng: np.random.Generator) -> Sound:
    return _spoken(rng, _HELLOS, SPEECH_DBFS)


def _aside(rng: np.random.Generator) -> Sound:
    return Sound(_spoken(rng, _ASIDES, _FAR_DBFS).samples, None)


def _spoken(rng: np.random.Generator, texts: tuple[str, ...], level_dbfs: float) -> Sound:
    text = texts[rng.integers(len(texts))]
    samples = speak(text, RATE, _TALKERS[rng.integers(len(_TALKERS))])
    return Sound(_from_its_beginning(at_level(samples, level_dbfs)), text)


def _cough(rng: np.random.Generator) -> Sound:
    """One to three bursts of breath, shaped by a mouth: two formants and a fast decay."""
    bursts: list[_Floats] = []
    for _ in range(rng.integers(1, 4)):
        length = round(rng.uniform(0.15, 0.3) * RATE)
        breath = _resonant(rng.normal(size=length), rng.uniform(500, 900)) + 0.6 * _resonant(
            rng.normal(size=length), rng.uniform(1400, 2200)
        )
        bursts += [breath * np.exp(-np.arange(length) / (0.06 * RATE)), np.zeros(round(rng.uniform(0.08, 0.2) * RATE))]
    return Sound(_loud(np.concatenate(bursts), -16.0), None)


def _door(rng: np.random.Generator) -> Sound:
    """A blow, low and short, and what rattles behind it."""
    length = round(0.4 * RATE)
    blow = _resonant(rng.normal(size=length), rng.uniform(150, 320)) * np.exp(-np.arange(length) / (0.05 * RATE))
    rattle = rng.normal(size=length) * np.exp(-np.arange(length) / (0.02 * RATE))
    return Sound(_loud(blow + 0.3 * rattle / np.std(rattle) * np.std(blow), -12.0), None)


def _resonant(noise: _Floats, hz: float, width_hz: float = 200.0) -> _Floats:
    frequencies = np.fft.rfftfreq(len(noise), 1 / RATE)
    shaped: _Floats = np.fft.irfft(np.fft.rfft(noise) / (1 + ((frequencies - hz) / width_hz) ** 2), len(noise))
    return shaped / np.std(shaped)


def _loud(sound: _Floats, peak_dbfs: float) -> Samples:
    scaled = sound / np.max(np.abs(sound)) * FULL_SCALE * 10 ** (peak_dbfs / 20) * 2
    return _from_its_beginning(np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16))


def _from_its_beginning(samples: Samples) -> Samples:
    audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > _AUDIBLE)
    return samples[audible[0] : audible[-1] + 1] if len(audible) else samples


_MAKERS: dict[Kind, Callable[[np.random.Generator], Sound]] = {
    Kind.QUESTION: _interruption,
    Kind.INTERRUPTION: _interruption,
    Kind.HELLO: _hello,
    Kind.BACK_CHANNEL: _back_channel,
    Kind.COUGH: _cough,
    Kind.DOOR: _door,
    Kind.ASIDE: _aside,
}
