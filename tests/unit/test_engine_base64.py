"""Base64 against Python's own."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.audio import Base64Decoder, base64_decode, base64_encode

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


def pieces_of(text: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def decode_pieces(pieces: Sequence[bytes]) -> bytes:
    """As a host of the decoder does it: what it does not take, and all that follows, is the end."""
    decoder = Base64Decoder()
    decoded = rest = b""
    for piece in pieces:
        if not rest:
            part, taken = decoder.take(piece)
            decoded += part
            rest = piece[taken:]
        else:
            rest += piece
    return decoded + decoder.end(rest)


CUTS = st.lists(st.integers(0, 10**6), max_size=8)


@given(st.binary(max_size=500), CUTS, st.booleans())
def test_a_text_in_pieces(data: bytes, cuts: list[int], is_padded: bool) -> None:
    encoded = base64.b64encode(data)
    text = encoded if is_padded else encoded.rstrip(b"=")
    assert decode_pieces(pieces_of(text, cuts)) == data


@given(st.text(alphabet="ABz09+/=\\", max_size=13).map(str.encode), CUTS)
def test_pieces_mean_what_the_whole_means(text: bytes, cuts: list[int]) -> None:
    try:
        expected = base64_decode(text)
    except ValueError:
        with pytest.raises(ValueError, match="not base64"):
            decode_pieces(pieces_of(text, cuts))
    else:
        assert decode_pieces(pieces_of(text, cuts)) == expected


def test_a_text_byte_by_byte() -> None:
    data = bytes(range(256))
    assert decode_pieces([bytes([byte]) for byte in base64.b64encode(data)]) == data


@pytest.mark.parametrize("bad", sorted(set(range(256)) - set(ALPHABET)))
@pytest.mark.parametrize("before", range(9))
def test_taking_stops_at_the_first_byte_outside_the_alphabet(bad: int, before: int) -> None:
    data = random.Random(before).randbytes(6)
    good = base64.b64encode(data)[:before]
    decoded, taken = Base64Decoder().take(good + bytes([bad]) + b"AAAA")
    assert taken == before
    assert decoded == data[: before // 4 * 3]


def test_a_decoder_begins_again_after_the_end() -> None:
    decoder = Base64Decoder()
    assert decoder.take(b"QUI") == (b"", 3)
    assert decoder.end(b"=") == b"AB"
    assert decoder.take(b"A") == (b"", 1)
    with pytest.raises(ValueError, match="not base64"):
        decoder.end()
    assert decoder.take(b"QUJD") == (b"ABC", 4)
    assert decoder.end() == b""


PLAIN_ALPHABET = ALPHABET.decode()


def plain_encode(data: bytes) -> str:
    """Base64 by its definition: six bits at a time."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 6)
    text = "".join(PLAIN_ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))
    return text + "=" * (-len(text) % 4)


@given(st.binary(max_size=300))
def test_tables_do_what_the_definition_says(data: bytes) -> None:
    assert base64_encode(data) == plain_encode(data)
    assert base64_decode(plain_encode(data)) == data


def test_every_pair_of_characters() -> None:
    """All 4096 entries of the encoder's table, in both places of a group, and back."""
    data = b"".join((pair << 12 | (4095 - pair)).to_bytes(3, "big") for pair in range(4096))
    assert base64_encode(data) == plain_encode(data)
    assert base64_decode(plain_encode(data)) == data
