"""A key in a file of its own, as the gateway and the check of aiconvai.conf have it; the module: test_secrets.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aiconvai.config.verdict import judge_file
from aiconvai.engine.library import GATEWAY, Library, library_path
from aiconvai.gateway.agents import Agents, AgentsError

pytestmark = pytest.mark.programs


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's, whichever a test before this has loaded."""
    found = Library(library_path(GATEWAY))
    for name, module in list(sys.modules.items()):
        if name.startswith("aiconvai.") and hasattr(module, "load_library"):
            monkeypatch.setattr(module, "load_library", lambda: found)


def configuration(folder: Path, place: str) -> Path:
    path = folder / "aiconvai.conf"
    path.write_text(f"[sales]\nagent_id = a\nsigned_url_endpoint = https://h/u\napi_key = {place}\n")
    return path


def test_a_key_is_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" sk-1 \nmore\n")
    for place in ("file:key", f"file:{tmp_path}/key"):
        path = configuration(tmp_path, place)
        assert judge_file(path)[1].valid
        agent = Agents(path).find("sales")
        assert agent is not None
        assert agent.settings["api_key"] == "sk-1"


def test_a_file_without_a_key_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for place, said in (("file:none", "No such file"), ("file:empty", "expected a key"), ("file:.", "Is a directory")):
        with pytest.raises(AgentsError, match=said) as told:
            Agents(configuration(tmp_path, place))
        assert "aiconvai.conf:4: api_key" in str(told.value)


def test_a_url_with_a_token_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "aiconvai.conf"
    path.write_text("[sales]\nprovider = websocket\nconversation_url = file:url\n")
    (tmp_path / "url").write_text("wss://h/?token=x\n")
    assert judge_file(path)[1].valid
    agent = Agents(path).find("sales")
    assert agent is not None
    assert agent.settings["conversation_url"] == "wss://h/?token=x"
