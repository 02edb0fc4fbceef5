"""A program of the tests that tells facts as lines of JSON, and ends when its standard input does."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict

from aiconvai.rig.asterisk.process import ProcessReader

_STOP_SECONDS = 20.0


class Fact(BaseModel):
    """Part of what it tells."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FactsProcess:
    """Begun when it is made. `name`: in complaints, which are of the class `error`. `on_fact` hears every fact at once,
    on a thread of its own. Facts may be asked for by one thread.
    """

    def __init__(
        self, name: str, command: Sequence[str], error: type[Exception], on_fact: Callable[[dict[str, Any]], None]
    ) -> None:
        self._name = name
        self._error = error
        self._on_fact = on_fact
        self._facts: queue.Queue[dict[str, Any] | None] = queue.Queue()
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                # An interrupt at the terminal is for the measurement, which then ends the program.
                start_new_session=True,
            )
        except OSError as failure:
            raise error(
                f"{command[0]} cannot be started: {failure.strerror}; build it with `make test-programs`"
            ) from failure
        self._thread = threading.Thread(target=self._read, name="facts", daemon=True)
        self._thread.start()

    @property
    def reader(self) -> ProcessReader:
        """The process, as the kernel sees it."""
        return ProcessReader(self._process.pid)

    def next_fact(self, timeout: float) -> dict[str, Any]:
        """What it tells next. Raises after `timeout` seconds, or when it has ended."""
        try:
            fact = self._facts.get(timeout=timeout)
        except queue.Empty:
            raise self._error(f"{self._name} said nothing for {timeout:g} s") from None
        if fact is None:
            # For whoever asks again.
            self._facts.put(None)
            raise self._error(f"{self._name} ended by itself; its error stands above")
        return fact

    def wait_for(self, key: str, timeout: float) -> Any:
        """The value of the next fact with this key; those before it are skipped. Raises like `next_fact`."""
        deadline = time.monotonic() + timeout
        while True:
            fact = self.next_fact(max(0.0, deadline - time.monotonic()))
            if key in fact:
                return fact[key]

    def say_line(self) -> None:
        """A line end on its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def stop(self, timeout: float = _STOP_SECONDS) -> int:
        """Ends it by the end of its input, or after `timeout` seconds by force; returns its exit status. Every fact has
        been heard then.
        """
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and did not read the last line
            self._process.stdin.close()
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return status

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            fact: dict[str, Any] = json.loads(line)
            self._on_fact(fact)
            self._facts.put(fact)
        self._facts.put(None)
