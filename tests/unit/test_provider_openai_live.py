"""OpenAI Live: what is sent, and what becomes of what comes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from engine_host import API_KEY, ULAW, Host

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Close, Interrupted, Role, Send, Status, ToolCall, Transcript
from aiconvai.engine.settings import Settings
from aiconvai.mock.openai_live import CLIENT_EVENTS, SERVER_EVENTS
from aiconvai.mock.strict_json import read_message

AGENT = {"provider": "openai_live", "api_key": API_KEY, "dtmf_interdigit_ms": "0"}
"""Each key is told by itself."""
SESSION: dict[str, Any] = {"id": "live_1", "model": "gpt-live-1", "status": "active", "expires_at": 1800000000}
VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "vectors" / "openai_live.jsonl").read_text("utf-8").splitlines()
]


def live_host(line_format: AudioFormat = ULAW, **options: Any) -> Host:
    return Host(AGENT, line_format=line_format, **options)


def start(host: Host) -> dict[str, Any]:
    """From the beginning to the confirmed session; returns the settings that were sent."""
    host.open()
    [message] = host.sent
    assert message["type"] == "session.start"
    host.say({"type": "session.started", "event_id": "e1", "session": SESSION})
    assert host.conversation.phase is Phase.ACTIVE
    session: dict[str, Any] = message["session"]
    return session


def audio(host: Host, data: bytes) -> None:
    host.say({"type": "session.output_audio.delta", "delta": base64.b64encode(data).decode()})


def delegate(host: Host, delegation: str) -> None:
    created = {"id": delegation, "target": "client", "type": "delegation"}
    host.say({"type": "session.delegation.created", "event_id": "e4", "offset_ms": 900, "delegation": created})


def closed(host: Host, reason: str) -> None:
    usage = {"seconds": 60.0}
    host.say({"type": "session.closed", "event_id": "e6", "reason": reason, "session": SESSION, "usage": usage})


@pytest.fixture
def host() -> Host:
    host = live_host()
    start(host)
    host.sent.clear()
    return host


# Opening


def test_the_key_is_a_bearer_token() -> None:
    request = live_host().begin().request
    assert request.url == "wss://api.openai.com/v1/live/sessions"
    assert request.headers == {"Authorization": f"Bearer {API_KEY}"}


def test_a_fixed_url_is_used_as_it_is() -> None:
    agent = {"provider": "openai_live", "conversation_url": "ws://127.0.0.1:8000/v1/live/sessions"}
    request = Host(agent).begin().request
    assert request.url == "ws://127.0.0.1:8000/v1/live/sessions"
    assert request.headers == {}


def test_an_agent_needs_a_key() -> None:
    [problem] = Settings.read_agent("sales", {"provider": "openai_live"}).problems
    assert "expected api_key" in problem


def test_the_session_is_announced_and_confirmed() -> None:
    host = live_host(prompt="Be brief, {caller_name}.", voice="cedar", variables={"caller_name": "Ann"})
    assert start(host) == {
        "model": "gpt-live-1",
        "instructions": "Be brief, Ann.",
        "audio": {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "cedar"}},
        "delegation": {"type": "client"},
    }
    assert host.conversation.stats().conversation_id == "live_1"
    assert len(host.sent) == 1


@pytest.mark.parametrize(
    ("line_format", "kind", "rate"),
    [
        (ULAW, "audio/pcmu", 8000),
        (AudioFormat(Encoding.ALAW, 8000), "audio/pcma", 8000),
        (AudioFormat(Encoding.PCM16, 8000), "audio/pcmu", 8000),
        (AudioFormat(Encoding.PCM16, 16000), "audio/pcm", 16000),
        (AudioFormat(Encoding.PCM16, 24000), "audio/pcm", 24000),
        (AudioFormat(Encoding.PCM16, 48000), "audio/pcm", 24000),
    ],
)
def test_the_line_keeps_its_format_where_the_service_has_it(line_format: AudioFormat, kind: str, rate: int) -> None:
    host = live_host(line_format)
    assert start(host)["audio"]["format"] == {"type": kind, "rate": rate}
    stats = host.conversation.stats()
    assert stats.uplink_format == stats.downlink_format
    assert stats.uplink_format is not None
    assert stats.uplink_format.rate == rate


def test_the_agent_speaks_first_where_it_has_something_to_say() -> None:
    host = live_host(first_message="Hello!")
    start(host)
    [appended] = host.messages("session.instructions.append")
    assert appended["content"].endswith(": Hello!")
    assert appended["delegation_id"] is None


def test_a_session_that_is_refused_ends_the_attempt() -> None:
    host = live_host()
    host.open()
    host.say(
        {"type": "error", "event_id": "e", "error": {"code": "value_error", "type": "t", "message": "No such model"}}
    )
    assert (host.ended.status, host.ended.reason) == (Status.UNAVAILABLE, "error value_error: No such model")


def test_a_session_that_is_closed_before_it_began_is_none() -> None:
    host = live_host()
    host.open()
    closed(host, "close_requested")
    assert (host.ended.status, host.ended.reason) == (Status.UNAVAILABLE, "the service closed the session")


def test_all_that_is_sent_is_what_the_vendors_types_say() -> None:
    host = live_host(prompt="Be brief.", first_message="Hello!")
    start(host)
    delegate(host, "del_1")
    host.conversation.tool_result("del_1", "done")
    host.conversation.context("In the lobby.")
    host.conversation.user_message("Hello")
    host.conversation.dtmf("5")
    host.conversation.caller_audio(bytes(320))
    host.pump()
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    for message in host.sent:
        read_message(message, "type", CLIENT_EVENTS)
        assert ("delegation_id" in message) == (message.get("content") is not None), "it is required, if only as null"
    assert [message["type"].removeprefix("session.") for message in host.sent] == [
        "start", "instructions.append", "commentary.append", "thinking.append", "commentary.append",
        "commentary.append", "input_audio.append", "close",
    ]  # fmt: skip


# Audio


def test_the_caller_is_heard(host: Host) -> None:
    host.conversation.caller_audio(bytes(range(160)) * 2)
    host.pump()
    encoded = base64.b64encode(bytes(range(160)) * 2).decode()
    assert host.sent == [{"type": "session.input_audio.append", "audio": encoded}]


def test_a_pause_in_the_audio_is_filled_with_silence(host: Host) -> None:
    host.conversation.caller_audio(bytes(320))
    host.wait(seconds=2)
    assert host.conversation.stats().uplink_silence_ms > 1500


def test_the_agent_is_heard_in_order(host: Host) -> None:
    audio(host, b"\x11" * 800)
    host.say(
        {"type": "session.input_transcript.delta", "event_id": "e", "delta": "wait!", "start_ms": 0, "end_ms": 300}
    )
    audio(host, b"\x22" * 800)
    assert host.play() == b"\x11" * 800 + b"\x22" * 800
    assert host.told(Interrupted) == []
    assert host.errors == []


def test_audio_that_is_not_base64_is_told(host: Host) -> None:
    host.say({"type": "session.output_audio.delta", "delta": "%%%"})
    host.say({"type": "session.output_audio.delta"})
    assert host.errors == ["the service sent audio that is not base64; it was ignored"] * 2
    assert host.play() == b""


def test_audio_before_the_session_began_is_ignored() -> None:
    host = live_host()
    host.open()
    audio(host, bytes(160))
    assert host.errors == ["the service sent audio before it announced the conversation; it was ignored"]


# The length of a session


def closes_after(host: Host, seconds: int) -> bool:
    """Whether the session is given up by then. Nobody ticks in between: an hour has many ticks."""
    host.clock.advance(seconds=seconds)
    return any(isinstance(action, Close) for action in host.tick())


def test_session_is_changed_before_the_service_ends_it() -> None:
    """SESSION says when that is: in an hour."""
    host = live_host(unix_seconds=SESSION["expires_at"] - 3600)
    start(host)
    assert not closes_after(host, 3539)
    assert closes_after(host, 2)


@pytest.mark.parametrize("left", [3600 * 24 * 365 * 20, 100, 0, -3600])
def test_session_is_not_changed_by_a_clock_that_is_wrong(left: int) -> None:
    host = live_host(unix_seconds=SESSION["expires_at"] - left)
    start(host)
    assert not closes_after(host, 7200)


def test_nothing_is_said_to_a_session_that_is_closed(host: Host) -> None:
    host.conversation.caller_audio(bytes(1920))
    host.pump()
    delegate(host, "del_1")
    host.sent.clear()
    closed(host, "remote_hangup")
    for _ in range(10):
        host.conversation.caller_audio(bytes(1920))
        host.wait(ms=240)
    assert host.conversation.context("The caller is in the lobby.")
    assert host.conversation.tool_result("del_1", "late")
    host.wait(seconds=1)
    assert host.sent == []
    assert host.errors == ["the service has closed the session: it was not told any more"] * 2
    host.conversation.closed(1000, "")
    host.pump()
    assert host.ended.status is Status.COMPLETED


def test_caller_who_speaks_as_the_session_expires_is_heard_by_the_next(host: Host) -> None:
    closed(host, "expired")
    said = bytes(range(160)) * 12
    host.conversation.caller_audio(said)
    host.pump()
    assert host.sent == []
    host.wait(seconds=1.1)
    host.conversation.connected()
    host.pump()
    host.say({"type": "session.started", "event_id": "e1", "session": SESSION})
    heard = b"".join(base64.b64decode(one["audio"]) for one in host.messages("session.input_audio.append"))
    assert heard.startswith(said)


# Delegations and texts


def test_what_is_delegated_is_a_tool_call(host: Host) -> None:
    delegate(host, "del_1")
    delegate(host, "del_2")
    assert [(one.id, one.name, one.parameters) for one in host.told(ToolCall)] == [
        ("del_1", "delegation", "{}"),
        ("del_2", "delegation", "{}"),
    ]
    assert host.conversation.tool_result("del_2", "second")
    assert host.conversation.tool_result("del_1", "first", is_error=True)
    assert not host.conversation.tool_result("del_1", "again")
    host.pump()
    named = {"type": "session.commentary.append", "event_id": "aiconvai-result"}
    assert host.sent == [
        {**named, "content": "second", "delegation_id": "del_2"},
        {**named, "content": "first", "delegation_id": "del_1"},
    ]


def test_whoever_does_it_is_told_what_was_said(host: Host) -> None:
    host.say({"type": "session.input_transcript.delta", "event_id": "e2", "delta": "Where is", "start_ms": 0})
    host.say({"type": "session.input_transcript.delta", "event_id": "e2", "delta": " my order?", "start_ms": 9})
    host.say({"type": "session.output_transcript.delta", "event_id": "e3", "delta": "I look it up.", "start_ms": 20})
    delegate(host, "del_1")
    (call,) = host.told(ToolCall)
    assert json.loads(call.parameters) == {"conversation": "Caller: Where is my order?\nAgent: I look it up.\n"}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [""]),
        ("x" * 1000, ["x" * 1000]),
        ("x" * 1001, ["x" * 1000, "x"]),
        ("ž" * 501, ["ž" * 500, "ž"]),
        ("x" + "ž" * 500, ["x" + "ž" * 499, "ž"]),
        ("one " * 251, ["one " * 250, "one "]),
        ("x" * 1000 + " y", ["x" * 1000, " y"]),
        ("x" * 999 + " y" * 400, ["x" * 999 + " ", "y" + " y" * 399]),
    ],
)
def test_long_texts_are_told_in_pieces(host: Host, text: str, pieces: list[str]) -> None:
    """The service takes 500 tokens at once."""
    assert host.conversation.context(text)
    host.pump()
    assert [message["content"] for message in host.sent] == pieces


def test_a_delegation_that_nobody_takes_is_answered(host: Host) -> None:
    delegate(host, "del_1")
    host.wait(seconds=11)
    [answer] = host.messages("session.commentary.append")
    assert answer["delegation_id"] == "del_1"
    assert "did not answer within 10000 ms" in answer["content"]


def test_keys_and_texts(host: Host) -> None:
    assert host.conversation.context("The caller is in the lobby.")
    assert host.conversation.user_message("Hello")
    host.conversation.dtmf("5")
    host.pump()
    [context, said, key] = host.sent
    assert context == {
        "type": "session.thinking.append",
        "event_id": "aiconvai-context",
        "content": "The caller is in the lobby.",
        "delegation_id": None,
    }
    named = {"type": "session.commentary.append", "event_id": "aiconvai-text"}
    assert said == {**named, "content": "Hello", "delegation_id": None}
    assert "key 5" in key["content"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("aiconvai-result", "the service did not take the result of a tool: error invalid_value: No."),
        ("aiconvai-text", "the service did not take a text: error invalid_value: No."),
        ("aiconvai-context", "the service did not take what the agent should know: error invalid_value: No."),
        ("aiconvai-instructions", "the service did not take the new instructions: error invalid_value: No."),
        ("somebody's", "error invalid_value: No."),
    ],
)
def test_what_was_refused_is_named(host: Host, name: str, told: str) -> None:
    error = {"code": "invalid_value", "type": "invalid_request_error", "message": "No."}
    host.say({"type": "error", "event_id": "e7", "error": {**error, "client_event_id": name}})
    host.say({"type": "error", "event_id": "e8", "client_event_id": name, "error": error})
    assert host.errors == [told, told]
    assert host.conversation.phase is Phase.ACTIVE


# What else comes


@pytest.mark.parametrize("message", VECTORS, ids=lambda message: str(message["type"]))
def test_every_known_message_is_known(host: Host, message: dict[str, Any]) -> None:
    read_message(message, "type", SERVER_EVENTS)
    host.say(message)
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages) == (0, 0)


def test_known_messages_do_what_they_say() -> None:
    host = live_host()
    host.open()
    for message in VECTORS:
        host.say(message)
    assert host.conversation.stats().downlink_bytes == 2
    assert [call.id for call in host.told(ToolCall)] == ["del_1"]
    assert [(said.role, said.text) for said in host.told(Transcript)] == [(Role.CALLER, "hi"), (Role.AGENT, "Hello")]
    assert host.errors == ["error unknown_parameter: …"]
    assert [type(action) for action in host.wait(ms=1)] == [Close], "the session is over, and another is to take over"


def test_words_of_a_session_that_is_over_are_told(host: Host) -> None:
    host.say({"type": "session.input_transcript.delta", "delta": "Where is it?", "start_ms": 0, "end_ms": 300})
    assert host.told(Transcript) == []
    host.conversation.closed(None, "")
    host.pump()
    assert [(one.role, one.text) for one in host.told(Transcript)] == [(Role.CALLER, "Where is it?")]


def test_transcripts_are_told_a_turn_at_a_time(host: Host) -> None:
    def says(direction: str, *pieces: str) -> None:
        for piece in pieces:
            host.say({"type": f"session.{direction}_transcript.delta", "delta": piece, "start_ms": 0, "end_ms": 300})

    # Words that could be base64 are words all the same.
    says("input", "Good ", "even", "ing.")
    assert host.told(Transcript) == []
    says("output", "Hello", "! ")
    says("input", "x" * 700, "y" * 700)
    delegate(host, "del_1")
    assert [(said.role, said.text) for said in host.told(Transcript)] == [
        (Role.CALLER, "Good evening."),
        (Role.AGENT, "Hello! "),
        (Role.CALLER, "x" * 700),
        (Role.CALLER, "y" * 700),
    ]


def test_an_error_does_not_end_the_conversation(host: Host) -> None:
    host.say({"type": "error", "event_id": "e", "error": {"code": "c", "type": "t", "message": "Too long"}})
    assert host.errors == ["error c: Too long"]
    assert host.conversation.phase is Phase.ACTIVE


def test_unknown_and_malformed_messages_are_counted(host: Host) -> None:
    host.say({"type": "session.video.delta"})
    host.say({})
    host.conversation.message(b"{")
    host.pump()
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages) == (2, 1)
    assert host.conversation.phase is Phase.ACTIVE


# The end


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("content", "the service ended the session because of what was said"),
        ("new", "the service closed the session: new"),
    ],
)
def test_a_session_that_is_cut_off_is_lost(host: Host, reason: str, expected: str) -> None:
    closed(host, reason)
    assert (host.ended.status, host.ended.reason) == (Status.LOST, expected)
    assert host.sent == [], "nobody is left to be told"


@pytest.mark.parametrize("reason", ["expired", "connection_lost"])
def test_a_session_that_is_over_is_replaced(host: Host, reason: str) -> None:
    closed(host, reason)
    (close,) = host.wait(ms=1)
    assert isinstance(close, Close)
    host.conversation.closed(1000, "")
    host.pump()
    start(host)
    assert host.conversation.stats().reopenings == 1


@pytest.mark.parametrize("reason", ["close_requested", "remote_hangup"])
def test_a_session_that_was_ended_is_complete(host: Host, reason: str) -> None:
    audio(host, bytes(160))
    closed(host, reason)
    assert host.conversation.phase is Phase.ACTIVE
    host.conversation.closed(1000, "")
    host.pump()
    assert (host.ended.status, host.ended.reason) == (Status.COMPLETED, "the agent ended the conversation")
    assert host.play() == bytes(160)


def test_a_service_that_does_not_close_is_closed(host: Host) -> None:
    closed(host, "remote_hangup")
    actions = host.wait(seconds=6)
    assert [type(action) for action in actions] == [Close]
    assert host.ended.status is Status.COMPLETED


def test_the_session_is_closed_before_the_connection(host: Host) -> None:
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    [last, close] = host.pump()
    assert isinstance(last, Send)
    assert json.loads(last.message) == {"type": "session.close"}
    assert isinstance(close, Close)


def test_a_session_that_did_not_begin_is_not_closed() -> None:
    host = live_host()
    host.open()
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    [close] = host.pump()
    assert isinstance(close, Close)


@pytest.mark.parametrize(
    ("code", "status"),
    [(1000, Status.COMPLETED), (1001, Status.LOST), (1008, Status.LOST), (1011, Status.LOST), (None, Status.LOST)],
)
def test_the_end(code: int | None, status: Status) -> None:
    host = live_host(reconnect_attempts=0)
    start(host)
    host.conversation.closed(code, "")
    host.pump()
    assert host.ended.status is status
