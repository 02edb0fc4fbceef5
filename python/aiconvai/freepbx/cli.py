"""`aiconvai freepbx`: agents as destinations of FreePBX, in files that survive its reloads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from aiconvai.doctor.installation import ASTERISK_CONF, Installation
from aiconvai.freepbx.custom_destinations import Destinations, DestinationsError, clicks, register
from aiconvai.freepbx.dialplan import GATEWAY, Door
from aiconvai.freepbx.pbx import FREEPBX_CONF, FreePBX
from aiconvai.freepbx.plan import Plan, Wanted, plan, plan_removal, serve_lines
from aiconvai.options import kind_of

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

BACKUPS = Path("/var/backups/aiconvai")
"""Not beside the files: Apply Config would make copies there readable for everybody."""
_RELOADS = ("dialplan reload", "manager reload", "module reload res_ari.so")

Agents = Annotated[
    list[str] | None,
    typer.Option("--agent", metavar="NAME[=DESTINATION]", help="One, and who takes its callers. None: all agents."),
]
Person = Annotated[
    str, typer.Option(metavar="DESTINATION", help="Who takes callers whom an agent cannot serve: ext-queues,600,1.")
]
Doors = Annotated[Door, typer.Option(help="By which calls reach agents.")]
Manager = Annotated[bool, typer.Option(help="A user of AMI for aiconvai serve and aiconvai gateway.")]
Records = Annotated[bool, typer.Option("--record", help="Have FreePBX record the calls of agents.")]
Gateway = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where aiconvai gateway takes AudioSocket.")]
Release = Annotated[int | None, typer.Option(metavar="NUMBER", help="Of FreePBX, where it cannot be told.")]
AsteriskConf = Annotated[Path, typer.Option(help="Of the Asterisk that is meant.")]
FreepbxConf = Annotated[Path, typer.Option(help="Of the FreePBX that is meant.")]
Program = Annotated[Path | None, typer.Option("--asterisk", help="Asterisk's program, where it is not usual.")]

_console = Console(soft_wrap=True, highlight=False)


@app.command("plan")
def show(
    person: Person = "",
    agent: Agents = None,
    door: Doors = Door.MODULE,
    manager: Manager = True,
    record: Records = False,
    gateway: Gateway = GATEWAY,
    release: Release = None,
    asterisk_conf: AsteriskConf = ASTERISK_CONF,
    freepbx_conf: FreepbxConf = FREEPBX_CONF,
    program: Program = None,
) -> None:
    """Show what `apply` would write, and what keeps it from working. Exit status 1 if something does."""
    pbx = FreePBX(Installation.of(asterisk_conf, program), freepbx_conf, release)
    wanted = _wanted(pbx, person, agent, Wanted({}, door, manager, record, gateway))
    made = plan(pbx, wanted)
    _show(made, pbx, serve_lines(pbx, wanted))
    raise typer.Exit(1 if made.wrong else 0)


@app.command()
def apply(
    person: Person = "",
    agent: Agents = None,
    door: Doors = Door.MODULE,
    manager: Manager = True,
    record: Records = False,
    gateway: Gateway = GATEWAY,
    release: Release = None,
    backups: Annotated[Path, typer.Option(help="Where files are kept as they were.")] = BACKUPS,
    asterisk_conf: AsteriskConf = ASTERISK_CONF,
    freepbx_conf: FreepbxConf = FREEPBX_CONF,
    program: Program = None,
) -> None:
    """Write it, with a copy of every file as it was. Done again it writes what has changed, and nothing twice."""
    pbx = FreePBX(Installation.of(asterisk_conf, program), freepbx_conf, release)
    wanted = _wanted(pbx, person, agent, Wanted({}, door, manager, record, gateway))
    made = plan(pbx, wanted)
    _write(made, pbx, backups, serve_lines(pbx, wanted))


@app.command()
def remove(
    backups: Annotated[Path, typer.Option(help="Where files are kept as they were.")] = BACKUPS,
    asterisk_conf: AsteriskConf = ASTERISK_CONF,
    freepbx_conf: FreepbxConf = FREEPBX_CONF,
    program: Program = None,
) -> None:
    """Take all of it away, unless an inbound route or something else still leads to an agent."""
    pbx = FreePBX(Installation.of(asterisk_conf, program), freepbx_conf)
    made = plan_removal(pbx)
    _write(made, pbx, backups, "")


def _wanted(pbx: FreePBX, person: str, agents: list[str] | None, asked: Wanted) -> Wanted:
    """With the agents, each with who takes its callers."""
    sections = pbx.asterisk.judged[0]
    named = agents or [one.name for one in sections if kind_of(one.name)[0] == "agent"]
    people = {name.strip(): place.strip() or person for name, _, place in (one.partition("=") for one in named)}
    without = [name for name, place in people.items() if not place]
    if without:
        _fail(f"who takes the callers of {', '.join(without)} whom it cannot serve? Say --person ext-queues,600,1")
    return replace(asked, agents=people)


def _show(made: Plan, pbx: FreePBX, serve_toml: str) -> None:
    _show_findings(made)
    for change in made.changes:
        _console.print(escape(change.difference), end="\n\n")
    try:
        _show_destinations(_register(made, pbx, looks=True), made, "will be ")
    except DestinationsError as error:
        _console.print(f"[yellow]note[/] {escape(str(error))}")
    _show_serve_lines(serve_toml)


def _show_findings(made: Plan) -> None:
    for one in made.findings:
        one.print_to(_console)


def _show_serve_lines(serve_toml: str) -> None:
    if serve_toml:
        _console.print(f"/etc/aiconvai/serve.toml, for `aiconvai gateway`:\n\n{escape(serve_toml)}")


def _show_destinations(done: Destinations | None, made: Plan, when: str = "") -> None:
    """What was done, or `when` it will be. None: FreePBX's classes are not there."""
    if done is None:
        _console.print("php is not there. In the browser:")
        for line in clicks(made.destinations):
            _console.print(f"  {escape(line)}")
        return
    for target in done.made:
        _console.print(f"custom destination {target}: {when}made")
    for target in done.there:
        _console.print(f"custom destination {target}: there")
    for target in done.removed:
        _console.print(f"custom destination {target}: {when}removed")
    for target, users in done.used.items():
        _console.print(f"custom destination {target}: leading there: {escape(', '.join(users))}")


