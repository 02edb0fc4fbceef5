"""Codecs, levels, resampling, WAV files and synthesised speech against known values."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai import speech
from aiconvai.audio import (
    FORMATS,
    alaw_decode,
    alaw_encode,
    decode,
    encode,
    format_rate,
    read_wav,
    resample,
    rms_dbfs,
    sample_bytes,
    tone,
    ulaw_decode,
    ulaw_encode,
    write_wav,
)


def test_g711_against_values_of_the_recommendation() -> None:
    samples = np.array([0, 32124, -32124, 1000], dtype=np.int16)
    assert ulaw_encode(samples) == bytes([0xFF, 0x80, 0x00, 0xCE])
    assert ulaw_decode(bytes([0xFF, 0x7F, 0x80, 0x00])).tolist() == [0, 0, 32124, -32124]
    assert alaw_encode(np.array([0, 32256], dtype=np.int16)) == bytes([0xD5, 0xAA])
    assert alaw_decode(bytes([0xD5, 0xAA])).tolist() == [8, 32256]


@given(st.binary(max_size=400))
def test_g711_codes_survive_a_round_trip(data: bytes) -> None:
    # Mu-law has two codes for zero; everything else is one to one.
    assert ulaw_encode(ulaw_decode(data)) == data.replace(b"\x7f", b"\xff")
    assert alaw_encode(alaw_decode(data)) == data


@pytest.mark.parametrize("fmt", FORMATS)
def test_formats(fmt: str) -> None:
    samples = tone(1000, 0.5, format_rate(fmt), -12.0)
    data = encode(samples, fmt)
    assert len(data) == samples.size * sample_bytes(fmt)
    assert rms_dbfs(decode(data, fmt)) == pytest.approx(-12.0, abs=0.2)


def test_pcm_is_little_endian() -> None:
    assert encode(np.array([1, -2], dtype=np.int16), "pcm_16000") == b"\x01\x00\xfe\xff"


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown audio format 'mp3_44100'; expected one of ulaw_8000"):
        format_rate("mp3_44100")
    with pytest.raises(ValueError, match="even number of bytes, got 3"):
        decode(b"abc", "pcm_8000")
    with pytest.raises(TypeError, match="float64"):
        ulaw_encode(np.zeros(4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="clips"):
        tone(1000, 1, 8000, 0.0)


def test_levels() -> None:
    assert rms_dbfs(np.zeros(10, dtype=np.int16)) == -math.inf
    assert rms_dbfs(np.zeros(0, dtype=np.int16)) == -math.inf
    assert rms_dbfs(np.full(10, -32768, dtype=np.int16)) == 0.0
    assert rms_dbfs(tone(1000, 1, 8000, -3.01)) == pytest.approx(-3.01, abs=0.01)
    assert rms_dbfs(tone(440, 1, 16000)) == pytest.approx(-10.0, abs=0.01)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 24000), (24000, 8000), (22050, 16000), (8000, 8000)])
def test_resampling_keeps_length_level_and_pitch(from_hz: int, to_hz: int) -> None:
    result = resample(tone(700, 1.0, from_hz), from_hz, to_hz)
    assert result.dtype == np.int16
    assert abs(result.size - to_hz) <= 1
    assert rms_dbfs(result) == pytest.approx(-10.0, abs=0.1)
    assert int(np.argmax(np.abs(np.fft.rfft(result.astype(float))))) == pytest.approx(700, abs=1)


@pytest.mark.parametrize("shape", [(80,), (40, 2)])
def test_wav_files(tmp_path: Path, shape: tuple[int, ...]) -> None:
    samples = np.arange(80, dtype=np.int16).reshape(shape)
    write_wav(tmp_path / "a.wav", samples, 16000)
    read, rate = read_wav(tmp_path / "a.wav")
    assert rate == 16000
    assert np.array_equal(read, samples)


def test_speech_is_speech() -> None:
    samples = speech.speak("Good morning, this is a test.", 8000)
    assert 1.0 < samples.size / 8000 < 4.0
    assert -35 < rms_dbfs(samples) < -10
    assert np.array_equal(samples, speech.speak("Good morning, this is a test.", 8000))
    assert speech.speak("Good morning, this is a test.", 8000, words_per_minute=90).size > samples.size
    assert speech.speak("  ", 8000).size == 0


def test_speech_failures_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(speech.SpeechError, match=r"'zz-none'.*does not exist"):
        speech.speak("hello", 8000, voice="zz-none")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(speech.SpeechError, match="Debian package espeak-ng"):
        speech.speak("never spoken before", 8000)
