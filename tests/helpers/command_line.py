"""Whether `aiconvai` understands what is typed, without doing it.

A program: some commands load a library that those who test other parts of the engine must not have in their process.
Its input is a list of lists of arguments, its output what is wrong with each; both as JSON.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from aiconvai.cli import SUBCOMMANDS
from aiconvai.cli import app as aiconvai


def problems(typed: Sequence[Sequence[str]]) -> list[str]:
    """Of each; empty: it is understood."""
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps(typed), capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def _problem(arguments: list[str]) -> str:
    if not arguments or arguments[0].startswith("-"):
        return "" if CliRunner().invoke(aiconvai, [*arguments, "--help"]).exit_code == 0 else "is not understood"
    name, *rest = arguments
    if name not in SUBCOMMANDS:
        return f"aiconvai has no command {name}"
    command: Any = typer.main.get_command(importlib.import_module(SUBCOMMANDS[name][0]).app)
    parent = None
    while True:
        try:
            context = command.make_context(name, list(rest), parent=parent)
        except typer.Exit:
            return "" if "--help" in rest else "ends at once"
        except Exception as error:
            return getattr(error, "message", "") or str(error)
        left = [*getattr(context, "_protected_args", ()), *context.args]
        if not (isinstance(command, TyperGroup) and left):
            return f"{left} is not understood" if left else ""
        name, *rest = left
        if name not in command.commands:
            return f"{context.command_path} has no command {name}"
        command, parent = command.commands[name], context


if __name__ == "__main__":
    # What is asked for help prints it.
    with redirect_stdout(sys.stderr):
        answer = [_problem(one) for one in json.load(sys.stdin)]
    json.dump(answer, sys.stdout)
