"""Nothing secret is shown: not in the log at its loudest, not by a command, not in an event or a variable."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario, parse_scenario
from aiconvai.rig.asterisk import Asterisk

__all__ = ["mock_options", "voice"]

KEY = "sk-distinctive-api-key-4711wxyz"
WRONG_KEY = "sk-another-api-key-that-is-wrong-0815qrst"
SIGNATURE = "cvtkn_distinctive-signature-abcdefgh"
TOKEN = "tok-distinctive-token-in-a-fixed-url-ijklmnop"

ECHO = load_scenario("echo")


@pytest.fixture
def loud_asterisk(asterisk: Asterisk) -> Iterator[Asterisk]:
    """Everything that can be logged is logged."""
    asterisk.cli("core set verbose 5")
    asterisk.cli("core set debug 5")
    asterisk.cli("aiconvai debug on")
    yield asterisk
    asterisk.cli("aiconvai debug off")
    asterisk.cli("core set debug 0")
    asterisk.cli("core set verbose 4")


def _shown(asterisk: Asterisk) -> str:
    """What the command line tells about the module and every channel."""
    commands = [
        "aiconvai show agents",
        "elevenlabs show agents",
        "aiconvai show calls",
        "aiconvai show stats",
        "dialplan show default",
        *(f"aiconvai show call {channel}" for channel in asterisk.channels()),
        *(f"core show channel {channel}" for channel in asterisk.channels()),
    ]
    return "\n".join(asterisk.cli(command) for command in commands)


def _signed(url: str) -> ElevenLabsAgent:
    """A private agent whose signed URL is this one."""
    reply = {"signed_url": {"status": 200, "body": json.dumps({"signed_url": url})}}
    return ElevenLabsAgent(
        private=True, api_key=KEY, scenario=parse_scenario(json.dumps({"handshake": reply, "steps": []}))
    )


def _agents(voice: Voice, other_port: int) -> dict[str, tuple[ElevenLabsAgent, dict[str, Any]]]:
    """Agents that work, and agents that fail in every way: each with the options that make it so."""
    mock, authority = voice.mock, f"127.0.0.1:{voice.mock.port}"
    refusing = parse_scenario("handshake: {upgrade: {status: 503}}\nsteps: []")
    dropping = parse_scenario("steps: [{tone: {seconds: 0.1}}, {drop: true}]")
    closing = parse_scenario("steps: [{error: llm_timeout}]")
    internal = parse_scenario("handshake: {signed_url: {status: 500}}\nsteps: []")
    fixed = {"conversation_url": f"ws://{authority}/v1/convai/conversation?agent_id=id_fixed&token={TOKEN}"}
    return {
        "good": (ElevenLabsAgent(private=True, api_key=KEY, scenario=ECHO), {}),
        "fixed": (ElevenLabsAgent(scenario=ECHO), fixed),
        "fixed_unknown": (ElevenLabsAgent(), {"conversation_url": f"ws://{authority}/nowhere?token={TOKEN}"}),
        "fixed_refused": (
            ElevenLabsAgent(),
            {"conversation_url": f"ws://{authority}/v1/convai/conversation?token={TOKEN}"},
        ),
        "fixed_closed": (ElevenLabsAgent(), {"conversation_url": f"ws://127.0.0.1:1/v1?token={TOKEN}"}),
        "fixed_no_name": (ElevenLabsAgent(), {"conversation_url": f"wss://nowhere.invalid/v1?token={TOKEN}"}),
        "fixed_bad_port": (ElevenLabsAgent(), {"conversation_url": f"ws://127.0.0.1:99999/v1?token={TOKEN}"}),
        "wrong_key": (ElevenLabsAgent(private=True, api_key=KEY), {"api_key": WRONG_KEY}),
        "wrong_path": (ElevenLabsAgent(private=True, api_key=KEY), {"signed_url_endpoint": mock.base_url + "/nowhere"}),
        "no_server": (ElevenLabsAgent(private=True, api_key=KEY), {"signed_url_endpoint": "http://127.0.0.1:1/"}),
        "no_tls": (ElevenLabsAgent(private=True, api_key=KEY), {"signed_url_endpoint": f"https://{authority}/"}),
        "no_trust": (
            ElevenLabsAgent(private=True, api_key=KEY),
            {"signed_url_endpoint": f"https://127.0.0.1:{other_port}/v1/convai/conversation/get-signed-url"},
        ),
        "bad_signature": (_signed(f"{mock.conversation_endpoint}?conversation_signature={SIGNATURE}"), {}),
        "no_socket": (_signed(f"https://{authority}/?conversation_signature={SIGNATURE}"), {}),
        "signed_closed": (_signed(f"ws://127.0.0.1:1/?conversation_signature={SIGNATURE}"), {}),
        "refused_upgrade": (ElevenLabsAgent(private=True, api_key=KEY, scenario=refusing), {}),
        "internal": (ElevenLabsAgent(private=True, api_key=KEY, scenario=internal), {}),
        "dropped": (ElevenLabsAgent(private=True, api_key=KEY, scenario=dropping), {}),
        "error": (ElevenLabsAgent(private=True, api_key=KEY, scenario=closing), {}),
    }


def test_no_secret_is_shown(voice: Voice, loud_asterisk: Asterisk) -> None:
    mark, position = loud_asterisk.log_position(), loud_asterisk.ami.position()
    shown: list[str] = []
    certificate = trustme.CA().issue_cert("127.0.0.1")
    with ElevenLabsMockThread(MockOptions(tls=certificate)) as stranger:
        agents = _agents(voice, stranger.port)
        for number, (name, (agent, options)) in enumerate(agents.items()):
            settings = {"max_connection_attempts": 2, "retry_backoff_ms": 1, "audio_frames_buffer_ms": 20} | options
            voice.agent(name, agent, **settings)
            voice.dialplan(
                f"exten => {100 + number},1,AIConvAI({name})\n"
                " same => n,Verbose(1,ended ${AICONVAI_STATUS}: ${AICONVAI_REASON})"
            )
        voice.apply()
        for number, name in enumerate(agents):
            call = voice.caller.call(str(100 + number))
            if name in ("good", "fixed"):
                call.wait_answered()
                call.play(tone(500, 0.2, 8000))
                call.wait_for_sound()
                shown.append(_shown(loud_asterisk))
                call.hangup()
            else:
                call.wait_ended(20)
            voice.event("AIConvAIEnd", Agent=name)
        shown.append(_shown(loud_asterisk))
    for line in (f"api_kye = {KEY}", f"api_key = {KEY}\napi_key = {KEY}", f"conversation_url = http://x/?t={TOKEN}"):
        loud_asterisk.write_config("aiconvai.conf", f"[x]\nagent_id = a\n{line}\n")
        shown.append(loud_asterisk.cli("aiconvai reload"))
        assert "not changed" in shown[-1]

    statuses = [(one["Agent"], one["Status"]) for one in voice.events("AIConvAIEnd")]
    assert [status for name, status in statuses if name in ("good", "fixed")] == ["CALLER_HANGUP"] * 2
    assert {status for name, status in statuses if name not in ("good", "fixed")} == {"UNAVAILABLE", "LOST"}
    queries = [one.query for one in voice.mock.requests]
    signatures = {query["conversation_signature"] for query in queries if "conversation_signature" in query}
    assert len(signatures) > 3
    log = loud_asterisk.log_since(mark)
    assert "DEBUG[" in log
    assert "VERBOSE[" in log
    everything = {
        "the log": log,
        "the command line": "\n".join(shown),
        "the manager interface": "\n".join(map(str, loud_asterisk.ami.events(since=position))),
    }
    assert "****wxyz" in everything["the command line"]
    for secret in (KEY, WRONG_KEY, SIGNATURE, TOKEN, *signatures):
        for place, text in everything.items():
            assert secret[:-4] not in text, place


# A key in a file of its own


def _key_file(voice: Voice, content: bytes) -> str:
    """Where Asterisk has it."""
    path = voice.asterisk.directory / "spool" / "agent.key"
    path.write_bytes(content)
    path.chmod(0o600)
    return f"file:/aiconvai/spool/{path.name}"


def _in_memory(voice: Voice, secret: str) -> int:
    """How often Asterisk's memory has it, as a core file would: freed memory included, the stacks too."""
    count = 0
    process = Path(f"/proc/{voice.asterisk.pid}")
    with (process / "mem").open("rb", buffering=0) as memory:
        for line in (process / "maps").read_text().splitlines():
            addresses, modes, *_ = line.split()
            if not modes.startswith("rw"):
                continue
            begin, end = (int(one, 16) for one in addresses.split("-"))
            try:
                memory.seek(begin)
                count += memory.read(end - begin).count(secret.encode())
            except (OSError, ValueError):
                continue
    return count


