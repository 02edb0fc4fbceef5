"""The file that a call is recorded to: a line of JSON for the beginning, and one for each input and output.

Nothing in a file is trusted: whatever is wrong with it is a RecordedError, which names the line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

VERSION = 1

LINE_BYTES_MAX = 1 << 20
"""Longest line that is read."""

AUDIO_BYTES_MAX = 1 << 20
"""Most audio in one input, of the caller's or in one message."""

LASTS_MS_MAX = 48 * 3600 * 1000
"""Longest call that is replayed."""


DEPTH_MAX = 32
"""Deepest nesting of a line; what was recorded of a message is a text."""


class RecordedError(Exception):
    """What is wrong with the file, and in which line."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"line {number}: {problem}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: an object, whose members are asked for by type."""

    number: int
    members: dict[str, Any]

    def fail(self, problem: str) -> RecordedError:
        return RecordedError(self.number, problem)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.members.get(name, default)
        if not isinstance(value, str):
            raise self.fail(f"'{name}' is {_shown(value)}: expected a text")
        return value

    def integer(self, name: str, most: int, default: int | None = None, *, least: int = 0) -> int:
        value = self.members.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.fail(f"'{name}' is {_shown(value)}: expected a whole number from {least} to {most}")
        return value

    def number_of(self, name: str, least: float, most: float, default: float | None = None) -> float:
        value = self.members.get(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise self.fail(f"'{name}' is {_shown(value)}: expected a number from {least:g} to {most:g}")
        return float(value)

    def boolean(self, name: str, default: bool | None = None) -> bool:
        value = self.members.get(name, default)
        if not isinstance(value, bool):
            raise self.fail(f"'{name}' is {_shown(value)}: expected true or false")
        return value

    def texts(self, name: str) -> list[str]:
        """An array of texts; none where it is not there."""
        value = self.members.get(name, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.fail(f"'{name}' is {_shown(value)}: expected texts")
        return value

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """An array of arrays of two texts; none where it is not there."""
        value = self.members.get(name, [])
        if not isinstance(value, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in value
        ):
            raise self.fail(f"'{name}' is {_shown(value)}: expected pairs of texts")
        return [(first, second) for first, second in value]

    def parts(self, name: str) -> list[str | int]:
        """A message: texts, and in the place of audio how many characters of base64 it was, without padding."""
        value = self.members.get(name)
        if not isinstance(value, list) or not all(
            isinstance(part, str) or (isinstance(part, int) and not isinstance(part, bool) and part >= 0)
            for part in value
        ):
            raise self.fail(f"'{name}' is {_shown(value)}: expected texts, and numbers in the place of audio")
        if sum(part for part in value if isinstance(part, int)) > AUDIO_BYTES_MAX:
            raise self.fail(f"'{name}' has more than {AUDIO_BYTES_MAX} bytes of audio")
        return value

    @property
    def ms(self) -> float:
        return self.number_of("ms", 0, LASTS_MS_MAX)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def read_entries(file: BinaryIO) -> Iterator[Entry]:
    """The lines of a file, one at a time. The first one is the beginning of a recording."""
    number, last_ms = 0, 0.0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        entry = _entry(number, line)
        if number == 1:
            if entry.members.get("aiconvai_debug") != VERSION:
                raise entry.fail(f"it is no recording of a call: expected \"aiconvai_debug\": {VERSION}")
        elif entry.ms < last_ms:
            raise entry.fail(f"'ms' is {entry.ms:g}, before the line above ({last_ms:g})")
        else:
            last_ms = entry.ms
        yield entry
    if not number:
        raise RecordedError(1, "the file is empty")


def _problem_of(value: object) -> str | None:
    """What keeps a value from being shown again."""
    level = [value]
    for _ in range(DEPTH_MAX):
        inner: list[object] = []
        for one in level:
            if isinstance(one, float) and not math.isfinite(one):
                return "it has a number that is too large"
            if isinstance(one, dict | list):
                inner += one.values() if isinstance(one, dict) else one
        if not inner:
            return None
        level = inner
    return f"it is nested more than {DEPTH_MAX} deep"


def _entry(number: int, line: bytes) -> Entry:
    if len(line) > LINE_BYTES_MAX:
        raise RecordedError(number, f"it is longer than {LINE_BYTES_MAX} bytes")
    if not line.endswith(b"\n"):
        raise RecordedError(number, "it is cut off: the file was truncated")
    try:
        value = json.loads(line.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RecordedError(number, f"it is not JSON: {error}") from error
    if problem := _problem_of(value):
        raise RecordedError(number, problem)
    if not isinstance(value, dict):
        raise RecordedError(number, f"it is {_shown(value)}: expected an object")
    return Entry(number, value)


def level_of(entry: Entry) -> float:
    """The level of audio in dBFS; silence where none is recorded."""
    level = entry.number_of("dbfs", -200.0, 0.0, -200.0)
    return level if math.isfinite(level) else -200.0
