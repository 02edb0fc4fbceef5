"""`aiconvai gateway` between Asterisk and the far end: a part of what a call by AudioSocket or ARI costs."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from aiconvai.rig.asterisk.configuration import ARI_PASSWORD, ARI_USER
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.paths import STASIS, CallPath

_END_SECONDS = 30
_READY_SECONDS = 60
_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.1
_RTP_PORTS = (20_000, 22_999)
"""Of which the gateway takes two for each call; others than the rig's."""


class GatewayProcess:
    """`with GatewayProcess(agents, ari_port) as gateway`: it takes calls, of which nobody has to say whose they are."""

    def __init__(self, agents: str, paths: Sequence[CallPath], ari_port: int) -> None:
        """`agents`: aiconvai.conf, one for each path. `ari_port`: of the Asterisk, which need not be there yet."""
        self._agents = agents
        self._paths = paths
        self._ari_port = ari_port
        self._page = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="aiconvai-bench-")
        self._process: subprocess.Popen[str] | None = None
        self.ports: dict[str, int] = {}
        """By the extension, of 127.0.0.1."""

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        names = [path.extension for path in self._paths if path.door == "AudioSocket"]
        config = folder / "serve.toml"
        config.write_text(self._settings(folder, names), encoding="utf-8")
        command = [sys.executable, "-m", "aiconvai", "gateway", "--config", str(config)]
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        ports: list[int] = []
        for line in self._process.stdout:
            if found := re.fullmatch(r"AudioSocket at .*:(\d+)\n", line):
                ports.append(int(found[1]))
            if line.startswith("http"):
                self.ports = dict(zip(names, ports, strict=True))
                return self
        raise BenchError(f"aiconvai gateway has not started: {(folder / 'log').read_text(encoding='utf-8')}")

    def _settings(self, folder: Path, names: Sequence[str]) -> str:
        conf = folder / "aiconvai.conf"
        conf.write_text(self._agents, encoding="utf-8")
        listening = "".join(f'[gateway.audiosocket.{name}]\nport = 0\nagent = "{name}"\n' for name in names)
        ari = (
            f'[gateway.ari.bench]\nurl = "http://127.0.0.1:{self._ari_port}"\nuser = "{ARI_USER}"\n'
            f'secret = "{ARI_PASSWORD}"\nrtp_ports = [{_RTP_PORTS[0]}, {_RTP_PORTS[1]}]\n'
            f'[gateway.ari.bench.apps]\n{STASIS} = ""\n'
        )
        return (
            f'data = "{folder}/data"\n[page]\nport = {self._page}\n[gateway]\naiconvai_conf = "{conf}"\nloops = 1\n'
            f"{listening}{ari}"
        )

    def wait_connected(self) -> None:
        """Until Asterisk tells it of calls. Raises `BenchError`."""
        self._wait(lambda health: health["status"] == "healthy", "has not found its Asterisk")

    def wait_calls(self, calls: int) -> None:
        """Until so many are with their agents: by ARI, a while after they were answered. Raises `BenchError`."""
        self._wait(lambda health: health["active_calls"] == calls, f"has other calls than {calls}")

    def _wait(self, is_so: Callable[[dict[str, Any]], bool], otherwise: str) -> None:
        """Until that is so of what it says of itself. Raises `BenchError`."""
        deadline = time.monotonic() + _READY_SECONDS
        health: dict[str, Any] = {}
        while not health or not is_so(health):
            if time.monotonic() > deadline:
                raise BenchError(f"aiconvai gateway {otherwise}: {health}")
            time.sleep(_POLL_SECONDS)
            with contextlib.suppress(httpx.HTTPError):
                health = httpx.get(f"http://127.0.0.1:{self._page}/health", timeout=_ANSWER_SECONDS).json()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_END_SECONDS)
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid
