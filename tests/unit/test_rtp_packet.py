"""Packets of RTP, and what is none."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import GATEWAY, Library, library_path


@cache
def library() -> Library:
    return Library(library_path(GATEWAY))


def read(data: bytes) -> dict[str, Any] | None:
    lib, ffi = library().lib, library().ffi
    packet = ffi.new("struct aic_rtp_packet *")
    # Beyond its end is somebody else's memory.
    kept = ffi.new("uint8_t[]", data or b"\0")
    if not lib.aic_rtp_read(kept, len(data), packet):
        return None
    payload = bytes(ffi.buffer(packet.payload, packet.length)) if packet.length else b""
    names = ("payload_type", "marker", "sequence", "timestamp", "ssrc")
    return {name: getattr(packet, name) for name in names} | {"payload": payload}


def header(first: int = 0x80, second: int = 0) -> bytes:
    return bytes([first, second]) + b"\x00\x07" + b"\x00\x00\x00\xa0" + b"\x01\x02\x03\x04"


def test_a_plain_packet() -> None:
    assert read(header(second=0x88) + b"audio") == {
        "payload_type": 8, "marker": True, "sequence": 7, "timestamp": 160, "ssrc": 0x01020304, "payload": b"audio",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "behind", "payload"),
    [
        (0x82, b"\0" * 8 + b"audio", b"audio"),
        (0x90, b"\xbe\xde\x00\x01" + b"\0" * 4 + b"audio", b"audio"),
        (0xA0, b"audio\0\0\x03", b"audio"),
        (0xB1, b"\0" * 4 + b"\xbe\xde\x00\x00" + b"audio\x01", b"audio"),
        (0x80, b"", b""),
        (0xA0, b"\0\0\0\x04", b""),
    ],
    ids=["sources", "extension", "padding", "all", "empty", "padding alone"],
)
def test_what_is_around_the_payload_is_none_of_it(first: int, behind: bytes, payload: bytes) -> None:
    packet = read(header(first) + behind)
    assert packet is not None
    assert packet["payload"] == payload


@pytest.mark.parametrize(
    "data",
    [
        b"",
        header()[:11],
        header(0x40) + b"audio",
        header(0x8F) + b"short",
        header(0x90) + b"\0\0",
        header(0x90) + b"\0\0\xff\xff" + b"audio",
        header(0xA0) + b"audio\0",
        header(0xA0) + b"audio\x40",
        header(0xA0) + b"\x05",
    ],
)
def test_what_is_none(data: bytes) -> None:
    assert read(data) is None


@given(st.binary(max_size=300))
def test_anything_at_all_may_come(data: bytes) -> None:
    packet = read(data)
    if packet is not None:
        assert len(packet["payload"]) <= len(data) - 12
        assert packet["payload"] in data


@given(st.integers(0, 127), st.booleans(), st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(kind: int, marker: bool, sequence: int, timestamp: int, ssrc: int) -> None:
    lib, ffi = library().lib, library().ffi
    fields = {"payload_type": kind, "marker": marker, "sequence": sequence, "timestamp": timestamp, "ssrc": ssrc}
    written = ffi.new("uint8_t[12]")
    lib.aic_rtp_put_header(written, ffi.new("struct aic_rtp_packet *", fields))
    assert read(bytes(written) + b"audio") == {**fields, "payload": b"audio"}
