"""Packages for systems with RPM, as far as Debian's tools show them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Machine

from aiconvai.rig.asterisk import source
from aiconvai.rig.asterisk.images import ensure_base, repository_root

MODULE, APPLICATION = "asterisk-aiconvai", "aiconvai"


@pytest.fixture(scope="module")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their folder. rpmlint has nothing to say of them."""
    folder = tmp_path_factory.mktemp("rpms")
    command = [sys.executable, repository_root() / "packaging" / "rpms.py", "--output", folder]
    subprocess.run(command, check=True, timeout=1500)
    return folder


@pytest.fixture
def machine(rpms: Path) -> Iterator[Machine]:
    with Machine(ensure_base(source.SUITE), rpms) as one:
        one.install("rpm", "cpio")
        yield one


def test_each_has_its_files_and_asks_for_what_it_needs(machine: Machine) -> None:
    version = (repository_root() / "VERSION").read_text().strip()
    assert sorted(machine.run("rpm -qp --qf '%{NAME} %{VERSION}\n' /packages/*.rpm").splitlines()) == [
        f"{APPLICATION} {version}", f"{MODULE} {version}",
    ]  # fmt: skip
    module = machine.run(f"rpm -qpl /packages/{MODULE}-*.rpm").splitlines()
    assert f"{source.MODULE_DIRECTORY}/app_aiconvai.so" in module
    assert "/var/lib/asterisk/documentation/thirdparty/app_aiconvai-en_US.xml" in module
    listed = machine.run(f"rpm -qplv /packages/{APPLICATION}-{version}*.rpm")
    files = {line.split()[-1]: line.split() for line in listed.splitlines()}
    for file in ("bin/aiconvai", "lib/systemd/system/aiconvai-serve.service", "share/man/man1/aiconvai.1.gz"):
        assert f"/usr/{file}" in files
    assert files["/etc/aiconvai/secrets"][0] == "drwx------"
    assert files["/var/lib/aiconvai"][2:4] == ["aiconvai", "aiconvai"]
    asked = machine.run(f"rpm -qp --requires /packages/{APPLICATION}-{version}*.rpm")
    assert "python3.11" in asked
    assert "libwebsockets.so" in asked
    assert "openblas" not in asked
    assert "libssl.so" in machine.run(f"rpm -qp --requires /packages/{MODULE}-*.rpm")
    assert f"for Asterisk {source.VERSION}" in machine.run(f"rpm -qp --scripts /packages/{MODULE}-*.rpm")


def test_what_is_in_the_application_works(machine: Machine) -> None:
    """Unpacked where its libraries are: those of the system that it was built in."""
    version = (repository_root() / "VERSION").read_text().strip()
    machine.install("python3", "libwebsockets17", "libyajl2", "libspeexdsp1", "libkissfft-float131", "libspandsp2")
    machine.run(f"cd /; rpm2cpio /packages/{APPLICATION}-{version}*.rpm | cpio -idm --quiet")
    assert machine.run("aiconvai --version") == f"aiconvai {version}\n"
    machine.put({"/etc/aiconvai/aiconvai.conf": "[sales]\nagent_id = agent_1\n"})
    machine.put({"/etc/aiconvai/serve.toml": "[gateway]\naiconvai_conf = '/etc/aiconvai/aiconvai.conf'\n"})
    assert "/etc/aiconvai/aiconvai.conf: sales" in machine.run("aiconvai gateway --check")
