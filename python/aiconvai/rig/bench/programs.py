"""The programs of tests/ that a measurement starts."""

from __future__ import annotations

from pathlib import Path

from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench.errors import BenchError


def built_program(name: str) -> Path:
    """Where the build puts it; raises `BenchError` when it is not there."""
    program = repository_root() / "build" / "tests" / name / name
    if not program.exists():
        raise BenchError(f"{program} is not there: build it with `make test-programs`")
    return program
