"""`aiconvai bench talk`: how a conversation goes, as the caller hears it."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aiconvai.rig.asterisk import (
    AsteriskError,
    AsteriskVersion,
    BuildError,
    ContainerError,
    ManagerError,
    build_module,
)
from aiconvai.rig.asterisk.cli import Version, VersionOption
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench.machine import describe
from aiconvai.rig.caller import SipError
from aiconvai.rig.console import wide_console
from aiconvai.rig.talk import plan
from aiconvai.rig.talk.document import render
from aiconvai.rig.talk.lines import USUAL
from aiconvai.rig.talk.plots import draw_all
from aiconvai.rig.talk.results import TalkResults
from aiconvai.rig.talk.run import OURS, Case, Played, Recorded, TalkError, talk_run
from aiconvai.rig.talk.sounds import Kind
from aiconvai.speech import SpeechError

_PAGE_NAME = "talk-measured.md"
_JSON_NAME = "talk.json"
_RECORDING_SEED = 77
_LATEST_MS = 20.0
"""One packet."""
_BROKEN_OFF_SHARE = 0.01
"""Of the calls may break off."""
_SAY_EVERY = 25
"""Calls."""


def talk(
    quick: Annotated[bool, typer.Option("--quick", help="Two minutes instead of fifteen.")] = False,
    version: VersionOption = Version.V22,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder of talk-measured.md, images/ and talk.json. Default: docs for a full run, else "
                     "build/bench; talk.json in build."),
    ] = None,
    of: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Measure nothing: take this talk.json.")
    ] = None,
) -> None:  # fmt: skip
    """Measure conversations: echo, interruptions, coughs, answers; over the loopback only."""
    console = wide_console()
    recordings: list[tuple[str, Recorded]] = []
    try:
        if of is not None:
            results = TalkResults.model_validate_json(of.read_text(encoding="utf-8"))
        else:
            results, recordings = _measure(console, quick, version.number)
        _write(console, results, recordings, output, json=of is None)
    except (
        AsteriskError, BuildError, ContainerError, ManagerError, SipError, SpeechError, OSError, ValueError,
    ) as error:  # fmt: skip
        console.print("[bold red]Nothing was measured:[/]", end=" ")
        console.print(str(error), markup=False, highlight=False)
        raise typer.Exit(1) from error


def _measure(console: Console, quick: bool, version: AsteriskVersion) -> tuple[TalkResults, list[tuple[str, Recorded]]]:
    cases = plan.quick() if quick else plan.full()
    shown = [
        ("a cough: the agent pauses, and goes on", Case(OURS, USUAL, Kind.COUGH, 1, _RECORDING_SEED)),
        ("an interruption", Case(OURS, USUAL, Kind.INTERRUPTION, 1, _RECORDING_SEED)),
    ]
    begun = time.monotonic()
    with talk_run(version, build_module(version)) as run:
        run.prepare([*cases, *(case for _, case in shown)])
        results = TalkResults(
            made=datetime.now().strftime("%Y-%m-%d %H:%M"),
            asterisk=run.asterisk.exact_version(),
            processor=describe().processor,
            quick=quick,
            took_seconds=0.0,
        )
        recordings = [(title, run.play(case).recorded()) for title, case in shown]

        def done(case: Case, played: Played | TalkError) -> None:
            if isinstance(played, TalkError):
                results.broken_off.append(str(played))
                console.print(f"Broken off: {played}", markup=False, highlight=False)
                return
            results.add(case, played.turns, played.late_ms)
            if len(results.calls) % _SAY_EVERY == 0:
                seconds = time.monotonic() - begun
                calls = f"{len(results.calls)} of {len(cases)} calls; callers {results.late_ms:.0f} ms late"
                console.print(f"{seconds:5.0f} s: {calls}", highlight=False)

        run.play_all(cases, done)
    results.took_seconds = time.monotonic() - begun
    return results, recordings


def _write(
    console: Console,
    results: TalkResults,
    recordings: list[tuple[str, Recorded]],
    output: Path | None,
    *,
    json: bool,
) -> None:
    """The numbers, the page and its pictures. A quick run never replaces the documentation."""
    build = repository_root() / "build"
    numbers = output or build
    folder = output or (build / "bench" if results.quick else repository_root() / "docs")
    for one in (numbers, folder / "images"):
        one.mkdir(parents=True, exist_ok=True)
    written = []
    if json:
        written.append(numbers / _JSON_NAME)
        written[0].write_text(results.model_dump_json(indent=1), encoding="utf-8")
    pictures = draw_all(results, recordings, folder / "images")
    # Recordings are not in the numbers: their picture stays where it was drawn before.
    names = {path.name for path in (*pictures, *(folder / "images").glob("talk-*.png"))}
    page = folder / _PAGE_NAME
    page.write_text(render(results, sorted(names)), encoding="utf-8")
    for path in (*written, page, *pictures):
        console.print(f"Written: {path}", soft_wrap=True, highlight=False)
    console.print(f"It took {results.took_seconds:.0f} s.", highlight=False)
    if results.late_ms > _LATEST_MS:
        console.print(f"Callers were {results.late_ms:.0f} ms late, as no telephone is: this run is invalid.")
        raise typer.Exit(1)
    if len(results.broken_off) > len(results.calls) * _BROKEN_OFF_SHARE:
        console.print(f"{len(results.broken_off)} calls broke off: this run is invalid.", highlight=False)
        raise typer.Exit(1)
