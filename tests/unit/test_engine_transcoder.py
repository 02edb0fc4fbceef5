"""Conversion of streams: levels, continuity, aliasing, and no matter of how the input is cut."""

from __future__ import annotations

import itertools
import random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder, g711_decode, g711_encode

Samples = npt.NDArray[np.int16]

RATES = (8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
RATE_PAIRS = list(itertools.product(RATES, RATES))
ULAW, ALAW = AudioFormat(Encoding.ULAW, 8000), AudioFormat(Encoding.ALAW, 8000)


def pcm(rate: int) -> AudioFormat:
    return AudioFormat(Encoding.PCM16, rate)


def tone(hz: float, rate: int, *, seconds: float = 0.5, amplitude: float = 16384) -> Samples:
    return np.round(amplitude * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def samples_of(audio: bytes) -> Samples:
    return np.frombuffer(audio, dtype="<i2").astype(np.int16)


def convert(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    return samples_of(Transcoder(pcm(from_rate), pcm(to_rate)).run(samples.astype("<i2").tobytes()))


def level(samples: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(float) ** 2)) + 1e-9))


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_a_tone_keeps_its_level_shape_and_place(from_rate: int, to_rate: int) -> None:
    """What comes out is the sine that a converter without delay, gap or clipping would give."""
    out = convert(tone(1000, from_rate), from_rate, to_rate)
    expected = tone(1000, to_rate)
    held_back = len(expected) - len(out)
    assert 0 <= held_back <= to_rate * 0.005
    settle = to_rate // 100
    difference = out[settle:].astype(float) - expected[settle : len(out)]
    assert level(difference) < level(expected) - 40
    assert abs(level(out[settle:]) - level(expected)) < 0.5


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
@pytest.mark.parametrize("hz", [200, 600, 2000, 3000])
def test_speech_frequencies_keep_their_level(from_rate: int, to_rate: int, hz: float) -> None:
    out = convert(tone(hz, from_rate), from_rate, to_rate)
    assert abs(level(out[to_rate // 50 :]) - level(tone(hz, to_rate))) < 0.5


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_a_loud_sweep_does_not_clip_or_wrap(from_rate: int, to_rate: int) -> None:
    seconds = 0.5
    at = np.arange(int(from_rate * seconds)) / from_rate
    phase = 2 * np.pi * (200 * at + (3000 - 200) / seconds * at**2 / 2)
    out = convert(np.round(30000 * np.sin(phase)).astype(np.int16), from_rate, to_rate).astype(int)
    assert np.abs(out).max() < 32000
    # A wrapped sample would jump by more than the steepest slope of 3 kHz.
    assert np.abs(np.diff(out)).max() < 30000 * 2 * np.pi * 3200 / to_rate


def test_full_scale_saturates_rather_than_wraps() -> None:
    square = np.repeat(np.tile(np.array([32767, -32768], np.int16), 100), 8)
    for from_rate, to_rate in ((8000, 48000), (48000, 8000), (16000, 22050)):
        out = convert(square, from_rate, to_rate)
        reference = convert(square // 4, from_rate, to_rate).astype(int) * 4
        loud = np.abs(reference) > 8000
        assert (np.sign(out[loud]) == np.sign(reference[loud])).all()


@pytest.mark.parametrize(
    ("hz", "from_rate", "to_rate"),
    [
        (6000, 16000, 8000),
        (5000, 16000, 8000),
        (7000, 24000, 8000),
        (10000, 48000, 8000),
        (11000, 48000, 16000),
    ],
)
def test_aliasing_is_suppressed(hz: float, from_rate: int, to_rate: int) -> None:
    """A tone above half of the new rate must not come out as another tone."""
    out = convert(tone(hz, from_rate), from_rate, to_rate)
    assert level(out[to_rate // 50 :]) < level(tone(hz, from_rate)) - 40


@pytest.mark.parametrize(("from_rate", "to_rate"), [(8000, 16000), (8000, 48000), (24000, 44100)])
def test_images_are_suppressed(from_rate: int, to_rate: int) -> None:
    out = convert(tone(1000, from_rate, seconds=1), from_rate, to_rate)
    spectrum = np.abs(np.fft.rfft(out[to_rate // 10 : to_rate // 10 + to_rate // 2] * np.hanning(to_rate // 2)))
    above = spectrum[int(len(spectrum) * from_rate / to_rate) :]
    assert 20 * np.log10(above.max() / spectrum.max()) < -50


FORMATS = st.sampled_from([ULAW, ALAW, *map(pcm, RATES)])


@given(FORMATS, FORMATS, st.integers(0, 2**32), st.lists(st.integers(0, 700), max_size=12))
def test_the_result_does_not_depend_on_how_the_input_is_cut(
    source: AudioFormat, target: AudioFormat, seed: int, cuts: list[int]
) -> None:
    audio = random.Random(seed).randbytes(4000)
    whole = Transcoder(source, target).run(audio)
    transcoder, pieces, at = Transcoder(source, target), b"", 0
    for length in [*cuts, len(audio)]:
        pieces += transcoder.run(audio[at : at + length])
        at += length
    assert pieces == whole


def test_single_bytes() -> None:
    audio = tone(440, 16000, seconds=0.05).astype("<i2").tobytes()
    transcoder = Transcoder(pcm(16000), pcm(8000))
    assert b"".join(transcoder.run(audio[at : at + 1]) for at in range(len(audio))) == Transcoder(
        pcm(16000), pcm(8000)
    ).run(audio)


@given(FORMATS, FORMATS, st.binary(max_size=501), st.binary(min_size=700, max_size=701))
def test_reset_forgets_everything(source: AudioFormat, target: AudioFormat, before: bytes, after: bytes) -> None:
    transcoder = Transcoder(source, target)
    transcoder.run(before)
    transcoder.reset()
    assert transcoder.run(after) == Transcoder(source, target).run(after)


@given(
    st.sampled_from([ULAW, ALAW, pcm(8000), pcm(16000)]),
    st.binary(max_size=5000).map(lambda b: b[: len(b) & ~1]),
)
def test_equal_formats_pass_through(audio_format: AudioFormat, audio: bytes) -> None:
    assert Transcoder(audio_format, audio_format).run(audio) == audio


@given(st.binary(max_size=3000).map(lambda b: b[: len(b) & ~1]))
def test_companding_without_resampling_is_exact(audio: bytes) -> None:
    for coded in (ULAW, ALAW):
        codes = g711_encode(coded.encoding, audio)
        assert Transcoder(pcm(8000), coded).run(audio) == codes
        assert Transcoder(coded, pcm(8000)).run(codes) == g711_decode(coded.encoding, codes)
    ulaw = g711_encode(Encoding.ULAW, audio)
    assert Transcoder(ULAW, ALAW).run(ulaw) == g711_encode(Encoding.ALAW, g711_decode(Encoding.ULAW, ulaw))


def test_a_long_stream_has_no_drift() -> None:
    """Ten minutes of a rate pair without a common factor: not one sample too many or too few."""
    transcoder = Transcoder(pcm(22050), ULAW)
    block = bytes(22050 * 2)
    total = sum(len(transcoder.run(block)) for _ in range(600))
    assert 600 * 8000 - 64 <= total <= 600 * 8000


def test_a_huge_piece() -> None:
    samples = tone(500, 8000, seconds=60)
    assert len(convert(samples, 8000, 48000)) == pytest.approx(60 * 48000, abs=300)


def test_an_unknown_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one above 0"):
        Transcoder(pcm(0), ULAW)
