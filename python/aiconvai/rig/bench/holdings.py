"""What one more call takes of memory, threads and file descriptors."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console

from aiconvai.rig.asterisk.process import ProcessReader
from aiconvai.rig.bench.callers import CALLS_A_SECOND, ManyCalls
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.paths import CallPath
from aiconvai.rig.bench.results import Holdings
from aiconvai.rig.bench.stage import Agents, Stage, set_up

_SETTLING_SECONDS = 2.5
_SPARE_SECONDS = 2.5
_MORE_SEED = 2


@dataclass(frozen=True)
class _Reading:
    memory_kib: int
    threads: int
    files: int
    helper_memory_kib: int


def measure(path: CallPath, few: int, many: int, console: Console, *, bursts: bool = False) -> Holdings:
    """The growth from few to many calls on an Asterisk of its own: memory once used is not given back, so that on one
    that has had more calls before nothing would grow.
    """
    with set_up(22, Agents(), console, bursts=bursts) as stage:
        asterisk, more = stage.asterisk, many - few
        second_seconds = _SETTLING_SECONDS + _SPARE_SECONDS
        first_seconds = _SETTLING_SECONDS + more / CALLS_A_SECOND + second_seconds
        with stage.calls(asterisk, path.extension, few, first_seconds) as calls:
            before = _read(stage, calls, few)
            with stage.calls(asterisk, path.extension, more, second_seconds, seed=_MORE_SEED) as calls:
                after = _read(stage, calls, many)
    return Holdings(
        path=path.name,
        few=few,
        many=many,
        memory_kib=(after.memory_kib - before.memory_kib) / more,
        threads=(after.threads - before.threads) / more,
        file_descriptors=(after.files - before.files) / more,
        helper_memory_kib=(after.helper_memory_kib - before.helper_memory_kib) / more if path.helper else 0.0,
    )


def _read(stage: Stage, begun: ManyCalls, expected: int) -> _Reading:
    """When all calls are up and have settled."""
    begun.wait_up()
    time.sleep(_SETTLING_SECONDS)
    asterisk = stage.asterisk
    helper: ProcessReader = stage.far_end.reader
    # Before the command line is asked, whose own connection would count.
    reading = _Reading(asterisk.rss_kb(), asterisk.threads(), asterisk.fds(), helper.rss_kb())
    there = sum(name.startswith("PJSIP/") for name in asterisk.channels())
    if there != expected:
        raise BenchError(f"{there} calls are up; expected {expected}")
    return reading
