"""`aiconvai local`, as an administrator runs it, on a port of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

READY_SECONDS = 60.0


class LocalProgram:
    """A context manager; then it takes calls at `url`."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        """`settings`: of local.toml, besides the port."""
        self._config = folder / "local.toml"
        self._config.write_text(f"[listen]\nport = 0\ncalls = 4\n{settings}")
        self._log = folder / "local.log"
        self.url = ""
        self.said = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "aiconvai", "local", "--config", str(self._config)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        found = re.match(r"(ws://\S+)  ", first)
        assert found is not None, first + self._log.read_text()
        self.url = found[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self.said = self._process.communicate(timeout=30)[0]
        if error is None:
            assert self._process.returncode == 0, self.log()
            assert "Traceback" not in self.log()

    def log(self) -> str:
        return self._log.read_text()
