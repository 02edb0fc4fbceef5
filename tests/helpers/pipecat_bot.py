"""The example of a pipecat bot, as it is started, with OpenAI's services at an address of a test's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiconvai.rig.asterisk.ports import free_port

SECONDS = 60.0


@contextmanager
def running_bot(services: str, log: Path) -> Iterator[str]:
    """Its address. It answers all calls, and has said nothing that looks like a fault."""
    port = free_port()
    environment = {**os.environ, "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": services}
    command = [sys.executable, "-m", "aiconvai.pipecat.example_bot", "--port", str(port)]
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + SECONDS
        while "Uvicorn running" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield f"ws://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(SECONDS)
    assert "Traceback" not in log.read_text(), log.read_text()
