"""`aiconvai gateway --check` beside another program that has its port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from gateway_program import GatewayProgram
from printed import printed

pytestmark = pytest.mark.programs


def test_a_port_that_another_program_has_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        program = GatewayProgram(
            tmp_path, "[sales]\nagent_id = agent_1\n", f"[gateway.audiosocket.usual]\nport = {port}\n"
        )
        done = program.run("gateway", "--check")
    assert done.returncode == 1
    wrong = "\n".join(line for line in done.stdout.splitlines() if line.startswith("PROBLEM"))
    assert wrong.count("\n") == 0
    printed("port-taken", ("aiconvai gateway --check | grep PROBLEM", wrong), instead={rf"\b{port}\b": "8090"})
