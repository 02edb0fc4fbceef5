"""The process of the mock service, from the side of the measurement."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Self

from aiconvai.asterisk.process import ProcessReader
from aiconvai.measure.service import ServiceSettings

_STOP_SECONDS = 20.0


class MeasurementError(RuntimeError):
    """A measurement could not be made; the text says which and why."""


class ServiceProcess:
    """`with ServiceProcess(settings) as service`. Leaving raises `MeasurementError` if a client broke a rule."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._facts: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.endpoint = ""
        """Where a public agent is reached."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "aiconvai.measure.service", self._settings.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # An interrupt at the terminal is for the measurement, which then ends the service.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="service-facts", daemon=True)
        self._reader.start()
        where = self.next_fact(30.0)
        self.port, self.endpoint = where["port"], where["endpoint"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        process = self._running()
        assert process.stdin is not None
        process.stdin.close()
        try:
            status = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self._reader.join()
        if error is not None:
            return
        if status != 0:
            raise MeasurementError(f"the mock service ended with exit status {status}")
        last = {}
        while (fact := self._facts.get_nowait()) is not None:
            last = fact
        if last.get("violations"):
            raise MeasurementError(f"the module broke the service's rules: {'; '.join(last['violations'])}")

    @property
    def reader(self) -> ProcessReader:
        """The process, as the kernel sees it."""
        return ProcessReader(self._running().pid)

    def next_fact(self, timeout: float) -> dict[str, Any]:
        """What the service tells next. Raises `MeasurementError` after timeout seconds, or when it has ended."""
        try:
            fact = self._facts.get(timeout=timeout)
        except queue.Empty:
            raise MeasurementError(f"the mock service said nothing for {timeout:g} s") from None
        if fact is None:
            raise MeasurementError("the mock service ended by itself; its error stands above")
        return fact

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise MeasurementError("the mock service is not running; use it in a `with` statement")
        return self._process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._facts.put(json.loads(line))
        self._facts.put(None)
