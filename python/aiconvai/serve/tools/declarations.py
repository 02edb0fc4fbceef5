"""Tools that describe themselves - functions, and those of servers of the Model Context Protocol - as sections of
aiconvai.conf: what each is for, and what it takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiconvai.config.reader import LINE_LIMIT, read_configuration
from aiconvai.config.sections import Entry, Section
from aiconvai.config.writer import format_line
from aiconvai.options import fold_case
from aiconvai.serve.tools.mcp_tools import McpTools
from aiconvai.serve.tools.python_tools import PythonTools
from aiconvai.serve.tools.tool import ToolError

LONGEST_DESCRIPTION = 4096
LONGEST_SCHEMA = 8192
"""Bytes, as configs/options.json has them."""
_LINE = "tool_"
_SECTION = "tool-"
_DESCRIBES_ITSELF = ("mcp:", "python:")
_HEAD = """\
; Written by aiconvai tools sync: change the tools themselves, and run it again.
"""


@dataclass(frozen=True, slots=True)
class NamedTool:
    """A line `tool_NAME = PLACE`."""

    name: str
    place: str
    where: str
    """FILE:LINE."""


def tools_to_declare(aiconvai_conf: Path, written: Path) -> list[NamedTool]:
    """Those of all agents that describe themselves, by name, but for those that a section of somebody's own declares;
    `written` is this program's. Raises `ToolError`, which names a file and its line.
    """
    read = read_configuration(aiconvai_conf)
    ours = written.resolve()
    if (problem := next((one for one in read.problems if Path(one.file).resolve() != ours), None)) is not None:
        raise ToolError(str(problem))
    declared = {fold_case(one.name) for one in read.sections if Path(one.file).resolve() != ours}
    found: dict[str, NamedTool] = {}
    for entry in _lines(read.sections):
        tool = NamedTool(entry.key[len(_LINE) :], entry.value, f"{entry.file}:{entry.line}")
        known = found.setdefault(fold_case(tool.name), tool)
        if known.place != tool.place:
            raise ToolError(
                f"{tool.where}: {entry.key} = {tool.place}: expected {known.place}, as {known.where} has it, or another"
                " name: a tool has one description"
            )
    return sorted(
        (tool for key, tool in found.items() if fold_case(f"{_SECTION}{key}") not in declared),
        key=lambda tool: tool.name,
    )


def _lines(sections: Iterable[Section]) -> Iterable[Entry]:
    for section in sections:
        for entry in section.effective_entries():
            if fold_case(entry.key).startswith(_LINE) and entry.value.startswith(_DESCRIBES_ITSELF):
                yield entry


async def describe(tool: NamedTool, python: PythonTools, mcp: McpTools) -> str:
    """Its section. Raises `ToolError`."""
    if tool.place.startswith("mcp:"):
        description, schema = await mcp.declaration(tool.place)
    else:
        description, schema = python.declaration(tool.place)
    parameters = json.dumps(_without_titles(schema), ensure_ascii=False, separators=(",", ":"))
    lines = [f"[{_SECTION}{tool.name}]", f"; {tool.place}"]
    for key, value, most in (
        ("description", description, LONGEST_DESCRIPTION),
        ("parameters", parameters, LONGEST_SCHEMA),
    ):
        line = format_line(key, value)
        if len(value.encode()) > most or len(line.encode()) >= LINE_LIMIT:
            raise ToolError(f"{tool.where}: {tool.place}: its {key} is longer than {most} bytes; shorten it there")
        # One without a docstring may be declared by its name alone.
        lines += [line] if value else []
    return "\n".join(lines) + "\n"


def file_text(sections: Iterable[str]) -> str:
    """The whole file."""
    return "\n".join([_HEAD, *sections])


def _without_titles(schema: Any) -> Any:
    """A model reads the names; what Python makes titles of says the same again."""
    if isinstance(schema, Mapping):
        return {
            key: _without_titles(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_without_titles(one) for one in schema]
    return schema
