"""What goes to the caller while nobody says anything."""

from __future__ import annotations

import numpy as np
import pytest

from aiconvai.audio import Samples, rms_dbfs
from aiconvai.engine.audio import AudioFormat, Encoding, IdleAudio, g711_decode

FORMATS = [AudioFormat.parse(name) for name in ("ulaw_8000", "alaw_8000", "pcm_8000", "pcm_16000", "pcm_48000")]


def samples(audio_format: AudioFormat, frames: bytes) -> Samples:
    if audio_format.encoding is Encoding.PCM16:
        return np.frombuffer(frames, dtype="<i2")
    return np.frombuffer(g711_decode(audio_format.encoding, frames), dtype="<i2")


def noise(audio_format: AudioFormat, level_dbfs: float, seed: int = 1, frames: int = 100) -> Samples:
    idle = IdleAudio(audio_format, level_dbfs, seed)
    return samples(audio_format, b"".join(idle.next() for _ in range(frames)))


@pytest.mark.parametrize("audio_format", FORMATS, ids=lambda one: one.name)
def test_silence_is_the_formats_own(audio_format: AudioFormat) -> None:
    frame = IdleAudio(audio_format).next()
    assert frame == audio_format.silence * (audio_format.bytes_of(20) // audio_format.sample_bytes)


@pytest.mark.parametrize("audio_format", FORMATS, ids=lambda one: one.name)
@pytest.mark.parametrize("wanted_dbfs", [-30, -50, -65])
def test_noise_has_its_level(audio_format: AudioFormat, wanted_dbfs: int) -> None:
    heard = noise(audio_format, wanted_dbfs)
    # The steps of G.711 are as large as such quiet noise itself.
    coarse = audio_format.encoding is not Encoding.PCM16 and wanted_dbfs < -60
    assert rms_dbfs(heard) == pytest.approx(wanted_dbfs, abs=2.0 if coarse else 0.5)
    assert abs(float(np.mean(heard))) < 0.1 * float(np.std(heard))


def test_noise_has_no_pitch() -> None:
    heard = noise(AudioFormat.parse("pcm_8000"), -40, frames=400).astype(np.float64)
    spectrum = np.mean([np.abs(np.fft.rfft(part)) ** 2 for part in heard.reshape(-1, 160)], axis=0)[1:]
    assert spectrum.max() < 2 * spectrum.mean()
    assert spectrum.min() > 0.5 * spectrum.mean()


def test_calls_have_noise_of_their_own() -> None:
    audio_format = AudioFormat.parse("pcm_8000")
    first, second = (noise(audio_format, -40, seed).astype(np.float64) for seed in (1, 0x1234567))
    assert abs(float(np.corrcoef(first, second)[0, 1])) < 0.05
    assert np.array_equal(noise(audio_format, -40, 7), noise(audio_format, -40, 7))
    assert np.any(noise(audio_format, -40, 0))


def test_the_loudest_is_not_beyond_full_scale() -> None:
    heard = noise(AudioFormat.parse("pcm_8000"), 0)
    assert np.abs(heard.astype(np.int32)).max() <= 32767
