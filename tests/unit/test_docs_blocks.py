"""Every block of the README and of docs/ is what it says that it is.

Commands of ours are read by the very commands; those that can run here, run. Settings are judged by what judges them.
What only an Asterisk can judge (dialplan, its other files, its commands) is in tests/integration/test_docs_asterisk.py,
what programs print in docs/troubleshooting.md in the tests that it names.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from command_line import problems
from docs_blocks import ROOT, Block, Command, blocks, commands, indented, pages

from aiconvai.config.verdict import judge_file
from aiconvai.local.settings import LocalSettings
from aiconvai.mock import parse_scenario
from aiconvai.serve.settings import ServeSettings

JUDGED_HERE = {"aiconvai.conf", "local.toml", "serve.toml"}
JUDGED_BY_ASTERISK = {"extensions.conf", "extensions_custom.conf", "manager.conf", "ari.conf", "pjsip.conf"}
"""tests/integration/test_docs_asterisk.py."""
LANGUAGES = {"sh", "bash", "console", "ini", "toml", "yaml", "python", "json", "jsonl", "text"}
JUDGED_ELSEWHERE = {"nginx": "tests/gateway/test_browser_door.py"}

_UNIT = "it changes this machine; tests/unit/test_local_unit.py reads it"
_COMPOSE = "tests/packages/test_compose.py does"
_RELEASE = "tests/packages/test_dist.py does"
NOT_RUN = {
    "apt": "it changes this machine",
    "cd": _COMPOSE,
    "cp": _COMPOSE,
    "docker": _COMPOSE,
    "minisign": _RELEASE,
    "mkdir": "for a list of packages of another archive",
    "packaging/lock": "it asks for the newest libraries there are",
    "rpmbuild": "tests/packages/test_rpms.py does",
    "scp": "from another machine",
    "sha256sum": _RELEASE,
    "chmod": "of a file in /etc",
    "chown": "of a file in /etc",
    "createdb": "of a database server that this machine may not have",
    "createuser": "of a database server that this machine may not have",
    "curl": "of a service that is not here",
    "install": _UNIT,
    "python3": _UNIT,
    "/opt/aiconvai-local/bin/pip": _UNIT,
    "podman": "tests/packages/test_images.py makes the image, and looks at it",
    "python": "tests/pipecat/test_pipecat_calls.py does",
    "echo": "by an account at Google",
    "gcloud": "by an account at Google",
    "git": "it fetches from elsewhere",
    "grep": "in a log, or in what the command before it prints",
    "meson": "tests/host/test_build.py builds",
    "ninja": "tests/host/test_build.py builds",
    "pytest": "it is what runs this",
    "pip": "it fetches from elsewhere; tests/packages installs the wheel",
    "systemctl": "there is no systemd",
}
"""The first word of a command that is not run here, and why."""
FRAGMENT = "[sales]\n"
"""What stands above lines that are part of an agent's section."""
AGENT = "provider = openai\napi_key = sk-1\n"
"""What is added to a section that says something of an agent, and not whose it is."""


def ident(one: object) -> str:
    return str(one)


@pytest.mark.parametrize("path", pages(), ids=ident)
def test_a_block_says_what_it_is(path: Path) -> None:
    assert list(indented(path)) == [], f"{path}: lines that are indented: put them between ```LANGUAGE and ```"


@pytest.mark.parametrize("block", blocks(), ids=ident)
def test_a_block_is_of_a_kind_that_is_judged(block: Block) -> None:
    assert block.language in LANGUAGES | set(JUDGED_ELSEWHERE), (
        f"{block}: say here how a block of {block.language} is judged"
    )
    if block.language in ("ini", "toml"):
        known = JUDGED_HERE | JUDGED_BY_ASTERISK
        assert block.title in known, f'{block}: expected ```{block.language} title="...", one of {sorted(known)}'


# Commands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("sh", "bash"), ids=ident)
def test_a_shell_understands_it(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), block


@pytest.fixture(scope="module")
def misunderstood() -> dict[Command, str]:
    """What is wrong with each command of ours."""
    ours = [one for one in commands() if one.words[0] == "aiconvai"]
    return dict(zip(ours, problems([one.words[1:] for one in ours]), strict=True))


