"""`aiconvai asterisk`: a real Asterisk with the module, up and down in a second."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from aiconvai.builds import BuildError
from aiconvai.rig.asterisk import control, keeper
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.asterisk.container import AsteriskError
from aiconvai.rig.asterisk.engine import ContainerError
from aiconvai.rig.asterisk.images import VERSIONS, AsteriskVersion, Sanitizer, build_module, ensure_image
from aiconvai.rig.asterisk.ports import HOST

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run a real Asterisk in a container.")
_console = Console()
_errors = Console(stderr=True)


class Version(StrEnum):
    """The Asterisk versions there are images for."""

    V16 = "16"
    V22 = "22"

    @property
    def number(self) -> AsteriskVersion:
        """As the rest of the package has it."""
        return next(one for one in VERSIONS if str(one) == self.value)


VersionOption = Annotated[Version, typer.Option("--version", help="Which Asterisk.")]


@app.command()
def up(
    version: VersionOption = Version.V22,
    module: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, resolve_path=True, help="Load this module; default: build it."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Without the module.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, resolve_path=True, help="The module's aiconvai.conf."),
    ] = None,
    extensions: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, resolve_path=True, help="Dialplan added to [default]."),
    ] = None,
) -> None:
    """Start Asterisk in the background."""
    try:
        ensure_image(version.number, console=_errors)
        if module is None and not plain:
            module = build_module(version.number, console=_errors)
        kept = keeper.start(
            keeper.Wanted(
                version.number,
                None if plain else str(module),
                str(config) if config else None,
                str(extensions) if extensions else None,
            )
        )
    except (AsteriskError, BuildError, ContainerError) as error:
        _fail(error)
    _console.print(f"Asterisk {kept.version} runs: SIP over UDP at {HOST}:{kept.sip_port}")
    _console.print(f"manager at {HOST}:{kept.ami_port}, user {AMI_USER}, secret {AMI_SECRET}")
    _console.print(f"files in {kept.directory}", soft_wrap=True)


@app.command()
def build(
    sanitized: Annotated[bool, typer.Option("--sanitized", help="Also with each sanitizer, as tests load it.")] = False,
) -> None:
    """Build the images and the module, for every version, and print where the modules are."""

    def build_all(version: Version) -> list[Path]:
        # Tests load sanitizers into the version with the newer compiler alone.
        sanitizers: list[Sanitizer | None] = ["address", "thread"] if sanitized and version is Version.V22 else []
        return [build_module(version.number, sanitizer=one, console=Console(quiet=True)) for one in [None, *sanitizers]]

    _errors.print("Building; where there are no images yet that takes some minutes.")
    try:
        with ThreadPoolExecutor() as pool:
            for modules in pool.map(build_all, Version):
                for module in modules:
                    _console.print(str(module), soft_wrap=True)
    except (BuildError, ContainerError) as error:
        _fail(error)


@app.command()
def down(version: VersionOption = Version.V22) -> None:
    """Stop it."""
    try:
        if not keeper.stop(version.number):
            _console.print(f"Asterisk {version.value} does not run")
    except AsteriskError as error:
        _fail(error)


@app.command()
def cli(
    command: Annotated[list[str], typer.Argument(help='A command, e.g. "core show channels".')],
    version: VersionOption = Version.V22,
) -> None:
    """Run a command of Asterisk's command line."""
    try:
        print(control.run_command(_running(version).control_socket, " ".join(command)))
    except control.ControlError as error:
        _fail(error)


@app.command()
def logs(
    version: VersionOption = Version.V22,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many to begin with.")] = 50,
) -> None:
    """Show its log."""
    kept = _running(version)
    with kept.log.open(encoding="utf-8", errors="replace") as log:
        text = log.readlines()
        print("".join(text[len(text) - lines :] if lines < len(text) else text), end="")
        while follow and keeper.find(version.number) is not None:
            print(log.read(), end="", flush=True)
            time.sleep(0.1)


def _running(version: Version) -> keeper.Kept:
    kept = keeper.find(version.number)
    if kept is None:
        if (report := keeper.failure_path(version.number)).is_file():
            _errors.print(Text(report.read_text(encoding="utf-8")), soft_wrap=True)
        _fail(AsteriskError(f"Asterisk {version.value} does not run: aiconvai asterisk up --version {version.value}"))
    return kept


def _fail(error: Exception) -> NoReturn:
    # The error quotes logs, whose brackets are no markup.
    _errors.print(Text.assemble(("error: ", "red"), str(error)), soft_wrap=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
