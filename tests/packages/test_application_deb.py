"""The application's packages for Debian, installed into a system that has nothing of ours."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from machine import Machine, Unit, health_of
from targets import Deb

from aiconvai.cli import SUBCOMMANDS
from aiconvai.rig.asterisk.images import ensure_base, repository_root
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.serve.settings import read_settings

SUITES = ("bookworm", "forky")
UNITS = ("aiconvai-serve", "aiconvai-gateway")
OLDER = ("--number", "0.0.1")
AGENT = "[general]\n[sales]\nagent_id = agent_1\n"
MOST_EXPOSED = 20
"""Of 100, as systemd-analyze counts: a service that nothing is kept from has 96."""


@pytest.fixture
def application(deb: Deb, suite: str) -> Path:
    return deb(f"application-{suite}", "--twice")


@pytest.fixture
def machine(suite: str, application: Path, tmp_path: Path) -> Iterator[Machine]:
    shutil.copy(application, tmp_path)
    with Machine(ensure_base(suite), tmp_path) as one:
        yield one


def version() -> str:
    return (repository_root() / "VERSION").read_text().strip()


def mode(machine: Machine, path: str) -> str:
    return machine.run(f"stat -c '%a %U:%G' {path}").strip()


@pytest.mark.parametrize("suite", SUITES)
def test_its_files_and_its_user_are_there_and_nothing_is_started(machine: Machine, application: Path) -> None:
    said = machine.install(f"/packages/{application.name}")
    assert "Nothing has been started" in said
    listed = machine.run("dpkg -L aiconvai").splitlines()
    documentation = "/usr/share/doc/aiconvai"
    for file in ("serve.md.gz", "gateway.md.gz", "examples/serve.toml.sample", "examples/aiconvai.conf.sample"):
        assert f"{documentation}/{file}" in listed
    assert mode(machine, "/usr/bin/aiconvai") == "755 root:root"
    assert mode(machine, "/etc/aiconvai/secrets") == "700 root:root"
    assert mode(machine, "/var/lib/aiconvai") == "750 aiconvai:aiconvai"
    assert "/usr/sbin/nologin" in machine.run("getent passwd aiconvai")
    assert machine.run("find /etc/aiconvai -type f; find /etc/systemd -name 'aiconvai*'") == ""
    assert machine.run("find /usr/lib/aiconvai -perm /0022 ! -type l -o -name '*.py' -executable") == ""
    engine = "/usr/lib/aiconvai/aiconvai/engine/libaiconvai_gateway.so"
    assert "not found" not in machine.run(f"ldd {engine}")


@pytest.mark.parametrize("suite", SUITES)
def test_commands_work(machine: Machine, application: Path) -> None:
    machine.install(f"/packages/{application.name}")
    assert machine.run("aiconvai --version") == f"aiconvai {version()}\n"
    machine.put({"/etc/aiconvai/aiconvai.conf": AGENT, "/evil/typer.py": "raise SystemExit('evil')"})
    assert "valid, 1 agent" in machine.run("aiconvai config check /etc/aiconvai/aiconvai.conf")
    # Neither what a user has nor where one is changes which libraries are taken.
    assert machine.run("cd /evil; PYTHONPATH=/evil aiconvai --version") == f"aiconvai {version()}\n"
    told = machine.run("aiconvai doctor", expected=1)
    assert "BAD" in told
    assert "Traceback" not in told
    machine.put({"/etc/aiconvai/serve.toml": "[gateway]\naiconvai_conf = '/etc/aiconvai/aiconvai.conf'\n"})
    checked = machine.run("runuser -u aiconvai -- aiconvai gateway --check")
    assert "data: /var/lib/aiconvai can be written to" in checked
    assert "/etc/aiconvai/aiconvai.conf: sales" in checked
    for command in [name for name, (_, extra, _) in SUBCOMMANDS.items() if extra in ("", "serve")]:
        machine.run(f"aiconvai {command} --help")
    scenarios = machine.run("aiconvai mock --list")
    assert "conversation" in scenarios


@pytest.mark.parametrize("suite", SUITES)
def test_its_units_are_right_and_keep_the_programs_in(machine: Machine, application: Path) -> None:
    machine.install(f"/packages/{application.name}", "systemd", "man-db")
    for name in UNITS:
        file = f"/lib/systemd/system/{name}.service"
        assert machine.run(f"systemd-analyze verify {file}").strip() == ""
        machine.run(f"systemd-analyze security --offline=true --no-pager --threshold={MOST_EXPOSED} {file}")
        for page in re.findall(r"file://(\S+)", machine.run(f"cat {file}")):
            # What it explains is there.
            machine.run(f"test -f {page}")
        other = next(one for one in UNITS if one != name)
        assert f"Conflicts={other}.service" in machine.run(f"cat {file}")
    manual = machine.run("man aiconvai")
    assert all(re.search(rf"\b{name}\b", manual) for name in SUBCOMMANDS)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", UNITS)
def test_it_runs_as_its_unit_starts_it(machine: Machine, application: Path, name: str) -> None:
    machine.install(f"/packages/{application.name}")
    page = settle(machine)
    service = Unit.of(machine, name).start(machine)
    service.wait_for("http://")
    health = health_of(page)
    assert health["version"] == version()
    assert httpx.get(f"http://127.0.0.1:{page}/login").status_code == 200
    assert mode(machine, "/var/lib/aiconvai/calls.db").endswith("aiconvai:aiconvai")
    token = machine.run("aiconvai serve token grafana").strip()
    told = httpx.get(f"http://127.0.0.1:{page}/api/calls", headers={"Authorization": f"Bearer {token}"})
    assert (told.status_code, told.json()) == (200, [])
    said = service.stop()
    assert "\x1b" not in said
    assert "Traceback" not in said
    assert machine.run("find /var/lib/aiconvai ! -user aiconvai") == ""


def settle(machine: Machine) -> int:
    """serve.toml, for ports that nobody has; that of the page. The Asterisk that it names is not there."""
    page, door, manager = free_port(), free_port(), free_port()
    machine.put(
        {
            "/etc/aiconvai/aiconvai.conf": AGENT,
            "/etc/aiconvai/serve.toml": f"""
