"""Builds and runs the programs of tests/fuzz/, which are libFuzzer's."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aiconvai.builds import build_program
from aiconvai.rig.asterisk.images import repository_root

_OPTIONS = {"b_lundef": "false", "module": "disabled", "tests": "true", "werror": "true"}
_LONGEST_INPUT = 8192
_SECONDS_FOR_ONE_INPUT = 20
_MEGABYTES = 2048
_SHOWN = 6000


@dataclass(frozen=True, slots=True)
class FuzzRun:
    """What came of one run."""

    inputs: int
    branches: int
    """Of the code that was looked into, those that some input took."""
    kept: int
    """Inputs that found something new about it, those that it began with included."""
    finding: str | None
    """The end of what it printed, where something did not hold."""


def fuzzer(program: str, into: Path) -> Path:
    """One of them, built by clang, in that folder. Raises `BuildError`."""
    root = repository_root()
    return build_program(root, root / "build" / "fuzz", f"tests/fuzz/{program}", _OPTIONS, into, compiler="clang")


def run_fuzzer(program: Path, corpus: Path, findings: Path, *limits: str, seed: int, timeout: float) -> FuzzRun:
    """`limits` are libFuzzer's own, such as -runs=1000 or -max_total_time=60; `corpus` is what it begins with, and
    where it puts what it finds worth keeping; an input with which something does not hold is left in `findings`.
    `timeout` is in seconds.
    """
    findings.mkdir(parents=True, exist_ok=True)
    given = [
        f"-seed={seed}",
        f"-max_len={_LONGEST_INPUT}",
        f"-timeout={_SECONDS_FOR_ONE_INPUT}",
        f"-rss_limit_mb={_MEGABYTES}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]
    done = subprocess.run(
        [program, *given, *limits, corpus],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    last = re.findall(r"cov: (\d+) .*?corp: (\d+)/", done.stderr)
    inputs = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    branches, kept = (int(number) for number in last[-1]) if last else (0, 0)
    finding = None if done.returncode == 0 else f"exit status {done.returncode}\n{done.stderr[-_SHOWN:]}"
    return FuzzRun(int(inputs[1]) if inputs else 0, branches, kept, finding)
