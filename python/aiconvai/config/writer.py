"""Write aiconvai.conf: a documented file that Asterisk, and the reader here, read back to the same values."""

from __future__ import annotations

import os
import tempfile
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from aiconvai.config.sections import BLANKS
from aiconvai.options import GENERAL, OptionDefinition, find_option, fold_case, options

FILE_MODE = 0o640
"""Keys stand in the file: its owner writes it, its group (Asterisk's) reads it, nobody else does."""

Values = Mapping[str, Sequence[str]]
"""Canonical names of options, each with the texts it is given: one, or several where it may be repeated."""

HEAD = """\
; aiconvai.conf - which AI answers, and how
;
; Check it with: aiconvai config check aiconvai.conf
; An option behind a semicolon has the value shown; remove the semicolon to change it.
"""


def format_line(name: str, value: str) -> str:
    """One line `name = value`. Raises ValueError for a value that no .conf file can hold."""
    if any(character in value for character in "\r\n\0") or value != value.strip(BLANKS):
        raise ValueError(f"{name}: expected a value of one line with nothing blank at its ends; shorten it to that")
    return f"{name} = {value.replace(';', chr(92) + ';')}"


def format_configuration(general: Values, agents: Mapping[str, Values]) -> str:
    """A whole documented aiconvai.conf: what is given is set, every other option is commented out. Beside the agents'
    are the sections that agents refer to.
    """
    parts = [HEAD, _format_section(GENERAL, general)]
    parts += [_format_section(name, values) for name, values in agents.items()]
    return "\n".join(parts)


def write_configuration(path: Path, text: str, *, replace: bool) -> None:
    """Put `text` into the file at `path` at once, with FILE_MODE; a reader never sees half of it.

    Raises FileExistsError when the file is there and `replace` is false, OSError when it cannot be written.
    """
    temporary = write_beside(path, text, FILE_MODE)
    try:
        if replace:
            os.replace(temporary, path)  # noqa: PTH105 - link and replace belong together
        else:
            os.link(temporary, path)
            os.unlink(temporary)  # noqa: PTH108
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_beside(path: Path, text: str, mode: int) -> Path:
    """Put `text` as it is into a new file in the folder of `path`, to take its place. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _format_section(section: str, values: Values) -> str:
    unknown = [name for name in values if (option := find_option(name)) is None or option.name != name]
    if unknown:
        raise ValueError(f"[{section}] {unknown[0]}: expected the canonical name of an option")
    lines = [f"[{section}]"]
    in_agent = fold_case(section) != GENERAL
    for option in options():
        # In an agent's section the options that [general] has too would only repeat what stands there.
        if not option.in_section(section) or (in_agent and option.scope == "both" and option.name not in values):
            continue
        lines += ["", *_comment(option)]
        if option.name in values:
            lines += [format_line(*option.line(value)) for value in values[option.name]]
        else:
            lines.append(f";{option.line_name} = {option.default_text or ''}".rstrip())
    return "\n".join(lines) + "\n"


def _comment(option: OptionDefinition) -> Iterable[str]:
    lines = textwrap.wrap(f"{option.help} Takes {option.expected}.", 108)
    return [f"; {line}" for line in lines]
