"""Hostile services of all providers in a process of their own.

They send much and think long about it, which must not hold up whoever listens to the calls. The process ends when its
input does, or after so many seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from aiconvai.mock.hostile.cases import FOREIGN_IDS, PROVIDERS, Case
from aiconvai.mock.hostile.places import Place
from aiconvai.mock.hostile.service import Outcome, hostile_mock
from aiconvai.mock.server import MockOptions

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
NICENESS = 5
"""Who measures comes first."""


class HostileProcess:
    """`with HostileProcess(seconds) as hostile`: services that live so long at most; `settings` lead to a case."""

    def __init__(self, seconds: float, foreign_ids: Sequence[str] = FOREIGN_IDS, only: str = "") -> None:
        self._arguments = [str(seconds), only, *foreign_ids]
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, name="hostile", daemon=True)
        self._changed = threading.Condition()
        self._settings: dict[str, dict[str, str]] | None = None
        self._running: dict[tuple[str, str], Outcome] = {}
        self._ended: dict[tuple[str, str], list[Outcome]] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "aiconvai.mock.hostile", *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader.start()
        with self._changed:
            if not self._changed.wait_for(lambda: self._settings is not None, _START_SECONDS):
                self._process.kill()
                raise TimeoutError(f"the hostile services did not start within {_START_SECONDS:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            status = self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._reader.join()
        if status and error is None:
            raise RuntimeError(f"the hostile services failed with status {status}; what happened is on standard error")

    def settings(self, case: Case) -> dict[str, str]:
        """The options of aiconvai.conf that lead to that case."""
        assert self._settings is not None
        key = f"{case.provider}/{case.place}" if case.place is Place.SIGNED_URL else case.provider
        return {name: value.replace("/CASE/", f"/{case.name}/") for name, value in self._settings[key].items()}

    def running(self) -> list[Outcome]:
        """Cases that have begun and not ended, as they were last heard of."""
        with self._changed:
            return list(self._running.values())

    def wait_ended(self, case: Case, timeout: float) -> list[Outcome]:
        """What came of that case, each time it was played. Raises `TimeoutError`."""
        key = case.provider, case.name
        with self._changed:
            if not self._changed.wait_for(lambda: key in self._ended and key not in self._running, timeout):
                raise TimeoutError(f"{case.provider} {case.name} did not end within {timeout:g} s")
            return list(self._ended[key])

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message: dict[str, Any] = json.loads(line)
            with self._changed:
                if "settings" in message:
                    self._settings = message["settings"]
                else:
                    outcome = Outcome(**message["outcome"])
                    key = outcome.provider, outcome.case
                    self._running[key] = outcome
                    if message["event"] == "ended":
                        del self._running[key]
                        self._ended.setdefault(key, []).append(outcome)
                self._changed.notify_all()


async def serve(seconds: float, only: str, foreign_ids: Sequence[str]) -> None:
    """The process itself: prints where it listens, then what comes of each case."""

    def say(**message: Any) -> None:
        print(json.dumps(message), flush=True)

    def report(event: str, outcome: Outcome) -> None:
        say(event=event, outcome=asdict(outcome))

    stopped = asyncio.Event()

    def hear() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            stopped.set()

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), hear)
    async with AsyncExitStack() as stack:
        settings: dict[str, dict[str, str]] = {}
        for provider in PROVIDERS:
            service = hostile_mock(provider, MockOptions(), [], report, tuple(foreign_ids), only)
            await stack.enter_async_context(service)
            settings[provider] = service.settings_by_path("CASE")
            if provider == "elevenlabs":
                settings[f"{provider}/{Place.SIGNED_URL}"] = service.settings_by_path("CASE", signed=True)
        say(settings=settings)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopped.wait()
