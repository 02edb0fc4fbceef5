"""One of packaging/compose, brought up as somebody who has just copied it would, and taken away without a trace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from dotenv import dotenv_values

from aiconvai.rig.asterisk.engine import container_engine
from aiconvai.rig.asterisk.images import repository_root

_SECONDS = 90.0
_LABEL = "io.podman.compose.project"


class ComposeProject:
    """`with ComposeProject("beside-pbx", folder, {...}) as project`: it is up, and healthy."""

    def __init__(
        self, name: str, folder: Path, values: Mapping[str, object], before: Sequence[str] = ("config",)
    ) -> None:
        """`values`: of .env, besides those of .env.sample. `before`: what compose does before it is up."""
        self.folder = folder / name
        shutil.copytree(repository_root() / "packaging" / "compose" / name, self.folder)
        sample = dotenv_values(self.folder / ".env.sample", interpolate=False)
        assert set(values) <= set(sample)
        self.values = {**sample, **{name: str(value) for name, value in values.items()}}
        environment = self.folder / ".env"
        environment.touch(mode=0o600)
        environment.write_text("".join(f"{name}={value}\n" for name, value in self.values.items()))
        self.name = f"{name}-{uuid.uuid4().hex[:8]}"
        self._before = before
        self.said_before = ""
        self._token = ""

    def compose(self, *arguments: str) -> str:
        """`docker compose`, as podman has it. Raises `AssertionError` with all that was said."""
        engine = container_engine()
        command = [
            str(Path(sys.executable).with_name("podman-compose")), "--in-pod=false", "-p", self.name,
            f"--podman-args={' '.join(engine.global_arguments)}",
            f"--podman-run-args={' '.join(engine.limit_arguments())}", *arguments,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def __enter__(self) -> Self:
        try:
            self.said_before = self.compose(*self._before)
            self.compose("up", "--detach", "--no-build")
            for service in self.containers():
                self._wait_healthy(service)
        except BaseException:
            self._take_away()
            # podman's `down` fails on what is begun again and again.
            if left := [*self.containers().values()]:
                self._engine("rm", "--force", "--depend", "--volumes", *left)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._take_away(said=error is not None)
        assert self.containers() == {}
        assert self._engine("volume", "ls", "-q", "--filter", f"label={_LABEL}={self.name}").split() == []

    def _take_away(self, *, said: bool = True) -> None:
        if said:
            for service, container in self.containers().items():
                command = container_engine().command("logs", "--tail", "60", container)
                done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                print(f"--- {service}\n{done.stdout}")
        self.compose("down", "--volumes")

    def containers(self) -> dict[str, str]:
        """Those that there are, by their services."""
        asked = self._engine("ps", "--all", "--filter", f"label={_LABEL}={self.name}", "--format", "json")
        return {one["Labels"]["com.docker.compose.service"]: one["Names"][0] for one in json.loads(asked)}

    def _wait_healthy(self, service: str) -> None:
        """As the engine would find out: podman has its checks run by systemd, which is not everywhere."""
        container = self.containers()[service]
        command = container_engine().command("healthcheck", "run", container)
        deadline = time.monotonic() + _SECONDS
        while (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode != 0:
            assert time.monotonic() < deadline, f"{service} is not healthy: {done.stdout}{done.stderr}"
            assert self.state(service)["Running"], f"{service} has ended"
            time.sleep(0.2)

    def state(self, service: str) -> dict[str, Any]:
        """As the engine has it."""
        found: dict[str, Any] = json.loads(self._engine("inspect", self.containers()[service]))[0]["State"]
        return found

    def run_in(self, service: str, *command: str) -> str:
        """In its container. Raises `ContainerError`."""
        return self._engine("exec", self.containers()[service], *command)

    def get(self, path: str) -> Any:
        """Of the page's API."""
        service = "serve" if "serve" in self.containers() else "gateway"
        self._token = self._token or self.run_in(service, "aiconvai", "serve", "token", "test").strip()
        url = f"http://127.0.0.1:{self.values['PAGE_PORT']}{path}"
        return httpx.get(url, headers={"Authorization": f"Bearer {self._token}"}).raise_for_status().json()

    @staticmethod
    def health(port: int) -> dict[str, Any]:
        """As a port for it says."""
        found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{port}/health").raise_for_status().json()
        return found

    def until(self, path: str, condition: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + 20.0
        while not condition(answer := self.get(path)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)
        return answer

    @staticmethod
    def _engine(*arguments: str) -> str:
        return container_engine().call(*arguments, timeout=90)
