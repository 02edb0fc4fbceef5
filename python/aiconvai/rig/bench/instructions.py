"""`aiconvai instructions`: what 20 ms of a call cost the engine, in instructions and in allocations.

A conversation of a minute is replayed through the engine alone (tests/replay), under valgrind, which counts every
instruction of its steady state. The count is compared with the one that is committed: unlike a time it is nearly the
same on every machine, so that a change that makes the engine dearer is seen the day it is made.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.table import Table

from aiconvai.builds import BuildError, build_program
from aiconvai.rig.asterisk.engine import ContainerError
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench.callgrind import CallgrindError, Profile, read_profile

CHUNKS_MS = (20, 240)
TOLERANCE = 0.10
"""How much dearer than the baseline a row may be, as a fraction."""

TOP_FUNCTIONS = 10
COLLECTED = "steady_state"
"""The function of tests/replay/replay.c in which callgrind collects."""

BUILD = "build-replay"
BASELINE = Path("tests", "replay", "baseline.json")
RESULT = Path("build", "callgrind.json")

# glibc chooses among memcpy() and its like by what the CPU can do, and valgrind passes most of that on: without all of
# this every machine runs the same ones.
# fmt: off
_PINNED = (
    "AVX", "AVX2", "AVX512F", "AVX512BW", "AVX512VL", "AVX_Fast_Unaligned_Load", "BMI1", "BMI2", "ERMS", "FMA", "FMA4",
    "FSRM", "LZCNT", "MOVBE", "Prefer_ERMS", "Prefer_FSRM", "SSSE3", "SSE4_1", "SSE4_2",
)
# fmt: on
TUNABLES = "glibc.cpu.hwcaps=" + ",".join(f"-{capability}" for capability in _PINNED)

app = typer.Typer(add_completion=False)


class InstructionsError(RuntimeError):
    """Nothing could be counted; the text says why."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cost(_Document):
    """Of one function, without what it called."""

    function: str
    instructions: float
    """Per 20 ms."""


class Row(_Document):
    """One replay. What is counted is per 20 ms of the call."""

    provider: str
    chunk_ms: int
    format: str
    instructions: float
    allocations: float
    top: tuple[Cost, ...]

    @property
    def name(self) -> str:
        return f"{self.provider} {self.chunk_ms} ms {self.format}"


class Toolchain(_Document):
    """What a count depends on beside the code."""

    machine: str
    compiler: str
    libc: str
    valgrind: str

    def __str__(self) -> str:
        return f"{self.machine}, {self.compiler}, {self.libc}, {self.valgrind}"


class Counts(_Document):
    """A run; the baseline is one with a reason."""

    toolchain: Toolchain
    rows: tuple[Row, ...]
    reason: str | None = None
    """Why this became the baseline."""


class ReplayResult(BaseModel):
    """What the replay printed that is used here."""

    provider: str
    chunk_ms: int
    format: str
    frames: int
    allocations: int


