"""The container engine of this machine (podman, or docker where only docker is there) and the flags it needs.

Two things differ from machine to machine and make a plain ``podman run`` fail with messages that do not say
why:

* crun refuses hybrid cgroup hierarchies, runc does not; and without systemd there is no cgroup manager to
talk to.
* podman's default ulimits are higher than the hard limits of many machines.
"""

from __future__ import annotations

import functools
import os
import resource
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ENGINE_VARIABLE = "AICONVAI_CONTAINER_ENGINE"
_WANTED_OPEN_FILES = 65536
_WANTED_PROCESSES = 32768


class ContainerError(RuntimeError):
    """A container command failed; the text holds the command and what the engine said."""


@dataclass(frozen=True)
class ContainerEngine:
    """A container engine: its name, and the arguments every call of it takes before the sub-command."""

    name: str
    global_arguments: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        """The full command line of one engine call."""
        return [self.name, *self.global_arguments, *arguments]

    def run_arguments(self) -> list[str]:
        """Arguments of ``run``: host network, limits that fit this machine, and what debuggers and
        sanitizers need.
        """
        arguments = [
            "--network=host",
            *self.limit_arguments(),
            "--cap-add=SYS_PTRACE",
            "--security-opt=seccomp=unconfined",
        ]
        if self.name == "docker" and os.getuid() != 0:
            # docker's daemon is root: without this, files in mounted directories would belong to root.
            arguments += ["--user", f"{os.getuid()}:{os.getgid()}"]
        return arguments

    def limit_arguments(self) -> list[str]:
        """``--ulimit`` arguments within this process's hard limits."""
        files = _limit(resource.RLIMIT_NOFILE, _WANTED_OPEN_FILES)
        processes = _limit(resource.RLIMIT_NPROC, _WANTED_PROCESSES)
        return ["--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={processes}:{processes}"]

    def call(self, *arguments: str, timeout: float | None = 60) -> str:
        """Run one engine command and return its standard output; raises ContainerError with the engine's
        own words.
        """
        command = self.command(*arguments)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as expired:
            raise ContainerError(f"{shlex.join(command)}: no end within {timeout} s") from expired
        if done.returncode != 0:
            raise ContainerError(explain_failure(command, done.returncode, done.stderr or done.stdout))
        return done.stdout

    def has_image(self, tag: str) -> bool:
        """Whether the engine holds an image under this tag."""
        command = self.command("image", "inspect", tag)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def explain_failure(command: list[str], status: int, output: str) -> str:
    """What a failed engine command said, with the remedy where the cause is one that hides itself."""
    text = f"{shlex.join(command)}: exit status {status}: {output.strip()[-2000:]}"
    if "crun" in output and "cgroup" in output:
        text += "\ncrun cannot handle this machine's cgroup hierarchy: install runc."
    if "rlimit" in output.lower():
        text += "\nThe container asks for more than this machine's hard limits; see ulimit -Hn and ulimit -Hu."
    return text


@functools.cache
def container_engine() -> ContainerEngine:
    """The engine to use here; raises ContainerError when there is none."""
    wanted = os.environ.get(ENGINE_VARIABLE)
    if wanted and not shutil.which(wanted):
        raise ContainerError(f"{ENGINE_VARIABLE}={wanted}: there is no such program in PATH")
    if wanted:
        name = wanted
    elif shutil.which("podman"):
        name = "podman"
    elif shutil.which("docker"):
        name = "docker"
    else:
        raise ContainerError("neither podman nor docker is in PATH; install podman (with runc) to run Asterisk")
    return ContainerEngine(name, _podman_arguments() if Path(name).name == "podman" else ())


def _podman_arguments() -> tuple[str, ...]:
    arguments: list[str] = []
    if not Path("/run/systemd/system").exists():
        arguments.append("--cgroup-manager=cgroupfs")
    pure_cgroups_v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    if not pure_cgroups_v2:
        if not shutil.which("runc"):
            raise ContainerError(
                "/sys/fs/cgroup is a hybrid or version 1 hierarchy, where podman's default runtime fails: install runc"
            )
        arguments += ["--runtime", "runc"]
    return tuple(arguments)


def _limit(kind: int, wanted: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
