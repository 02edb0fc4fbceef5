"""Base64 against Python's own."""

from __future__ import annotations

import base64
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.audio import base64_decode, base64_encode

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@pytest.mark.parametrize("length", range(200))
def test_every_length(length: int) -> None:
    data = random.Random(length).randbytes(length)
    encoded = base64.b64encode(data).decode()
    assert base64_encode(data) == encoded
    assert base64_decode(encoded) == data
    assert base64_decode(encoded.rstrip("=")) == data


@given(st.binary(max_size=2000))
def test_round_trip(data: bytes) -> None:
    assert base64_encode(data).encode() == base64.b64encode(data)
    assert base64_decode(base64_encode(data)) == data


@pytest.mark.parametrize("length", [4, 5, 6, 7, 8, 11, 12])
def test_every_other_byte_is_refused_everywhere(length: int) -> None:
    if length % 4 == 1:
        with pytest.raises(ValueError, match="not base64"):
            base64_decode(b"A" * length)
        length += 1
    good = b"QUJD" * 3
    bad_bytes = sorted(set(range(256)) - set(ALPHABET) - {ord("=")})
    assert len(bad_bytes) == 256 - 64 - 1
    for at in range(length):
        for bad in bad_bytes:
            with pytest.raises(ValueError, match="not base64"):
                base64_decode(good[:at] + bytes([bad]) + good[at + 1 : length])


@pytest.mark.parametrize(
    "text",
    ["=", "==", "===", "====", "A", "A=", "A==", "A===", "AA=", "AAA==", "AAAA=", "AA==AAAA", "AA=A", "=AAA",
     "AAAAA===", "AAAA====", "AA\n==", "AAAA ", " AAAA", "AAAA\n"],
)  # fmt: skip
def test_padding_belongs_at_the_end_of_a_group(text: str) -> None:
    with pytest.raises(ValueError, match="not base64"):
        base64_decode(text)


WELL_FORMED = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==)?|[A-Za-z0-9+/]{3}=?)?")


@given(st.text(alphabet="ABz09+/=", max_size=13))
def test_only_what_is_well_formed_is_accepted(text: str) -> None:
    """Python's own verdict is of no use here: it accepts "AAAA=", even when strict."""
    if WELL_FORMED.fullmatch(text):
        assert base64_decode(text) == base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    else:
        with pytest.raises(ValueError, match="not base64"):
            base64_decode(text)
