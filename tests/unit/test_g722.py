"""G.722 of the gateway and another program's understand each other."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from G722 import G722
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.audio import FULL_SCALE, Samples, rms_dbfs, tone
from aiconvai.engine.library import GATEWAY, Library, library_path

RATE = 16_000
LEVEL_DBFS = -12.0
EDGE = 800
"""Samples at both ends where filters ring."""


@cache
def library() -> Library:
    return Library(library_path(GATEWAY))


class Codec:
    """The gateway's."""

    def __init__(self) -> None:
        self._lib, self._ffi = library().lib, library().ffi
        assert self._lib.aic_g722_is_there(), "built without spandsp: see tools/bootstrap"
        self._codec = library().owned(self._lib.aic_g722_new(), self._lib.aic_g722_free)

    def encode(self, linear: bytes) -> bytes:
        return self._run(self._lib.aic_g722_encode, linear, len(linear) // 4)

    def decode(self, coded: bytes) -> bytes:
        return self._run(self._lib.aic_g722_decode, coded, len(coded) * 4)

    def _run(self, function: Any, data: bytes, expected: int) -> bytes:
        # What is written beyond the end is seen.
        out = self._ffi.new("uint8_t[]", b"\xa5" * (expected + 16))
        written = function(self._codec, data, len(data), out)
        assert written == expected
        assert bytes(self._ffi.buffer(out))[expected:-1] == b"\xa5" * 16
        return bytes(self._ffi.buffer(out, written))


def other_encode(samples: Samples) -> bytes:
    return bytes(G722(RATE, 64000).encode(samples))


def other_decode(coded: bytes) -> Samples:
    return np.asarray(G722(RATE, 64000).decode(coded), dtype=np.int16)


def purity_db(samples: Samples, hz: float) -> float:
    """How far all else lies below the tone."""
    inner = samples[EDGE:-EDGE].astype(np.float64)
    angle = 2 * np.pi * hz * np.arange(len(inner)) / RATE
    basis = np.column_stack([np.sin(angle), np.cos(angle)])
    fitted = basis @ np.linalg.lstsq(basis, inner, rcond=None)[0]
    return float(10 * np.log10(np.mean(fitted**2) / np.mean((inner - fitted) ** 2)))


@pytest.mark.parametrize("hz", [400.0, 1000.0, 3000.0, 5000.0, 6500.0])
def test_tones_pass_both_ways(hz: float) -> None:
    sound = tone(hz, 0.5, RATE, LEVEL_DBFS)
    for heard in (
        other_decode(Codec().encode(sound.tobytes())),
        np.frombuffer(Codec().decode(other_encode(sound)), dtype="<i2"),
    ):
        assert rms_dbfs(heard[EDGE:-EDGE]) == pytest.approx(LEVEL_DBFS, abs=0.5)
        assert purity_db(heard, hz) > 15.0


@given(st.binary(max_size=2000), st.lists(st.integers(1, 400), max_size=20))
def test_pieces_make_no_difference(coded: bytes, sizes: list[int]) -> None:
    whole, parts = Codec(), Codec()
    linear = whole.decode(coded)
    at, decoded, encoded = 0, b"", b""
    for size in [*sizes, len(coded)]:
        piece = parts.decode(coded[at : at + size])
        decoded += piece
        encoded += parts.encode(piece)
        at += size
    assert decoded == linear
    assert encoded == whole.encode(linear)


@given(st.integers(-int(FULL_SCALE), int(FULL_SCALE) - 1))
def test_silence_and_the_loudest_stay_what_they_are(value: int) -> None:
    samples = np.full(3200, value, dtype=np.int16)
    heard = np.frombuffer(Codec().decode(Codec().encode(samples.tobytes())), dtype="<i2")
    assert abs(int(heard[-1]) - value) <= max(40, abs(value) // 8)
