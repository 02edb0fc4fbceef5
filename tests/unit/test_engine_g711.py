"""G.711 against audioop, for every code and every sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.audio import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from aiconvai.engine.audio import Encoding, g711_decode, g711_encode, level_dbfs

Int16 = npt.NDArray[np.int16]

CODES = bytes(range(256))
SAMPLES: Int16 = np.arange(-32768, 32768).astype(np.int16)
REFERENCE: dict[Encoding, tuple[Any, Any]] = {
    Encoding.ULAW: (ulaw_encode, ulaw_decode),
    Encoding.ALAW: (alaw_encode, alaw_decode),
}
BOTH = pytest.mark.parametrize("encoding", [Encoding.ULAW, Encoding.ALAW])


def decode(encoding: Encoding, codes: bytes) -> Int16:
    return np.frombuffer(g711_decode(encoding, codes), dtype="<i2").astype(np.int16)


@BOTH
def test_every_code_decodes_as_the_reference_does(encoding: Encoding) -> None:
    assert decode(encoding, CODES).tolist() == REFERENCE[encoding][1](CODES).tolist()


def test_alaw_encodes_every_sample_as_the_reference_does() -> None:
    assert g711_encode(Encoding.ALAW, SAMPLES.astype("<i2").tobytes()) == alaw_encode(SAMPLES)


def test_ulaw_encodes_as_the_reference_does_or_more_exactly() -> None:
    """The reference first drops two bits, rounding down, which puts negative samples next to a decision
    value on its wrong side. Ours looks at all sixteen bits: both signs are coded alike, and nearer."""
    codes = np.frombuffer(g711_encode(Encoding.ULAW, SAMPLES.astype("<i2").tobytes()), np.uint8)
    reference = np.frombuffer(ulaw_encode(SAMPLES), np.uint8)
    other = np.flatnonzero(codes != reference)
    assert other.size == 381
    assert SAMPLES[other].max() < 0
    exact = SAMPLES[other].astype(int)
    error = np.abs(decode(Encoding.ULAW, codes[other].tobytes()) - exact)
    reference_error = np.abs(decode(Encoding.ULAW, reference[other].tobytes()) - exact)
    assert (error < reference_error).all()
    positive, negative = codes[SAMPLES > 0], codes[(SAMPLES < 0) & (SAMPLES > -32768)][::-1]
    assert (positive & 0x7F).tolist() == (negative & 0x7F).tolist()


@BOTH
def test_what_was_decoded_encodes_to_itself(encoding: Encoding) -> None:
    """Otherwise every hop through a transcoder would add noise. Mu-law has two codes for zero."""
    again = g711_encode(encoding, g711_decode(encoding, CODES))
    negative_zero = 0x7F
    assert [code for code in CODES if again[code] != code] == ([negative_zero] if encoding is Encoding.ULAW else [])


@BOTH
def test_the_error_stays_within_half_a_step(encoding: Encoding) -> None:
    """A step of 1/16 of a segment: at most 1/32 of the magnitude, or half of the smallest step."""
    coded = decode(encoding, g711_encode(encoding, SAMPLES.astype("<i2").tobytes())).astype(int)
    exact = SAMPLES.astype(int)
    unclipped = np.abs(exact) <= 32635
    error = np.abs(coded - exact)[unclipped]
    assert (error <= np.maximum(8, (np.abs(exact[unclipped]) + 132) / 32)).all()


@pytest.mark.parametrize("encoding", list(Encoding))
def test_level_of_a_full_scale_sine(encoding: Encoding) -> None:
    sine = np.round(32767 * np.sin(2 * np.pi * 397.3 * np.arange(8000) / 8000)).astype("<i2").tobytes()
    audio = sine if encoding is Encoding.PCM16 else g711_encode(encoding, sine)
    assert level_dbfs(encoding, audio) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_level_of_silence_and_of_nothing(encoding: Encoding) -> None:
    silence = {Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM16: b"\0\0"}[encoding]
    assert level_dbfs(encoding, b"") == -99
    # A-law has no code for zero: its silence is eight of 32768.
    assert level_dbfs(encoding, silence * 1000) == (pytest.approx(-72.2, abs=0.1) if encoding is Encoding.ALAW else -99)


@BOTH
@given(codes=st.binary(max_size=100))
def test_level_is_that_of_what_the_codes_stand_for(encoding: Encoding, codes: bytes) -> None:
    """Of the tables of squares, against the samples the reference decodes."""
    linear = REFERENCE[encoding][1](codes).astype(float)
    power = float(np.mean(np.square(linear))) if codes else 0.0
    expected = 10 * math.log10(power / 32768**2) if power else -99
    assert level_dbfs(encoding, codes) == pytest.approx(max(expected, -99))
    if codes:
        assert level_dbfs(Encoding.PCM16, g711_decode(encoding, codes)) == pytest.approx(max(expected, -99))


@BOTH
def test_every_codes_square(encoding: Encoding) -> None:
    for code in CODES:
        sample = int(REFERENCE[encoding][1](bytes([code]))[0])
        expected = 20 * math.log10(abs(sample) / 32768) if sample else -99
        assert level_dbfs(encoding, bytes([code]) * 11) == pytest.approx(expected)
