"""`aiconvai doctor` on installations each of which has one thing wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiconvai.doctor.agent_checks import judged_clock, mend_of
from aiconvai.doctor.beside_checks import port_checks, rtp_ports
from aiconvai.doctor.bundle import write_bundle
from aiconvai.doctor.codec_checks import codec_checks
from aiconvai.doctor.file_checks import file_checks
from aiconvai.doctor.finding import Finding
from aiconvai.doctor.installation import MODULE, Installation
from aiconvai.doctor.module_checks import module_checks
from aiconvai.inspect_module import Verdict
from aiconvai.serve.settings import ServeSettings

WITH_A_KEY = (
    "[sales]\nagent_id = agent_1\nsigned_url_endpoint = https://ai.example/signed\napi_key = sk-very-secret\n"
)
RUNNING = """
import mmap, sys, time
with open(sys.argv[1], "rb") as file:
    memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print("running", flush=True)
time.sleep(60)
"""
"""What stands for an Asterisk that has loaded a file: it is in its memory."""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """One that is well, as far as it can be without an Asterisk."""
    for folder in ("etc", "modules", "run", "log"):
        (tmp_path / folder).mkdir()
    conf = tmp_path / "etc" / "asterisk.conf"
    conf.write_text(
        f"[directories]\nastetcdir => {tmp_path}/etc\nastmoddir => {tmp_path}/modules\n"
        f"astrundir => {tmp_path}/run\nastlogdir => {tmp_path}/log\n"
    )
    program = tmp_path / "asterisk"
    program.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Asterisk 22.10.1" || echo "of the console"\n')
    program.chmod(0o755)
    (tmp_path / "modules" / MODULE).write_bytes(b"...\0aiconvai-built-for-asterisk=22.10.1\0...")
    (tmp_path / "etc" / "modules.conf").write_text("[modules]\nautoload = yes\n")
    aiconvai_conf = tmp_path / "etc" / "aiconvai.conf"
    aiconvai_conf.write_text(WITH_A_KEY)
    aiconvai_conf.chmod(0o640)
    return Installation.of(conf, program)


@pytest.fixture
def runs(installation: Installation) -> Iterator[Callable[[Path], None]]:
    """Has a process run that has loaded that file, and is the Asterisk."""
    processes: list[subprocess.Popen[str]] = []

    def run(loaded: Path) -> None:
        one = subprocess.Popen([sys.executable, "-c", RUNNING, str(loaded)], stdout=subprocess.PIPE, text=True)
        processes.append(one)
        assert one.stdout is not None
        assert one.stdout.readline() == "running\n"
        (installation.directories["astrundir"] / "asterisk.pid").write_text(f"{one.pid}\n")

    yield run
    for one in processes:
        one.kill()
        one.wait()
        if one.stdout is not None:
            one.stdout.close()


def wrong(findings: Iterator[Finding]) -> list[Finding]:
    return [one for one in findings if one.grade is not Verdict.GOOD]


def test_one_that_is_well_has_nothing_to_mend(
    installation: Installation, runs: Callable[[Path], None], tmp_path: Path
) -> None:
    runs(installation.module)
    # The program is a script here: whether the module fits it cannot be told.
    (unknown,) = wrong(module_checks(installation))
    assert (unknown.grade, "ELF" in unknown.what) == (Verdict.WEAK, True)
    assert wrong(file_checks(installation, tmp_path / "none")) == []


def test_there_is_no_asterisk(installation: Installation) -> None:
    (one,) = module_checks(Installation(None, installation.directories))
    assert (one.grade, one.mend) == (Verdict.BAD, "install Asterisk, or run this where it is")


def test_the_module_is_not_there(installation: Installation) -> None:
    installation.module.unlink()
    (one,) = wrong(module_checks(installation))
    assert one.what == f"{installation.module} is not there"
    assert "asterisk-aiconvai" in one.mend


def test_the_module_is_for_another_major_version(installation: Installation, runs: Callable[[Path], None]) -> None:
    installation.module.write_bytes(b"aiconvai-built-for-asterisk=16.28.0\0")
    runs(installation.module)
    (one,) = wrong(module_checks(installation))
    assert one.what.endswith("was built for Asterisk 16.28.0, and this is 22.10.1")
    assert one.mend.startswith("make clean && make && sudo make install")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[modules]\nautoload = yes\nnoload => app_aiconvai.so\n", "modules.conf:3: noload = app_aiconvai.so"),
        ("[modules]\nload = pbx_config.so\n", "loads only what it names, and not app_aiconvai.so"),
    ],
)
def test_it_is_not_to_be_loaded(
    installation: Installation, runs: Callable[[Path], None], text: str, expected: str
) -> None:
    (installation.configuration / "modules.conf").write_text(text)
    runs(installation.module)
    assert [one.what for one in wrong(module_checks(installation)) if expected in one.what]


def test_asterisk_does_not_run(installation: Installation) -> None:
    assert "Asterisk does not run" in [one.what for one in wrong(module_checks(installation))]


def test_asterisk_has_not_loaded_it(installation: Installation, runs: Callable[[Path], None]) -> None:
    runs(installation.configuration / "modules.conf")
    (one,) = (one for one in wrong(module_checks(installation)) if one.grade is Verdict.BAD)
    assert one.mend == "asterisk -rx 'module load app_aiconvai.so'"


def test_asterisk_runs_the_one_before(installation: Installation, runs: Callable[[Path], None]) -> None:
    runs(installation.module)
    newer = installation.module.with_suffix(".new")
    newer.write_bytes(installation.module.read_bytes())
    newer.replace(installation.module)
    found = wrong(module_checks(installation))
    assert [one.mend for one in found if "that was there before" in one.what] == [
        "asterisk -rx 'core restart when convenient'"
    ]


def test_there_is_no_configuration(installation: Installation, tmp_path: Path) -> None:
    installation.aiconvai_conf.unlink()
    (one,) = file_checks(installation, tmp_path / "none")
    assert (one.grade, "aiconvai config new" in one.mend) == (Verdict.BAD, True)


def test_a_line_is_wrong(installation: Installation, tmp_path: Path) -> None:
    installation.aiconvai_conf.write_text("[sales]\nagent_id = agent_1\nno_such_option = 7\n")
    (one,) = (one for one in wrong(file_checks(installation, tmp_path / "none")))
    assert "aiconvai.conf:3: [sales] no_such_option" in one.what


def test_everybody_may_read_the_keys(installation: Installation, tmp_path: Path) -> None:
    installation.aiconvai_conf.chmod(0o644)
    (one,) = wrong(file_checks(installation, tmp_path / "none"))
    assert "0644" in one.what
    assert one.mend == f"chown asterisk:asterisk {installation.aiconvai_conf}; chmod 640 {installation.aiconvai_conf}"


def test_a_file_without_keys_may_be_read(installation: Installation, tmp_path: Path) -> None:
    installation.aiconvai_conf.write_text("[sales]\nagent_id = agent_1\n")
    installation.aiconvai_conf.chmod(0o644)
    assert wrong(file_checks(installation, tmp_path / "none")) == []


def test_an_included_file_has_keys_too(installation: Installation, tmp_path: Path) -> None:
    installation.aiconvai_conf.write_text("#include keys.conf\n")
    keys = installation.configuration / "keys.conf"
    keys.write_text(WITH_A_KEY)
    keys.chmod(0o604)
    (one,) = wrong(file_checks(installation, tmp_path / "none"))
    assert one.what.startswith(f"{keys} has keys, and its mode is 0604")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs as somebody else")
def test_asterisk_may_not_read_it(installation: Installation, tmp_path: Path) -> None:
    installation.aiconvai_conf.chmod(0o600)
    installation.__dict__["process"] = None
    with subprocess.Popen(["setpriv", "--reuid", "65534", "--clear-groups", "sleep", "60"]) as other:
        try:
            installation.__dict__["process"] = other.pid
            os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOHANG)
            while installation.user != 65534:
                assert other.poll() is None
            found = wrong(file_checks(installation, tmp_path / "none"))
        finally:
            other.kill()
    assert [one.what for one in found] == [
        f"{installation.aiconvai_conf} cannot be read by Asterisk, which runs as user nobody"
    ]


def test_freepbx_would_open_it(installation: Installation, tmp_path: Path) -> None:
    (freepbx := tmp_path / "freepbx.conf").touch()
    (one,) = wrong(file_checks(installation, freepbx))
    line = f"file = {installation.aiconvai_conf},0640,asterisk,asterisk"
    assert one.mend.endswith(f"below [custom]: {line}")
    (installation.configuration / "freepbx_chown.conf").write_text(f"[custom]\n{line}\n")
    assert wrong(file_checks(installation, freepbx)) == []


def test_the_journal_has_no_folder(installation: Installation, tmp_path: Path) -> None:
    text = installation.aiconvai_conf.read_text()
    installation.aiconvai_conf.write_text(f"[general]\njournal = {tmp_path}/nowhere/calls.jsonl\n{text}")
    (one,) = wrong(file_checks(installation, tmp_path / "none"))
    assert one.mend.startswith(f"mkdir -p {tmp_path}/nowhere")


def test_a_codec_nobody_understands(installation: Installation) -> None:
    (installation.configuration / "pjsip.conf").write_text("[phone]\ntype = endpoint\nallow = !all,opus,ulaw,gsm\n")
    (installation.modules / "codec_gsm.so").touch()
    (one,) = wrong(codec_checks(installation))
    assert "allow = opus" in one.what
    assert "pjsip.conf:3" in one.what
    (installation.modules / "codec_opus.so").touch()
    assert wrong(codec_checks(installation)) == []


def test_ports_that_asterisk_takes(installation: Installation) -> None:
    (installation.configuration / "rtp.conf").write_text("[general]\nrtpstart = 10000\nrtpend = 20000\n")
    assert rtp_ports(installation.configuration / "rtp.conf") == (10_000, 20_000)
    ari = {"url": "http://127.0.0.1:8088", "user": "u", "secret": "s", "apps": {"ai": "sales"}}
    settings = ServeSettings.model_validate({"gateway": {"ari": {"pbx": ari}}})
    (one,) = wrong(port_checks(installation, settings))
    assert one.mend == "rtp_ports = [20001, 21000]"
    apart = ServeSettings.model_validate({"gateway": {"ari": {"pbx": {**ari, "rtp_ports": [20_002, 20_999]}}}})
    assert wrong(port_checks(installation, apart)) == []


@pytest.mark.parametrize(("ahead", "grade"), [(0.4, Verdict.GOOD), (-8, Verdict.WEAK), (3_600, Verdict.BAD)])
def test_a_clock(ahead: float, grade: Verdict) -> None:
    one = judged_clock(ahead, "api.example")
    assert (one.grade, bool(one.mend)) == (grade, grade is not Verdict.GOOD)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("it answered HTTP 401 to the WebSocket upgrade", "api_key"),
        ("TLS: the certificate was refused: certificate is not yet valid", "clock"),
        ("its address could not be looked up", "resolv.conf"),
        ("the connection could not be made: Connection refused", "firewall"),
        ("it answered HTTP 404", "agent_id"),
        ("wss://ai.example did not accept the connection within 10 s", "firewall"),
    ],
)
def test_a_failure_of_a_connection_has_something_that_mends_it(problem: str, expected: str) -> None:
    assert expected in mend_of(problem)


def test_a_bundle_has_no_secret(installation: Installation, tmp_path: Path) -> None:
    installation.aiconvai_conf.write_text(
        "[sales]\nagent_id = agent_1\napi_key = sk-very-secret\nunknown = perhaps-a-secret\n"
        "conversation_endpoint = wss://bob:hidden@ai.example/v1?token=hidden\n"
    )
    toml = tmp_path / "serve.toml"
    toml.write_text('database = "postgresql://serve:hidden@db/calls"\n[asterisk.a]\nsecret = "hidden"\nuser = "u"\n')
    (tmp_path / "log" / "messages").write_text(
        "[Nov 30] WARNING[1] app_aiconvai.c: +420123456789 could not be heard\n[Nov 30] NOTICE[1] pbx.c: hidden\n"
    )
    findings = [Finding("module", Verdict.BAD, "wss://x/?token=hidden")]
    write_bundle(bundle := tmp_path / "bundle.tar.gz", installation, findings, toml)
    assert bundle.stat().st_mode & 0o777 == 0o600
    with tarfile.open(bundle) as archive:
        texts = {one.name.removeprefix("aiconvai-doctor/"): archive.extractfile(one).read().decode() for one in archive}  # type: ignore[union-attr]
    everything = "\n".join(texts.values())
    for secret in ("very-secret", "perhaps-a-secret", "hidden@", "=hidden", '"hidden"', "420123456789", "pbx.c"):
        assert secret not in everything
    assert "agent_id = agent_1" in texts["aiconvai.conf"]
    assert json.loads(texts["findings.json"])[0]["grade"] == "bad"
    assert "WARNING" in texts["asterisk/log.txt"]
    assert texts["asterisk/core-show-version.txt"] == "of the console\n"
