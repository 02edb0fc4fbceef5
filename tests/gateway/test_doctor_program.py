"""`aiconvai doctor`, as an administrator runs it: it connects to each agent, and tells what each failure is."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme
from printed import printed

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.rig.asterisk.ports import free_port

# It starts programs that keep a processor busy for seconds.
pytestmark = pytest.mark.programs


@pytest.fixture(scope="module")
def mock() -> Iterator[ElevenLabsMockThread]:
    with ElevenLabsMockThread(MockOptions()) as mock:
        mock.agents["well"] = ElevenLabsAgent(scenario=load_scenario("silent"))
        mock.agents["private"] = ElevenLabsAgent(scenario=load_scenario("silent"), private=True)
        yield mock


class LateClock(BaseHTTPRequestHandler):
    """A web server whose clock is an hour behind."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) - 3600)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def untrusted() -> Iterator[int]:
    """The port of a service whose certificate nobody has signed whom this machine knows."""
    certificate = trustme.CA().issue_cert("localhost")
    with ElevenLabsMockThread(MockOptions(tls=certificate)) as one:
        yield one.port


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of that web server, and who has signed its certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(path := tmp_path_factory.mktemp("late") / "ca.pem")
    with HTTPServer(("127.0.0.1", 0), LateClock) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, path
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def mute() -> Iterator[int]:
    """The port of what takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one.getsockname()[1]


@pytest.fixture(scope="module")
def answer(
    mock: ElevenLabsMockThread,
    untrusted: int,
    late: tuple[int, Path],
    mute: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[int, dict[str, str], str]:
    """Its exit status, what it says of each agent, and all of it; of a machine that has no Asterisk."""
    folder = tmp_path_factory.mktemp("doctor")
    well, private = mock.settings("well"), mock.settings("private")
    usual = ""
    sections = {
        "well": well,
        "wrong_key": {**private, "api_key": "another-key"},
        "unknown": {**well, "agent_id": "nobody"},
        "refused": {**well, "conversation_endpoint": f"ws://127.0.0.1:{free_port()}/v1"},
        "no_name": {**well, "conversation_endpoint": "wss://nobody.invalid/v1"},
        "no_tls": {**well, "conversation_endpoint": well["conversation_endpoint"].replace("ws://", "wss://")},
        "untrusted": {**well, "conversation_endpoint": f"wss://localhost:{untrusted}/v1"},
        "mute": {**well, "conversation_endpoint": f"ws://127.0.0.1:{mute}/v1", "connection_timeout_seconds": "1",
                 "max_connection_attempts": "1"},
        "late": {**well, "conversation_endpoint": f"wss://localhost:{late[0]}/v1"},
    }  # fmt: skip
    text = "".join(
        f"[{name}]\n{usual}" + "".join(f"{key} = {value}\n" for key, value in lines.items())
        for name, lines in sections.items()
    )
    (folder / "aiconvai.conf").write_text(text)
    (folder / "aiconvai.conf").chmod(0o640)
    (folder / "asterisk.conf").write_text(f"[directories]\nastetcdir => {folder}\nastrundir => {folder}\n")
    (folder / "asterisk").write_text('#!/bin/sh\necho "Asterisk 22.10.1"\n')
    (folder / "asterisk").chmod(0o755)
    command = [sys.executable, "-m", "aiconvai", "doctor", "--asterisk-conf", folder / "asterisk.conf"]
    done = subprocess.run(
        [*command, "--asterisk", folder / "asterisk", "--config", folder / "none.toml", "--bundle"],
        capture_output=True, text=True, cwd=folder, timeout=90, check=False,
        env={**os.environ, "SSL_CERT_FILE": str(late[1])},
    )  # fmt: skip
    told = dict(re.findall(r"agents: \[(\w+)\] (.*(?:\n +-> .*)?)", done.stdout))
    assert done.stderr == ""
    return done.returncode, told, done.stdout


def test_an_agent_that_can_be_reached_is_ready(answer: tuple[int, dict[str, str], str]) -> None:
    _, told, _ = answer
    assert re.fullmatch(r"is ready to talk after \d+ ms", told["well"])


@pytest.mark.parametrize(
    ("agent", "problem", "mend"),
    [
        ("wrong_key", "401", "api_key"),
        ("unknown", "nobody|3000|404", "agent_id"),
        ("refused", "Unable to connect|refused", "firewall"),
        ("no_name", "nobody.invalid", "resolv.conf"),
        ("no_tls", "TLS", "tls_ca"),
    ],
)
def test_one_that_cannot_says_why_and_what_mends_it(
    answer: tuple[int, dict[str, str], str], agent: str, problem: str, mend: str
) -> None:
    _, told, _ = answer
    what, _, mended = told[agent].partition("\n")
    assert re.search(problem, what)
    assert mend in mended


def test_it_ends_with_how_much_there_is_to_mend(
    answer: tuple[int, dict[str, str], str], mock: ElevenLabsMockThread
) -> None:
    status, _, said = answer
    assert status == 1
    assert f"{said.count('BAD')} to mend" in said
    assert "is not there\n" in said, "the module"
    assert "test-api-key" not in said
    said_to_agents = [chunk.data for one in mock.conversations for chunk in one.record.uplink]
    assert set(b"".join(said_to_agents)) <= {0xFF}, "nothing but silence"


def test_its_bundle_is_there(answer: tuple[int, dict[str, str], str]) -> None:
    assert re.search(r"aiconvai-doctor-\d+-\d+\.tar\.gz: read it before you send it", answer[2])


# docs/troubleshooting.md ---------------------------------------------------------------------------------

PLACES = {
    r"(localhost|127\.0\.0\.1):\d+": "api.example.com",
    r"ws://": "wss://",
    r"/tmp/\S*/doctor\d+/asterisk\b": "/usr/sbin/asterisk",
    r"/tmp/\S*/doctor\d+/": "/etc/asterisk/",
}
DOCTOR = "aiconvai doctor"


def about(said: str, *words: str) -> str:
    """Lines that begin so, each with the one that mends it."""
    begins = "|".join(map(re.escape, words))
    return "\n".join(re.findall(rf"^.{{5}}(?:{begins}).*(?:\n +-> .*)?", said, re.MULTILINE))


def test_the_page_has_what_is_said_of_a_machine(answer: tuple[int, dict[str, str], str]) -> None:
    said = about(answer[2], "module:", "agents: [refused]") + "\n" + answer[2].splitlines()[-2]
    printed("doctor", (DOCTOR, said), instead=PLACES)


def test_the_page_has_what_is_said_of_an_agent(answer: tuple[int, dict[str, str], str]) -> None:
    _, _, said = answer
    printed("agent-unknown-there", (DOCTOR, about(said, "agents: [unknown]")), instead=PLACES)
    printed("key-refused", (DOCTOR, about(said, "agents: [wrong_key]")), instead=PLACES)
    printed("dns", (DOCTOR, about(said, "agents: [no_name]")), instead=PLACES)
    printed("tls", (DOCTOR, about(said, "agents: [untrusted]")), instead=PLACES)
    printed("no-answer", (DOCTOR, about(said, "agents: [refused]", "agents: [mute]")), instead=PLACES)


def test_the_page_has_what_is_said_of_a_clock(answer: tuple[int, dict[str, str], str]) -> None:
    printed("clock", (DOCTOR, about(answer[2], "clock:")), instead={**PLACES, r"\b36\d\d s": "3600 s"})
