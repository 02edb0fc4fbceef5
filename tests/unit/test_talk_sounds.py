"""What callers of the benchmark make: the same each time, as loud as it should be, and from its beginning on."""

from __future__ import annotations

import numpy as np
import pytest

from aiconvai.audio import rms_dbfs
from aiconvai.rig.talk.sounds import RATE, Kind, sound_of

MADE = (Kind.BACK_CHANNEL, Kind.COUGH, Kind.DOOR, Kind.ASIDE)


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("seed", range(4))
def test_it_begins_at_once_and_is_heard(kind: Kind, seed: int) -> None:
    sound = sound_of(kind, seed)
    assert np.array_equal(sound.samples, sound_of(kind, seed).samples)
    assert abs(int(sound.samples[0])) > 250
    assert 0.1 < len(sound.samples) / RATE < 4.0
    assert -46 < rms_dbfs(sound.samples) < -12


@pytest.mark.parametrize(("kind", "words"), [(Kind.BACK_CHANNEL, True), (Kind.COUGH, False), (Kind.DOOR, False)])
def test_only_words_are_understood(kind: Kind, words: bool) -> None:
    assert all((sound_of(kind, seed).text is not None) == words for seed in range(3))


def test_no_two_callers_cough_alike() -> None:
    assert len({len(sound_of(Kind.COUGH, seed).samples) for seed in range(5)}) > 3
