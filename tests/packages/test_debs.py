"""Debian's packages of the module, installed into a system that has an Asterisk and nothing of ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from machine import Machine
from stand_ins import SANGOMA_MODULES
from targets import DEBIAN22, SANGOMA22, SOURCE22, TARGETS, Archive, Deb, Target

from aiconvai.rig.asterisk.images import IMAGES
from aiconvai.rig.asterisk.ports import PortLease

OLDER = ("--number", "0.0.1")
SHOW = "module show like app_aiconvai"


def of(*targets: Target) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("target", targets, ids=[one.name for one in targets])


def maps(machine: Machine) -> str:
    """What the running Asterisk has of the module's in its memory."""
    return machine.run("grep -h app_aiconvai /proc/$(cat /run/asterisk/asterisk.pid)/maps || true")


def field_of(deb: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, text=True, check=True).stdout.strip()


@of(*TARGETS)
def test_it_is_installed_loaded_and_goes_without_a_trace(
    machine: Machine, package: Path, target: Target, archive: Archive, ports: PortLease
) -> None:
    target.install(machine, archive)
    said = machine.install(f"/packages/{package.name}")
    assert "module load app_aiconvai.so" in said
    for problem in ("declines it", "refuses it", "looks for modules in"):
        assert problem not in said
    listed = machine.run(f"dpkg -L {target.package}").splitlines()
    module = f"{target.modules}/app_aiconvai.so"
    documentation = f"/usr/share/doc/{target.package}"
    assert module in listed
    assert f"{documentation}/examples/aiconvai.conf.sample" in listed
    assert any(one.endswith("/documentation/thirdparty/app_aiconvai-en_US.xml") for one in listed)
    assert f"{documentation}/packages.md.gz" in listed
    assert machine.run(f"stat -c '%a %U' {module}") == "644 root\n"
    machine.run(f"cp {documentation}/examples/aiconvai.conf.sample /etc/asterisk/aiconvai.conf")
    machine.start_asterisk(ports, target.version)
    assert "Running" in machine.cli(SHOW)
    assert "Connect the caller with a conversational AI agent." in machine.cli("core show application AIConvAI")
    assert "until Asterisk is started anew" in machine.run(f"dpkg --remove {target.package}")
    assert "Running" in machine.cli(SHOW)
    machine.run(f"dpkg --purge {target.package}; test ! -e {module}; test -f /etc/asterisk/aiconvai.conf")


@of(DEBIAN22, SOURCE22)
def test_a_newer_one_does_not_touch_the_one_that_runs(
    machine: Machine, package: Path, target: Target, archive: Archive, ports: PortLease, deb: Deb,
    tmp_path: Path,
) -> None:  # fmt: skip
    target.install(machine, archive)
    older = shutil.copy(deb(target.name, *OLDER), tmp_path)
    machine.install(f"/packages/{Path(older).name}")
    machine.put({"/etc/asterisk/aiconvai.conf": "[general]\n"})
    machine.start_asterisk(ports, target.version)
    before = maps(machine)
    assert before
    assert "(deleted)" not in before
    said = machine.install(f"/packages/{package.name}")
    assert "Asterisk runs the module it had before" in said
    assert "core restart when convenient" in said
    assert all(line.endswith("app_aiconvai.so (deleted)") for line in maps(machine).splitlines())
    assert "Running" in machine.cli(SHOW)
    machine.run("asterisk -rx 'core restart when convenient'")
    machine.wait_until("grep -hs app_aiconvai.so$ /proc/$(cat /run/asterisk/asterisk.pid)/maps")
    assert "(deleted)" not in maps(machine)
    machine.wait_booted()
    assert "Running" in machine.cli(SHOW)


def test_it_asks_for_the_asterisk_that_it_was_built_for(deb: Deb) -> None:
    for version in IMAGES:
        asked = field_of(deb(f"debian{version}", "--twice"), "Depends")
        assert f"asterisk (>= 1:{version}~), asterisk (<< 1:{version + 1}~)" in asked
        assert "asterisk-" in asked, "the sum of its build options"
    of_source = field_of(deb("source22", "--twice"), "Depends").split(", ")
    assert not [one for one in of_source if one.startswith("asterisk")]
    assert "asterisk22" in field_of(deb("sangoma22", "--twice"), "Depends").split(", ")


@of(SOURCE22)
def test_it_says_what_does_not_fit_an_asterisk_from_source(machine: Machine, package: Path, target: Target) -> None:
    install = f"/packages/{package.name}"
    assert "There is no asterisk in PATH. The module is for Asterisk 22" in machine.install(install)
    machine.put(
        {
            "/usr/local/sbin/asterisk": "#!/bin/sh\necho Asterisk certified/20.7-cert3\n",
            "/etc/asterisk/asterisk.conf": "[directories](!)\nastmoddir => /opt/modules ; ours\n",
            f"{target.modules}/app_dial.so": "1fb7f5c06d7a2052e38d021b3d8ca151",
        }
    )
    machine.run("chmod +x /usr/local/sbin/asterisk; mkdir /opt/modules")
    said = machine.run("dpkg-reconfigure asterisk-aiconvai")
    assert "/usr/local/sbin/asterisk is Asterisk certified/20.7-cert3, which declines it" in said
    assert "install the package for 20" in said
    assert f"ln -s {target.modules}/app_aiconvai.so /opt/modules/" in said
    assert f"another sum of build options (da6642af068ee5e6490c5b1d2cc1d238) than {target.modules}/app_dial.so" in said
    machine.put({f"{target.modules}/app_dial.so": "of the same: da6642af068ee5e6490c5b1d2cc1d238"})
    assert "sum of build options" not in machine.run("dpkg-reconfigure asterisk-aiconvai")


@of(SOURCE22)
def test_the_folder_of_the_modules_is_a_parameter(deb: Deb, target: Target) -> None:
    package = deb(target.name, "--modules", "/opt/asterisk/lib/modules")
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    assert "./opt/asterisk/lib/modules/app_aiconvai.so" in listed


@of(SANGOMA22)
def test_the_module_changes_with_the_asterisk(
    machine: Machine, package: Path, target: Target, archive: Archive, deb: Deb, tmp_path: Path
) -> None:
    """As asterisk-version-switch of FreePBX changes it."""
    target.install(machine, archive)
    machine.install(f"/packages/{package.name}")
    other = Path(shutil.copy(deb("sangoma20"), tmp_path))
    machine.install("asterisk20", f"/packages/{other.name}")
    listed = machine.run("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'asterisk*'").splitlines()
    assert "asterisk20-aiconvai installed" in listed
    assert not {"asterisk22-aiconvai installed", "asterisk22 installed"} & set(listed)
    assert "20.10.1" in machine.run(f"grep -ao '20[.]10[.]1' {SANGOMA_MODULES}/app_aiconvai.so")
