"""`aiconvai local`: an agent without a cloud."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aiconvai.local.capacity import Costs, measure
from aiconvai.local.parts import PartError
from aiconvai.local.program import Ready, ready, serve
from aiconvai.local.settings import LOCAL_TOML, PORT, LocalSettings, usual_settings
from aiconvai.toml_settings import SettingsError

app = typer.Typer(add_completion=False, help="An agent without a cloud.")


@app.command()
def local(
    config: Annotated[
        Path | None, typer.Option(help=f"Default: {LOCAL_TOML}, if there is one; else what is packaged.")
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Say what is installed, whether it works, and what this machine takes.")
    ] = False,
) -> None:
    """Serve conversations by the WebSocket protocol until Ctrl-C; prints the section for aiconvai.conf."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        settings = usual_settings(config)
        asyncio.run(_check(settings) if check_only else serve(settings, _announce))
    except* (PartError, SettingsError, OSError) as errors:
        _fail(errors)


async def _check(settings: LocalSettings) -> None:
    async with ready(settings) as one:
        for line in _described(one, one.costs or await measure(one.agent)):
            print(f"ok     {line}")


def _described(one: Ready, costs: Costs) -> list[str]:
    return [
        f"recognition: {one.agent.recognizer}: {costs.recognition_factor:.3f} of real time, "
        f"{1000 * costs.recognition:.0f} ms for {costs.sentence_seconds:.1f} s",
        f"voice: {one.agent.voice}: {costs.voice_factor:.3f} of real time, {1000 * costs.voice:.0f} ms for a sentence",
        f"mind: {one.agent.mind}",
        f"speech detection: {one.agent.detection}: {100 * costs.detection_share:.1f} % of a processor for each call",
        f"{one.most_calls} calls at the same time",
    ]


def _announce(one: Ready, port: int) -> None:
    url = "" if port == PORT else f"conversation_url=ws://127.0.0.1:{port}/\n"
    print(f"ws://127.0.0.1:{port}/  {one.most_calls} calls at the same time\n")
    print(f"; In aiconvai.conf:\n[reception]\nprovider=local\n{url}", flush=True)


def _fail(errors: ExceptionGroup[Exception]) -> NoReturn:
    for error in _leaves(errors):
        print(f"aiconvai local: {error}", file=sys.stderr)
    raise typer.Exit(1)


def _leaves(errors: ExceptionGroup[Exception]) -> list[Exception]:
    return [leaf for one in errors.exceptions for leaf in (_leaves(one) if isinstance(one, ExceptionGroup) else [one])]
