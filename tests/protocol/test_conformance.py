"""`aiconvai conformance` against servers that are good and servers that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aiconvai import cli, conformance
from aiconvai.mock import MockOptions, MockThread, parse_scenario
from aiconvai.mock.conversation import Limits
from aiconvai.mock.websocket import ALIASES, WebSocketAgent, WebSocketMock

ANSWER = "{wait_for_speech: 100}, {tone: 0.2}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "PAUSE_SECONDS", 0.1)


def examined(tmp_path: Path, steps: str, *arguments: str, handshake: str = "{}", **agent: Any) -> tuple[int, list[str]]:
    """The exit status, and the lines printed, for a server with that scenario."""
    token = tmp_path / "token"
    token.write_text("test-api-key\n", encoding="utf-8")
    scenario = parse_scenario(f"{{handshake: {handshake}, steps: [{steps}]}}")
    options = MockOptions(agents={"agent": WebSocketAgent(scenario=scenario, **agent)}, limits=Limits(initiation=2))
    with MockThread(WebSocketMock(options)) as mock:
        given = [mock.conversation_endpoint, "--token-file", str(token), "--patience", "2", *arguments]
        result = CliRunner().invoke(conformance.app, given)
        for conversation in mock.conversations:
            conversation.wait_closed()
            assert conversation.record.violations == [], "the examiner itself keeps to the protocol"
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output.splitlines()


def failures(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("ok ")]


@pytest.mark.parametrize(
    "agent",
    [
        {},
        {"extensions": False},
        {"aliases": frozenset(ALIASES)},
        {"binary_audio": True},
    ],
    ids=["plain", "no-extensions", "aliases", "binary"],
)
@pytest.mark.parametrize("audio_format", ["pcm_16000", "ulaw_8000"])
def test_a_good_server_passes(tmp_path: Path, agent: dict[str, Any], audio_format: str) -> None:
    status, lines = examined(tmp_path, ANSWER, "--audio-format", audio_format, **agent)
    assert failures(lines) == []
    assert status == 0
    assert [line.split()[1] for line in lines] == ["connect:", "session:", "audio:", "messages:", "close:"]
    assert f"0.2 s of {audio_format}" in lines[2]


def test_tools_and_marks_are_answered(tmp_path: Path) -> None:
    steps = (
        f"{ANSWER}, {{tool_call: lookup}}, {{send: {{type: mark, name: m}}}}, {{wait_for_message: mark}}, {{tone: 0.1}}"
    )
    status, lines = examined(tmp_path, steps)
    assert failures(lines) == []
    assert status == 0


def test_a_server_may_close_first(tmp_path: Path) -> None:
    status, lines = examined(tmp_path, f"{ANSWER}, {{end_call: true}}, {{close: 1000}}")
    assert lines[-1] == "ok    close: by the server with 1000"
    assert status == 0


def test_keys_that_are_not_in_the_protocol_are_told(tmp_path: Path) -> None:
    status, lines = examined(tmp_path, f"""{ANSWER}, {{send_raw: '{{"type":"ready","mood":"good"}}'}}""")
    assert "FAIL  messages: the session was started twice" in lines
    status, lines = examined(
        tmp_path, f"""{ANSWER}, {{send_raw: '{{"type":"transcript","text":"x","role":"user","mood":"good"}}'}}"""
    )
    assert [line for line in lines if "ignores transcript.mood" in line]
    assert status == 0


WRONG: list[tuple[str, str, str]] = [
    ("audio", "", "none within 2 s"),
    ("audio", """{send_raw: '{"type":"audio_delta","audio":"%%%%"}'}""", "not valid base64"),
    ("audio", """{send_raw: '{"type":"audio_delta","audio":"AAAA"}'}""", "3 bytes are no whole number"),
    ("audio", """{send_raw: '{"type":"audio_delta","audio":"UklGRgAA"}'}""", "got a WAV file"),
    ("messages", f"{ANSWER}, {{send_raw: nonsense}}", "invalid JSON"),
    ("messages", f"""{ANSWER}, {{send_raw: '{{"type":"audio.output"}}'}}""", "no message of type 'audio.output'"),
    ("messages", f"""{ANSWER}, {{send_raw: '{{"type":"audio_delta"}}'}}""", "audio: Field required"),
    ("messages", f"{ANSWER}, {{error: llm_error}}", "a fatal error: llm_error"),
    ("close", f"{ANSWER}, {{close: 1011}}", "the server closed with 1011"),
    ("close", f"{ANSWER}, {{drop: true}}", "the server closed with 1006"),
]


@pytest.mark.parametrize(("check", "steps", "problem"), WRONG, ids=lambda value: str(value)[-40:])
def test_a_broken_server_fails(tmp_path: Path, check: str, steps: str, problem: str) -> None:
    status, lines = examined(tmp_path, steps)
    assert status == 1
    [failed] = [line for line in failures(lines) if line.startswith(f"FAIL  {check}:")]
    assert problem in failed


@pytest.mark.parametrize(
    ("handshake", "problem"),
    [
        ("{metadata_delay: 60}", "neither session_started nor ready within 2 s"),
        ("{close_before_metadata: 1011}", "the server closed instead of saying"),
    ],
)
def test_a_session_that_does_not_start_fails(tmp_path: Path, handshake: str, problem: str) -> None:
    status, lines = examined(tmp_path, "", handshake=handshake)
    assert status == 1
    assert f"FAIL  session: {problem}" in failures(lines)[0]


def test_a_token_that_is_refused_fails(tmp_path: Path) -> None:
    status, lines = examined(tmp_path, ANSWER, api_key="another")
    assert status == 1
    assert lines == ["FAIL  connect: server rejected WebSocket connection: HTTP 401"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["--audio-format", "mp3"], "expected one of pcm_8000"), (["--token-file", "/nonexistent"], "/nonexistent")],
)
def test_wrong_arguments_are_refused(arguments: list[str], problem: str) -> None:
    result = CliRunner().invoke(conformance.app, ["ws://127.0.0.1:1/", *arguments])
    assert result.exit_code == 2
    assert problem in result.output


def test_it_is_a_command_of_aiconvai() -> None:
    result = CliRunner().invoke(cli.app, ["conformance", "ws://127.0.0.1:1/", "--patience", "1"])
    assert result.exit_code == 1
    assert result.output.startswith("FAIL  connect:")