@pytest.mark.parametrize("command", commands(), ids=lambda one: f"{one.block}:{one}"[:90])
def test_a_command_is_there(command: Command, misunderstood: dict[Command, str]) -> None:
    program, *arguments = command.words
    if program == "aiconvai":
        assert misunderstood[command] == ""
    elif program == "make":
        done = subprocess.run(["make", "-n", "-o", "bootstrap", *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    elif program == "asterisk":
        assert arguments[0] in ("-rx", "-rvvv"), "what it says to a running Asterisk is tried there"
    elif program == ".venv/bin/python":
        assert (ROOT / arguments[0]).is_file()
    else:
        assert program in NOT_RUN, f"{command.block}: {command}: run it here, or say why not in NOT_RUN"


def test_a_command_that_is_wrong_is_found() -> None:
    wrong = [["no-such-command"], ["mock", "--no-such-option"], ["config", "no-such-one"], ["doctor", "surplus"]]
    found = problems(wrong)
    assert [one for one, problem in zip(wrong, found, strict=True) if not problem] == []


def test_those_that_can_run_here_run(tmp_path: Path) -> None:
    """With what the pages say stands in the files."""
    (functions,) = (one for one in blocks("python") if "/etc/aiconvai/tools/hotel.py" in one.text)
    (tmp_path / "hotel.py").write_text(functions.text)
    (tmp_path / "serve.toml").write_text(f'[tools]\npython = ["hotel"]\npython_path = "{tmp_path}"\n')
    first_agent = blocks("ini", title="aiconvai.conf")[0]
    (tmp_path / "aiconvai.conf").write_text(first_agent.text)
    expected = {
        'tools try python:hotel.find_booking \'{"name": "Ada"}\'': '"room": 12',
        "mock --list": "conversation",
        "config check /etc/asterisk/aiconvai.conf": "valid, ",
    }
    written = {str(one).removeprefix("aiconvai ") for one in commands()}
    for command, answer in expected.items():
        assert command in written
        words = [one.replace("/etc/asterisk", str(tmp_path)) for one in shlex.split(command)]
        if words[0] == "tools":
            words += ["--config", str(tmp_path / "serve.toml")]
        done = subprocess.run([sys.executable, "-m", "aiconvai", *words], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert answer in done.stdout


# Settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("ini", title="aiconvai.conf"), ids=ident)
def test_agents_are_judged_well(block: Block, tmp_path: Path) -> None:
    text = completed(block.text if re.match(r"\[", block.text) else FRAGMENT + block.text)
    (tmp_path / "aiconvai-token.conf").write_text("api_key = ya29.token\n")
    (path := tmp_path / "aiconvai.conf").write_text(text)
    _, report = judge_file(path)
    assert [str(one) for one in report.problems] == []


def completed(text: str) -> str:
    """With all that an agent cannot do without."""
    sections = re.split(r"(?m)^(?=\[)", text)
    for at, section in enumerate(sections):
        name = section.partition("]")[0].removeprefix("[")
        if not name or name == "general" or name.startswith(("tool-", "prompt-")):
            continue
        if "provider" not in section and "agent_id" not in section:
            sections[at] += AGENT
        elif not re.search("api_key|_url|#include", section):
            sections[at] += "api_key = sk-1\n"
    return "".join(sections)


@pytest.mark.parametrize("block", blocks("toml", title="serve.toml"), ids=ident)
def test_settings_are_read(block: Block) -> None:
    ServeSettings.model_validate(tomllib.loads(block.text))


@pytest.mark.parametrize("block", blocks("toml", title="local.toml"), ids=ident)
def test_settings_of_a_local_agent_are_read(block: Block) -> None:
    LocalSettings.model_validate(tomllib.loads(block.text))


@pytest.mark.parametrize("block", blocks("yaml", "json", "jsonl", "python"), ids=ident)
def test_what_it_is_written_in_is_right(block: Block) -> None:
    match block.language:
        case "yaml":
            given = yaml.safe_load(block.text)
            if block.title in ("scenario", "handshake", "wire"):
                parse_scenario(yaml.safe_dump(given if block.title == "scenario" else {block.title: given}))
        case "json":
            json.loads(block.text)
        case "jsonl":
            assert [json.loads(line) for line in block.text.splitlines()]
        case "python":
            ast.parse(block.text)
