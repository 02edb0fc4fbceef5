"""An agent is tried without a call: each step with its time, or why it failed; nothing is left, and it is no call."""

from __future__ import annotations

import re
import socket

import pytest
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, parse_scenario
from aiconvai.rig.asterisk import ManagerError

__all__ = ["mock_options", "voice"]

SPEAKS = "steps: [{tone: {seconds: 1}}, {wait: 30}]"
_STEP = re.compile(r"^(ok|FAILED) +(\S+(?: \S+)?)  +(?:([\d.]+) ms)?  (.*)$", re.M)


def steps(text: str) -> dict[str, tuple[str, str]]:
    """Of each step, whether it is ok and what it says."""
    return {found[2]: (found[1], found[4]) for found in _STEP.finditer(text)}


def agent(scenario: str = SPEAKS, *, private: bool = True) -> ElevenLabsAgent:
    return ElevenLabsAgent(private=private, scenario=parse_scenario(scenario))


def test_an_agent_that_can_be_talked_with(voice: Voice) -> None:
    voice.agent("sales", agent())
    voice.apply()
    mark = voice.asterisk.ami.position()
    text = voice.asterisk.cli("aiconvai test agent sales", timeout=40.0)
    found = steps(text)
    assert {name: state for name, (state, _) in found.items()} == dict.fromkeys(
        ("configuration", "signed URL", "WebSocket", "conversation", "first audio", "round trip"), "ok"
    )
    assert found["configuration"][1] == f"elevenlabs, at http://127.0.0.1:{voice.mock.port}"
    assert re.fullmatch(r"DNS [\d.]+ ms, TCP [\d.]+ ms, TLS 0.0 ms, reply [\d.]+ ms", found["signed URL"][1])
    assert re.fullmatch(r"DNS [\d.]+ ms, TCP [\d.]+ ms, TLS 0.0 ms, upgrade [\d.]+ ms", found["WebSocket"][1])
    (conversation,) = voice.mock.conversations
    assert found["conversation"][1].startswith(f"{conversation.record.id}; ")
    assert re.fullmatch(r"at -\d+\.\d dBFS, since the beginning", found["first audio"][1])
    assert found["round trip"][1] == f"to 127.0.0.1:{voice.mock.port}"
    assert text.rstrip().endswith("Agent sales can be talked with")
    conversation.wait_closed()
    assert conversation.record.close_code == 1000
    # It is no call.
    assert voice.asterisk.cli("aiconvai show calls").rstrip().endswith("0 calls")
    voice.asterisk.wait_unused()
    assert [event for event in voice.asterisk.ami.events(since=mark) if (event.event or "").startswith("AIConv")] == []


def test_an_agent_that_waits_for_the_caller(voice: Voice) -> None:
    voice.agent("quiet", agent("steps: []"))
    voice.apply()
    text = voice.asterisk.cli("aiconvai test agent quiet", timeout=40.0)
    assert steps(text)["first audio"] == (
        "ok",
        "none within 5 s: the agent waits for the caller, or has nothing to say",
    )
    assert "can be talked with" in text


@pytest.mark.parametrize(
    ("handshake", "step", "sentence"),
    [
        ("{signed_url: {status: 401}}", "connection", "to the request for a signed URL: check api_key"),
        ("{upgrade: {status: 403}}", "connection", "it answered HTTP 403 to the WebSocket upgrade"),
        ("{metadata_delay: 1.6}", "metadata", "did not announce the conversation within 1 s"),
        ("{close_before_metadata: {code: 1008, reason: 'a\\x1b[2Jb'}}", "metadata", "(close code 1008: a [2Jb)"),
    ],
)
def test_what_fails_is_named(voice: Voice, handshake: str, step: str, sentence: str) -> None:
    voice.agent(
        "sales",
        agent(f'handshake: {handshake.replace(chr(39), chr(34))}'),
        handshake_timeout_seconds=1,
        max_connection_attempts=1,
    )
    voice.apply()
    text = voice.asterisk.cli("aiconvai test agent sales", timeout=40.0)
    state, message = steps(text)[step]
    assert (state, message[-len(sentence) :]) == ("FAILED", sentence)
    assert "Agent sales cannot be talked with: calls for it get AICONVAI_STATUS=UNAVAILABLE" in text
    assert voice.sections["sales"]["api_key"] not in text
    voice.asterisk.wait_unused()


def test_nobody_is_there(voice: Voice) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        voice.agent("gone", conversation_endpoint=f"ws://127.0.0.1:{port}/talk", retry_backoff_ms=10)
        voice.apply()
        text = voice.asterisk.cli("aiconvai test agent gone", timeout=40.0)
    assert steps(text)["connection"][0] == "FAILED"
    assert f"127.0.0.1:{port}: the connection could not be made" in text
    assert "No agent 'nobody' is configured" in voice.asterisk.cli("aiconvai test agent nobody")


def test_managers_are_told_of_it(voice: Voice) -> None:
    voice.agent("sales", agent())
    voice.agent("closed", agent("handshake: {upgrade: {status: 403}}"))
    voice.apply()
    ami = voice.asterisk.ami
    for name, result in (("sales", "Good"), ("closed", "Failed")):
        mark = ami.position()
        said = ami.action("AIConvAITestAgent", Agent=name)
        event = ami.wait_for("AIConvAITrial", since=mark, timeout=15.0)
        assert (event["ActionID"], event["Agent"], event["Result"]) == (said["ActionID"], name, result)
        count = int(event["Steps"])
        assert event["Step1"] == "configuration"
        assert event[f"Step{count}Failed"] == ("Yes" if result == "Failed" else "No")
        assert event[f"Step{count}Message"]
    with pytest.raises(ManagerError, match="No agent of that name is configured: say Agent: NAME"):
        ami.action("AIConvAITestAgent", Agent="nobody")
    voice.asterisk.wait_unused()


def test_no_more_than_a_few_at_once(voice: Voice) -> None:
    voice.agent("slow", agent("handshake: {metadata_delay: 2.0}"), handshake_timeout_seconds=10)
    voice.apply()
    ami = voice.asterisk.ami
    mark = ami.position()
    for _ in range(4):
        ami.action("AIConvAITestAgent", Agent="slow")
    with pytest.raises(ManagerError, match="Too many agents are being tried already"):
        ami.action("AIConvAITestAgent", Agent="slow")
    voice.asterisk.wait_unused(timeout=30.0)
    ami.action("Ping")
    assert [found["Result"] for found in ami.events("AIConvAITrial", since=mark)] == ["Good"] * 4
