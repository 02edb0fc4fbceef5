"""The command `aiconvai` and all that it has, as its own help says."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from aiconvai.cli import SUBCOMMANDS
from reference_pages.markdown import mark, table

Command = TyperCommand | TyperGroup


def command_page() -> str:
    parts = [mark("the commands themselves"), "# The command aiconvai\n\n"]
    rows = ((f"[`aiconvai {name}`](#aiconvai-{name})", about) for name, (_, _, about) in SUBCOMMANDS.items())
    parts.append(table(("command", "what it is for"), rows))
    for name, (_, _, about) in SUBCOMMANDS.items():
        parts.append(f"## aiconvai {name}\n\n")
        for place, command in commands(name):
            is_first = place == f"aiconvai {name}"
            if not is_first:
                parts.append(f"### {place}\n\n")
            if is_first and isinstance(command, TyperGroup) and not command.invoke_without_command:
                parts.append(f"{about}\n\n")
            else:
                parts += _described(place, command)
    return "".join(parts)


def commands(name: str) -> Iterator[tuple[str, Command]]:
    """A subcommand of aiconvai, and those below it, each with what is typed."""
    app = importlib.import_module(SUBCOMMANDS[name][0]).app
    yield from _below(f"aiconvai {name}", typer.main.get_command(app))


def _below(place: str, command: Any) -> Iterator[tuple[str, Command]]:
    yield place, command
    for name, inner in (command.commands if isinstance(command, TyperGroup) else {}).items():
        if not inner.hidden:
            yield from _below(f"{place} {name}", inner)


def _described(place: str, command: Command) -> Iterator[str]:
    arguments = [one for one in command.params if isinstance(one, TyperArgument) and not one.hidden]
    options = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden and one.name != "help"]
    usage = [place, *(["[OPTIONS]"] if options else ()), *map(_argument, arguments)]
    usage += ["[COMMAND]"] if isinstance(command, TyperGroup) else ()
    yield f"```text\n{' '.join(usage)}\n```\n\n{' '.join((command.help or '').split())}\n\n"
    yield table(("argument", ""), ((f"`{_value(one)}`", one.help or "") for one in arguments))
    yield table(("option", ""), map(_option, options))


def _argument(one: TyperArgument) -> str:
    return _value(one) if one.required else f"[{_value(one)}]"


def _value(one: TyperArgument | TyperOption) -> str:
    """What stands for it."""
    return str(one.metavar or one.name).upper().replace("_", "-")


def _option(one: TyperOption) -> tuple[str, str]:
    names = " ".join([*one.opts, *one.secondary_opts])
    default = one.default
    is_shown = not one.is_flag and not callable(default) and default not in (None, (), [], "")
    words = (one.help or "", f"Default: `{default}`." if is_shown else "")
    return f"`{names}{'' if one.is_flag else f' {_value(one)}'}`", " ".join(words)
