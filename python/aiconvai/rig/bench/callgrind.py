"""What valgrind's callgrind wrote down: instructions, in all and of each function itself.

The format is described in valgrind's manual, "Callgrind Format Specification".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

_OBJECT = re.compile(r"ob=\((\d+)\)(?: (.*))?")
_CALLED_OBJECT = re.compile(r"cob=\((\d+)\)(?: (.*))?")
_NAME = re.compile(r"fn=\((\d+)\)(?: (.*))?")
_CALLED_NAME = re.compile(r"cfn=\((\d+)\)(?: (.*))?")
_COST = re.compile(r"(?:[+-]?\d+|\*) (\d+)")
_CLONE = re.compile(r"(\.(part|isra|constprop|cold)\.\d+|\.cold|'\d+)+$")


class CallgrindError(RuntimeError):
    """A profile that is not there, or not one of callgrind's."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Instructions that were collected."""

    total: int
    functions: Counter[str]
    """By function, without what it called. Parts a compiler split off count with the whole, functions without
    a name with their library.
    """


def read_profile(lines: Iterable[str]) -> Profile:
    """Read a callgrind.out file."""
    objects: dict[str, str] = {}
    names: dict[str, str] = {}
    functions: Counter[str] = Counter()
    library = function = ""
    total: int | None = None
    is_call = False
    for line in (line.rstrip("\n") for line in lines):
        if match := _OBJECT.fullmatch(line):
            library = PurePath(_name(objects, match)).name
        elif match := _CALLED_OBJECT.fullmatch(line):
            _name(objects, match)
        elif match := _NAME.fullmatch(line):
            name = _CLONE.sub("", _name(names, match))
            # A library without symbols: an address says nothing, its name does.
            function = library if name.startswith("0x") else name
        elif match := _CALLED_NAME.fullmatch(line):
            _name(names, match)
        elif line.startswith("calls="):
            # The line behind it is what the called function cost: counted where that function is.
            is_call = True
        elif match := _COST.fullmatch(line):
            if not is_call:
                functions[function] += int(match[1])
            is_call = False
        elif line.startswith("events:") and line != "events: Ir":
            raise CallgrindError(f"expected instructions only, the profile has {line!r}")
        elif line.startswith("totals:"):
            total = int(line.removeprefix("totals:"))
    if total is None or total != functions.total():
        raise CallgrindError(f"the profile says {total} instructions, its functions have {functions.total()}")
    return Profile(total, functions)


def _name(names: dict[str, str], match: re.Match[str]) -> str:
    """A name is written once, and told by its number afterwards."""
    number, name = match[1], match[2]
    if name is not None:
        names[number] = name
    return names[number]