def _is_in_memory(voice: Voice, expected: dict[str, int]) -> None:
    """Within some seconds: a connection that is closed has an end of its own."""
    until = time.monotonic() + 5
    while (found := {secret: _in_memory(voice, secret) for secret in expected}) != expected:
        assert time.monotonic() < until, found
        time.sleep(0.1)


def test_a_key_may_be_in_a_file_of_its_own(voice: Voice) -> None:
    # Of this test alone: Asterisk may have met others.
    key = f"sk-{uuid.uuid4().hex}-first"
    other = f"sk-{uuid.uuid4().hex}-other"
    agent = ElevenLabsAgent(private=True, api_key=key, scenario=ECHO)
    voice.agent("agent", agent, audio_frames_buffer_ms=20, api_key=_key_file(voice, f" {key} \r\nmore\n".encode()))
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()
    # The agent's: neither what was read from the file nor what calls have sent stays.
    _is_in_memory(voice, {key: 1})
    for _ in range(3):
        call = voice.call("100")
        voice.conversation()
        call.hangup()
        call.wait_ended()
    _is_in_memory(voice, {key: 1})
    _key_file(voice, other.encode())
    assert "Loaded" in voice.asterisk.cli("aiconvai reload")
    _is_in_memory(voice, {key: 0, other: 1})
    assert key not in voice.log()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("file:/aiconvai/spool/none", "/aiconvai/spool/none: No such file or directory"),
        ("file:/dev/zero", "/dev/zero: Invalid argument"),
        ("file:/aiconvai", "/aiconvai: Invalid argument"),
        (b"", "expected a key in its first line"),
        (b"\nsecond", "expected a key in its first line"),
        (b"x" * 5000, "expected a key in its first line"),
    ],
)
def test_a_file_that_has_no_key_is_said(voice: Voice, value: str | bytes, problem: str) -> None:
    place = value if isinstance(value, str) else _key_file(voice, value)
    voice.asterisk.write_config(
        "aiconvai.conf",
        f"[x]\nagent_id = a\nsigned_url_endpoint = https://h/u\napi_key = {place}\n",
    )
    answer = voice.asterisk.cli("aiconvai reload")
    assert problem in answer
    assert "aiconvai.conf:4: [x] api_key" in answer
    assert "not changed" in answer
