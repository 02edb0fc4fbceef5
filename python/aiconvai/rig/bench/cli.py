"""`aiconvai bench`: what a call costs and how fast it is, on this machine and beside Asterisk's own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from aiconvai.rig.asterisk import AsteriskError, BuildError, ContainerError, ManagerError
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench.comparison import AGREE_PERCENT, compare
from aiconvai.rig.bench.document import render
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.far_end import FarEndError
from aiconvai.rig.bench.headlines import headline
from aiconvai.rig.bench.plan import FULL, QUICK, with_drift
from aiconvai.rig.bench.plots import draw_all
from aiconvai.rig.bench.results import Results
from aiconvai.rig.bench.run import Run
from aiconvai.rig.caller import SipError
from aiconvai.rig.console import wide_console
from aiconvai.rig.talk.cli import talk
from aiconvai.speech import SpeechError

app = typer.Typer(add_completion=False)
app.command()(talk)

_JSON_NAME = "bench.json"
_PAGE_NAME = "performance.md"


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Three and a half minutes instead of half an hour.")] = False,
    only: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Measure only parts whose name has this in it: cpu, 'cpu*50'.")
    ] = None,
    bursts: Annotated[
        bool,
        typer.Option(
            "--bursts",
            help="Have SIPp make the calls, with the packets of all in one burst, as it was measured once. For a "
            "comparison only: no telephones do so.",
        ),
    ] = False,
    drift_minutes: Annotated[
        int | None, typer.Option(min=1, max=55, help="How long to watch packet spacing and drift.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of performance.md, images/ and bench.json. Default: docs for a full run that is valid, else "
            "build/bench; bench.json in build."
        ),
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Measure on a busy machine too: only lost audio or calls make it fail then."),
    ] = False,
    of: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Measure nothing: take this bench.json.")
    ] = None,
    other: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="Say how far this older bench.json agrees.")
    ] = None,
) -> None:
    """Measure CPU, delay, packet spacing, interruptions, memory and capacity, over the loopback only."""
    if context.invoked_subcommand is not None:
        return
    console = wide_console()
    try:
        before = _load(other) if other is not None else None
        if of is not None:
            results = _load(of)
        else:
            plan = with_drift(QUICK if quick else FULL, drift_minutes)
            run = Run(plan, console, quick=quick, only=only, bursts=bursts)
            run.check_quiet(anyway=anyway)
            run.measure()
            results = run.results
        publish = not (results.quick or results.bursts or results.problems or only)
        _write(console, results, output, publish, json=of is None)
        _print(console, results)
        if before is not None:
            _print_comparison(console, before, results)
    except (
        AsteriskError, BenchError, BuildError, ContainerError, FarEndError, ManagerError, SipError, SpeechError,
        OSError, ValueError,
    ) as error:  # fmt: skip
        _fail(console, error)
    if any(problem.kind in ("loss", "calls") or not anyway for problem in results.problems):
        raise typer.Exit(1)


def _load(path: Path) -> Results:
    return Results.model_validate_json(path.read_text(encoding="utf-8"))


def _write(console: Console, results: Results, output: Path | None, publish: bool, *, json: bool) -> None:
    """The numbers, the page and its pictures. What is not to be published never replaces the documentation."""
    build = repository_root() / "build"
    numbers = output or build
    folder = output or (repository_root() / "docs" if publish else build / "bench")
    numbers.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if json:
        written.append(numbers / _JSON_NAME)
        written[0].write_text(results.model_dump_json(indent=1), encoding="utf-8")
    pictures = draw_all(results, folder / "images")
    page = folder / _PAGE_NAME
    page.write_text(render(results, [path.name for path in pictures]), encoding="utf-8")
    for path in (*written, page, *pictures):
        console.print(f"Written: {path}", soft_wrap=True, highlight=False)


def _print(console: Console, results: Results) -> None:
    goals = {goal.key: goal for goal in results.goals}
    table = Table(box=None, pad_edge=False)
    for title in ("what", "measured", "", "goal", "met"):
        table.add_column(title, header_style="dim")
    for key, value in results.headlines.items():
        one, goal = headline(key), goals.get(key)
        met = "" if goal is None else "[green]yes[/]" if goal.met else "[bold red]no[/]"
        table.add_row(one.name, f"{value:.3f}", one.unit, goal.aim if goal else "", met)
    console.print(table)
    for note in results.notes:
        console.print(f"Note: {note}", markup=False, highlight=False)
    console.print(f"It took {results.took_seconds:.0f} s.", highlight=False)
    if results.problems:
        console.print("\n[bold red]This run is invalid:[/]")
        for problem in results.problems:
            console.print(f"- {problem.kind}: {problem.text}", markup=False, highlight=False)


def _print_comparison(console: Console, before: Results, after: Results) -> None:
    table = Table(box=None, pad_edge=False, title=f"{before.made} against {after.made}", title_justify="left")
    for title in ("what", "before", "now", "", "change", f"within {AGREE_PERCENT:g} %"):
        table.add_column(title, header_style="dim")
    for one in compare(before, after):
        change = "" if one.percent is None else f"{one.percent:+.1f} %"
        agrees = "[green]yes[/]" if one.agrees else "[bold red]no[/]"
        table.add_row(one.headline.name, f"{one.before:.3f}", f"{one.after:.3f}", one.headline.unit, change, agrees)
    console.print(table)


def _fail(console: Console, error: Exception) -> NoReturn:
    console.print("[bold red]Nothing was measured:[/]", end=" ")
    console.print(str(error), markup=False, highlight=False)
    raise typer.Exit(1) from error
