"""`aiconvai doctor` on a real Asterisk: nothing to mend, and then one thing broken after the other, each found."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from host_view import let_the_host_see
from typer.testing import CliRunner
from voice import Voice, mock_options

from aiconvai.doctor.cli import app
from aiconvai.doctor.installation import MODULE
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion, build_module
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Caller

__all__ = ["mock_options"]

# Programs are started, and processors kept busy.
pytestmark = pytest.mark.programs

_SERVE = """\
data = "{folder}"
[page]
port = {port}
[asterisk.pbx]
port = {ami}
user = "{user}"
secret = "{secret}"
"""


@dataclass(frozen=True)
class Machine:
    """An Asterisk with an agent, and a folder with what leads the doctor to it."""

    voice: Voice
    folder: Path

    def doctor(self) -> tuple[int, str]:
        """Exit status, and what it prints."""
        arguments = [f"--asterisk-conf={self.folder}/asterisk.conf", f"--asterisk={self.folder}/asterisk",
                     f"--config={self.folder}/serve.toml"]  # fmt: skip
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return done.exit_code, done.output

    @property
    def module(self) -> Path:
        return self.voice.asterisk.directory / "modules" / MODULE

    @property
    def conf(self) -> Path:
        return self.voice.asterisk.directory / "etc" / "aiconvai.conf"

    def agent_line(self, line: str) -> None:
        """The last one of its section, which counts."""
        self.conf.write_text(f"{self.conf.read_text()}{line}\n")

    def without(self, option: str) -> None:
        self.conf.write_text(re.sub(rf"^{option}=.*\n", "", self.conf.read_text(), flags=re.MULTILINE))

    def serve_toml(self, user: str, secret: str) -> None:
        ami = self.voice.asterisk.ami_port
        text = _SERVE.format(folder=self.folder / "data", port=free_port(), ami=ami, user=user, secret=secret)
        (self.folder / "serve.toml").write_text(text)


@pytest.fixture(scope="module")
def machine(
    asterisk_version: AsteriskVersion, app_module: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    with (
        Asterisk(asterisk_version, module=app_module, module_config="[general]\n") as asterisk,
        Caller(asterisk.sip_port) as caller,
        ElevenLabsMockThread(MockOptions()) as mock,
    ):
        folder = tmp_path_factory.mktemp("machine")
        let_the_host_see(asterisk, folder)
        voice = Voice(asterisk, caller, mock)
        voice.agent("sales", ElevenLabsAgent(scenario=load_scenario("silent"), private=True))
        voice.apply()
        made = Machine(voice, folder)
        made.conf.chmod(0o640)
        yield made


@pytest.fixture
def broken(machine: Machine) -> Iterator[Machine]:
    """To be broken; whole again afterwards."""
    files = {path: (path.read_bytes(), path.stat().st_mode) for path in (machine.conf, machine.module)}
    yield machine
    for path, (content, mode) in files.items():
        if not path.exists() or path.read_bytes() != content:
            fresh = path.with_name(f"{path.name}.fresh")
            fresh.write_bytes(content)
            fresh.replace(path)
        path.chmod(mode)
    (machine.folder / "serve.toml").unlink(missing_ok=True)
    shutil.rmtree(machine.folder / "data", ignore_errors=True)
    modules_conf = machine.voice.asterisk.directory / "etc" / "modules.conf"
    modules_conf.write_text(modules_conf.read_text().replace(f"noload = {MODULE}\n", ""))


def test_one_that_is_well_has_nothing_to_mend(machine: Machine) -> None:
    status, said = machine.doctor()
    assert (status, "BAD" in said) == (0, False), said
    assert "[sales] is ready to talk after" in said
    assert f"Asterisk runs it (process {machine.voice.asterisk.pid})" in said


def _no_module(machine: Machine) -> None:
    machine.module.unlink()


def _other_major(machine: Machine) -> None:
    other = build_module(16 if machine.voice.asterisk.version == 22 else 22)
    machine.module.unlink()
    shutil.copy(other, machine.module)


def _noload(machine: Machine) -> None:
    path = machine.voice.asterisk.directory / "etc" / "modules.conf"
    path.write_text(f"{path.read_text()}noload = {MODULE}\n")


def _no_configuration(machine: Machine) -> None:
    machine.conf.unlink()


def _readable(machine: Machine) -> None:
    machine.conf.chmod(0o644)


def _wrong_key(machine: Machine) -> None:
    machine.without("api_key")
    machine.agent_line("api_key=another-key")


def _no_such_agent(machine: Machine) -> None:
    machine.without("agent_id")
    machine.agent_line("agent_id=nobody")


def _no_such_name(machine: Machine) -> None:
    machine.without("signed_url_endpoint")
    machine.agent_line("signed_url_endpoint=https://nobody.invalid/v1")


def _firewall(machine: Machine) -> None:
    machine.without("signed_url_endpoint")
    machine.agent_line(f"signed_url_endpoint=http://127.0.0.1:{free_port()}/v1")


def _no_tls(machine: Machine) -> None:
    machine.without("signed_url_endpoint")
    machine.agent_line(f"signed_url_endpoint=https://127.0.0.1:{machine.voice.mock.port}/v1")


def _manager_password(machine: Machine) -> None:
    machine.serve_toml("aiconvai", "not this one")


@pytest.mark.parametrize(
    ("break_it", "found", "mended_by"),
    [
        (_no_module, f"{MODULE} is not there", "make install, or install the package"),
        (_other_major, r"was built for Asterisk \d+\S*, and this is \d+", "make clean && make"),
        (_noload, rf"modules.conf:\d+: noload = {MODULE}", "take that line out"),
        (_no_configuration, "aiconvai.conf: No such file", "aiconvai config new"),
        (lambda machine: machine.agent_line("echo_guard=perhaps"), r"aiconvai.conf:\d+: \[sales\] echo_guard = perhaps",
         "aiconvai config check"),
        (_readable, "has keys, and its mode is 0644", "chmod 640"),
        (_wrong_key, r"\[sales\] .*HTTP 401", "api_key"),
        (_no_such_agent, r"\[sales\] .*HTTP 404", "agent_id"),
        (_no_such_name, r"\[sales\] .*nobody.invalid", "resolv.conf"),
        (_firewall, r"\[sales\] .*(Unable to connect|refused)", "firewall"),
        (_no_tls, r"\[sales\] .*TLS", "tls_ca"),
        (_manager_password, r"serve: .*asterisk.pbx", "aiconvai serve --check"),
    ],
)  # fmt: skip
def test_what_is_broken_is_found(
    broken: Machine, break_it: Callable[[Machine], None], found: str, mended_by: str
) -> None:
    break_it(broken)
    status, said = broken.doctor()
    assert status == 1
    assert re.search(rf"^BAD  .*{found}.*\n +-> .*{re.escape(mended_by)}", said, re.MULTILINE), said


def test_a_module_that_is_newer_than_the_one_that_runs_is_told(broken: Machine) -> None:
    fresh = broken.module.with_name("fresh")
    shutil.copy(broken.module, fresh)
    fresh.replace(broken.module)
    status, said = broken.doctor()
    assert (status, "Asterisk still runs the app_aiconvai.so that was there before" in said) == (0, True), said


def test_a_module_that_is_not_loaded_is_told(broken: Machine) -> None:
    broken.voice.asterisk.unload_module()
    try:
        status, said = broken.doctor()
    finally:
        broken.voice.asterisk.cli(f"module load {MODULE}")
    assert (status, f"-> asterisk -rx 'module load {MODULE}'" in said) == (1, True), said