def _register(made: Plan, pbx: FreePBX, *, looks: bool) -> Destinations | None:
    if pbx.php is None or not pbx.is_there:
        return None
    return register(pbx.php, pbx.freepbx_conf, made.destinations, looks=looks)


def _refuse_while_used(made: Plan, pbx: FreePBX) -> None:
    """A route to a context that is gone ends the call of whoever comes by it."""
    try:
        would = _register(made, pbx, looks=True)
    except DestinationsError as error:
        _fail(f"nothing is written: which custom destinations are there cannot be told: {error}")
    if would and would.used:
        _show_destinations(Destinations(used=would.used), made)
        _fail("nothing is written: give these another destination first")


def _write(made: Plan, pbx: FreePBX, backups: Path, serve_toml: str) -> None:
    """All of it, or nothing where something is to be mended first."""
    if made.wrong:
        _show_findings(made)
        _fail(f"nothing is written: {len(made.wrong)} to mend first")
    _refuse_while_used(made, pbx)
    try:
        backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        for change in made.changes:
            backup = change.write(backups)
            _console.print(f"{change.path}: written{f', as it was: {backup}' if backup else ''}")
    except OSError as error:
        _fail(f"{error}; run this as root")
    if not made.changes:
        _console.print("all files are as they should be")
    try:
        _show_destinations(_register(made, pbx, looks=False), made)
    except DestinationsError as error:
        _fail(f"{error}\nThe files are written. In the browser:\n" + "\n".join(clicks(made.destinations)))
    if made.changes and pbx.asterisk.process is not None:
        for command in _RELOADS:
            pbx.asterisk.console(command)
        _console.print("Asterisk has read them")
    _show_serve_lines(serve_toml)
    if made.destinations:
        _console.print("In the browser: Inbound Routes, the route, Set Destination: Custom Destinations; Apply Config")


def _fail(why: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True, highlight=False).print(escape(f"aiconvai freepbx: {why}"))
    raise typer.Exit(1)