[page]
port = {page}
[asterisk.pbx]
port = {manager}
user = "aiconvai"
secret_file = "pbx"
[gateway]
aiconvai_conf = "/etc/aiconvai/aiconvai.conf"
[gateway.audiosocket.usual]
port = {door}
""",
            "/etc/aiconvai/secrets/pbx": "secret",
        }
    )
    return page


@pytest.mark.parametrize("suite", ["bookworm"])
def test_a_newer_one_comes_under_a_program_that_runs_and_all_is_kept(
    machine: Machine, application: Path, deb: Deb, suite: str, tmp_path: Path
) -> None:
    older = Path(shutil.copy(deb(f"application-{suite}", *OLDER), tmp_path))
    machine.install(f"/packages/{older.name}")
    page = settle(machine)
    unit = Unit.of(machine, "aiconvai-gateway")
    service = unit.start(machine)
    service.wait_for("http://")
    assert health_of(page)["version"] == "0.0.1"
    token = machine.run("aiconvai serve token grafana").strip()
    said = machine.install(f"/packages/{application.name}")
    assert "systemctl restart aiconvai-gateway" in said
    assert "Nothing has been started" not in said
    assert health_of(page)["version"] == "0.0.1"
    assert machine.run("aiconvai --version") == f"aiconvai {version()}\n"
    service.stop()
    service = unit.start(machine)
    service.wait_for("http://")
    assert health_of(page)["version"] == version()
    told = httpx.get(f"http://127.0.0.1:{page}/api/calls", headers={"Authorization": f"Bearer {token}"})
    assert told.status_code == 200
    service.stop()


@pytest.mark.parametrize("suite", SUITES)
def test_what_is_kept_goes_with_a_purge_and_no_sooner(machine: Machine, application: Path) -> None:
    machine.install(f"/packages/{application.name}")
    settle(machine)
    machine.run("aiconvai serve token grafana")
    machine.run("apt-get remove -q -y aiconvai")
    machine.run("test ! -e /usr/bin/aiconvai; test ! -e /usr/lib/aiconvai")
    for kept in ("/var/lib/aiconvai/calls.db", "/etc/aiconvai/serve.toml", "/etc/aiconvai/secrets/pbx"):
        machine.run(f"test -f {kept}")
    machine.run("apt-get purge -q -y aiconvai; test ! -e /var/lib/aiconvai; test ! -e /etc/aiconvai")
    # Its number is not given to somebody else, who would have its files.
    machine.run("getent passwd aiconvai")


def test_the_sample_of_serve_toml_is_valid() -> None:
    path = repository_root() / "configs" / "serve.toml.sample"
    assert tomllib.loads(path.read_text())
    assert read_settings(path).asterisk["pbx"].user == "aiconvai"
