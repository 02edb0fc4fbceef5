"""AudioSocket's messages are read in whatever pieces they come."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import GATEWAY, Library, library_path

TERMINATE, UUID, DTMF, AUDIO, ERROR = 0x00, 0x01, 0x03, 0x10, 0xFF
RATES = dict(enumerate((8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000), AUDIO))


@cache
def library() -> Library:
    return Library(library_path(GATEWAY))


def message(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BH", kind, len(payload)) + payload


class Reader:
    """What has come."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, bytes]] = []
        ffi = library().ffi

        def take(_user: Any, kind: int, payload: Any, length: int) -> None:
            self.taken.append((kind, bytes(ffi.buffer(payload, length))))

        self._take = ffi.callback("void(void *, uint8_t, const uint8_t *, size_t)", take)
        self._reader = ffi.new("struct aic_audiosocket_reader *")

    def read(self, data: bytes) -> None:
        lib, ffi = library().lib, library().ffi
        lib.aic_audiosocket_read(self._reader, data, len(data), self._take, ffi.NULL)

    @property
    def unknown(self) -> int:
        count: int = self._reader.unknown
        return count

    def audio(self) -> bytes:
        return b"".join(payload for kind, payload in self.taken if kind in RATES)


MESSAGES = st.lists(
    st.tuples(st.sampled_from([TERMINATE, UUID, DTMF, AUDIO, 0x12, ERROR, 0x42]), st.binary(max_size=40)), max_size=8
)


@given(MESSAGES, st.lists(st.integers(1, 50), max_size=30))
def test_pieces_make_no_difference(messages: list[tuple[int, bytes]], sizes: list[int]) -> None:
    stream = b"".join(message(*one) for one in messages)
    whole, parts = Reader(), Reader()
    whole.read(stream)
    at = 0
    for size in sizes:
        parts.read(stream[at : at + size])
        at += size
    parts.read(stream[at:])
    assert parts.audio() == whole.audio()
    assert [one for one in parts.taken if one[0] not in RATES] == [one for one in whole.taken if one[0] not in RATES]
    assert parts.unknown == whole.unknown
    assert whole.audio() == b"".join(payload[: len(payload) // 2 * 2] for kind, payload in messages if kind in RATES)


@given(st.binary(max_size=2000))
def test_anything_at_all_may_come(data: bytes) -> None:
    reader = Reader()
    reader.read(data)
    for kind, payload in reader.taken:
        assert len(payload) <= 16 or kind in RATES
        assert kind not in RATES or len(payload) % 2 == 0


@pytest.mark.parametrize(
    ("kind", "payload"),
    [(UUID, b"x" * 15), (UUID, b"x" * 17), (DTMF, b"12"), (TERMINATE, b"x"), (0x42, b""), (0x19, b"xx")],
)
def test_what_is_no_message_is_counted(kind: int, payload: bytes) -> None:
    reader = Reader()
    reader.read(message(kind, payload) + message(DTMF, b"5"))
    assert reader.taken == [(DTMF, b"5")]
    assert reader.unknown == 1


@pytest.mark.parametrize(("kind", "rate"), RATES.items())
def test_rates(kind: int, rate: int) -> None:
    assert library().lib.aic_audiosocket_rate(kind) == rate
    assert library().lib.aic_audiosocket_kind_of_rate(rate) == kind


@pytest.mark.parametrize("kind", [0x00, 0x01, 0x03, 0x0F, 0x19, 0xFF])
def test_what_is_no_audio_has_no_rate(kind: int) -> None:
    assert library().lib.aic_audiosocket_rate(kind) == 0


def test_no_kind_has_another_rate() -> None:
    assert library().lib.aic_audiosocket_kind_of_rate(11025) == TERMINATE


def test_a_header_is_what_asterisk_sends() -> None:
    header = library().ffi.new("uint8_t[3]")
    library().lib.aic_audiosocket_put_header(header, AUDIO, 320)
    assert bytes(header) == b"\x10\x01\x40"
