"""The `aiconvai` command.

Each subcommand is imported when it is called: one whose library is missing does not keep the others from
working, and none makes the others slow.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from aiconvai import __version__

SUBCOMMANDS = {
    "config": ("aiconvai.config.cli", "", "Make, check, show and convert configuration files."),
    "mock": ("aiconvai.mock.cli", "mock", "Play an AI service on the loopback."),
    "asterisk": ("aiconvai.rig.asterisk.cli", "rig", "Run a real Asterisk with the module in a container."),
    "serve": ("aiconvai.serve.cli", "serve", "Remember, show and measure what happens in calls."),
    "gateway": ("aiconvai.gateway.cli", "serve", "Take calls by AudioSocket, without the module."),
    "local": ("aiconvai.local.cli", "local", "Be an agent without a cloud, on this machine."),
    "call": ("aiconvai.serve.outbound.cli", "serve", "Have an agent call somebody, or everybody of a list."),
    "tools": ("aiconvai.serve.tools.cli", "serve", "Declare and try the tools that serve runs for agents."),
    "demo": ("aiconvai.rig.demo", "rig", "Talk to a mock agent through a real Asterisk."),
    "bench": ("aiconvai.rig.bench.cli", "rig", "Measure what calls cost and how fast they are."),
    "instructions": ("aiconvai.rig.bench.instructions", "rig", "Count what 20 ms of a call cost the engine."),
    "freepbx": ("aiconvai.freepbx.cli", "serve", "Make agents destinations of FreePBX."),
    "doctor": ("aiconvai.doctor.cli", "serve", "Tell what is wrong with an installation, and how to mend it."),
    "inspect-module": ("aiconvai.inspect_module", "", "Tell whether a module would load in an Asterisk."),
    "conformance": ("aiconvai.conformance", "", "Try a server of the WebSocket protocol, as the module would."),
}
"""Name -> the module whose `app` is the command, the extra of the package with what it needs, and its one-line help."""

PASS_EVERYTHING_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Voice AI on Asterisk: tools around app_aiconvai.")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"aiconvai {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _mount(name: str, module: str, extra: str, about: str) -> None:
    def run(context: typer.Context) -> None:
        try:
            command = importlib.import_module(module).app
        except ModuleNotFoundError as error:
            wanted = f"aiconvai[{extra}]" if extra else "aiconvai"
            print(f"aiconvai {name} needs {error.name}: pip install '{wanted}'", file=sys.stderr)
            raise typer.Exit(1) from error
        command(args=context.args, prog_name=f"aiconvai {name}")

    app.command(name, help=about, context_settings=PASS_EVERYTHING_ON)(run)


for _name, (_module, _extra, _about) in SUBCOMMANDS.items():
    _mount(_name, _module, _extra, _about)
