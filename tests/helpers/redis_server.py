"""A real Redis or Valkey, on the loopback."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from aiconvai.rig.asterisk.ports import free_port

SERVERS = [name for name in ("redis-server", "valkey-server") if shutil.which(name)]


class Server:
    """On the loopback, with nothing on disk."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert any("Ready to accept connections" in line for line in self._process.stdout)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=30)
            self._process = None
