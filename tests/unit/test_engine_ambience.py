"""A sound under the call: alone, and under what the agent says."""

from __future__ import annotations

import numpy as np
import pytest
from test_engine_idle_audio import FORMATS, samples

from aiconvai.audio import FULL_SCALE, Samples, encode, rms_dbfs, tone
from aiconvai.engine.audio import Ambience, AudioFormat


def office(seconds: float = 3.0, rate: int = 8000) -> Samples:
    noise = np.random.default_rng(3).normal(0, 1, round(seconds * rate) + 3)
    smooth = np.convolve(noise, np.ones(4) / 4, "valid")
    return (smooth / np.std(smooth) * 0.05 * FULL_SCALE).astype(np.int16)


@pytest.mark.parametrize("audio_format", FORMATS, ids=lambda one: one.name)
def test_it_has_its_level_whatever_the_file_has(audio_format: AudioFormat) -> None:
    for by_itself in (-40.0, -6.0):
        sound = tone(440.0, 1.5, audio_format.rate, by_itself)
        ambience = Ambience(audio_format, sound, -35.0)
        heard = samples(audio_format, b"".join(ambience.next() for _ in range(100)))
        assert rms_dbfs(heard) == pytest.approx(-35.0, abs=0.7)


def test_it_goes_round_and_round_without_a_seam() -> None:
    audio_format = AudioFormat.parse("pcm_8000")
    ambience = Ambience(audio_format, office(), -30.0)
    heard = samples(audio_format, b"".join(ambience.next() for _ in range(600))).astype(float)
    windows = np.sqrt(np.mean(np.square(heard[: heard.size // 800 * 800].reshape(-1, 800)), axis=1))
    assert np.max(windows) < 1.6 * np.min(windows), "where it begins again it is neither louder nor softer"
    assert np.max(np.abs(np.diff(heard))) < 0.9 * np.max(np.abs(heard)), "and there is no click"
    loop = round(2.9 * 8000)
    assert np.array_equal(heard[:8000], heard[loop : loop + 8000])


def test_it_is_lower_under_the_agent_and_comes_back() -> None:
    audio_format = AudioFormat.parse("pcm_8000")
    ambience = Ambience(audio_format, office(), -30.0)
    silent = bytes(320)
    alone = samples(audio_format, b"".join(ambience.next() for _ in range(100)))
    under = samples(audio_format, b"".join(ambience.add(silent) for _ in range(100)))
    again = samples(audio_format, b"".join(ambience.next() for _ in range(100)))
    assert rms_dbfs(under[4000:]) == pytest.approx(rms_dbfs(alone[4000:]) - 6.0, abs=0.7)
    assert rms_dbfs(again[4000:]) == pytest.approx(rms_dbfs(alone[4000:]), abs=0.7)


@pytest.mark.parametrize("audio_format", FORMATS, ids=lambda one: one.name)
def test_what_the_agent_says_is_what_it_was(audio_format: AudioFormat) -> None:
    said = tone(1000.0, 0.02, audio_format.rate, -10.0)
    ambience = Ambience(audio_format, tone(440.0, 1.5, audio_format.rate), -60.0)
    heard = samples(audio_format, ambience.add(encode(said, audio_format.name)))
    assert rms_dbfs(heard) == pytest.approx(rms_dbfs(said), abs=0.2)


def test_nothing_wraps_round() -> None:
    audio_format = AudioFormat.parse("pcm_8000")
    ambience = Ambience(audio_format, office(), -20.0)
    loud = np.full(160, 32767, np.int16)
    heard = samples(audio_format, ambience.add(loud.tobytes()))
    assert heard.min() > 20000


def test_a_file_that_is_silent_stays_so() -> None:
    audio_format = AudioFormat.parse("pcm_8000")
    assert not any(Ambience(audio_format, np.zeros(16000, np.int16), -20.0).next())
