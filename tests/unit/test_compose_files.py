"""The files of packaging/compose: what they ask for is in .env.sample, and what comes of them is valid."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from aiconvai.config.verdict import judge_file
from aiconvai.serve.settings import read_settings

COMPOSE = Path(__file__).parents[2] / "packaging" / "compose"
FOLDERS = sorted(path.parent for path in COMPOSE.glob("*/compose.yaml"))
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
DIALPLAN = "extensions.conf"
"""Whose variables are Asterisk's."""

pytestmark = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])


def sample(folder: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(folder / ".env.sample", interpolate=False).items()}


def services(folder: Path) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    return given


def configuration(folder: Path) -> list[Path]:
    """All files that are mounted."""
    mounted = [one.partition(":")[0] for own in services(folder).values() for one in own.get("volumes", ())]
    return [path for one in mounted if one.startswith("./") for path in sorted((folder / one).iterdir())]


def test_every_variable_is_in_the_sample_and_every_one_of_the_sample_is_used(folder: Path) -> None:
    used = set(_VARIABLE.findall((folder / "compose.yaml").read_text()))
    for path in configuration(folder):
        if path.name != DIALPLAN:
            used |= set(_VARIABLE.findall(path.read_text()))
    assert used == set(sample(folder))


def test_the_sample_has_no_secret(folder: Path) -> None:
    empty = {name for name, value in sample(folder).items() if not value}
    assert empty == {name for name in sample(folder) if re.search("SECRET|PASSWORD|API_KEY", name)}


def test_nothing_has_more_than_it_needs(folder: Path) -> None:
    for name, service in services(folder).items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["restart"] == "unless-stopped", name
        assert {"mem_limit", "cpus", "pids_limit"} <= set(service), name
        assert all(one.endswith(":ro") for one in service.get("volumes", ()) if one.startswith("./")), name
        assert "privileged" not in service, name


def test_what_comes_of_them_is_valid(folder: Path, tmp_path: Path) -> None:
    values = {name: value or "secret" for name, value in sample(folder).items()}
    for path in configuration(folder):
        (tmp_path / path.name).write_text(Template(path.read_text()).safe_substitute(values))
    settings = read_settings(tmp_path / "serve.toml")
    assert settings.page.port == 8070
    _, report = judge_file(tmp_path / "aiconvai.conf")
    assert report.problems == ()
    answering = {one.agent for one in settings.gateway.audiosocket.values() if one.agent}
    answering |= {agent for one in settings.gateway.ari.values() for agent in one.apps.values()}
    assert answering <= set(report.agents)
