"""Read Asterisk's .conf format the way Asterisk reads it, and say what Asterisk would only log or skip.

Understood: comments `;` and `;-- ... --;` (nested), `\\;`, `=` and `=>`, `+=`, templates `[a](!)`, `[b](a)`,
additions `[a](+)`, `#include` and `#tryinclude` with wildcards. What Asterisk ignores with a warning - a line
without `=`, an unknown directive - is a problem here: nobody writes such a line to have it ignored.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiconvai.config.sections import BLANKS, Entry, Problem, Section
from aiconvai.options import fold_case

LINE_LIMIT = 8190
"""Bytes of a line, its newline included; Asterisk skips a longer one whole."""

INCLUDE_DEPTH_LIMIT = 10


@dataclass(slots=True)
class _OpenSection:
    name: str
    file: str
    line: int
    template: bool = False
    entries: list[Entry] = field(default_factory=list)

    def closed(self) -> Section:
        return Section(self.name, self.file, self.line, tuple(self.entries))


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """What was read: the sections without templates, and what is wrong with the file's form."""

    sections: tuple[Section, ...]
    problems: tuple[Problem, ...]


def read_configuration(path: Path) -> ConfigurationFile:
    """Read the file at `path` and what it includes. Never raises for what stands in the files or is missing.

    A relative name after #include is looked up beside `path`, which stands in for Asterisk's
    own configuration directory.
    """
    reader = _Reader(path.parent)
    reader.read_file(path, depth=1)
    closed = tuple(section.closed() for section in reader.sections if not section.template)
    return ConfigurationFile(closed, tuple(reader.problems))


class _CommentStripper:
    """Takes comments out of one line after the other; a block comment may span lines and nest."""

    def __init__(self) -> None:
        self.depth = 0
        self.opened_on = 0

    def strip(self, line: str, number: int) -> str:
        kept = ""
        position = 0
        while (semicolon := line.find(";", position)) >= 0:
            before = line[position:semicolon]
            if before.endswith("\\") and not self.depth:
                kept += before[:-1] + ";"
                position = semicolon + 1
            elif line.startswith(";--", semicolon) and not line.startswith(";---", semicolon):
                if not self.depth:
                    kept += before
                    self.opened_on = number
                self.depth += 1
                position = semicolon + 3
            elif before.endswith("--") and self.depth:
                self.depth -= 1
                position = semicolon + 1
            elif self.depth:
                position = semicolon + 1
            else:
                return kept + before
        return kept if self.depth else kept + line[position:]