@app.command()
def instructions(
    renew: Annotated[
        str | None, typer.Option(metavar="REASON", help="Make this run the baseline, for this reason.")
    ] = None,
) -> None:
    """Count the engine's instructions and allocations per 20 ms, and compare with the committed baseline."""
    console = Console() if Console().is_terminal else Console(width=120)
    if renew is not None and not renew.strip():
        console.print("--renew: expected the reason why the baseline changes", style="bold red")
        raise typer.Exit(2)
    try:
        root = repository_root()
        counts = count(root)
        _write(root / RESULT, counts)
        baseline = None if renew is not None else _read_baseline(root / BASELINE)
    except (InstructionsError, CallgrindError, ContainerError, OSError) as error:
        console.print(f"Nothing was compared: {error}", style="bold red", markup=False, highlight=False)
        raise typer.Exit(1) from error
    _print(console, counts, baseline)
    problems = allocation_problems(counts.rows)
    if renew is not None:
        if not problems:
            _write(root / BASELINE, counts.model_copy(update={"reason": renew.strip()}))
            console.print(f"Written: {root / BASELINE}", soft_wrap=True, highlight=False)
    elif baseline is not None:
        problems += compare(baseline, counts)
    for problem in problems:
        console.print(problem, style="bold red", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


def count(root: Path) -> Counts:
    """Build the replay and run it in every variant."""
    if shutil.which("valgrind") is None:
        raise InstructionsError("valgrind is missing: run tools/bootstrap, or install the package valgrind")
    build = root / BUILD
    options = {"tests": "true", "module": "disabled", "buildtype": "debugoptimized"}
    with tempfile.TemporaryDirectory(prefix="aiconvai-") as folder:
        try:
            program = build_program(root, build, "tests/replay/replay", options, Path(folder))
        except BuildError as error:
            raise InstructionsError(str(error)) from None
        services = [line.split() for line in _run(str(program), "--providers", cwd=root).splitlines()]
        variants = [
            (provider, chunk_ms, each)
            for provider, *formats in services
            for chunk_ms, each in product(CHUNKS_MS, formats)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            rows = tuple(pool.map(lambda variant: _replay(program, *variant), variants))
    return Counts(toolchain=_toolchain(build, root), rows=rows)


def _replay(program: Path, provider: str, chunk_ms: int, audio_format: str) -> Row:
    with tempfile.TemporaryDirectory(prefix="aiconvai-") as folder:
        profile = Path(folder, "callgrind.out")
        callgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}"]
        callgrind += [f"--toggle-collect={COLLECTED}*"]
        replay = [str(program), "--provider", provider, "--chunk", str(chunk_ms), "--format", audio_format]
        printed = _run(*callgrind, *replay, cwd=Path(folder), environment={"GLIBC_TUNABLES": TUNABLES})
        result = ReplayResult.model_validate_json(printed)
        with profile.open(encoding="utf-8") as lines:
            return row_of(result, read_profile(lines))


def row_of(result: ReplayResult, profile: Profile) -> Row:
    """The counts of a replay, per 20 ms."""
    return Row(
        provider=result.provider,
        chunk_ms=result.chunk_ms,
        format=result.format,
        instructions=round(profile.total / result.frames, 1),
        allocations=result.allocations / result.frames,
        top=tuple(
            Cost(function=name, instructions=round(own / result.frames, 1))
            for name, own in profile.functions.most_common(TOP_FUNCTIONS)
        ),
    )


def allocation_problems(rows: Sequence[Row]) -> list[str]:
    """A sentence for each row that allocates in its steady state."""
    return [
        f"{row.name}: {row.allocations:g} calls of malloc() and its like per 20 ms in the steady state, expected 0: "
        "run the replay under gdb with a breakpoint on malloc to see whose they are"
        for row in rows
        if row.allocations
    ]


def compare(baseline: Counts, counts: Counts) -> list[str]:
    """A sentence for each row that is dearer than the baseline allows, or that only one of the two has."""
    problems = []
    renew = "if that is meant: aiconvai instructions --renew REASON, and commit the baseline"
    old_rows = {row.name: row for row in baseline.rows}
    for row in counts.rows:
        old = old_rows.pop(row.name, None)
        if old is None:
            problems.append(f"{row.name}: the baseline has no such row; {renew}")
        elif row.instructions > old.instructions * (1 + TOLERANCE):
            change = row.instructions / old.instructions - 1
            problems.append(
                f"{row.name}: {row.instructions:.0f} instructions per 20 ms, the baseline has {old.instructions:.0f}: "
                f"{change:+.1%}, at most {TOLERANCE:+.0%} passes; {renew}"
            )
    problems += [f"{name}: in the baseline, but not replayed; {renew}" for name in old_rows]
    if problems and baseline.toolchain != counts.toolchain:
        problems.append(f"The baseline was counted with {baseline.toolchain}; here it is {counts.toolchain}.")
    return problems


def _toolchain(build: Path, root: Path) -> Toolchain:
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    compiler = commands[0]["command"].split()[0]
    return Toolchain(
        machine=platform.machine(),
        compiler=_run(compiler, "--version", cwd=root).splitlines()[0],
        libc=" ".join(platform.libc_ver()),
        valgrind=_run("valgrind", "--version", cwd=root).strip(),
    )


def _run(*command: str, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a command printed; its errors, and what it says when it fails, are an InstructionsError."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InstructionsError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def _read_baseline(path: Path) -> Counts:
    try:
        return Counts.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InstructionsError(f"{path} is missing: make it with aiconvai instructions --renew REASON") from error
    except ValidationError as error:
        raise InstructionsError(f"{path} is no baseline: make it with aiconvai instructions --renew REASON") from error


def _write(path: Path, counts: Counts) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(counts.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")


def _print(console: Console, counts: Counts, baseline: Counts | None) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("replay", "instructions per 20 ms", "baseline", "change", "allocations per 20 ms"):
        table.add_column(title, header_style="dim", justify="left" if title == "replay" else "right")
    old_rows = {row.name: row for row in baseline.rows} if baseline else {}
    for row in counts.rows:
        old = old_rows.get(row.name)
        change = f"{row.instructions / old.instructions - 1:+.1%}" if old else ""
        before = f"{old.instructions:.0f}" if old else ""
        table.add_row(row.name, f"{row.instructions:.0f}", before, change, f"{row.allocations:g}")
    console.print(table)
