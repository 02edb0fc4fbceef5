"""A system of its own, in a container, for one test of packages: it shares the network, and nothing else."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from aiconvai.rig.asterisk.configuration import InstanceSettings, render
from aiconvai.rig.asterisk.engine import container_engine
from aiconvai.rig.asterisk.ports import PortLease

UPDATE = "apt-get -o Acquire::Check-Valid-Until=false update -q >/dev/null"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends"
_OF_CALLS = ("modules.conf", "pjsip.conf", "extensions.conf", "rtp.conf", "manager.conf", "indications.conf")
_SECONDS = 1800


class Machine:
    """A running container. A context manager."""

    def __init__(self, image: str, packages: Path) -> None:
        """`packages`: the folder that is /packages in it."""
        engine = container_engine()
        command = engine.command(
            "run", "--detach", "--rm", *engine.run_arguments(), f"--volume={packages}:/packages:ro", image,
            "sleep", str(_SECONDS),
        )  # fmt: skip
        self._name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        subprocess.run(container_engine().command("kill", self._name), capture_output=True, check=True)

    def run(self, script: str, *, expected: int = 0) -> str:
        """What it prints, on both ways."""
        done = subprocess.run(
            container_engine().command("exec", self._name, "bash", "-ec", script),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == expected, f"{script}\nexit status {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, script: str, pid_file: str) -> subprocess.Popen[str]:
        """What goes on beside the test; its output comes line by line."""
        command = container_engine().command("exec", self._name, "bash", "-ec", f"echo $$ >{pid_file}; exec {script}")
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def put(self, files: Mapping[str, str]) -> None:
        """Files by their path, as root's, mode 0644."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        self.put_archive(buffer.getvalue())

    def put_archive(self, archive: bytes) -> None:
        command = container_engine().command("exec", "--interactive", self._name, "tar", "-x", "-C", "/")
        subprocess.run(command, input=archive, capture_output=True, check=True)

    def put_folder(self, folder: Path, place: str) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for one in folder.iterdir():
                archive.add(one, f"{place.lstrip('/')}/{one.name}", filter=_readable)
        self.put_archive(buffer.getvalue())

    def install(self, *names: str) -> str:
        """Packages of the archive, or files in /packages."""
        return self.run(f"{UPDATE}; {INSTALL} {' '.join(names)}")

    def start_asterisk(self, ports: PortLease, version: int, extensions: str = "") -> None:
        """As its package has it, but for the ports, the modules that take others, and the dialplan."""
        settings = InstanceSettings(
            version, ports.sip, ports.ami, ports.rtp_first, ports.rtp_last, "", "", extensions=extensions,
            modules=("app_aiconvai.so", "func_uuid.so", "res_audiosocket.so", "app_audiosocket.so")
            if version >= 22 else ("app_aiconvai.so",),
        )  # fmt: skip
        rendered = render(settings)
        self.put({f"/etc/asterisk/{name}": rendered[name] for name in _OF_CALLS})
        self.run("mkdir -p /run/asterisk; asterisk")
        self.wait_booted()

    def wait_booted(self) -> None:
        self.wait_until("asterisk -rx 'core waitfullybooted' 2>&1 | grep -q fully")

    def wait_until(self, command: str) -> None:
        self.run(f"timeout 60 bash -c {shlex.quote(f'until {command}; do sleep 0.1; done')}")

    def cli(self, command: str) -> str:
        return self.run(f"asterisk -rx {shlex.quote(command)}")


def _readable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """As files in /etc are, wherever they come from."""
    entry.mode = 0o755 if entry.isdir() else 0o644
    entry.uid = entry.gid = 0
    return entry


def health_of(page: int, *, wanted: Sequence[str] = ("healthy", "degraded")) -> dict[str, Any]:
    """What `aiconvai serve` or `gateway` says of itself, once that is one of those."""
    deadline = time.monotonic() + 30.0
    while True:
        try:
            health: dict[str, Any] = httpx.get(f"http://127.0.0.1:{page}/health").json()
        except httpx.ConnectError:
            health = {}
        if health.get("status") in wanted:
            return health
        assert time.monotonic() < deadline, health
        time.sleep(0.05)


@dataclass(frozen=True)
class Unit:
    """A service of systemd's, as it is installed."""

    command: str
    user: str
    environment: tuple[str, ...]
    state: str
    credential: tuple[str, str]
    """Its identifier and its folder."""

    @classmethod
    def of(cls, machine: Machine, name: str) -> Unit:
        text = machine.run(f"cat /lib/systemd/system/{name}.service")
        given = dict(re.findall(r"^(ExecStart|User|StateDirectory|LoadCredential)=(.*)$", text, re.MULTILINE))
        identifier, _, folder = given["LoadCredential"].partition(":")
        environment = tuple(re.findall(r"^Environment=(.*)$", text, re.MULTILINE))
        return cls(given["ExecStart"], given["User"], environment, given["StateDirectory"], (identifier, folder))

    def start(self, machine: Machine) -> Service:
        """As systemd would start it, where systemd does not run: its user, environment, folder and credentials."""
        identifier, folder = self.credential
        name = self.command.split()[-1]
        credentials = f"/run/credentials/{name}"
        machine.run(
            f"install -d -m 0700 {credentials}; for file in {folder}/*; do [ -e $file ] || continue; "
            f"cp $file {credentials}/{identifier}_${{file##*/}}; done; chown -R {self.user} {credentials}; "
            f"install -d -m 0750 -o {self.user} -g {self.user} /var/lib/{self.state}"
        )
        given = (
            *self.environment, f"STATE_DIRECTORY=/var/lib/{self.state}", f"CREDENTIALS_DIRECTORY={credentials}",
            f"HOME=/var/lib/{self.state}", f"USER={self.user}", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        )  # fmt: skip
        pid_file = f"/run/{name}.pid"
        process = machine.start(
            f"setpriv --reuid={self.user} --regid={self.user} --init-groups --no-new-privs --bounding-set=-all "
            f"--inh-caps=-all env --ignore-environment {shlex.join(given)} {self.command}",
            pid_file,
        )
        return Service(machine, process, pid_file)


class Service:
    """One that was started."""

    def __init__(self, machine: Machine, process: subprocess.Popen[str], pid_file: str) -> None:
        self.lines: list[str] = []
        self._machine, self._process, self._pid_file = machine, process, pid_file

    def wait_for(self, beginning: str) -> str:
        """The line that begins so."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return self.lines[-1]
        raise AssertionError("\n".join(["it has ended:", *self.lines]))

    def stop(self) -> str:
        """All that it has said. It ends as it should."""
        self._machine.run(f"kill -TERM $(cat {self._pid_file})")
        assert self._process.stdout is not None
        self.lines += self._process.stdout.read().splitlines()
        assert self._process.wait(60) == 0, "\n".join(self.lines)
        return "\n".join(self.lines)
