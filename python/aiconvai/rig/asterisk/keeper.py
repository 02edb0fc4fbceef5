"""Keeps one Asterisk running in the background for the command line, until it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aiconvai.rig.asterisk.container import Asterisk, AsteriskError
from aiconvai.rig.asterisk.images import VERSIONS, AsteriskVersion

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Wanted:
    """How the kept Asterisk is to be started; paths are absolute."""

    version: int
    module: str | None = None
    module_config: str | None = None
    extensions: str | None = None


@dataclass(frozen=True)
class Kept:
    """A kept Asterisk, as recorded while it runs."""

    keeper_pid: int
    version: int
    sip_port: int
    ami_port: int
    directory: str
    wanted: Wanted = field(default_factory=lambda: Wanted(22))

    @property
    def control_socket(self) -> Path:
        """The socket of its command line."""
        return Path(self.directory) / "run" / "asterisk.ctl"

    @property
    def log(self) -> Path:
        """Its log file."""
        return Path(self.directory) / "log" / "full"


def record_path(version: int) -> Path:
    """Where the running instance of a version is recorded."""
    return Path(tempfile.gettempdir()) / f"aiconvai-{os.getuid()}-asterisk-{version}.json"


def failure_path(version: int) -> Path:
    """Where the report of an instance that died is left, until the next start."""
    return record_path(version).with_suffix(".failure.txt")


def find(version: int) -> Kept | None:
    """The running instance of a version, or None. A record whose keeper is gone is removed."""
    path = record_path(version)
    if not path.is_file():
        return None
    fields = json.loads(path.read_text(encoding="utf-8"))
    kept = Kept(**{**fields, "wanted": Wanted(**fields["wanted"])})
    if not Path(f"/proc/{kept.keeper_pid}").exists():
        path.unlink(missing_ok=True)
        return None
    return kept


def start(wanted: Wanted) -> Kept:
    """Start one in the background, return when it is booted; raises AsteriskError with its output if not."""
    if find(wanted.version) is not None:
        raise AsteriskError(f"Asterisk {wanted.version} runs already; stop it first")
    failure_path(wanted.version).unlink(missing_ok=True)
    with tempfile.TemporaryFile("w+") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "aiconvai.rig.asterisk.keeper", json.dumps(asdict(wanted))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while (kept := find(wanted.version)) is None:
            if keeper.poll() is not None or time.monotonic() > deadline:
                output.seek(0)
                raise AsteriskError(f"Asterisk {wanted.version} did not start:\n{output.read()[-4000:]}")
            time.sleep(0.02)
    return kept


def stop(version: int) -> bool:
    """Stop the running instance of a version; False when there was none."""
    kept = find(version)
    if kept is None:
        return False
    os.kill(kept.keeper_pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while record_path(version).exists():
        if time.monotonic() > deadline:
            raise AsteriskError(f"process {kept.keeper_pid} did not stop Asterisk {version} in {_STOP_SECONDS} s")
        time.sleep(0.02)
    return True


def keep(wanted: Wanted) -> None:
    """Run an Asterisk until SIGTERM or SIGINT, or until it ends by itself (then AsteriskError)."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    version: AsteriskVersion = next(one for one in VERSIONS if one == wanted.version)
    asterisk = Asterisk(
        version,
        module=Path(wanted.module) if wanted.module else None,
        module_config=Path(wanted.module_config).read_text(encoding="utf-8") if wanted.module_config else None,
        extensions=Path(wanted.extensions).read_text(encoding="utf-8") if wanted.extensions else "",
    )
    path = record_path(wanted.version)
    try:
        with asterisk:
            ports = (asterisk.sip_port, asterisk.ami_port)
            kept = Kept(os.getpid(), version, *ports, str(asterisk.directory), wanted)
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(kept)), encoding="utf-8")
            fresh.replace(path)
            while not stopping and asterisk.process.alive():
                time.sleep(_LOOK_SECONDS)
    except AsteriskError as error:
        failure_path(version).write_text(str(error), encoding="utf-8")
        raise
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    keep(Wanted(**json.loads(sys.argv[1])))
