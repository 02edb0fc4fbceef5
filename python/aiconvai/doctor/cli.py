"""`aiconvai doctor`: what is wrong with this machine's installation, and the line that mends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aiconvai.doctor.agent_checks import agent_checks
from aiconvai.doctor.beside_checks import beside_checks
from aiconvai.doctor.bundle import write_bundle
from aiconvai.doctor.codec_checks import codec_checks
from aiconvai.doctor.file_checks import file_checks
from aiconvai.doctor.finding import Finding
from aiconvai.doctor.installation import ASTERISK_CONF, Installation
from aiconvai.doctor.module_checks import module_checks
from aiconvai.inspect_module import Verdict
from aiconvai.serve.settings import SERVE_TOML

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    asterisk_conf: Annotated[Path, typer.Option(help="Of the Asterisk that is meant.")] = ASTERISK_CONF,
    program: Annotated[Path | None, typer.Option("--asterisk", help="Its program, where it is not usual.")] = None,
    config: Annotated[Path, typer.Option(help="Of serve and gateway.")] = SERVE_TOML,
    trial: Annotated[
        bool, typer.Option(help="Connect to each agent's service, until it is ready: a second of a call.")
    ] = True,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="Write an archive for a report, without keys, numbers and words.")
    ] = False,
) -> None:
    """Look at everything that calls need; exit status 1 if something keeps them from working."""
    installation = Installation.of(asterisk_conf, program)
    findings = asyncio.run(_shown(_checks(installation, config if config.exists() else None, is_tried=trial)))
    wrong = sum(one.grade is Verdict.BAD for one in findings)
    print(f"{wrong} to mend" if wrong else "all that calls need is there")
    if bundle:
        path = Path(f"aiconvai-doctor-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz")
        write_bundle(path, installation, findings, config)
        print(f"{path}: read it before you send it")
    raise typer.Exit(1 if wrong else 0)


async def _checks(installation: Installation, config: Path | None, *, is_tried: bool) -> AsyncIterator[Finding]:
    for finding in module_checks(installation):
        yield finding
    for finding in file_checks(installation):
        yield finding
    for finding in codec_checks(installation):
        yield finding
    _, report = installation.judged
    if is_tried and report.valid:
        async for finding in agent_checks(installation):
            yield finding
    if config is not None:
        async for finding in beside_checks(installation, config):
            yield finding


async def _shown(findings: AsyncIterator[Finding]) -> list[Finding]:
    """Each as soon as it is there: a trial takes its time."""
    console = Console(soft_wrap=True)
    all_of_them = []
    async for one in findings:
        one.print_to(console)
        all_of_them.append(one)
    return all_of_them
