"""Runs tests against mutants: pytest is started and its tests are collected once, and each mutant is a fork of that.

First each test is run with nothing changed, which says how long it takes and which mutants it reaches; then each mutant
meets only those that reach it, what has killed others of its file first, then the fastest, until one fails.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import math
import os
import re
import resource
import select
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, Phase, settings
from mutant_sources import Mutant

KILLED, SURVIVED, NOT_REACHED, ENDLESS, CRASHED = "killed", "survived", "not reached", "endless", "crashed"
DEATHS = (KILLED, ENDLESS, CRASHED)

_TIMES = 8
"""Each test may take this many times what it takes otherwise, besides a while that is the same for all."""
_STANDSTILL = 30.0
"""Seconds that may pass besides, for whoever waits and computes nothing."""
_MEMORY = 1 << 30
"""Bytes that it may take besides what it is given."""
_EVERYWHERE = {"test", "engine", "provider", "conversation", "aic"}
"""Words that tell nothing."""
_PR_SET_PDEATHSIG = 1

Verdict = Callable[[Mutant, str, str, float], None]
"""What came of a mutant: the test that noticed, and seconds."""


class MutantRuns:
    """A plugin of pytest that runs its tests so."""

    def __init__(
        self,
        library: Path,
        mutants: Sequence[Mutant],
        count: int,
        cache: Path,
        verdict: Verdict,
        seconds_each: float,
        patience: float,
    ) -> None:
        """`count` is of all mutants in the library; `mutants` are those to be tried, in that order."""
        self._seconds_each, self._patience = seconds_each, patience
        self._mutants, self._cache, self._verdict = mutants, cache, verdict
        loaded = ctypes.CDLL(str(library))
        self._number = ctypes.c_int.in_dll(loaded, "mutant_number")
        self._reached = (ctypes.c_ubyte * (count + 1)).in_dll(loaded, "mutants_reached")
        self._library = hashlib.sha256(library.read_bytes()).hexdigest()
        self._failed = False
        self.broken: list[str] = []
        """Tests that fail although nothing is changed; they are left out."""

    def pytest_configure(self) -> None:
        # What is found needs not be made small, and the same mutant meets the same examples.
        settings.register_profile(
            "mutants",
            max_examples=60,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("tests cannot be collected")
        gc.collect()
        gc.freeze()
        known = self._known(session.items)
        tests: dict[int, list[pytest.Item]] = defaultdict(list)
        for item in session.items:
            if known[item.nodeid]["passed"]:
                for number in known[item.nodeid]["reached"]:
                    tests[number].append(item)
            else:
                self.broken.append(item.nodeid)
        killers: dict[str, Counter[str]] = defaultdict(Counter)
        for mutant in self._mutants:
            before = time.monotonic()
            deadly = killers[mutant.file]
            items = self._ordered(mutant, tests[mutant.number], deadly, known)
            came, test = NOT_REACHED, ""
            if items:
                seconds = [self._patience + _TIMES * known[item.nodeid]["seconds"] for item in items]
                came, test = self._try(mutant.number, items, seconds)
            if test:
                deadly[test] += 1
            self._verdict(mutant, came, test, time.monotonic() - before)
        return True

    def _ordered(
        self, mutant: Mutant, items: Sequence[pytest.Item], deadly: Counter[str], known: dict[str, Any]
    ) -> list[pytest.Item]:
        """What has killed others of its file, then of each file the fastest, and so on, of those whose name has a word
        of the mutant more of them: what says something else comes early. As many as there is time for, and one at
        least.
        """
        ranks: dict[str, tuple[int, int, int]] = {}
        places: Counter[Path] = Counter()
        words = set(re.findall("[a-z]{3,}", f"{Path(mutant.file).stem} {mutant.was}")) - _EVERYWHERE
        for item in sorted(items, key=lambda item: known[item.nodeid]["seconds"]):
            alike = len(words & set(item.path.stem.split("_")))
            ranks[item.nodeid] = (-deadly[item.nodeid], places[item.path] // (1 + 4 * alike), -alike)
            places[item.path] += 1
        chosen: list[pytest.Item] = []
        left = self._seconds_each
        for item in sorted(items, key=lambda item: ranks[item.nodeid]):
            seconds = known[item.nodeid]["seconds"]
            if seconds <= left or not chosen:
                chosen.append(item)
                left -= seconds
        return chosen

    def _known(self, items: Sequence[pytest.Item]) -> dict[str, Any]:
        """Of each test: whether it passes, its seconds, what it reaches. What is known of an unchanged file is kept."""
        digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in {item.path for item in items}}
        kept: dict[str, Any] = {}
        if self._cache.exists():
            cached = json.loads(self._cache.read_text())
            kept = cached["tests"] if cached["library"] == self._library else {}
        missing = [item for item in items if kept.get(item.nodeid, {}).get("of") != digests[item.path]]
        if missing:
            told = self._cache.with_suffix(".new")
            child = os.fork()
            if child == 0:
                self._measure(missing, told)
            if os.waitpid(child, 0)[1] != 0:
                raise pytest.UsageError("the tests ended the process although nothing was changed")
            for line in told.read_text().splitlines():
                one = json.loads(line)
                name = one.pop("test")
                kept[name] = one
            for item in missing:
                kept[item.nodeid]["of"] = digests[item.path]
            told.unlink()
            self._cache.write_text(json.dumps({"library": self._library, "tests": kept}))
        return kept

    def _run(self, item: pytest.Item, then: pytest.Item | None) -> bool:
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=then)
        return not self._failed

    def _measure(self, items: Sequence[pytest.Item], told: Path) -> NoReturn:
        status = 1
        try:
            _be_quiet()
            settings.load_profile("mutants")
            with told.open("w") as file:
                for at, item in enumerate(items):
                    ctypes.memset(self._reached, 0, len(self._reached))
                    before = time.monotonic()
                    passed = self._run(item, items[at + 1] if at + 1 < len(items) else None)
                    seconds = time.monotonic() - before
                    reached = [number for number, asked in enumerate(bytes(self._reached)) if asked]
                    row = {"test": item.nodeid, "passed": passed, "seconds": seconds, "reached": reached}
                    file.write(json.dumps(row) + "\n")
            status = 0
        finally:
            os._exit(status)

    def _try(self, number: int, items: Sequence[pytest.Item], seconds: Sequence[float]) -> tuple[str, str]:
        """What came of a mutant, and the test that failed, was endless or crashed."""
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(readable)
            self._be(number, items, seconds, writable)
        os.close(writable)
        watched = os.pidfd_open(child)
        ended, _, _ = select.select([watched], [], [], _STANDSTILL + sum(seconds))
        if not ended:
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        os.close(watched)
        with os.fdopen(readable, "rb") as pipe:
            at = int.from_bytes(pipe.read()[-4:], "little")
        if ended and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return SURVIVED, ""
        out_of_time = not ended or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF)
        came = ENDLESS if out_of_time else KILLED if os.WIFEXITED(status) else CRASHED
        return came, items[at].nodeid

    def _be(self, number: int, items: Sequence[pytest.Item], seconds: Sequence[float], told: int) -> NoReturn:
        status = 1
        try:
            _be_quiet()
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + _MEMORY, taken + _MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            settings.load_profile("mutants")
            self._number.value = number
            passed = True
            for at, item in enumerate(items):
                os.write(told, at.to_bytes(4, "little"))
                # Of the processor's time, which a busy machine does not shorten; its signal ends the process.
                signal.setitimer(signal.ITIMER_PROF, seconds[at])
                passed = self._run(item, items[at + 1] if at + 1 < len(items) else None)
                if not passed:
                    break
            status = 0 if passed else 1
        finally:
            # Nothing that ends with the process is looked at: its parent has the same, unchanged.
            os._exit(status)


def _be_quiet() -> None:
    """Says nothing, and ends with its parent."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def run_mutants(
    tests: Sequence[str],
    library: Path,
    mutants: Sequence[Mutant],
    count: int,
    cache: Path,
    verdict: Verdict,
    *,
    seconds_each: float = math.inf,
    patience: float = 1.0,
) -> list[str]:
    """Tries each mutant with those tests, which load that library (AICONVAI_ENGINE): at most with so many that they
    take `seconds_each` by themselves, and `patience`, in seconds, is what each may take besides. Says which tests fail
    even of the unchanged source. Raises `RuntimeError` where the tests cannot be collected.
    """
    runs = MutantRuns(library, mutants, count, cache, verdict, seconds_each, patience)
    # Nothing of pytest's own may watch a child, run a test again, or explain at length.
    without = ("cacheprovider", "faulthandler", "rerunfailures", "xdist")
    options = ["-q", "-s", "--tb=native", *(f"-pno:{plugin}" for plugin in without)]
    # conftest.py's marker of tests that are run again is nobody's here.
    quiet = ["-o", "addopts=", "-o", "timeout=0", "-W", "ignore::pytest.PytestUnknownMarkWarning", "-m", "not quiet"]
    status = pytest.main([*options, *quiet, *tests], plugins=[runs])
    if status not in (0, 5):
        raise RuntimeError(f"pytest ended with {status!s}")
    return runs.broken
