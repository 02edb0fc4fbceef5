"""The engine and its network without Asterisk (link_threads.c), under AddressSanitizer and ThreadSanitizer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from addresses import FIRST, HOSTS, NAME, SECOND, mute, port_of_both, swallowing
from sanitized_program import SANITIZERS, environment, sanitized

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario, parse_scenario

# Each waits for the builds of the others in the same folder.
pytestmark = pytest.mark.timeout(400)

API_KEY = "test-api-key"

INTERRUPTING = """\
steps:
  - repeat:
      steps:
        - tone: {seconds: 1}
        - wait: 0.2
        - interrupt: true
        - agent_response: Yes?
        - user_transcript: No.
        - tool_call: {name: look, parameters: {a: 1}, wait: false}
        - vad: [0.1]
        - ping: true
"""
CLOSING = "steps: [{tone: {seconds: 0.3}}, {wait: 0.4}, {close: 1000}]"
CUT = "wire: {frame_sizes: [1, 125, 3000], segment_sizes: [7, 1400], coalesce: 2}\nsteps: [{echo: {}}]"


class HostProgram(NamedTuple):
    """tests/host/link_threads.c, built with a sanitizer."""

    path: Path
    sanitizer: str


@pytest.fixture(scope="session", params=SANITIZERS, ids=["thread", "address"])
def host_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HostProgram:
    """The program, built for this machine with one sanitizer."""
    return HostProgram(sanitized("link_threads", request.param, tmp_path_factory.mktemp("host")), request.param)


def _run_threads(program: HostProgram, *arguments: str, before: tuple[str, ...] = (), says: str = "") -> dict[str, Any]:
    """What the program counted; any report of a sanitizer fails the test.

    `before` goes before the command, and `says` is what is to be written to the standard error.
    """
    done = subprocess.run(
        [*before, program.path, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:20000]
    assert done.stderr == says
    counted: dict[str, Any] = json.loads(done.stdout)
    return counted


def _host_agents() -> dict[str, ElevenLabsAgent]:
    scenarios = {
        "echo": load_scenario("echo"),
        "interrupt": parse_scenario(INTERRUPTING),
        "close": parse_scenario(CLOSING),
        "drop": load_scenario("drop", seconds=0.4),
        "cut": parse_scenario(CUT),
    }
    return {name: ElevenLabsAgent(private=True, api_key=API_KEY, scenario=one) for name, one in scenarios.items()}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_engine_and_network_run_under_all_threads(host_program: HostProgram, tls: bool, tmp_path: Path) -> None:
    agents = _host_agents()
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    options = MockOptions(agents=agents, tls=authority.issue_cert("127.0.0.1") if tls else None)
    with ElevenLabsMockThread(options) as mock:
        counted = _run_threads(
            host_program,
            f"--signed-url-endpoint={mock.signed_url_endpoint}",
            f"--api-key={API_KEY}",
            f"--ca-file={ca_file}",
            *(f"--agent={name}" for name in agents),
            "--lines=10",
            "--loops=2",
            "--feeders=3",
            "--seconds=6",
        )
        records = [conversation.record for conversation in mock.conversations]
        for conversation in mock.conversations:
            conversation.wait_closed()
    assert counted["alive"] == 0
    assert counted["conversations"] > 10
    assert counted["conversations"] == sum(counted["ended"].values())
    assert counted["ended"]["UNAVAILABLE"] == 0
    for kind in ("COMPLETED", "CALLER_HANGUP", "LOST"):
        assert counted["ended"][kind] > 0, kind
    for thing in ("frames_heard", "interruptions", "transcripts", "tool_results", "contexts", "queries"):
        assert counted[thing] > 10, thing
    assert counted["frames_heard"] > counted["frames_fed"] // 4
    assert (counted["tls_resumed"] > 10) == tls
    assert not [record.violations for record in records if record.violations]


def test_connections_that_fail_leave_nothing_behind(host_program: HostProgram) -> None:
    with ElevenLabsMockThread(MockOptions(agents={})) as mock:
        counted = _run_threads(
            host_program,
            f"--endpoint={mock.conversation_endpoint}",
            "--agent=unknown",
            "--lines=6",
            "--seconds=2",
        )
    assert counted["alive"] == 0
    assert counted["ready"] == 0
    assert counted["ended"]["UNAVAILABLE"] > 20
    refused = _run_threads(host_program, "--endpoint=ws://127.0.0.1:1/", "--agent=a", "--lines=6", "--seconds=2")
    assert refused["ended"]["UNAVAILABLE"] > 20
    assert refused["alive"] == 0


@pytest.mark.parametrize("first", [swallowing, mute])
def test_addresses_are_raced_under_all_threads(
    host_program: HostProgram, first: Callable[[str, int], Any], tmp_path: Path
) -> None:
    """Callers hang up in the middle of it, too."""
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    hosts = tmp_path / "hosts"
    hosts.write_text(HOSTS)
    # A name server of one's own, for this program alone.
    alone = ("unshare", "--mount", "--map-root-user", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"')
    closing = {"close": ElevenLabsAgent(scenario=parse_scenario(CLOSING))}
    at = {"host": SECOND, "port": port_of_both(), "public_host": NAME}
    options = MockOptions(agents=closing, tls=authority.issue_cert(NAME), **at)
    with ElevenLabsMockThread(options) as mock, first(FIRST, mock.port):
        counted = _run_threads(
            host_program,
            f"--endpoint={mock.conversation_endpoint}",
            f"--ca-file={ca_file}",
            "--agent=close",
            "--lines=10",
            "--loops=2",
            "--feeders=3",
            "--seconds=4",
            before=(*alone, str(hosts)),
        )
    assert counted["alive"] == 0
    assert counted["errors"] == 0
    assert counted["ended"]["UNAVAILABLE"] == 0
    assert counted["ended"]["COMPLETED"] > 20, "they begin again and again, and wait for the other address once"


def test_family_that_leads_nowhere_does_not_keep_the_other_out(host_program: HostProgram) -> None:
    """Not even with more addresses than are kept."""
    script = Path(__file__).with_name("in_namespace.py")
    alone = ("unshare", "--net", "--mount", "--map-root-user", sys.executable, str(script))
    counted = _run_threads(host_program, before=alone)
    assert counted["alive"] == 0
    assert counted["errors"] == 0
    assert counted["ended"]["UNAVAILABLE"] == 0
    assert counted["ended"]["COMPLETED"] > 8


def test_loop_whose_libwebsockets_fails_ends_its_conversations_and_still_serves_who_waits(
    host_program: HostProgram,
) -> None:
    agents = _host_agents()
    said = "libwebsockets cannot go on: the conversations it served have ended, and no others can begin"
    line = f"link_threads: error: {said}; unload and load the module, or start the gateway anew\n"
    with ElevenLabsMockThread(MockOptions(agents=agents)) as mock:
        counted = _run_threads(
            host_program,
            f"--signed-url-endpoint={mock.signed_url_endpoint}",
            f"--api-key={API_KEY}",
            *(f"--agent={name}" for name in agents),
            "--lines=10",
            "--loops=2",
            "--feeders=3",
            "--seconds=5",
            "--fail-after=2",
            says=line * 2,
        )
        for conversation in mock.conversations:
            conversation.wait_closed()
    assert counted["alive"] == 0
    assert counted["conversations"] == sum(counted["ended"].values())
    assert counted["ended"]["LOST"] > 3
    # Queries and hang-ups of those that were refused at once.
    assert counted["ended"]["UNAVAILABLE"] > 100
    assert counted["queries"] > 100
