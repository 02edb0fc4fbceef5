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


def is_control(code: int) -> bool:
    """What drives a terminal or changes how a line reads, as utf8.h lists it."""
    return code < 0x20 or 0x7F <= code < 0xA0 or 0x2028 <= code <= 0x202E or 0x2066 <= code <= 0x2069


def line(text: bytes, size: int = 64) -> bytes:
    library = load_library()
    to = library.ffi.new("char[]", size)
    library.lib.aic_utf8_line(to, size, library.ffi.new("char[]", text))
    return bytes(library.ffi.string(to))


def line_span(text: bytes, most: int) -> int:
    library = load_library()
    return int(library.lib.aic_utf8_line_span(library.ffi.new("char[]", text), most))


def test_every_character_that_is_no_text_becomes_a_blank_in_a_line() -> None:
    codes = [code for code in range(1, 0x3100) if line(f"a{chr(code)}b".encode()) == b"a b" and code != ord(" ")]
    assert codes == [code for code in range(1, 0x3100) if is_control(code)]


def test_a_line_reaches_to_the_first_character_that_is_no_text() -> None:
    for code in range(1, 0x3100):
        text = f"ä{chr(code)}b".encode()
        assert line_span(text, 64) == (2 if is_control(code) else len(text)), hex(code)
        assert line_span(text, len(text) - 2) == 2, "whole characters only"


@pytest.mark.parametrize(
    ("text", "expected", "span"), [(b"a\xffb", b"a?b", 1), (b"\xe2\x82", b"??", 0), (b"\xed\xa0\x80", b"???", 0)]
)
def test_bytes_that_are_no_character_become_question_marks_in_a_line(text: bytes, expected: bytes, span: int) -> None:
    assert line(text) == expected
    assert line_span(text, 64) == span


def test_a_character_that_does_not_fit_ends_a_line() -> None:
    text = "a€b".encode()
    assert [line(text, size) for size in range(1, 8)] == [b"", b"a", b"a", b"a", b"a\xe2\x82\xac", text, text]
    assert [line(b"\x01\xff", size) for size in (1, 2, 3)] == [b"", b" ", b" ?"]
