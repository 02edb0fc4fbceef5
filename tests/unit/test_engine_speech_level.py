"""Whether audio is loud enough to be speech, on the line that it comes by."""

from __future__ import annotations

from typing import Any

import pytest

from aiconvai.engine.library import load_library

FULL_SCALE = 32768.0
FRAME_MS = 20


class Level:
    """Of one line."""

    def __init__(self) -> None:
        self.lib = load_library().lib
        self.c_level: Any = load_library().ffi.new("struct aic_speech_level *")
        self.lib.aic_speech_level_init(self.c_level)

    def hear(self, dbfs: float, seconds: float = 0.02) -> float:
        """So much of it counts as speech, of 1."""
        frames = max(1, round(seconds * 1000 / FRAME_MS))
        square = int(FULL_SCALE**2 * 10 ** (dbfs / 10))
        is_speech = self.lib.aic_speech_level_is_speech
        return sum(is_speech(self.c_level, square, FRAME_MS * 1000) for _ in range(frames)) / frames

    @property
    def noise_dbfs(self) -> float:
        return float(self.lib.aic_speech_level_noise_dbfs(self.c_level))


def talk(level: Level, speech_dbfs: float, noise_dbfs: float, seconds: float = 10.0) -> float:
    """Words of 0.4 s with pauses of 0.2 s between them: so much of the words counts as speech."""
    heard = []
    for _ in range(round(seconds / 0.6)):
        heard.append(level.hear(speech_dbfs, 0.4))
        assert level.hear(noise_dbfs, 0.2) == 0.0
    return sum(heard) / len(heard)


@pytest.mark.parametrize("noise_dbfs", [-90.0, -65.0, -50.0, -40.0, -30.0])
def test_a_noisy_line_is_silent(noise_dbfs: float) -> None:
    level = Level()
    level.hear(noise_dbfs, 20.0)
    assert level.hear(noise_dbfs, 60.0) == 0.0
    assert level.noise_dbfs == pytest.approx(max(noise_dbfs, -65.0), abs=0.3)


@pytest.mark.parametrize(
    ("speech_dbfs", "noise_dbfs"), [(-20.0, -65.0), (-48.0, -70.0), (-30.0, -45.0), (-20.0, -34.0)]
)
def test_who_speaks_is_heard_over_it(speech_dbfs: float, noise_dbfs: float) -> None:
    level = Level()
    level.hear(noise_dbfs, 20.0)
    assert talk(level, speech_dbfs, noise_dbfs, 60.0) > 0.95


def test_nothing_is_known_at_first() -> None:
    assert Level().hear(-45.0) == 0.0
    assert Level().hear(-39.0) == 1.0


def test_noise_that_begins_is_taken_for_speech_for_a_while() -> None:
    level = Level()
    level.hear(-90.0, 1.0)
    assert level.hear(-40.0, 3.0) == 1.0
    level.hear(-40.0, 10.0)
    assert level.hear(-40.0, 60.0) == 0.0


def test_one_who_speaks_without_a_pause_is_heard_for_five_seconds_at_least() -> None:
    level = Level()
    level.hear(-65.0, 1.0)
    assert level.hear(-20.0, 5.0) == 1.0
