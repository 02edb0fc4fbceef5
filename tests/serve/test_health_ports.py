"""Ports of their own that say how it goes: of all, or of an agent."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from gateway_program import GatewayProgram

from aiconvai.rig.asterisk.ports import free_port

AGENTS = "[general]\n\n[sales]\nprovider = openai\napi_key = key\n"


@pytest.mark.alone
def test_a_health_port_is_of_its_agent(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("sales", "nobody", "all")}
    tables = (
        f'[health.sales]\nport = {ports["sales"]}\nagent = "sales"\n'
        f'[health.nobody]\nport = {ports["nobody"]}\nagent = "nobody"\n[health.all]\nport = {ports["all"]}\n'
    )
    program = GatewayProgram(tmp_path, AGENTS, more=tables)
    program.start()
    try:
        with httpx.Client() as client:

            def ask(name: str, path: str) -> httpx.Response:
                return client.get(f"http://127.0.0.1:{ports[name]}{path}")

            program.until("/ready", lambda answer: answer["ready"])
            sales = ask("sales", "/health").json()
            assert (sales["status"], sales["agent"], sales["active_calls"]) == ("healthy", "sales", 0)
            assert ask("sales", "/ready").status_code == 200
            assert ask("sales", "/live").text == "ok"
            nobody = ask("nobody", "/health").json()
            assert (nobody["status"], nobody["problems"]) == ("degraded", ["agent nobody"])
            assert ask("nobody", "/ready").status_code == 503
            assert "agent" not in ask("all", "/health").json()
            # Nothing else is there.
            assert [ask("all", path).status_code for path in ("/", "/login", "/api/calls")] == [404, 404, 404]
    finally:
        assert program.stop() == 0


def test_a_health_port_that_another_program_has(tmp_path: Path) -> None:
    port = free_port()
    program = GatewayProgram(tmp_path, AGENTS, more=f"[health.a]\nport = {port}\n[health.b]\nport = {port}\n")
    done = program.run("gateway")
    assert done.returncode != 0
    assert "Address already in use" in done.stderr
