"""Tables of what a setting there is here. They are read by the import, and docs/coming-from.md is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Known = Mapping[str, str]
"""All that is given, by its key; what goes before something else of that key."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """From a value there to one here."""

    words: str
    """What happens to it, for the page; empty: nothing."""
    apply: Callable[[str, Known], Any]
    """None: nothing is set. Raises `ValueError` with what was expected."""


AS_IT_IS = Conversion("", lambda value, _: value)


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of a setting."""

    names: str
    """Its keys, with commas between them, as the system's versions call it; * is anything."""
    to: str = ""
    """`OPTION` of the agents, `[general] OPTION`, `[prompt-NAME] OPTION`, `serve.toml [TABLE] KEY`, or
    `extensions NAME` for what the dialplan is made of. {value} is what is given, {last} the last part of its key, {ari}
    the table of the Asterisk. Empty: nothing is set.
    """
    by: Conversion = AS_IT_IS
    note: str = ""
    """What is different, or why nothing is set."""
    without: str = "the default here"
    """Where the conversion gives nothing."""
    default: str | None = None
    """What counts there where it is not given, if that is to count here as well."""
    agents: tuple[str, ...] = ()
    """Whose option it is; none: that of all."""
    secret: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.names.split(","))


def rows_of(rows: Sequence[Row], key: str) -> list[Row]:
    """Those of a key: all that name it, else the first whose pattern it has."""
    named = [row for row in rows if key in row.keys]
    return named or [row for row in rows if any("*" in one and fnmatchcase(key, one) for one in row.keys)][:1]
