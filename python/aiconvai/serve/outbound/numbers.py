"""Numbers of people who are to be called: they become a part of what Asterisk dials, and nothing else may."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

LONGEST_NUMBER = 32
_NUMBER = re.compile(rf"\+?[0-9*#]{{1,{LONGEST_NUMBER}}}")
_LAYOUT = str.maketrans("", "", " ()-./\u00a0")
"""How people write numbers."""


class NumberError(ValueError):
    """What is no number, or none that may be called."""


def read_number(text: str, begins: Collection[str] = ()) -> str:
    """Digits, `*` and `#`, and a `+` in front, without blanks, brackets, dashes and dots.

    `begins`: with one of which it has to begin, if there are any. Raises `NumberError`.
    """
    number = text.translate(_LAYOUT)
    if _NUMBER.fullmatch(number) is None:
        raise NumberError(f"expected a telephone number of at most {LONGEST_NUMBER} digits, got {text!r:.60}")
    if begins and not number.startswith(tuple(begins)):
        raise NumberError(f"{number}: expected a number that begins with {' or '.join(begins)}")
    return number


def comparable(number: str) -> str:
    """The same for each way to write a number with its country's code."""
    digits = number.translate(_LAYOUT)
    return digits.removeprefix("+") if digits.startswith("+") else digits.removeprefix("00")


class DoNotCallFile:
    """Numbers that are never called, one in a line; behind a # is a comment. Read anew whenever it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int] | None = None
        self._numbers: frozenset[str] = frozenset()

    def has(self, number: str) -> bool:
        """Blocks while the file is read. Raises `OSError` and `UnicodeDecodeError`: then nobody is to be called."""
        state = self._path.stat()
        if self._read != (state.st_mtime_ns, state.st_size):
            lines = (line.partition("#")[0] for line in self._path.read_text(encoding="utf-8").splitlines())
            self._numbers = frozenset(comparable(line) for line in lines if line.strip())
            self._read = state.st_mtime_ns, state.st_size
        return comparable(number) in self._numbers
