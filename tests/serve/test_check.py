"""`aiconvai serve --check` says of each thing whether it can be used, and changes nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_manager_connection import agree, serving

from aiconvai.serve.check import check
from aiconvai.serve.settings import ServeSettings


@pytest.fixture
def listening() -> Iterator[str]:
    """An address that can be reached."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


async def findings(tmp_path: Path, *, needs_module: bool = True, **given: Any) -> dict[str, tuple[bool, str]]:
    """By what they are about."""
    settings = ServeSettings.model_validate({"data": tmp_path, **given})
    found = {}
    async for one in check(settings, needs_module=needs_module):
        key, _, what = one.what.partition(": ")
        found[key] = (one.is_well, what)
    return found


def an_asterisk(**given: Any) -> dict[str, Any]:
    return {"pbx": {"user": "u", "secret": "s", "port": 1, **given}}


async def test_what_can_be_used_is(tmp_path: Path, listening: str) -> None:
    (tmp_path / "aiconvai.conf").write_text("[sales]\nagent_id = x\n")
    (tmp_path / "hotel.py").write_text("raise SystemExit('it was run')\n")
    found = await findings(
        tmp_path,
        asterisk=an_asterisk(recordings=tmp_path / "later", aiconvai_conf=tmp_path / "aiconvai.conf"),
        tools={"python": ["hotel", "json"], "python_path": tmp_path},
        mcp={"shop": {"command": [sys.executable]}, "crm": {"url": f"{listening}/mcp"}},
        summary={"url": listening, "model": "m"},
        telemetry={"url": listening},
        webhook={"crm": {"url": listening}},
    )
    wrong = {key for key, (is_well, _) in found.items() if not is_well}
    assert wrong - {"page"} == {"asterisk.pbx"}
    assert found["mcp.crm"] == (True, f"{listening}/mcp can be reached")
    assert "valid" in found["asterisk.pbx.aiconvai_conf"][1]


async def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    (tmp_path / "aiconvai.conf").write_text("[sales]\nagent_id = x\nno_such_option = 1\n")
    found = await findings(
        tmp_path,
        asterisk=an_asterisk(recordings=tmp_path / "no" / "where", aiconvai_conf=tmp_path / "aiconvai.conf"),
        tools={"python": ["no_such_module"]},
        mcp={"shop": {"command": ["no-such-program"]}, "crm": {"url": nobody}},
        summary={"url": nobody, "model": "m", "secret_file": tmp_path / "none"},
        telemetry={"url": nobody, "header_files": {"X": tmp_path / "none"}},
        webhook={"crm": {"url": nobody}},
    )
    right = {key for key, (is_well, _) in found.items() if is_well}
    assert right - {"page"} == {"data", "database"}
    assert "aiconvai.conf:3: [sales] no_such_option" in found["asterisk.pbx.aiconvai_conf"][1]
    assert "no such module" in found["tools.python"][1]
    assert "no such program" in found["mcp.shop"][1]
    assert "No such file" in found["summary"][1]
    assert "Connection refused" in found["webhook.crm"][1]


@pytest.mark.parametrize("needs_module", [True, False])
async def test_the_gateway_needs_no_module(needs_module: bool, tmp_path: Path) -> None:
    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if action["Action"] == "AIConvAIList":
            refusal = f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Invalid/unknown command\r\n\r\n"
            writer.write(refusal.encode())
        else:
            await agree(action, writer)

    async with serving(answer) as settings:
        found = await findings(tmp_path, needs_module=needs_module, asterisk=an_asterisk(port=settings.port))
    is_well, what = found["asterisk.pbx"]
    assert is_well != needs_module
    assert ("app_aiconvai is not loaded there" in what) == needs_module
