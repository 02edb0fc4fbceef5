"""Files of environment variables, as Node's dotenv, Python's and Docker read them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv.parser import parse_stream
from dotenv.variables import parse_variables

from aiconvai.config.imports.given import Given, SourceFile, Unread, bounded

# A value in quotation marks that has some inside: Python's parser refuses it, Node's takes the line as it is.
_LINE = re.compile(r"\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)\s*\Z")


def read_dotenv(path: Path, text: str) -> SourceFile:
    """Nothing is taken from this program's own environment, and nothing is expanded."""
    unread: list[Unread] = []
    settings = bounded(path, _settings(str(path), text, unread))
    return SourceFile(path, "env", settings, tuple(unread))


def _settings(file: str, text: str, unread: list[Unread]) -> Iterator[Given]:
    lines = text.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        begun = at
        for binding in parse_stream(io.StringIO("".join(lines[at:]))):
            line = begun + binding.original.line
            # What stands in front of a setting belongs to it: blank lines, comments.
            line += _lines_before(binding.original.string)
            if binding.error:
                # It may have taken lines behind it for its own.
                at = line
                yield from _of_line(file, line, lines[line - 1], unread)
                break
            if binding.key is None:
                continue
            if binding.value is None:
                unread.append(Unread(file, line, "no setting: expected NAME=VALUE"))
                continue
            yield Given(file, line, binding.key, _unquoted(binding.value, "`"))  # Node's third kind of them.
        else:
            return


def _lines_before(original: str) -> int:
    return original[: len(original) - len(original.lstrip())].count("\n")


def _of_line(file: str, line: int, text: str, unread: list[Unread]) -> Iterator[Given]:
    found = _LINE.match(text)
    if found is None:
        unread.append(Unread(file, line, "no setting: expected NAME=VALUE"))
    else:
        yield Given(file, line, found[1], _unquoted(found[2], "\"'`"))


def _unquoted(value: str, marks: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in marks else value


def expanded(value: str, variables: Mapping[str, str]) -> str:
    """With `${NAME}` and `${NAME:-DEFAULT}` as the shell has them."""
    known = {name: text for name, text in variables.items() if text}
    return "".join(one.resolve(known) for one in parse_variables(value))
