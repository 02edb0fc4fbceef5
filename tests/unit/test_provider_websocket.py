"""The WebSocket protocol: what is sent, and what becomes of what comes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from engine_host import API_KEY, ULAW, Host

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Close, Interrupted, Role, Send, Status, ToolCall, Transcript, TranscriptKind
from aiconvai.engine.settings import Settings
from aiconvai.mock.strict_json import read_message
from aiconvai.websocket_protocol import CLIENT_MESSAGES, SERVER_MESSAGES, USUAL_EXTENSIONS

AGENT = {"provider": "websocket", "ai_websocket_url": "wss://ai.example.com/talk?x=1", "audio_format": "ulaw_8000"}
VECTORS = [
    json.loads(line) for line in (Path(__file__).parent / "vectors" / "websocket.jsonl").read_text("utf-8").splitlines()
]


def start(host: Host, kind: str = "session_started") -> dict[str, Any]:
    """From the beginning to the session; returns the first message."""
    host.open()
    [message] = host.sent
    assert message["type"] == "session.init"
    host.say({"type": kind, "session_id": "session_1"})
    assert host.conversation.phase is Phase.ACTIVE
    return message


def audio(host: Host, data: bytes, **ids: int) -> None:
    host.say({"type": "audio_delta", "audio": base64.b64encode(data).decode(), **ids})


@pytest.fixture
def host() -> Host:
    host = Host(AGENT)
    start(host)
    host.sent.clear()
    return host


# Opening


def test_the_servers_url_is_used_as_it_is() -> None:
    request = Host(AGENT).begin().request
    assert request.url == "wss://ai.example.com/talk?x=1"
    assert request.headers == {}


def test_the_token_is_a_bearer_token() -> None:
    assert Host({**AGENT, "ai_auth_token": API_KEY}).begin().request.headers == {"Authorization": f"Bearer {API_KEY}"}


def test_an_agent_needs_a_url() -> None:
    [problem] = Settings.read_agent("sales", {"provider": "websocket"}).problems
    assert "expected conversation_url" in problem


def test_the_session_is_what_the_settings_say() -> None:
    settings = {
        "ai_voice": "alto",
        "ai_language": "cs",
        "system_prompt": "Speak with {name}.",
        "vad_enabled": "no",
        "vad_threshold": "0.75",
        "vad_silence_duration_ms": "700",
        "vad_prefix_padding_ms": "100",
    }
    assert start(Host({**AGENT, **settings}, variables={"name": "Ann"})) == {
        "type": "session.init",
        "config": {
            "audio_format": "g711_ulaw",
            "sample_rate": 8000,
            "channels": 1,
            "language": "cs",
            "voice": "alto",
            "system_prompt": "Speak with Ann.",
            "vad_enabled": False,
            "vad_threshold": 0.75,
            "vad_silence_duration_ms": 700,
            "vad_prefix_padding_ms": 100,
        },
        "variables": {"name": "Ann"},
        "extensions": list(USUAL_EXTENSIONS),
    }


def test_the_session_has_defaults() -> None:
    host = Host({name: value for name, value in AGENT.items() if name != "audio_format"})
    assert start(host)["config"] == {
        "audio_format": "pcm16",
        "sample_rate": 16000,
        "channels": 1,
        "vad_enabled": True,
        "vad_threshold": 0.6,
        "vad_silence_duration_ms": 600,
        "vad_prefix_padding_ms": 200,
    }


@pytest.mark.parametrize(
    ("option", "wire", "rate"),
    [
        ("pcm_8000", "pcm16", 8000),
        ("pcm_24000", "pcm16", 24000),
        ("pcm_48000", "pcm16", 48000),
        ("alaw_8000", "g711_alaw", 8000),
    ],
)
def test_audio_has_the_format_of_the_settings(option: str, wire: str, rate: int) -> None:
    host = Host({**AGENT, "audio_format": option})
    config = start(host)["config"]
    assert (config["audio_format"], config["sample_rate"]) == (wire, rate)
    stats = host.conversation.stats()
    assert stats.uplink_format == stats.downlink_format
    host.conversation.caller_audio(bytes(8000))
    host.pump()
    assert {message["format"] for message in host.messages("audio.input")} == {wire}


@pytest.mark.parametrize("kind", ["session_started", "ready"])
def test_the_server_announces_the_session(kind: str) -> None:
    host = Host(AGENT)
    start(host, kind)
    assert host.conversation.stats().conversation_id == "session_1"
    assert len(host.sent) == 1


def test_a_session_needs_no_name() -> None:
    host = Host(AGENT)
    host.open()
    host.say({"type": "ready"})
    assert host.conversation.phase is Phase.ACTIVE


def test_the_initial_message_follows() -> None:
    host = Host({**AGENT, "initial_message": "Greet {name}."}, variables={"name": "Ann"})
    start(host)
    assert host.sent[1:] == [{"type": "text.input", "text": "Greet Ann."}]


def test_all_that_is_sent_is_in_the_protocol() -> None:
    host = Host({**AGENT, "initial_message": "Hello"})
    start(host)
    host.say({"type": "tool_call", "id": "call_1", "name": "transfer", "parameters": {}})
    host.conversation.tool_result("call_1", "done")
    host.say({"type": "mark", "name": "m1"})
    host.conversation.dtmf("#")
    host.conversation.context("In the lobby.")
    host.conversation.user_message("Hello")
    host.conversation.caller_audio(bytes(320))
    host.pump()
    for message in host.sent:
        read_message(message, "type", CLIENT_MESSAGES)
    of_turns = {"turn.started", "turn.ended"}
    assert {message["type"] for message in host.sent} == set(CLIENT_MESSAGES) - of_turns


# Audio


def test_the_caller_is_heard(host: Host) -> None:
    host.conversation.caller_audio(bytes(range(160)) * 2)
    host.pump()
    encoded = base64.b64encode(bytes(range(160)) * 2).decode()
    assert host.sent == [{"type": "audio.input", "audio": encoded, "format": "g711_ulaw"}]


def test_a_pause_in_the_audio_is_filled_with_silence(host: Host) -> None:
    host.conversation.caller_audio(bytes(320))
    host.wait(seconds=2)
    assert host.conversation.stats().uplink_silence_ms > 1500


@pytest.mark.parametrize(("kind", "key"), [("audio_delta", "audio"), ("audio_chunk", "data")])
def test_the_agent_is_heard(host: Host, kind: str, key: str) -> None:
    data = bytes(range(256)) * 5
    host.say({key: base64.b64encode(data).decode(), "type": kind})
    assert host.play() == data


def test_the_agent_is_heard_in_binary() -> None:
    host = Host({**AGENT, "audio_format": "pcm_8000"}, line_format=AudioFormat(Encoding.PCM16, 8000))
    start(host)
    data = bytes(range(240)) * 4
    for piece, complete in ((data[:3], False), (data[3:320], True), (data[320:], True)):
        host.conversation.binary_message(piece, complete=complete)
        host.pump()
    assert host.play() == data
    assert host.errors == []


@pytest.mark.parametrize("message", [{"type": "audio_delta"}, {"type": "audio_chunk", "data": "%%%"}])
def test_audio_that_is_not_base64_is_told(host: Host, message: dict[str, Any]) -> None:
    host.say(message)
    assert host.errors == ["the service sent audio that is not base64; it was ignored"]
    assert host.play() == b""


def test_audio_before_the_session_is_ignored() -> None:
    host = Host(AGENT)
    host.open()
    audio(host, bytes(160))
    host.conversation.binary_message(bytes(160))
    host.pump()
    assert host.errors == ["the service sent audio before it announced the conversation; it was ignored"] * 2


def test_another_line_is_converted() -> None:
    host = Host({**AGENT, "audio_format": "pcm_24000"}, line_format=ULAW)
    start(host)
    host.conversation.caller_audio(b"\xff" * 640)
    host.pump()
    [first, *_] = host.messages("audio.input")
    assert len(base64.b64decode(first["audio"])) == 2 * 24 * 40
    audio(host, bytes(2 * 24 * 100))
    assert len(host.play()) == pytest.approx(800, abs=160)


# Interruptions


@pytest.mark.parametrize("kind", ["user_speech_started", "speech_started", "interruption"])
def test_the_agent_is_cut_off(host: Host, kind: str) -> None:
    audio(host, b"\x11" * 8000)
    host.hear(13)
    host.say({"type": kind})
    [interrupted] = host.told(Interrupted)
    assert interrupted.heard_ms == 260
    assert host.play() == b""
    audio(host, b"\x22" * 160)
    assert host.play() == b"\x22" * 160, "without ids, what comes next is the next answer"


def test_nobody_is_cut_off_where_nobody_speaks(host: Host) -> None:
    host.say({"type": "user_speech_started"})
    audio(host, b"\x11" * 160)
    assert host.play() == b"\x11" * 160
    host.say({"type": "user_speech_started"})
    assert host.told(Interrupted) == []


@pytest.mark.parametrize("kind", ["response_complete", "audio_done"])
def test_an_answer_that_is_complete_can_be_cut_off(host: Host, kind: str) -> None:
    audio(host, b"\x11" * 8000)
    host.say({"type": kind})
    host.say({"type": "user_speech_started"})
    assert host.play() == b""
    audio(host, b"\x22" * 160)
    assert host.play() == b"\x22" * 160


def test_answers_are_told_apart_without_ids(host: Host) -> None:
    for text in ("one", "two"):
        audio(host, bytes(160))
        host.say({"type": "transcript", "text": text, "role": "assistant"})
        host.say({"type": "response_complete"})
    assert [said.event_id for said in host.told(Transcript)] == [0, 1]


@pytest.mark.parametrize(
    "cut", [{"type": "interruption", "event_id": 5}, {"type": "interruption"}, {"type": "speech_started"}]
)
def test_what_is_late_is_not_heard(host: Host, cut: dict[str, Any]) -> None:
    audio(host, b"\x11" * 800, event_id=5)
    host.say(cut)
    audio(host, b"\x11" * 800, event_id=5)
    audio(host, b"\x11" * 800, event_id=4)
    audio(host, b"\x22" * 800, event_id=6)
    assert host.play() == b"\x22" * 800
    assert host.conversation.playout.stats().chunks_late == 2


def test_an_interruption_leaves_what_is_newer(host: Host) -> None:
    audio(host, b"\x11" * 800, event_id=5)
    audio(host, b"\x22" * 800, event_id=6)
    host.say({"type": "interruption", "event_id": 5})
    assert host.play() == b"\x22" * 800


def test_completion_does_not_change_the_services_ids(host: Host) -> None:
    audio(host, b"\x11" * 800, event_id=5)
    host.say({"type": "response_complete"})
    host.say({"type": "user_speech_started"})
    audio(host, b"\x22" * 800, event_id=6)
    assert host.play() == b"\x22" * 800


def test_an_interruption_with_an_id_does_not_silence_audio_without(host: Host) -> None:
    audio(host, b"\x11" * 800)
    host.say({"type": "interruption", "event_id": 7})
    audio(host, b"\x22" * 800)
    assert host.play() == b"\x22" * 800


# Marks


def test_a_mark_is_reported_when_the_audio_before_it_was_heard(host: Host) -> None:
    audio(host, b"\x11" * 320)
    host.say({"type": "mark", "name": "m1"})
    audio(host, b"\x22" * 160)
    host.say({"type": "mark", "name": "m2"})
    for expected in (["m1"], ["m1", "m2"]):
        assert [one["name"] for one in host.messages("mark")] == expected[:-1]
        host.hear(2 if expected == ["m1"] else 1)
        host.wait(ms=20)
        assert [one["name"] for one in host.messages("mark")] == expected


def test_an_interruption_reports_what_it_dropped(host: Host) -> None:
    audio(host, b"\x11" * 8000)
    host.say({"type": "mark", "name": "m1"})
    host.say({"type": "user_speech_started"})
    assert host.sent == [{"type": "mark", "name": "m1"}]


# Tools and texts


def test_tools_are_called_and_answered(host: Host) -> None:
    host.say({"type": "tool_call", "id": "call_1", "name": "transfer", "parameters": {"ext": "200"}})
    host.say({"type": "tool_call", "id": "call_2", "name": "hold"})
    assert [(one.id, one.name, one.parameters) for one in host.told(ToolCall)] == [
        ("call_1", "transfer", '{"ext":"200"}'),
        ("call_2", "hold", "{}"),
    ]
    assert host.conversation.tool_result("call_2", "done")
    assert host.conversation.tool_result("call_1", "busy", is_error=True)
    assert not host.conversation.tool_result("call_1", "again")
    host.pump()
    assert host.sent == [
        {"type": "tool_result", "id": "call_2", "name": "hold", "result": "done", "is_error": False},
        {"type": "tool_result", "id": "call_1", "name": "transfer", "result": "busy", "is_error": True},
    ]


def test_a_result_may_ask_for_no_words(host: Host) -> None:
    host.say({"type": "tool_call", "id": "call_1", "name": "note"})
    host.say({"type": "tool_call", "id": "call_2", "name": "note"})
    host.conversation.tool_result("call_1", "Noted.", silent=True)
    host.conversation.tool_result("call_2", "Full.", is_error=True, silent=True)
    host.pump()
    noted, failed = host.messages("tool_result")
    assert noted["answer"] is False
    assert "answer" not in failed, "an error is nothing to be silent about"


def test_a_call_that_nobody_takes_is_answered(host: Host) -> None:
    host.say({"type": "tool_call", "id": "call_1", "name": "transfer"})
    host.wait(seconds=11)
    [answer] = host.messages("tool_result")
    assert (answer["id"], answer["is_error"]) == ("call_1", True)


@pytest.mark.parametrize("call", [{"id": "call_1"}, {"name": "transfer"}, {"id": 1, "name": "transfer"}])
def test_a_call_that_cannot_be_answered_is_told(host: Host, call: dict[str, Any]) -> None:
    host.say({"type": "tool_call", **call})
    assert host.errors == ["the service sent a tool call without a name or an id; it was ignored"]
    assert host.told(ToolCall) == []


def test_keys_and_texts(host: Host) -> None:
    assert host.conversation.context("The caller is in the lobby.")
    assert host.conversation.user_message("Hello")
    host.conversation.dtmf("5")
    host.pump()
    assert host.sent == [
        {"type": "text.input", "text": "The caller is in the lobby.", "role": "system"},
        {"type": "text.input", "text": "Hello"},
        {"type": "dtmf", "digit": "5"},
    ]


@pytest.mark.parametrize(("kind", "key"), [("transcript", "role"), ("transcription", "speaker")])
def test_transcripts(host: Host, kind: str, key: str) -> None:
    for who in ("user", "caller", "assistant", "agent"):
        host.say({"type": kind, "text": who, key: who})
    host.say({"type": kind, "text": "us", key: "user", "final": False})
    host.say({"type": kind, key: "user"})
    told = [(one.role, one.text, one.kind) for one in host.told(Transcript)]
    assert told == [
        (Role.CALLER, "user", TranscriptKind.FINAL),
        (Role.CALLER, "caller", TranscriptKind.FINAL),
        (Role.AGENT, "assistant", TranscriptKind.FINAL),
        (Role.AGENT, "agent", TranscriptKind.FINAL),
        (Role.CALLER, "us", TranscriptKind.TENTATIVE),
    ]


# What else comes


@pytest.mark.parametrize("message", VECTORS, ids=lambda message: json.dumps(message)[:60])
def test_every_known_message_is_known(host: Host, message: dict[str, Any]) -> None:
    read_message(message, "type", SERVER_MESSAGES)
    host.say(message)
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages) == (0, 0)


def test_vectors_are_of_all_messages() -> None:
    assert {message["type"] for message in VECTORS} == set(SERVER_MESSAGES)


def test_what_is_unknown_is_counted_and_ignored(host: Host) -> None:
    host.say({"type": "telepathy"})
    host.say({})
    host.conversation.message(b'{"type":')
    host.pump()
    audio(host, b"\x11" * 160, more=1)
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages) == (2, 1)
    assert host.play() == b"\x11" * 160


# Errors and the end


def test_an_error_is_told(host: Host) -> None:
    host.say({"type": "error", "message": "No answer"})
    host.say({"type": "error", "fatal": False})
    assert host.errors == ["the service reported an error: No answer", "the service reported an error: no message"]
    assert host.conversation.phase is Phase.ACTIVE


def test_a_fatal_error_ends_the_conversation(host: Host) -> None:
    host.say({"type": "error", "message": "No voice", "fatal": True})
    assert (host.ended.status, host.ended.reason) == (Status.LOST, "the service reported an error: No voice")
    assert isinstance(host.actions[-1], Close)


def test_a_fatal_error_ends_the_attempt() -> None:
    host = Host(AGENT)
    host.open()
    host.say({"type": "error", "message": "No voice", "fatal": True})
    assert host.ended.status is Status.UNAVAILABLE


def test_an_error_explains_the_close_after_it(host: Host) -> None:
    host.say({"type": "error", "message": "No voice"})
    host.conversation.closed(1008, "")
    host.pump()
    assert "No voice" in host.ended.reason


def test_the_agent_hangs_up(host: Host) -> None:
    audio(host, bytes(160))
    host.say({"type": "hangup"})
    assert host.conversation.phase is Phase.ACTIVE
    host.conversation.closed(1001, "")
    host.pump()
    assert (host.ended.status, host.ended.reason) == (Status.COMPLETED, "the agent ended the conversation")
    assert host.play() == bytes(160)


def test_an_agent_that_hung_up_is_closed(host: Host) -> None:
    host.say({"type": "hangup"})
    assert [type(action) for action in host.wait(seconds=6)] == [Close]
    assert host.ended.status is Status.COMPLETED


def test_this_side_ends_by_closing(host: Host) -> None:
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    [close] = host.pump()
    assert isinstance(close, Close)
    assert not [action for action in host.pump() if isinstance(action, Send)]


@pytest.mark.parametrize(
    ("code", "status"),
    [(1000, Status.COMPLETED), (1001, Status.LOST), (1008, Status.LOST), (1011, Status.LOST), (None, Status.LOST)],
)
def test_the_end(code: int | None, status: Status) -> None:
    host = Host(AGENT, reconnect_attempts=0)
    start(host)
    host.conversation.closed(code, "")
    host.pump()
    assert host.ended.status is status


# One that has no room


def test_who_has_no_room_says_so_and_is_not_asked_again() -> None:
    host = Host(AGENT)
    host.open()
    host.conversation.closed(1013, "4 calls go on")
    host.pump()
    assert (host.ended.status, host.ended.reason) == (
        Status.BUSY, "the service takes no more calls (close code 1013: 4 calls go on)",
    )  # fmt: skip


def test_a_conversation_that_goes_on_is_not_busy_but_lost() -> None:
    host = Host(AGENT, reconnect_attempts=0)
    start(host)
    host.conversation.closed(1013, "")
    host.pump()
    assert host.ended.status is Status.LOST


# `aiconvai local` on this machine


def test_the_local_agent_is_found_without_a_url_and_says_its_first_message_itself() -> None:
    settings = {"provider": "local", "first_message": "Good morning, {name}.", "prompt": "Be brief."}
    assert Host(settings).begin().request.url == "ws://127.0.0.1:8400/"
    host = Host(settings, variables={"name": "Ann"})
    config = start(host)["config"]
    assert (config["audio_format"], config["sample_rate"]) == ("g711_ulaw", 8000)
    assert (config["first_message"], config["system_prompt"]) == ("Good morning, Ann.", "Be brief.")
    assert len(host.sent) == 1


def test_it_may_be_elsewhere() -> None:
    settings = {"provider": "local", "conversation_url": "wss://ai.example.com/", "api_key": API_KEY}
    request = Host(settings).begin().request
    assert (request.url, request.headers) == ("wss://ai.example.com/", {"Authorization": f"Bearer {API_KEY}"})
