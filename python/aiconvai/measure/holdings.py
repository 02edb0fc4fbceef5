"""What one more call takes of memory, threads and file descriptors."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console

from aiconvai.asterisk import Asterisk
from aiconvai.measure.bench import EXTENSIONS, set_up
from aiconvai.measure.results import PATHS, Holdings, Path
from aiconvai.measure.service import ServiceSettings
from aiconvai.measure.service_process import MeasurementError
from aiconvai.measure.sipp import SippCalls

FEW, MANY = 10, 50
_SETTLING_SECONDS = 3.0
_SPARE_SECONDS = 4.0


def measure(console: Console, paths: Iterable[Path] = PATHS) -> list[Holdings]:
    """The growth from `FEW` to `MANY` calls, each path on an Asterisk of its own: memory once used is not given back,
    so that on one that has had more calls before nothing would grow.
    """
    return [_measure_path(path, console) for path in paths]


def _measure_path(path: Path, console: Console) -> Holdings:
    with set_up(22, ServiceSettings(), console) as bench:
        asterisk, extension = bench.asterisk, EXTENSIONS[path]
        more = MANY - FEW
        second_seconds = more / 20 + 2 * _SETTLING_SECONDS + _SPARE_SECONDS
        first_seconds = FEW / 20 + _SETTLING_SECONDS + second_seconds + _SPARE_SECONDS
        with SippCalls(asterisk.host, asterisk.sip_port, extension, FEW, first_seconds) as few:
            before = _read(asterisk, few, FEW)
            with SippCalls(asterisk.host, asterisk.sip_port, extension, more, second_seconds) as many:
                after = _read(asterisk, many, MANY)
        memory, threads, files = ((late - early) / more for early, late in zip(before, after, strict=True))
        return Holdings(path=path, memory_kib=memory, threads=threads, file_descriptors=files)


def _read(asterisk: Asterisk, calls: SippCalls, expected: int) -> tuple[int, int, int]:
    """RSS in KiB, threads and file descriptors when all calls are up and have settled."""
    time.sleep(calls.ramp_seconds + _SETTLING_SECONDS)
    # Before the command line is asked, whose own connection would count.
    reading = asterisk.rss_kb(), asterisk.threads(), asterisk.fds()
    if (there := len(asterisk.channels())) != expected:
        raise MeasurementError(f"{there} calls are up; expected {expected}")
    return reading
