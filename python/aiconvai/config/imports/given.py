"""What stands in an earlier system's files: settings, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LARGEST_FILE = 1 << 20
"""Bytes of a file that is read."""
DEEPEST = 40
"""So far are values inside each other."""
MOST_SETTINGS = 5_000
"""Of a file."""


class UnusableError(Exception):
    """A file that cannot be read, or files that cannot be told apart: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Given:
    """One setting."""

    file: str
    line: int
    """0: it stands nowhere, it is what counts there where it is not given."""
    key: str
    """As tables have it: a name, or names with points between them."""
    value: str
    scope: str = ""
    """What it is for where not for all: a file, a section or a container."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A place whose value is not known without running something, or is none."""

    file: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read."""

    path: Path
    kind: str
    """env, yaml, compose, json, javascript or conf."""
    settings: tuple[Given, ...]
    unread: tuple[Unread, ...] = ()


def text_of(path: Path) -> str:
    """Of a file. Raises `UnusableError`."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise UnusableError(f"{path}: expected at most {LARGEST_FILE} bytes; is it the right file?")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UnusableError(f"{path}: {error.strerror}: check its name and its permissions") from error
    except UnicodeDecodeError as error:
        raise UnusableError(
            f"{path}: expected UTF-8, not what is in byte {error.start + 1}: save it as that"
        ) from error


def bounded(path: Path, settings: Iterable[Given]) -> tuple[Given, ...]:
    """All of them. Raises `UnusableError` where there are too many."""
    found: list[Given] = []
    for one in settings:
        if len(found) == MOST_SETTINGS:
            raise UnusableError(f"{path}: expected at most {MOST_SETTINGS} settings; is it the right file?")
        found.append(one)
    return tuple(found)
