"""`aiconvai measure`: how fast the module is and what it costs, on this machine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from aiconvai.asterisk import AsteriskError, AsteriskVersion, BuildError, ContainerError, ManagerError, ensure_image
from aiconvai.asterisk.images import repository_root
from aiconvai.caller import SipError
from aiconvai.caller.rtp import KernelClock
from aiconvai.measure import cpu, holdings, interruption_silence, packet_spacing, round_trip
from aiconvai.measure.bench import set_up
from aiconvai.measure.document import render, rows
from aiconvai.measure.machine import QUIET_LOAD, describe
from aiconvai.measure.plots import draw_all
from aiconvai.measure.results import Measurements
from aiconvai.measure.service import ServiceSettings
from aiconvai.measure.service_process import MeasurementError
from aiconvai.measure.validity import clock_problems
from aiconvai.speech import SpeechError

app = typer.Typer(add_completion=False)

_LOG_WIDTH = 150


@dataclass(frozen=True)
class Amounts:
    """How much of each is measured."""

    calls: int
    bursts: int
    spacing_seconds: float
    interruptions: int
    cpu_rounds: int
    cpu_seconds: float


FULL = Amounts(calls=6, bursts=25, spacing_seconds=600.0, interruptions=120, cpu_rounds=3, cpu_seconds=20.0)
SHORT = Amounts(calls=2, bursts=10, spacing_seconds=30.0, interruptions=30, cpu_rounds=1, cpu_seconds=8.0)
"""Of a quick run; also of Asterisk 16 in a full one, of which only the first three are measured."""


@app.command()
def measure(
    quick: Annotated[bool, typer.Option("--quick", help="About five minutes instead of half an hour.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder of measurements.md and images/; default: docs, of a quick run build/measurements."),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Measure on a busy machine too; the run is invalid then.")
    ] = False,
    of: Annotated[
        Path | None, typer.Option("--from", help="Measure nothing: render this measurements.json again.")
    ] = None,
) -> None:
    """Measure delay, packet spacing, interruptions, processor time and memory, over the loopback only."""
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=int(os.environ.get("COLUMNS", _LOG_WIDTH)))
    try:
        build = repository_root() / "build"
        if of is not None:
            measurements = Measurements.model_validate_json(of.read_text(encoding="utf-8"))
        else:
            measurements = _measure(console, SHORT if quick else FULL, quick, anyway)
            build.mkdir(exist_ok=True)
            _write_json(build / "measurements.json", measurements)
            console.print(f"Written: {build / 'measurements.json'}", soft_wrap=True, highlight=False)
        _print(console, measurements)
        default = build / "measurements" if measurements.quick or measurements.invalid else repository_root() / "docs"
        folder = output or default
        if measurements.invalid and output is not None:
            console.print(f"[bold red]{folder} is left as it is: the run is invalid.[/]")
        else:
            _write_document(console, folder, measurements)
    except (
        AsteriskError, BuildError, ContainerError, ManagerError, MeasurementError, SipError, SpeechError, OSError,
    ) as error:  # fmt: skip
        _fail(console, error)
    if measurements.invalid:
        raise typer.Exit(1)


def _measure(console: Console, amounts: Amounts, quick: bool, anyway: bool) -> Measurements:
    machine = describe()
    measurements = Measurements(made=datetime.now(UTC).isoformat(timespec="minutes"), quick=quick, machine=machine)
    if machine.load_average > QUIET_LOAD:
        problem = f"the load average before the run was {machine.load_average:.2f}, above {QUIET_LOAD:g}"
        if not anyway:
            raise MeasurementError(f"{problem}: end what runs, wait a minute, or give --anyway")
        measurements.invalid.append(problem)
    for version in (22, 16):
        ensure_image(version, console=console)
    clock = KernelClock()
    _first_three(console, measurements, 22, amounts)
    _first_three(console, measurements, 16, SHORT)
    with set_up(22, ServiceSettings(), console) as bench:
        _say(
            console,
            f"22: processor time, {amounts.cpu_rounds} times {len(cpu.ORDER)} rounds of {amounts.cpu_seconds:g} s",
        )
        measurements.cpu, problems = cpu.measure(bench, amounts.cpu_rounds, amounts.cpu_seconds)
        measurements.invalid += problems
    _say(console, "22: memory, threads and file descriptors")
    measurements.holdings = holdings.measure(console)
    measurements.invalid += clock_problems(clock, KernelClock())
    return measurements


def _first_three(console: Console, measurements: Measurements, version: AsteriskVersion, amounts: Amounts) -> None:
    settings = ServiceSettings(
        talk_seconds=amounts.spacing_seconds + packet_spacing.MARGIN_SECONDS, interruptions=amounts.interruptions
    )
    with set_up(version, settings, console) as bench:
        measurements.machine.asterisk[version] = bench.exact_version()
        _say(console, f"{version}: round trips, 3 times {amounts.calls * amounts.bursts} bursts")
        trips, problems = round_trip.measure(bench, amounts.calls, amounts.bursts)
        measurements.round_trips += trips
        measurements.invalid += problems
        _say(console, f"{version}: packet spacing over {amounts.spacing_seconds:g} s")
        spacing, problems = packet_spacing.measure(bench, amounts.spacing_seconds)
        measurements.spacing.append(spacing)
        measurements.invalid += problems
        _say(console, f"{version}: {amounts.interruptions} interruptions")
        interruptions, problems = interruption_silence.measure(bench)
        measurements.interruptions.append(interruptions)
        measurements.invalid += problems


def _say(console: Console, text: str) -> None:
    console.print(f"{time.strftime('%H:%M:%S')}  Asterisk {text}", highlight=False)


def _print(console: Console, measurements: Measurements) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("Asterisk", "what", "measured", "aim", "met"):
        table.add_column(title, header_style="dim")
    for row in rows(measurements):
        met = "" if row.met is None else "[green]yes[/]" if row.met else "[bold red]no[/]"
        table.add_row(str(row.asterisk), row.name, row.value, row.aim, met)
    console.print(table)
    if measurements.invalid:
        console.print("\n[bold red]This run is invalid:[/]")
        for problem in measurements.invalid:
            console.print(f"- {problem}", markup=False, highlight=False)


def _write_json(path: Path, measurements: Measurements) -> None:
    path.write_text(measurements.model_dump_json(indent=1), encoding="utf-8")


def _write_document(console: Console, folder: Path, measurements: Measurements) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "measurements.md"
    page.write_text(render(measurements), encoding="utf-8")
    for path in (page, *draw_all(measurements, folder / "images")):
        console.print(f"Written: {path}", soft_wrap=True, highlight=False)


def _fail(console: Console, error: Exception) -> NoReturn:
    console.print("[bold red]Nothing was measured:[/]", end=" ")
    console.print(str(error), markup=False, highlight=False)
    raise typer.Exit(1) from error
