"""A telephone without a headset: what its caller hears comes back by its microphone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aiconvai.audio import FULL_SCALE, Samples

RATE = 8000
"""Of all audio of the benchmark, in samples a second."""
_Floats = npt.NDArray[np.float64]

_LOWEST_HZ, _HIGHEST_HZ = 300.0, 3400.0
_SPEECH_AMPLITUDE = 300
"""Louder than this is speech, where a level is that of speech."""
_INAUDIBLE = 1e-3
"""Of the direct sound: 60 dB below it."""


@dataclass(frozen=True)
class Telephone:
    """Where the caller sits, and what with.

    delay_ms: from what is sent to the caller until it comes back. return_loss_db: how much weaker it comes back than
    it was sent; None: not at all. reverberation_seconds: until the room's answer has fallen by 60 dB. drive: how far
    the loudspeaker is overdriven, 0: not at all, 0.4: much. noise_dbfs: of the line.
    """

    delay_ms: float = 180.0
    return_loss_db: float | None = 12.0
    reverberation_seconds: float = 0.3
    drive: float = 0.1
    noise_dbfs: float = -65.0
    rate: int = 8000
    seed: int = 1

    def sends(self, heard: Samples, said: Samples) -> Samples:
        """What the telephone sends where the caller hears one thing and says another: as long as `heard`. Nothing
        of what is heard comes back within `delay_ms`.
        """
        rng = np.random.default_rng(self.seed)
        length = len(heard)
        own: _Floats = np.zeros(length)
        own[: min(length, len(said))] = said[:length]
        sent = _narrow(own + self._echo(heard, rng), self.rate)
        sent += rng.normal(0.0, FULL_SCALE * 10 ** (self.noise_dbfs / 20), length)
        return np.clip(sent, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)

    def _echo(self, heard: Samples, rng: np.random.Generator) -> _Floats:
        sound: _Floats = heard.astype(np.float64)
        speech = np.abs(sound) > _SPEECH_AMPLITUDE
        if self.return_loss_db is None or not speech.any():
            return np.zeros(len(sound))
        if self.drive:
            most = FULL_SCALE / (8 * self.drive)
            sound = np.tanh(sound / most) * most
        room = self.room(rng)
        size = 1 << (len(sound) + len(room)).bit_length()
        echo: _Floats = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: len(sound)]
        gain = np.sqrt(np.mean(np.square(heard[speech].astype(np.float64))) / np.mean(np.square(echo[speech])))
        late = round(self.delay_ms * self.rate / 1000)
        delayed: _Floats = np.concatenate([np.zeros(late), echo])[: len(sound)]
        weaker: _Floats = delayed * gain * 10 ** (-self.return_loss_db / 20)
        return weaker

    def room(self, rng: np.random.Generator) -> _Floats:
        """Its answer to a clap: what comes directly, and what dies away. Its energy is 1."""
        moment = np.arange(max(1, round(self.reverberation_seconds * 1.2 * self.rate))) / self.rate
        answer: _Floats = rng.normal(size=len(moment)) * np.exp(-6.9 * moment / max(self.reverberation_seconds, 1e-3))
        answer[0] += np.sqrt(np.sum(np.square(answer)))
        whole: _Floats = answer / np.sqrt(np.sum(np.square(answer)))
        return whole


class Speakerphone:
    """A telephone that is in use: it hears and sends as time passes. All calls from one thread."""

    def __init__(self, telephone: Telephone, *, jump_ms: float = 0.0, jump_after_seconds: float = 0.0) -> None:
        """The echo comes `jump_ms` later from `jump_after_seconds` on, as behind a jitter buffer that has grown."""
        self._rng = np.random.default_rng(telephone.seed)
        room = telephone.room(self._rng)
        # What is too weak to matter costs as much as the rest.
        audible = np.flatnonzero(np.abs(room) > np.max(np.abs(room)) * _INAUDIBLE)
        loss_db = telephone.return_loss_db
        self._room = room[: audible[-1] + 1] * (0.0 if loss_db is None else 10 ** (-loss_db / 20))
        self._most = FULL_SCALE / (8 * telephone.drive) if telephone.drive else None
        self._delay = round(telephone.delay_ms * telephone.rate / 1000)
        self._noise = FULL_SCALE * 10 ** (telephone.noise_dbfs / 20)
        self._jump = round(jump_ms * telephone.rate / 1000)
        self._jump_after = round(jump_after_seconds * telephone.rate)
        self._silent = loss_db is None
        self._coming: _Floats = np.zeros(0)
        """What comes back from now on, of what was heard before."""

    def sends(self, said: Samples, heard: Samples) -> Samples:
        """What goes out while one thing is said and the other is heard, both as long."""
        sent = said.astype(np.float64) + self._rng.normal(0.0, self._noise, len(said))
        if not self._silent:
            sent += self._comes_back(heard)
        return np.clip(sent, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)

    def _comes_back(self, heard: Samples) -> _Floats:
        if self._jump and self._jump_after <= 0:
            self._delay += self._jump
            self._jump = 0
        self._jump_after -= len(heard)
        if heard.any():
            sound = heard.astype(np.float64)
            if self._most is not None:
                sound = np.tanh(sound / self._most) * self._most
            echo = np.convolve(sound, self._room)
            coming = np.zeros(max(len(self._coming), self._delay + len(echo)))
            coming[: len(self._coming)] = self._coming
            coming[self._delay : self._delay + len(echo)] += echo
            self._coming = coming
        now = self._coming[: len(heard)]
        self._coming = self._coming[len(heard) :]
        whole: _Floats = np.concatenate([now, np.zeros(len(heard) - len(now))])
        return whole


def at_level(speech: Samples, level_dbfs: float) -> Samples:
    """Speech with that level where it is speech, and not between its words."""
    sound = speech.astype(np.float64)
    loud = sound[np.abs(sound) > 200]
    rms = float(np.sqrt(np.mean(np.square(loud)))) if len(loud) else 1.0
    gain = FULL_SCALE * 10 ** (level_dbfs / 20) / rms
    return np.clip(sound * gain, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def _narrow(sound: _Floats, rate: int) -> _Floats:
    """What a telephone line carries of it."""
    # With some silence behind it: what the filter spreads would come around to the beginning.
    size = len(sound) + rate
    spectrum = np.fft.rfft(sound, size)
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    spectrum[(frequencies < _LOWEST_HZ) | (frequencies > _HIGHEST_HZ)] = 0
    narrow: _Floats = np.fft.irfft(spectrum, size)[: len(sound)]
    return narrow
