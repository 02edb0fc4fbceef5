"""UTF-8 as RFC 3629 has it, at the ends of each of its ranges, against Python's own reading."""

from __future__ import annotations

import itertools

import pytest

from aiconvai.engine.library import load_library

FIRST = [
    0x01,
    0x7F,
    0x80,
    0xBF,
    0xC0,
    0xC1,
    0xC2,
    0xDF,
    0xE0,
    0xE1,
    0xEC,
    0xED,
    0xEE,
    0xEF,
    0xF0,
    0xF1,
    0xF3,
    0xF4,
    0xF5,
]
SECOND = [0x01, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]
MORE = [0x7F, 0x80, 0xBF, 0xC0]


def is_valid(text: bytes) -> bool:
    library = load_library()
    return bool(library.lib.aic_utf8_is_valid(library.ffi.new("char[]", text)))


def repaired(text: bytes) -> bytes:
    library = load_library()
    made = library.owned(library.lib.aic_utf8_repair(library.ffi.new("char[]", text)), library.lib.free)
    return bytes(library.ffi.string(made))


def cut(text: bytes, most: int) -> int:
    library = load_library()
    return int(library.lib.aic_utf8_cut(library.ffi.new("char[]", text), most))


def decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_what_is_well_formed_is_what_python_reads() -> None:
    sequences = [bytes([first]) for first in FIRST] + [bytes(one) for one in itertools.product(FIRST, SECOND)]
    sequences += [bytes(one) for one in itertools.product(FIRST, SECOND, MORE)]
    sequences += [bytes(one) for one in itertools.product(FIRST, SECOND, MORE, MORE)]
    assert {text for text in sequences if is_valid(text)} == {text for text in sequences if decodes(text)}


@pytest.mark.parametrize(
    "text", ["a", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"]
)
def test_the_ends_of_each_length_are_characters(text: str) -> None:
    whole = text.encode()
    assert is_valid(whole)
    assert repaired(b"<" + whole + b">") == b"<" + whole + b">"
    for most in range(len(whole) + 2):
        assert cut(whole + b"x", most) == (most if most >= len(whole) else 0)
    for short in range(1, len(whole)):
        assert not is_valid(whole[:short])
