"""`aiconvai config` and the command around it, as a person calls them."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from aiconvai import __version__, cli
from aiconvai.config.reader import read_configuration
from aiconvai.config.verdict import validate

SEED = """\
[general]
debug=false

[sales_agent]
elevenlabs_api_key=sk-your-api-key-here
elevenlabs_get_signed_url_endpoint=https://api.elevenlabs.io/v1/convai/conversation/get-signed-url
elevenlabs_agent_id=agent_0301k2f1kzshe85t9w74t66vz1km
elevenlabs_send_caller_number=true
elevenlabs_audio_frames_buffer_ms=240
"""


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    path = tmp_path / "elevenlabs.conf"
    path.write_text(SEED)
    return path


def run(*arguments: object, stdin: str | None = None) -> tuple[int, str]:
    """Exit status and everything printed."""
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_check_takes_a_seed_file_as_it_is(seed: Path) -> None:
    assert run("config", "check", seed) == (0, f"{seed}: valid, 1 agent\n")


def test_check_names_every_problem(seed: Path) -> None:
    seed.write_text(SEED + "send_dtmf = true  # keys\nagent_di = x\nnonsense\n")
    status, output = run("config", "check", seed)
    assert status == 1
    assert [line.split(":")[1] for line in output.splitlines()] == ["10", "11", "12"]
    assert f"{seed}:10: [sales_agent] send_dtmf = true  # keys: expected yes or no; comments in" in output
    assert "sk-your-api-key-here" not in output


def test_show_masks_secrets_and_names_sources(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    status, output = run("config", "show", seed)
    assert status == 0
    rows = {cells[0]: cells[1:] for line in output.splitlines() if (cells := line.replace("│", " ").split())}
    assert rows["api_key"] == ["****here", f"{seed}:5"]
    assert rows["audio_frames_buffer_ms"] == ["240", "ms", f"{seed}:9"]
    assert rows["max_connection_attempts"] == ["3", "attempts", "default"]
    assert "sk-your-api-key-here" not in output


def test_import_writes_canonical_names(seed: Path, tmp_path: Path) -> None:
    target = tmp_path / "aiconvai.conf"
    status, _ = run("config", "import", seed, "--output", target)
    assert status == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    read = read_configuration(target)
    before, after = validate(read_configuration(seed).sections), validate(read.sections)
    assert after.problems == ()
    assert after.agents == before.agents
    assert after.general == before.general
    assert {entry.key for entry in read.sections[1].entries} == {
        "api_key",
        "signed_url_endpoint",
        "agent_id",
        "send_caller_number",
        "audio_frames_buffer_ms",
    }


def test_import_refuses_to_replace_unless_forced(seed: Path, tmp_path: Path) -> None:
    target = tmp_path / "aiconvai.conf"
    target.write_text("precious")
    status, output = run("config", "import", seed, "-o", target)
    assert status == 1
    assert "give --force to replace it" in output
    assert target.read_text() == "precious"
    assert run("config", "import", seed, "-o", target, "--force")[0] == 0
    assert run("config", "check", target) == (0, f"{target}: valid, 1 agent\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aiconvai.conf", "elevenlabs.conf"]


def test_import_of_a_broken_file_writes_nothing(seed: Path, tmp_path: Path) -> None:
    seed.write_text(SEED.replace("=240", "=24000"))
    assert run("config", "import", seed, "-o", tmp_path / "new.conf")[0] == 1
    assert not (tmp_path / "new.conf").exists()


def test_new_from_options(tmp_path: Path) -> None:
    target = tmp_path / "aiconvai.conf"
    status, output = run(
        "config", "new", "-o", target, "--agent", "help", "--agent-id", "agent;7", "--api-key-file", "-",
        "--set", "prompt=Be brief; be kind",
        "--set", "elevenlabs_send_caller_number=yes", "--set", "debug=on",
        stdin="sk-0123456789\n",
    )  # fmt: skip
    assert (status, output) == (0, f"{target}: written with 1 agent, mode 0640\n")
    report = validate(read_configuration(target).sections)
    agent = report.agents["help"].model_dump()
    assert agent["agent_id"] == "agent;7"
    assert agent["api_key"] == SecretStr("sk-0123456789")
    assert agent["prompt"] == "Be brief; be kind"
    assert agent["send_caller_number"] is True
    assert agent["debug"] is True


def test_new_for_a_public_agent(tmp_path: Path) -> None:
    target = tmp_path / "aiconvai.conf"
    assert run("config", "new", "-o", target, "--agent", "a", "--agent-id", "b", "--public")[0] == 0
    assert validate(read_configuration(target).sections).agents["a"].model_dump()["api_key"] is None


def test_new_checks_what_it_is_given(tmp_path: Path) -> None:
    arguments = ("--agent", "a", "--agent-id", "b", "--public", "--set", "tool_timeout_ms=5")
    status, output = run("config", "new", "-o", tmp_path / "a.conf", *arguments)
    assert status == 1
    assert "tool_timeout_ms = 5: expected 100 to 120000 ms" in output
    assert not (tmp_path / "a.conf").exists()


def test_new_without_a_terminal_names_the_missing_option(tmp_path: Path) -> None:
    status, output = run("config", "new", "-o", tmp_path / "a.conf", "--agent", "a")
    assert status == 2
    assert "--agent-id" in output


def test_version_and_help() -> None:
    assert run("--version") == (0, f"aiconvai {__version__}\n")
    status, output = run("--help")
    assert status == 0
    assert all(name in output for name in cli.SUBCOMMANDS)


def test_a_missing_library_stops_only_its_own_command(monkeypatch: pytest.MonkeyPatch, seed: Path) -> None:
    monkeypatch.setitem(sys.modules, "aiconvai.rig.bench.cli", None)
    status, output = run("bench", "talk")
    assert status == 1
    assert output == "aiconvai bench needs aiconvai.rig.bench.cli: pip install 'aiconvai[rig]'\n"
    assert run("config", "check", seed)[0] == 0


def test_what_an_extra_brings_is_loaded_by_its_own_commands_alone(tmp_path: Path) -> None:
    """An installation without the extras has neither the rig's libraries nor those of AI services."""
    extras = ("matplotlib", "trustme", "G722", "openai", "google.genai", "deepgram", "opentelemetry.sdk", "playwright")
    script = "import importlib, sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in extras)
    commands = {name: (module, extra) for name, (module, extra, _) in cli.SUBCOMMANDS.items()}
    for module in [module for module, extra in commands.values() if extra != "rig"]:
        script += f"importlib.import_module({module!r})\n"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    script = "import sys; sys.modules['trustme'] = None; from aiconvai.cli import app; app()"
    tls = [sys.executable, "-c", script, "mock", "--tls", "--cert-dir", tmp_path]
    done = subprocess.run(tls, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "aiconvai mock: --tls needs trustme: pip install 'aiconvai[mock]'\n")
