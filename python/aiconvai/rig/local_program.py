"""`aiconvai local`, as an administrator runs it, on a port of its own: for tests and demonstrations."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_SECONDS = 30.0


class LocalProgramError(RuntimeError):
    """It did not begin; the message is what it said."""


class LocalProgram:
    """A context manager; then it takes calls at `url`."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        """`folder`: for its files. `settings`: of local.toml, besides the port."""
        self._config = folder / "local.toml"
        self._config.write_text(f"[listen]\nport = 0\ncalls = 4\n{settings}")
        self._log = folder / "local.log"
        self.url = ""
        self.said = ""
        """What it has printed, once it is over."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "aiconvai", "local", "--config", str(self._config)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        found = re.match(r"(ws://\S+)  ", first)
        if found is None:
            self._process.communicate(timeout=STOP_SECONDS)
            raise LocalProgramError(first + self.log())
        self.url, self.said = found[1], first
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        assert self._process.stdout is not None
        # Not communicate(), which does not know of what was read ahead.
        with self._process.stdout as printed:
            self.said += printed.read()
        self._process.wait(STOP_SECONDS)
        if error is None and (self._process.returncode != 0 or "Traceback" in self.log()):
            raise LocalProgramError(f"exit status {self._process.returncode}\n{self.log()}")

    def log(self) -> str:
        """What it has said besides."""
        return self._log.read_text()
