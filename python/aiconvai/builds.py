"""Builds that several processes may want at once: each is made one time, and nobody runs what another is linking."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

_RECORD = "aiconvai-build.json"
_LOCK = ".lock"


class BuildError(RuntimeError):
    """Something could not be built; the text ends with the compiler's output."""


@contextlib.contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Hold a file lock, so that two runs at once do not build the same thing into the same place."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def lock_of(directory: Path) -> Path:
    """The lock of a build directory."""
    return directory / _LOCK


def is_configured(directory: Path, record: Mapping[str, object]) -> bool:
    """Whether a build directory was set up so. Its lock is held."""
    path = directory / _RECORD
    return path.is_file() and (directory / "build.ninja").is_file() and path.read_text("utf-8") == _text(record)


def empty(directory: Path) -> None:
    """An empty build directory, to be set up anew. Its lock is held, and stays."""
    directory.mkdir(parents=True, exist_ok=True)
    for entry in directory.iterdir():
        if entry.name != _LOCK:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def begin_with(directory: Path, other: Path) -> None:
    """An empty build directory made a copy of another, with the times of its files: what has the same options is built.
    The lock of `directory` is held, that of `other` is taken meanwhile.
    """
    with exclusive(lock_of(other)):
        shutil.copytree(other, directory, ignore=shutil.ignore_patterns(_LOCK, _RECORD), dirs_exist_ok=True)


def note_configured(directory: Path, record: Mapping[str, object]) -> None:
    """It was set up so."""
    (directory / _RECORD).write_text(_text(record), encoding="utf-8")


def build_program(
    source: Path, directory: Path, program: str, options: Mapping[str, str], into: Path, *, compiler: str = "cc"
) -> Path:
    """A copy, in the folder `into`, of a program of a Meson project, built on this machine in `directory`.

    `program` is its path there, and `options` are Meson's by name; a directory set up with others is set up anew. What
    is up to date is not linked again. The copy is the caller's own: whoever builds a newer one does so under nobody's
    feet. Raises `BuildError`.
    """
    record = {"source": str(source), "options": dict(options), "compiler": compiler}
    with exclusive(lock_of(directory)):
        if not is_configured(directory, record):
            empty(directory)
            given = [f"-D{name}={value}" for name, value in options.items()]
            _run("meson", "setup", *given, str(directory), str(source), compiler=compiler)
            note_configured(directory, record)
        # Not by `meson compile`: it looks for a program among those known when the directory was set up last.
        _run("ninja", "-C", str(directory), program)
        return Path(shutil.copy2(directory / program, into))


def _text(record: Mapping[str, object]) -> str:
    return json.dumps(record, sort_keys=True)


def _run(*command: str, compiler: str = "cc") -> None:
    environment = {**os.environ, "CC": compiler}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"{shlex.join(command)}: exit status {done.returncode}\n{done.stdout[-8000:]}")
