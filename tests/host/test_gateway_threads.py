"""The gateway without Python (gateway_threads.c), under AddressSanitizer and ThreadSanitizer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from media_server import MediaServer
from sanitized_program import SANITIZERS, environment, sanitized

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario, parse_scenario

# Each waits for the builds of the others in the same folder.
pytestmark = pytest.mark.timeout(400)

TALKING = """\
steps:
  - repeat:
      steps:
        - tone: {seconds: 0.3}
        - user_transcript: No.
        - tool_call: {name: look, parameters: {a: 1}, wait: false}
        - wait: 0.1
"""
CLOSING = "steps: [{tone: {seconds: 0.1}}, {wait: 0.1}, {close: 1000}]"


@pytest.fixture(scope="module", params=SANITIZERS, ids=[one.split(",")[0] for one in SANITIZERS])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sanitized("gateway_threads", request.param, tmp_path_factory.mktemp("gateway"))


def test_calls_come_and_go_under_all_threads(program: Path) -> None:
    scenarios = {
        "echo": load_scenario("echo"),
        "talk": parse_scenario(TALKING),
        "close": parse_scenario(CLOSING),
        "drop": load_scenario("drop", seconds=0.2),
    }
    agents = {name: ElevenLabsAgent(scenario=one) for name, one in scenarios.items()}
    with ElevenLabsMockThread(MockOptions(agents=agents)) as mock, MediaServer.unruly() as asterisk:
        names = [f"--agent={name}" for name in agents]
        done = subprocess.run(
            [
                program,
                f"--endpoint={mock.conversation_endpoint}",
                f"--media={asterisk.url}",
                *names,
                "--callers=12",
                "--seconds=6",
            ],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr[:20000]
        assert done.stderr == ""
        for conversation in mock.conversations:
            conversation.wait_closed()
        violations = [one.record.violations for one in mock.conversations if one.record.violations]
    counted = json.loads(done.stdout)
    # The last ones are over when nobody takes events any more.
    came = counted["arrived"] + counted["opened"] + counted["sessions"] + counted["websockets"]
    assert came - 16 <= counted["over"] <= came
    assert counted["arrived"] <= counted["connected"]
    assert counted["dropped"] == 0
    things = ("arrived", "opened", "ready", "ended", "finished", "terminated", "frames_heard", "tool_results")
    for thing in (*things, "sessions", "websockets"):
        assert counted[thing] > 10, (thing, counted)
    assert asterisk.frames > 10
    assert asterisk.problems == []
    assert violations == []
