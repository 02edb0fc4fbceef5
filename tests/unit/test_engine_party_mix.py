"""Two parties of a call as one stream of audio."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aiconvai.audio import Samples, decode, encode
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.library import load_library

FRAME_MS, WAITS_MS = 20, 60
FORMATS = [AudioFormat(Encoding.ULAW, 8000), AudioFormat(Encoding.ALAW, 8000), AudioFormat(Encoding.PCM16, 16000)]


class Mix:
    """The mix, in samples; what came out of it."""

    def __init__(self, audio_format: AudioFormat = FORMATS[2]) -> None:
        self.library = load_library()
        self.format = audio_format
        self.c_mix: Any = self.library.ffi.new("struct aic_party_mix *")
        self.library.lib.aic_party_mix_init(self.c_mix, audio_format.to_c())
        self.out: list[Samples] = []

    def close(self) -> None:
        self.library.lib.aic_party_mix_clear(self.c_mix)

    def first(self, samples: npt.NDArray[np.int16]) -> None:
        given = encode(samples, self.format.name)
        mixed = self.library.lib.aic_party_mix_first(self.c_mix, given, len(given))
        self._take(mixed, len(given))

    def second(self, samples: npt.NDArray[np.int16]) -> None:
        given = encode(samples, self.format.name)
        length = self.library.ffi.new("size_t *")
        alone = self.library.lib.aic_party_mix_second(self.c_mix, given, len(given), length)
        if length[0]:
            self._take(alone, length[0])

    def _take(self, data: Any, length: int) -> None:
        self.out.append(decode(bytes(self.library.ffi.buffer(data, length)), self.format.name))

    @property
    def heard(self) -> Samples:
        return np.concatenate(self.out) if self.out else np.zeros(0, np.int16)

    def frame(self, value: int, frames: int = 1) -> npt.NDArray[np.int16]:
        return np.full(frames * self.format.rate * FRAME_MS // 1000, value, np.int16)


@pytest.fixture
def mix() -> Any:
    one = Mix()
    yield one
    one.close()


@pytest.mark.parametrize("audio_format", FORMATS, ids=lambda one: one.name)
def test_both_are_heard_at_once(audio_format: AudioFormat) -> None:
    mix = Mix(audio_format)
    for _ in range(10):
        mix.second(mix.frame(1000))
        mix.first(mix.frame(300))
    assert mix.heard == pytest.approx(1300, abs=40)
    assert len(mix.heard) == 10 * len(mix.frame(0))
    mix.close()


def test_who_speaks_alone_is_heard_as_he_was(mix: Mix) -> None:
    mix.first(mix.frame(300))
    assert set(mix.heard) == {300}


def test_first_one_who_is_silent_keeps_nobody_waiting(mix: Mix) -> None:
    """A telephone that sends nothing while its microphone is off."""
    for number in range(1, 101):
        mix.second(mix.frame(number))
    assert list(mix.heard[:: len(mix.frame(0))]) == list(range(1, 101 - WAITS_MS // FRAME_MS))
    assert mix.c_mix.dropped_bytes == 0


def test_first_one_comes_back(mix: Mix) -> None:
    for _ in range(10):
        mix.second(mix.frame(1000))
    before = len(mix.heard)
    for _ in range(10):
        mix.second(mix.frame(1000))
        mix.first(mix.frame(300))
    after = mix.heard[before:]
    # The last frame of the second one's alone; from then on it is as long as the first one's.
    assert set(after[: len(mix.frame(0))]) == {1000}
    assert set(after[len(mix.frame(0)) :]) == {1300}
    assert len(after) == 11 * len(mix.frame(0))


def test_what_is_louder_than_can_be_is_as_loud_as_can_be(mix: Mix) -> None:
    mix.second(mix.frame(30000))
    mix.first(mix.frame(30000))
    mix.second(mix.frame(-30000))
    mix.first(mix.frame(-30000))
    assert set(mix.heard) == {32767, -32768}


def test_two_clocks_that_differ_pile_nothing_up(mix: Mix) -> None:
    """The second one's is faster by a tenth."""
    for number in range(200):
        mix.second(mix.frame(1000))
        if number % 10 == 0:
            mix.second(mix.frame(1000))
        mix.first(mix.frame(300))
    assert len(mix.heard) == 200 * len(mix.frame(0))
    assert mix.c_mix.waiting.length <= 2 * len(mix.frame(0, WAITS_MS // FRAME_MS))
    assert mix.c_mix.dropped_bytes > 0


def test_frames_of_other_lengths(mix: Mix) -> None:
    for _ in range(10):
        mix.second(mix.frame(1000))
        mix.second(mix.frame(1000))
        mix.first(mix.frame(300, 2))
    assert set(mix.heard) == {1300}
