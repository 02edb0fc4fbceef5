"""`aiconvai local` as it is started: what it says, and what it says of what is wrong."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aiconvai.config.verdict import judge_file
from aiconvai.local.capacity import Costs, calls_that_fit
from aiconvai.local.settings import LocalSettings
from aiconvai.rig.local_program import LocalProgram
from aiconvai.toml_settings import SettingsError, read_toml

LIGHT = '[turns]\ndetection = "energy"\n'


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiconvai", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProgram]:
    with LocalProgram(tmp_path_factory.mktemp("local")) as program:
        yield program


def test_it_passes_the_conformance_check(local: LocalProgram) -> None:
    done = run("conformance", local.url)
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout
    for audio_format in ("pcm_16000", "ulaw_8000"):
        assert run("conformance", local.url, "--audio-format", audio_format).returncode == 0


def test_its_health_and_figures_are_there(local: LocalProgram) -> None:
    address = local.url.replace("ws://", "http://")
    assert httpx.get(f"{address}health").json()["status"] == "healthy"
    assert "aiconvai_local_answer_seconds_bucket" in httpx.get(f"{address}metrics").text


def test_what_it_prints_is_a_valid_section(tmp_path: Path) -> None:
    with LocalProgram(tmp_path, LIGHT) as program:
        pass
    printed = program.said
    section = printed[printed.index("[reception]") :]
    (tmp_path / "aiconvai.conf").write_text(section)
    _, report = judge_file(tmp_path / "aiconvai.conf")
    assert report.problems == ()
    assert program.url in section


def test_check_says_what_there_is_and_what_the_machine_takes() -> None:
    done = run("local", "--check")
    assert done.returncode == 0, done.stderr
    for part in ("recognition: ", "tiny.en", "voice: hibari", "mind: the receptionist", "Silero"):
        assert part in done.stdout
    assert re.search(r"^ok     \d+ calls at the same time$", done.stdout, re.MULTILINE)


WRONG = {
    "[listen]\nprot = 1": "listen.prot: no such key",
    '[listen]\nhost = "0.0.0.0"': "expected secret or secret_file beside it: others can reach it",
    '[mind]\nengine = "model"\nurl = "http://127.0.0.1:1/v1"': "expected model = its name there",
    '[mind]\nengine = "model"\nmodel = "x"': "expected url = http",
    '[voice]\nengine = "piper"': "expected voice = the file of a voice",
    '[recognition]\nengine = "wyoming"\nurl = "http://x"': "expected url = tcp://",
    "[turns]\nend_ms = 1": "turns.end_ms",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_settings_are_told_with_file_and_key(text: str, tmp_path: Path) -> None:
    path = tmp_path / "local.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        read_toml(path, LocalSettings)
    assert str(path) in str(raised.value)
    assert WRONG[text] in str(raised.value)


UNUSABLE = {
    "a model that nobody has": ('[recognition]\nmodel = "large"', "large"),
    "a folder without a model": ('[recognition]\nmodel = "/nonexistent"', "/nonexistent"),
    "an endpoint that is down": (
        '[mind]\nengine = "model"\nurl = "http://127.0.0.1:1/v1"\nmodel = "x"', "http://127.0.0.1:1/v1",
    ),
    "a file of intents that is not there": ('[mind]\nfile = "/nonexistent.yaml"', "/nonexistent.yaml"),
    "a voice that is not packaged": ('[voice]\nvoice = "nobody"', "nobody"),
    "a file with a secret that is not there": ('[listen]\nsecret_file = "/nonexistent/secret"', "/nonexistent/secret"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_used_is_said_in_a_sentence_at_once(what: str, tmp_path: Path) -> None:
    text, named = UNUSABLE[what]
    quick = "" if "[voice]" in text else '[voice]\nengine = "espeak-ng"\n'
    (tmp_path / "local.toml").write_text(f"{LIGHT}{quick}{text}\n")
    for more in ([], ["--check"]):
        done = run("local", "--config", tmp_path / "local.toml", *more)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("aiconvai local: ")]
        assert named in sentence


def test_a_port_that_somebody_has_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "local.toml").write_text(f"{LIGHT}[listen]\nport = {port}\n")
        done = run("local", "--config", tmp_path / "local.toml")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(port) in done.stderr


def test_as_many_calls_fit_as_processors_have_time_for() -> None:
    costs = Costs(recognition=0.3, voice=0.1, detection_share=0.008, sentence_seconds=5.0)
    # 0.4 s of every eight, and a fiftieth all the time, of six tenths of a processor.
    assert (calls_that_fit(costs, 1), calls_that_fit(costs, 2)) == (8, 17)
    assert calls_that_fit(Costs(60.0, 1.0, 0.5, 5.0), 1) == 1
