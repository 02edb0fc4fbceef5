"""Packages are built once for all tests, of what is committed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from machine import Machine
from stand_ins import make_archive
from targets import Archive, Deb, Target

from aiconvai.rig.asterisk.images import ensure_base, repository_root
from aiconvai.rig.asterisk.ports import PortLease


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """`archive()`: what a machine with FreePBX 17 has in /etc/apt. Made when it is first asked for."""

    @cache
    def make() -> Path:
        folder = tmp_path_factory.mktemp("apt")
        make_archive(folder, 20, 22)
        return folder

    return make


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory, archive: Archive) -> Deb:
    """`deb(name, *options)`: that of packaging/debs.py. lintian has nothing to say of it."""
    made: dict[tuple[str, ...], Path] = {}

    def make(name: str, *options: str) -> Path:
        if (name, *options) not in made:
            folder = tmp_path_factory.mktemp(name)
            command = [sys.executable, repository_root() / "packaging" / "debs.py", "--output", folder, *options, name]
            if name.startswith("sangoma"):
                command += ["--archive", archive()]
            subprocess.run(command, check=True, timeout=1500)
            (made[name, *options],) = (one for one in folder.glob("*.deb") if "dbgsym" not in one.name)
        return made[name, *options]

    return make


@pytest.fixture
def package(deb: Deb, target: Target) -> Path:
    """That of the module; it was built twice, with the same bytes."""
    return deb(target.name, "--twice")


@pytest.fixture
def machine(target: Target, package: Path, tmp_path: Path) -> Iterator[Machine]:
    """Of the target's suite, without an Asterisk; the package is in /packages."""
    shutil.copy(package, tmp_path)
    with Machine(ensure_base(target.suite), tmp_path) as one:
        yield one


@pytest.fixture
def ports() -> Iterator[PortLease]:
    lease = PortLease()
    yield lease
    lease.release()
