"""Reads the journal that the module writes: a line for each call that is over (docs/journal.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from aiconvai.serve.events import CallEvent, UnreadableEventError, read_event

VERSION = 1
LONGEST_LINE = 64 << 20
"""Bytes; what is longer is no line of a journal."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a journal was read: of which file, by its inode, and up to which byte. A renamed file keeps its own."""

    inode: int
    offset: int


@dataclass(frozen=True, slots=True)
class JournalledCall:
    """A line."""

    events: tuple[CallEvent, ...]
    left_out: int
    """Events that the call had and the line has not."""


@dataclass(frozen=True, slots=True)
class Read:
    """What came of a line, and where the next one begins."""

    call: JournalledCall | None
    """None where nothing of it can be read."""
    problems: tuple[str, ...]
    """What could not be."""
    position: Position


def read_journal(path: Path, since: Position | None = None) -> Iterator[Read]:
    """Every line behind `since`, the oldest first, whichever of `path`, `path.1`, ... it is in.

    Where the file of `since` is gone all there is is read: rather a call twice, which its record tells, than not at
    all. A line without an end is one that is being written: the next time.
    """
    for file in _files(path, since):
        with file.open("rb") as lines:
            inode = file.stat().st_ino
            offset = since.offset if since is not None and since.inode == inode else 0
            lines.seek(offset)
            while (line := lines.readline(LONGEST_LINE)).endswith(b"\n"):
                offset += len(line)
                yield _read(line, f"{file}, byte {offset - len(line)}", Position(inode, offset))


def _files(path: Path, since: Position | None) -> list[Path]:
    """Those with something new in them, the oldest first."""
    files = [path] if path.exists() else []
    number = 1
    while (older := path.with_name(f"{path.name}.{number}")).exists():
        files.append(older)
        number += 1
    if since is not None:
        inodes = [file.stat().st_ino for file in files]
        if since.inode in inodes:
            files = files[: inodes.index(since.inode) + 1]
    return files[::-1]


class _Line(BaseModel):
    """Whatever else is in it is of a newer module."""

    version: int = Field(alias="Version")
    left_out: int = Field(alias="LeftOut", ge=0)
    events: list[dict[str, str]] = Field(alias="Events")


def _read(text: bytes, place: str, position: Position) -> Read:
    try:
        line = _Line.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Read(None, (f"{place}: no line of a journal: {first['msg']}",), position)
    if line.version != VERSION:
        return Read(None, (f"{place}: version {line.version} of a journal; expected {VERSION}",), position)
    events: list[CallEvent] = []
    problems: list[str] = []
    for headers in line.events:
        try:
            event = read_event(headers)
        except UnreadableEventError as error:
            problems.append(f"{place}: {error}")
        else:
            events += [event] if event is not None else []
    return Read(JournalledCall(tuple(events), line.left_out), tuple(problems), position)
