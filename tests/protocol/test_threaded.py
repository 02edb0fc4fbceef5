"""The mock beside synchronous code, from the command line, its log, and its cost for many calls."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_client import ServiceClient
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from aiconvai.audio import tone
from aiconvai.config.reader import read_configuration
from aiconvai.mock import (
    ConversationClosedError,
    ElevenLabsAgent,
    ElevenLabsMockThread,
    MockOptions,
    Scenario,
    load_scenario,
)

INITIATION = '{"type":"conversation_initiation_client_data"}'


@pytest.fixture
def mock() -> Iterator[ElevenLabsMockThread]:
    with ElevenLabsMockThread(MockOptions(agents={"agent": ElevenLabsAgent()})) as running:
        yield running


@pytest.fixture
def client(mock: ElevenLabsMockThread) -> Iterator[ClientConnection]:
    with connect(mock.conversation_url("agent")) as connection:
        connection.send(INITIATION)
        assert json.loads(connection.recv())["type"] == "conversation_initiation_metadata"
        yield connection


def test_control_from_another_thread(mock: ElevenLabsMockThread, client: ClientConnection) -> None:
    call = mock.next_conversation()
    call.wait_started()
    assert call.wait_initiated().dynamic_variables == {}
    assert call.play(tone(500, 0.1, 8000), chunk_ms=50)
    assert call.current_event_id == 1
    assert [json.loads(client.recv())["type"] for _ in range(2)] == ["audio", "audio"]
    call.echo(True, event_id=9)
    client.send('{"user_audio_chunk":"AAAA"}')
    assert json.loads(client.recv())["audio_event"] == {"audio_base_64": "AAAA", "event_id": 9}
    with pytest.raises(TimeoutError, match="ping 1 was not answered"):
        call.ping(timeout=0.05)
    closer = threading.Thread(target=call.close, args=(1000, "enough"))
    closer.start()
    assert [json.loads(message)["type"] for message in client] == ["ping"]
    assert (client.close_code, client.close_reason) == (1000, "enough")
    closer.join()
    call.wait_closed()
    assert [conversation.record.id for conversation in mock.conversations] == [call.record.id]
    assert [name for _, name, _ in call.record.timeline()][-2:] == ["sent", "violation"]
    with pytest.raises(ConversationClosedError):
        call.send_audio(b"\xff", 10)


def test_waiting_for_nothing_times_out(mock: ElevenLabsMockThread) -> None:
    with pytest.raises(TimeoutError):
        mock.next_conversation(timeout=0.05)


def test_failure_inside_the_mock_is_raised_on_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault of the mock")

    monkeypatch.setattr("aiconvai.mock.conversation.Conversation.start", broken)
    with (  # noqa: PT012 - the error comes out of the inner context manager
        pytest.raises(ExceptionGroup, match="the mock failed"),
        ElevenLabsMockThread(MockOptions(agents={"agent": ElevenLabsAgent()})) as failing,
    ):
        with connect(failing.conversation_url("agent")) as connection:
            connection.send(INITIATION)
            with pytest.raises(Exception, match="the mock failed"):
                connection.recv(timeout=5)
        failing.next_conversation().wait_closed()


def test_port_in_use_is_reported(mock: ElevenLabsMockThread) -> None:
    with pytest.raises(OSError), ElevenLabsMockThread(MockOptions(port=mock.port)):  # noqa: PT011
        pass


async def test_fifty_calls_are_echoed_at_once() -> None:
    calls, chunks = 50, 40
    with ElevenLabsMockThread(MockOptions(agents={"agent": ElevenLabsAgent(scenario=load_scenario("echo"))})) as mock:

        async def call() -> None:
            async with ServiceClient(mock.conversation_url("agent")) as client:
                await client.initiate()
                for _ in range(chunks):
                    await client.send_audio(b"\x55" * 160)
                await client.until(lambda: len(client.of("audio")) == chunks, 20)

        await asyncio.gather(*(call() for _ in range(calls)))
        assert [len(each.record.downlink) for each in mock.conversations] == [chunks] * calls
        assert all(not each.record.violations for each in mock.conversations)


def test_log_file(tmp_path: Path) -> None:
    log = tmp_path / "mock.jsonl"
    agents = {"agent": ElevenLabsAgent(scenario=Scenario())}
    with ElevenLabsMockThread(MockOptions(agents=agents, log_file=log)) as mock:
        with connect(mock.conversation_url("agent"), additional_headers={"xi-api-key": "hush"}) as client:
            client.send(INITIATION)
            client.recv()
            client.send('{"user_audio_chunk":"AAAA"}')
            client.send("nonsense")
            with pytest.raises(ConnectionClosedError, match="1008"):
                list(client)
        mock.next_conversation().wait_closed()
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["event"] for entry in entries] == [
        "request",
        "received",
        "sent",
        "received",
        "violation",
        "sent",
        "closed",
    ]
    assert entries[3]["audio"] == "AAAA"
    assert "hush" not in log.read_text()


def test_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aiconvai", "mock", "--scenario", "echo", "--parameter", "event_id=5"]
    command += ["--port", "0", "--agent-id", "reception", "--log-file", str(tmp_path / "log.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Listening on")):
            line = process.stdout.readline()
            assert line, "the command ended early"
            lines.append(line)
        section = "".join(lines[lines.index("[reception]\n") : -1])
        (tmp_path / "aiconvai.conf").write_text(section)
        assert read_configuration(tmp_path / "aiconvai.conf").problems == ()
        url = re.search(r"conversation_endpoint = (\S+)", section)
        assert url is not None
        with connect(f"{url[1]}?agent_id=reception") as client:
            client.send(INITIATION)
            client.recv()
            client.send('{"user_audio_chunk":"AAAA"}')
            assert json.loads(client.recv())["audio_event"]["event_id"] == 5
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(10) == 0
        assert "closed by client (1000), 0.0 s heard, 0.0 s said, 0 violations" in rest


def test_command_line_refuses_a_wrong_scenario() -> None:
    command = [sys.executable, "-m", "aiconvai", "mock", "--scenario", "ecko"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "no such scenario" in result.stderr
