"""Sections of aiconvai.conf as they are read, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from aiconvai.options import find_option, options_by_name

BLANKS = "".join(map(chr, range(33)))
"""What Asterisk strips from around a value: every byte up to and including the space."""

SHOWN_VALUE_LIMIT = 200
"""Characters of a value that a problem repeats."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line `key = value` of a section, already stripped; `inherited` when it comes from a template."""

    key: str
    value: str
    file: str
    line: int
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One section, with what it inherits first; file and line are those of its header."""

    name: str
    file: str
    line: int
    entries: tuple[Entry, ...] = ()

    def effective_entries(self) -> tuple[Entry, ...]:
        """The entries that count: no inherited one that the section or a later template overrides."""
        names = [option.name if (option := find_option(entry.key)) else None for entry in self.entries]
        last_inherited = {name: at for at, name in enumerate(names) if self.entries[at].inherited}
        own = {name for at, name in enumerate(names) if not self.entries[at].inherited}
        return tuple(
            entry
            for at, (name, entry) in enumerate(zip(names, self.entries, strict=True))
            if not entry.inherited
            or name is None
            or options_by_name()[name].multiple
            or (name not in own and last_inherited[name] == at)
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration. `value` is already fit to be shown."""

    file: str
    line: int
    section: str | None
    key: str | None
    value: str | None
    expected: str
    advice: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:"
        if self.section is not None:
            place += f" [{self.section}]"
        if self.key is not None:
            place += f" {self.key} = {(self.value or '')[:SHOWN_VALUE_LIMIT]}"
        return f"{place.removesuffix(':')}: expected {self.expected}; {self.advice}"
