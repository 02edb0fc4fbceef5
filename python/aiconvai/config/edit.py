"""Change options of one section of an aiconvai.conf, and nothing else in it: comments and order stay.

What comes of it is read again before the file is replaced: it must be valid, say what was asked for, and say of
everything else what it said before.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiconvai.config.reader import read_configuration
from aiconvai.config.replacing import replace_file
from aiconvai.config.sections import Entry, Problem, Section
from aiconvai.config.verdict import validate
from aiconvai.config.writer import FILE_MODE, format_line, write_beside
from aiconvai.options import find_option, fold_case, options_by_name

Texts = Mapping[str, Sequence[str]]
"""Canonical names of options, each with the texts it is given; none: it is not set any more."""


class EditError(ValueError):
    """A file cannot be changed so; the message says why, and where. The file is as it was."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that was tried, and is right: `apply` it."""

    path: Path
    before: str
    after: str

    @property
    def difference(self) -> str:
        """A unified diff; empty: nothing is different. Secrets are in it as they are."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), "before", "after", n=2
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def fingerprint(path: Path) -> str:
    """Of the file as it is: whoever changes it says which one he has seen. Raises `OSError`."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def own_texts(path: Path, section: Section) -> dict[str, list[str]]:
    """What that section itself says in that file, by options' canonical names."""
    return texts_of(_own_entries(path, section))


def texts_of(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """What these lines say, by options' canonical names."""
    texts: dict[str, list[str]] = {}
    for entry in entries:
        option = find_option(entry.key)
        if option is not None:
            texts.setdefault(option.name, []).append(option.entry_text(entry.key, entry.value))
    return texts


def try_edit(path: Path, name: str, changes: Texts) -> Edit:
    """What the file would be with these options of the section of that name changed. Raises `EditError`."""
    # Where it is a link, what it leads to is changed.
    path = path.resolve()
    try:
        before = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EditError(f"{path}: {error}") from error
    sections = read_configuration(path).sections
    section = _find(sections, name)
    if section is None or section.file != str(path):
        raise EditError(f"{path}: [{name}]: no such section in this file")
    after = _edited(before, path, section, changes)
    _check(path, sections, after, name, changes)
    return Edit(path, before, after)


def apply(edit: Edit, seen: str, now: datetime | None = None) -> Path:
    """Replaces the file at once, with its owner and its mode; returns where the one before is kept.

    `seen`: the `fingerprint` of what was changed. Raises `EditError` where that is not there any more, or the file
    cannot be written.
    """
    try:
        if fingerprint(edit.path) != seen:
            raise EditError(f"{edit.path}: somebody else has changed it meanwhile; look at it again")
        backup = replace_file(edit.path, edit.after, now=now)
    except OSError as error:
        raise EditError(f"{edit.path}: {error}") from error
    assert backup is not None
    return backup


def _find(sections: Sequence[Section], name: str) -> Section | None:
    return next((one for one in sections if fold_case(one.name) == fold_case(name)), None)


def _own_entries(path: Path, section: Section) -> list[Entry]:
    return [entry for entry in section.entries if not entry.inherited and entry.file == str(path)]


def _edited(text: str, path: Path, section: Section, changes: Texts) -> str:
    # As the reader counts them: a carriage return belongs to its line.
    lines = text.split("\n")
    own = _own_entries(path, section)
    last = max((entry.line for entry in own), default=section.line)
    removed: set[int] = set()
    replaced: dict[int, list[str]] = {}
    new: list[str] = []
    for name, texts in changes.items():
        option = options_by_name()[name]
        there = [entry for entry in own if (found := find_option(entry.key)) is not None and found.name == name]
        try:
            wanted = [format_line(*option.line(one)) for one in texts]
        except ValueError as error:
            raise EditError(f"[{section.name}] {error}") from error
        if [option.entry_text(entry.key, entry.value) for entry in there] == list(texts):
            continue
        removed |= {entry.line for entry in there}
        if there:
            replaced[there[0].line] = wanted
        else:
            new += wanted
    end = "\r" if lines[0].endswith("\r") else ""
    result: list[str] = []
    for number, line in enumerate(lines, start=1):
        if number not in removed:
            result.append(line)
        added = [*replaced.get(number, []), *(new if number == last else [])]
        result += [one + end for one in added]
    return "\n".join(result)


def _check(path: Path, before: Sequence[Section], after: str, name: str, changes: Texts) -> None:
    """Raises `EditError`."""
    try:
        # Beside it, where what it includes is found.
        temporary = write_beside(path, after, FILE_MODE & 0o700)
    except OSError as error:
        raise EditError(f"{path}: {error}") from error
    try:
        read = read_configuration(temporary)
        problems = read.problems or validate(read.sections).problems
    finally:
        temporary.unlink(missing_ok=True)
    if problems:
        raise EditError("\n".join(_said(one, temporary, path) for one in problems))
    wanted = _meaning(before)
    wanted[fold_case(name)] |= {option: list(texts) for option, texts in changes.items()}
    got = _meaning(read.sections)
    for options in (wanted, got):
        options[fold_case(name)] = {key: value for key, value in options[fold_case(name)].items() if value}
    if wanted != got:
        inherited = "it inherits some of it from a template, or lengthens a line with +=, or includes a file"
        raise EditError(f"{path}: [{name}]: this cannot be changed here: {inherited}. Change it there")


def _meaning(sections: Sequence[Section]) -> dict[str, dict[str, list[str]]]:
    """What each section says of each option."""
    meaning: dict[str, dict[str, list[str]]] = {}
    for section in sections:
        options = meaning.setdefault(fold_case(section.name), {})
        for name, texts in texts_of(section.effective_entries()).items():
            options.setdefault(name, []).extend(texts)
    return meaning


def _said(problem: Problem, temporary: Path, path: Path) -> str:
    """Of the file that it will be."""
    return str(problem).replace(str(temporary), str(path))
