"""`aiconvai tools sync`: tools that describe themselves are declared for the agents that name them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiconvai.config.verdict import judge_file
from aiconvai.serve.tools.cli import app

CONF = """\
[sales]
agent_id = x
tool_add = python:tools_of_this_test.add
tool_buy = mcp:shop/buy
tool_own = python:tools_of_this_test.add
tool_look = https://crm.example/look

[tool-own]
description = Declared by hand.

#tryinclude aiconvai-tools.conf
"""
TOOLS = """
def add(first: int, second: int = 1) -> int:
    "Adds two numbers; that is all."
    return first + second
"""
SERVER = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")

@server.tool()
def buy(what: str) -> str:
    "Buys something."
    return what

server.run("stdio")
"""


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tools_of_this_test.py").write_text(TOOLS)
    (tmp_path / "shop.py").write_text(SERVER)
    shop = f'[mcp.shop]\ncommand = ["{sys.executable}", "{tmp_path}/shop.py"]'
    tools = f'[tools]\npython = ["tools_of_this_test"]\npython_path = "{tmp_path}"'
    (tmp_path / "serve.toml").write_text(f'data = "{tmp_path}"\n{tools}\n{shop}\n')
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "tools_of_this_test", raising=False)
    path = tmp_path / "aiconvai.conf"
    path.write_text(CONF)
    return path


def run(conf: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments, "--config", str(conf.with_name("serve.toml"))])
    return done.exit_code, done.output


@pytest.mark.parametrize("times", [1, 2])
def test_the_file_that_is_included_has_them(conf: Path, times: int) -> None:
    for _ in range(times):
        code, said = run(conf, "sync", "--aiconvai-conf", str(conf))
        assert code == 0, said
    assert "written with 2 tools" in said
    assert "#tryinclude" not in said, "it is there already"
    _, report = judge_file(conf)
    assert report.valid, report.problems
    add, buy, own = (report.tools[name] for name in ("add", "buy", "own"))
    assert add.model_dump()["description"] == "Adds two numbers; that is all."
    assert '"first"' in str(add.model_dump()["parameters"])
    assert buy.model_dump()["description"] == "Buys something."
    assert own.model_dump()["description"] == "Declared by hand."
    assert "title" not in conf.with_name("aiconvai-tools.conf").read_text()


def test_it_may_be_printed_instead(conf: Path) -> None:
    run(conf, "sync", "--aiconvai-conf", str(conf))
    code, said = run(conf, "sync", "--aiconvai-conf", str(conf), "--output", "-")
    assert code == 0
    assert "[tool-add]" in said
    assert "[tool-buy]" in said
    assert "[tool-own]" not in said


def test_one_name_for_two_tools_is_said(conf: Path) -> None:
    conf.write_text(CONF.replace("[tool-own]", "[other]\nagent_id = y\ntool_add = mcp:shop/add\n\n[tool-own]"))
    code, said = run(conf, "sync", "--aiconvai-conf", str(conf))
    assert code == 1
    assert "aiconvai.conf:10: tool_add = mcp:shop/add: expected python:tools_of_this_test.add" in said
    assert not conf.with_name("aiconvai-tools.conf").exists()


def test_a_tool_that_is_not_there_is_said(conf: Path) -> None:
    conf.write_text(CONF.replace("mcp:shop/buy", "mcp:shop/sell"))
    code, said = run(conf, "sync", "--aiconvai-conf", str(conf))
    assert (code, "mcp.shop has no tool sell" in said) == (1, True)


def test_a_tool_is_tried(conf: Path) -> None:
    assert run(conf, "try", "python:tools_of_this_test.add", '{"first": 3}') == (0, "4\n")
    assert run(conf, "try", "mcp:shop/buy", '{"what": "tea"}') == (0, "tea\n")
    code, said = run(conf, "try", "python:tools_of_this_test.add", '{"first": "many"}')
    assert (code, "The arguments are wrong" in said) == (1, True)
    assert run(conf, "try", "ftp://x")[0] == 1