class _Reader:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sections: list[_OpenSection] = []
        self.problems: list[Problem] = []
        self.current: _OpenSection | None = None

    def read_file(self, path: Path, depth: int) -> None:
        file = str(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            self._problem(file, 0, "a readable file", f"{reason}: check its name and its permissions")
            return
        section = self.current
        comments = _CommentStripper()
        for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            if len(raw) > LINE_LIMIT:
                self._problem(
                    file, number, f"at most {LINE_LIMIT} bytes in a line", "shorten it, for Asterisk skips it"
                )
                continue
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                self._problem(file, number, f"UTF-8, not what is in byte {error.start + 1}", "save the file as UTF-8")
                continue
            text = comments.strip(text, number).strip(BLANKS)
            if text.startswith("["):
                section = self._open_section(text, file, number)
            elif text.startswith("#"):
                self._directive(text, file, number, depth)
            elif text:
                self._assignment(text, section, file, number)
        if comments.depth:
            self._problem(file, comments.opened_on, "--; to end the comment that begins here", "add it")

    def _problem(self, file: str, line: int, expected: str, advice: str) -> None:
        self.problems.append(Problem(file, line, None, None, None, expected, advice))

    def _find(self, name: str, *, templates: bool) -> _OpenSection | None:
        for section in self.sections:
            if fold_case(section.name) == fold_case(name) and (templates or not section.template):
                return section
        return None

    def _open_section(self, text: str, file: str, line: int) -> _OpenSection:
        """Begin the section of a header.

        When the header is no good, a problem says so, and the section returned only keeps the lines below it
        from being blamed for it.
        """
        name, bracket, rest = text[1:].partition("]")
        opened = _OpenSection(name, file, line)
        if not bracket:
            self._problem(file, line, "] after the section's name", "close the bracket")
            return opened
        modifiers, parenthesis, trailing = rest[1:].partition(")")
        if rest and (not rest.startswith("(") or not parenthesis or trailing):
            self._problem(file, line, f"[{name}] or [{name}](...) alone", "remove what else is in the line")
            return opened
        target = opened
        for modifier in modifiers.split(",") if rest else ():
            if modifier == "!":
                target.template = True
            elif modifier.startswith("+"):
                # A bare (+) finds no template; (+TEMPLATES=include) does.
                existing = self._find(name, templates=modifier != "+")
                if existing is None:
                    advice = "remove the (+) or move this below it"
                    self._problem(file, line, f"[{name}] further up, as (+) says", advice)
                    return opened
                existing.entries += target.entries
                existing.template |= target.template
                target = existing
            else:
                base = self._find(modifier, templates=True)
                if base is None:
                    advice = "check its name and the order"
                    self._problem(file, line, f"[{modifier}] further up to inherit from", advice)
                    return opened
                target.entries += [replace(entry, inherited=True) for entry in base.entries]
        if target is opened:
            self.sections.append(opened)
        self.current = target
        return target

    def _directive(self, text: str, file: str, line: int, depth: int) -> None:
        word = text[1:].split(maxsplit=1)[0] if text[1:2].strip(BLANKS) else ""
        argument = text[1 + len(word) :].strip(BLANKS)
        directive = fold_case(word)
        if directive == "exec":
            self._problem(
                file, line, "no #exec, whose output only Asterisk could read", "write that output into a file"
            )
            return
        if directive not in ("include", "tryinclude"):
            self._problem(file, line, f"#include or #tryinclude, not #{word}", "begin a comment with ';', not with '#'")
            return
        if len(argument) > 1 and argument[0] + argument[-1] in ('""', "<>"):
            argument = argument[1:-1]
        if not argument:
            self._problem(file, line, f"a file's name after #{word}", "add it or remove the line")
            return
        if depth >= INCLUDE_DEPTH_LIMIT:
            self._problem(
                file,
                line,
                f"at most {INCLUDE_DEPTH_LIMIT} files inside each other",
                "look for a file including itself",
            )
            return
        # Path.glob takes no absolute pattern.
        found = sorted(glob.glob(str(self.directory / argument)))  # noqa: PTH207
        if not found and directive == "include":
            self._problem(file, line, f"a file {self.directory / argument}", "check the name, or write #tryinclude")
        for name in found:
            self.read_file(Path(name), depth + 1)

    def _assignment(self, text: str, section: _OpenSection | None, file: str, line: int) -> None:
        if section is None:
            self._problem(file, line, "a [section] before the first option", "move the line below one")
            return
        escaped = text.startswith("\\")
        text = text.removeprefix("\\")
        equals = text.find("=", 1 if escaped else 0)
        if equals < 0:
            self._problem(file, line, f"name = value in [{section.name}]", "add the '=', or a ';' to make it a comment")
            return
        name, value = text[:equals], text[equals + 1 :]
        if name.endswith("+"):
            self._append(section, name[:-1].strip(BLANKS), value, file, line)
            return
        name, value = name.strip(BLANKS), value.removeprefix(">").strip(BLANKS)
        if not name:
            self._problem(file, line, f"a name before the '=' in [{section.name}]", "add it")
            return
        section.entries.append(Entry(name, value, file, line))

    def _append(self, section: _OpenSection, name: str, value: str, file: str, line: int) -> None:
        """`name += value` lengthens the last value of exactly this name, or sets it when there is none."""
        for index in reversed(range(len(section.entries))):
            before = section.entries[index]
            if before.key == name:
                joined = (before.value + value).strip(BLANKS)
                section.entries[index] = Entry(name, joined, before.file, before.line, before.inherited)
                return
        section.entries.append(Entry(name, value.strip(BLANKS), file, line))
