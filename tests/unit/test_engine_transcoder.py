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


def tone(hz: float, rate: int, *, seconds: float = 0.5, amplitude: float = 16384, delay: float = 0) -> Samples:
    """It began `delay` seconds after the first sample, and before."""
    moment = np.arange(int(rate * seconds)) / rate - delay
    return np.round(amplitude * np.sin(2 * np.pi * hz * moment)).astype(np.int16)


def samples_of(audio: bytes) -> Samples:
    return np.frombuffer(audio, dtype="<i2").astype(np.int16)


def convert(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    return samples_of(Transcoder(pcm(from_rate), pcm(to_rate)).run(samples.astype("<i2").tobytes()))


def level(samples: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(float) ** 2)) + 1e-9))


def delay_of(from_rate: int, to_rate: int) -> float:
    """Of the sound, in seconds."""
    return Transcoder(pcm(from_rate), pcm(to_rate)).delay


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_a_tone_keeps_its_level_and_shape_and_is_later_by_the_delay(from_rate: int, to_rate: int) -> None:
    """What comes out is the sine that a converter without gap or clipping would give, so much later."""
    out = convert(tone(1000, from_rate), from_rate, to_rate)
    expected = tone(1000, to_rate, delay=delay_of(from_rate, to_rate))
    assert len(out) == len(expected)
    settle = to_rate // 100
    difference = out[settle:].astype(float) - expected[settle:]
    assert level(difference) < level(expected) - 40
    assert abs(level(out[settle:]) - level(expected)) < 0.1


# Delay


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_the_delay_is_that_of_a_short_filter(from_rate: int, to_rate: int) -> None:
    """32 samples of the lower rate, but for what makes the length of the filter a multiple of eight."""
    delay = delay_of(from_rate, to_rate)
    if from_rate == to_rate:
        assert delay == 0
    else:
        least = 32 / min(from_rate, to_rate)
        assert least - 1 / from_rate < delay <= least + 4 / from_rate


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_20_ms_become_20_ms_from_the_first_on(from_rate: int, to_rate: int) -> None:
    transcoder = Transcoder(pcm(from_rate), pcm(to_rate))
    frame = bytes(pcm(from_rate).bytes_of(20))
    assert {len(transcoder.run(frame)) for _ in range(150)} == {pcm(to_rate).bytes_of(20)}


@given(
    st.sampled_from(RATE_PAIRS),
    st.lists(st.integers(1, 1500), min_size=1, max_size=40),
)
def test_as_much_comes_out_as_went_in_whatever_it_is_cut_into(rates: tuple[int, int], cuts: list[int]) -> None:
    from_rate, to_rate = rates
    transcoder = Transcoder(pcm(from_rate), pcm(to_rate))
    put = got = 0
    for count in cuts:
        put += count
        got += len(transcoder.run(bytes(count * 2))) // 2
        assert abs(got - put * to_rate / from_rate) <= 1


@pytest.mark.parametrize(("line_rate", "service_rate"), RATE_PAIRS)
def test_there_and_back_the_sound_is_later_by_both_delays_and_as_loud(line_rate: int, service_rate: int) -> None:
    """Frame by frame, through the uplink's converter and the downlink's: no frame waits for another."""
    up, down = Transcoder(pcm(line_rate), pcm(service_rate)), Transcoder(pcm(service_rate), pcm(line_rate))
    said = tone(700, line_rate, seconds=2.0) + tone(1900, line_rate, seconds=2.0) // 4
    frame = line_rate // 50
    pieces = []
    for at in range(0, len(said), frame):
        heard = samples_of(down.run(up.run(said[at : at + frame].astype("<i2").tobytes())))
        assert len(heard) == frame
        pieces.append(heard)
    out, delay = np.concatenate(pieces), up.delay + down.delay
    assert delay <= 2 * 36 / min(line_rate, service_rate)
    expected = tone(700, line_rate, seconds=2.0, delay=delay) + tone(1900, line_rate, seconds=2.0, delay=delay) // 4
    settle = line_rate // 50
    assert abs(level(out[settle:]) - level(expected[settle:])) < 0.1
    assert level(out[settle:].astype(float) - expected[settle:]) < level(expected) - 40


# Beginnings and ends


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_a_stream_is_whole_to_its_last_sample(from_rate: int, to_rate: int) -> None:
    """One that begins and breaks off at full swing: nothing of either is missing, and the end comes once."""
    transcoder = Transcoder(pcm(from_rate), pcm(to_rate))
    cosine = np.round(16384 * np.cos(2 * np.pi * 500 * np.arange(from_rate // 10) / from_rate)).astype("<i2")
    out = samples_of(transcoder.run(cosine.tobytes()) + transcoder.finish())
    delay = round(transcoder.delay * to_rate)
    assert len(out) == pytest.approx(len(cosine) * to_rate / from_rate + delay, abs=1)
    sound = out[delay:].astype(float)
    expected = 16384 * np.cos(2 * np.pi * 500 * np.arange(len(sound)) / to_rate)
    # Next to the jumps the filter swings; the last millisecond is there, and as loud as it was.
    edge = to_rate // 1000
    assert abs(level(sound[edge:-edge]) - level(expected[edge:-edge])) < 0.1
    assert abs(level(sound[-edge:]) - level(expected[-edge:])) < 2
    assert abs(level(sound[:edge]) - level(expected[:edge])) < 2
    assert transcoder.finish() == b""


@given(st.sampled_from(RATE_PAIRS), st.binary(min_size=1, max_size=3001), st.binary(min_size=700, max_size=701))
def test_what_follows_an_end_begins_afresh(rates: tuple[int, int], before: bytes, after: bytes) -> None:
    transcoder = Transcoder(pcm(rates[0]), pcm(rates[1]))
    transcoder.run(before)
    assert transcoder.holds == (rates[0] != rates[1] and len(before) > 1)
    transcoder.finish()
    assert not transcoder.holds
    assert transcoder.run(after) == Transcoder(pcm(rates[0]), pcm(rates[1])).run(after)


def test_nothing_ends_where_nothing_was() -> None:
    transcoder = Transcoder(ULAW, pcm(16000))
    assert not transcoder.holds
    assert transcoder.finish() == b""
    transcoder.run(bytes(160))
    transcoder.reset()
    assert not transcoder.holds
    assert transcoder.finish() == b""


@pytest.mark.parametrize("audio_format", [ULAW, ALAW, pcm(8000), pcm(16000)])
def test_at_equal_rates_there_is_no_delay_and_no_end(audio_format: AudioFormat) -> None:
    transcoder = Transcoder(audio_format, audio_format)
    audio = random.Random(8).randbytes(640)
    assert transcoder.run(audio) == audio
    assert (transcoder.delay, transcoder.holds, transcoder.finish()) == (0, False, b"")


# Level


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
    assert total == 600 * 8000


def test_a_huge_piece() -> None:
    samples = tone(500, 8000, seconds=60)
    assert len(convert(samples, 8000, 48000)) == 60 * 48000


def test_an_unknown_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one above 0"):
        Transcoder(pcm(0), ULAW)
