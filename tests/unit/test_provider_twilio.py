"""Twilio Media Streams, from Twilio's side: what is sent, and what becomes of what comes."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from engine_host import API_KEY, ULAW, Host

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Close, Interrupted, Ready, Send, Status
from aiconvai.engine.settings import Settings
from aiconvai.mock.strict_json import read_message
from aiconvai.mock.twilio import CLIENT_MESSAGES

AGENT = {"provider": "twilio", "conversation_url": "wss://ai.example.com/media-stream?x=1"}
VECTORS = [
    json.loads(line) for line in (Path(__file__).parent / "vectors" / "twilio.jsonl").read_text("utf-8").splitlines()
]
DOCUMENTED: dict[str, dict[str, Any]] = {
    "connected": {"event": "connected", "protocol": "Call", "version": "1.0.0"},
    "start": {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"k": "v"},
        },
    },
    "media": {
        "event": "media",
        "sequenceNumber": "3",
        "streamSid": "MZ1",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "//8="},
    },
    "dtmf": {
        "event": "dtmf",
        "sequenceNumber": "4",
        "streamSid": "MZ1",
        "dtmf": {"track": "inbound_track", "digit": "5"},
    },
    "mark": {"event": "mark", "sequenceNumber": "5", "streamSid": "MZ1", "mark": {"name": "m1"}},
    "stop": {
        "event": "stop",
        "sequenceNumber": "6",
        "streamSid": "MZ1",
        "stop": {"accountSid": "AC1", "callSid": "CA1"},
    },
}
"""What Twilio sends, as its vendor shows it."""


def start(host: Host) -> dict[str, Any]:
    """From the beginning to the stream; returns the message that begins it."""
    host.begin()
    host.conversation.connected()
    host.pump()
    assert host.conversation.phase is Phase.ACTIVE
    assert [message["event"] for message in host.sent[:2]] == ["connected", "start"]
    return host.sent[1]


def audio(host: Host, data: bytes) -> None:
    host.say({"event": "media", "streamSid": "MZ1", "media": {"payload": base64.b64encode(data).decode()}})


def mark(host: Host, name: str) -> None:
    host.say({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}})


def clear(host: Host) -> None:
    host.say({"event": "clear", "streamSid": "MZ1"})


def echoed(host: Host) -> list[str]:
    return [message["mark"]["name"] for message in host.sent if message["event"] == "mark"]


def shape(value: Any) -> Any:
    """The keys of a message and the types of their values."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


@pytest.fixture
def host() -> Host:
    host = Host(AGENT)
    start(host)
    host.sent.clear()
    return host


# Opening


def test_the_servers_url_is_used_as_it_is() -> None:
    request = Host(AGENT).begin().request
    assert request.url == AGENT["conversation_url"]
    assert request.headers == {}


def test_a_server_may_want_a_token() -> None:
    request = (
        Host({"provider": "twilio", "ai_websocket_url": "ws://127.0.0.1/", "ai_auth_token": API_KEY}).begin().request
    )
    assert request.headers == {"Authorization": f"Bearer {API_KEY}"}


def test_an_agent_needs_a_url() -> None:
    [problem] = Settings.read_agent("sales", {"provider": "twilio"}).problems
    assert "expected conversation_url" in problem


def test_the_stream_begins_without_an_answer() -> None:
    host = Host(AGENT, variables={"unique_id": "1700000000.5", "caller_number": "+420"})
    message = start(host)
    assert host.sent[0] == DOCUMENTED["connected"]
    assert message["sequenceNumber"] == "1"
    assert message["start"]["customParameters"] == {"unique_id": "1700000000.5", "caller_number": "+420"}
    assert host.conversation.stats().conversation_id == message["streamSid"]
    [ready] = host.told(Ready)
    assert (ready.uplink, ready.downlink) == (ULAW, ULAW)


def test_identifiers_are_those_of_the_call() -> None:
    sids = []
    for unique_id in ("1700000000.5", "1700000000.5", "1700000000.6"):
        begun = start(Host(AGENT, variables={"unique_id": unique_id}))["start"]
        sids.append((begun["streamSid"], begun["callSid"]))
    assert sids[0] == sids[1]
    assert not set(sids[0]) & set(sids[2])
    # 128 bits that are of the call, all of them.
    halves = [half for sid in sids[1] + sids[2] for half in (sid[2:18], sid[18:])]
    assert all(re.fullmatch("[0-9a-f]{16}", half) for half in halves)
    assert len(set(halves)) == 8


def test_what_is_sent_is_what_twilio_sends() -> None:
    host = Host(AGENT, variables={"k": "v"})
    host.conversation.dtmf("1")
    start(host)
    host.conversation.caller_audio(bytes(160))
    host.pump()
    host.conversation.dtmf("5")
    mark(host, "m1")
    host.conversation.caller_audio(bytes(320))
    host.pump()
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    for message in host.sent:
        read_message(message, "event", CLIENT_MESSAGES)
        assert shape(message) == shape(DOCUMENTED[message["event"]])
    assert [message["event"] for message in host.sent] == [
        "connected", "start", "dtmf", "media", "dtmf", "mark", "media", "media", "stop",
    ]  # fmt: skip
    assert [message["sequenceNumber"] for message in host.sent[1:]] == [str(number) for number in range(1, 9)]
    assert len({message["streamSid"] for message in host.sent[1:]}) == 1


# Audio


def test_the_caller_is_heard(host: Host) -> None:
    for byte in range(3):
        host.conversation.caller_audio(bytes([byte]) * 160)
        host.pump()
    heard = [message["media"] for message in host.sent]
    assert [base64.b64decode(chunk["payload"]) for chunk in heard] == [bytes([byte]) * 160 for byte in range(3)]
    assert [(chunk["chunk"], chunk["timestamp"]) for chunk in heard] == [("1", "0"), ("2", "20"), ("3", "40")]


def test_a_pause_in_the_audio_is_filled_with_silence(host: Host) -> None:
    host.conversation.caller_audio(bytes(160))
    host.wait(seconds=2)
    assert host.conversation.stats().uplink_silence_ms > 1500
    stamps = [int(message["media"]["timestamp"]) for message in host.sent]
    assert stamps == [20 * number for number in range(len(stamps))]


def test_the_agent_is_heard(host: Host) -> None:
    audio(host, b"\x11" * 800)
    audio(host, b"\x22" * 80)
    assert host.play() == b"\x11" * 800 + b"\x22" * 80 + b"\xff" * 80


def test_a_line_of_another_format_is_converted() -> None:
    host = Host(AGENT, line_format=AudioFormat(Encoding.PCM16, 16000))
    start(host)
    host.conversation.caller_audio(bytes(2 * 16 * 60))
    host.pump()
    media = [message["media"] for message in host.sent if message["event"] == "media"]
    assert media
    assert all(len(base64.b64decode(chunk["payload"])) == 160 for chunk in media)
    audio(host, b"\xff" * 800)
    assert len(host.play()) == pytest.approx(2 * 16 * 100, abs=640)


@pytest.mark.parametrize("media", [{"payload": "%%%"}, {}])
def test_audio_that_is_not_base64_is_told(host: Host, media: dict[str, Any]) -> None:
    host.say({"event": "media", "streamSid": "MZ1", "media": media})
    assert host.errors == ["the service sent audio that is not base64; it was ignored"]
    assert host.play() == b""


# Interruptions and marks


def test_a_clear_drops_what_was_not_heard(host: Host) -> None:
    audio(host, b"\x11" * 8000)
    host.hear(5)
    clear(host)
    [interrupted] = host.told(Interrupted)
    assert interrupted.heard_ms == 100
    assert host.play() == b""
    audio(host, b"\x22" * 160)
    assert host.play() == b"\x22" * 160, "what comes after a clear is new"


def test_a_mark_is_echoed_when_the_audio_before_it_was_heard(host: Host) -> None:
    audio(host, b"\x11" * 320)
    mark(host, "m1")
    audio(host, b"\x22" * 160)
    mark(host, "m2")
    assert echoed(host) == []
    for expected in ([], ["m1"], ["m1", "m2"]):
        host.conversation.playout.take()
        host.wait(ms=20)
        assert echoed(host) == expected


def test_a_mark_behind_nothing_is_echoed_at_once(host: Host) -> None:
    mark(host, "m1")
    assert echoed(host) == ["m1"]


def test_a_clear_echoes_what_it_dropped(host: Host) -> None:
    audio(host, b"\x11" * 8000)
    for name in ("m1", "m2"):
        mark(host, name)
    clear(host)
    assert echoed(host) == ["m1", "m2"]


def test_more_marks_than_can_be_kept_are_echoed_early_and_told(host: Host) -> None:
    audio(host, b"\x11" * 8000)
    for number in range(70):
        mark(host, f"m{number}")
    assert echoed(host) == [f"m{number}" for number in range(6)]
    assert len(host.errors) == 6
    clear(host)
    assert echoed(host) == [f"m{number}" for number in range(70)]


def test_marks_that_are_left_at_the_end_are_forgotten(host: Host) -> None:
    audio(host, b"\x11" * 8000)
    mark(host, "m1")
    host.conversation.closed(1000, "")
    host.pump()
    host.play()
    host.wait(seconds=1)
    assert echoed(host) == []


# What else comes, and what cannot be said


def test_there_are_no_texts(host: Host) -> None:
    assert not host.conversation.context("In the lobby.")
    assert not host.conversation.user_message("Hello")
    assert host.pump() == []


def test_every_known_message_does_what_it_says(host: Host) -> None:
    for message in VECTORS:
        host.say(message)
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages, host.errors) == (0, 0, [])
    assert (stats.downlink_bytes, stats.interruptions, echoed(host)) == (2, 1, ["m1"])


def test_unknown_and_malformed_messages_are_counted(host: Host) -> None:
    host.say({"event": "dial"})
    host.say({"type": "media"})
    host.conversation.message(b"[")
    host.conversation.binary_message(b"\xff" * 160)
    host.pump()
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages) == (2, 2)
    assert host.play() == b""


# The end


def test_a_stream_is_stopped_before_it_is_closed(host: Host) -> None:
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    [last, close] = host.pump()
    assert isinstance(last, Send)
    assert json.loads(last.message)["event"] == "stop"
    assert isinstance(close, Close)


def test_a_server_hangs_up_by_closing(host: Host) -> None:
    audio(host, bytes(160))
    host.conversation.closed(1000, "")
    host.pump()
    assert (host.ended.status, host.ended.reason) == (
        Status.COMPLETED,
        "the agent ended the conversation (close code 1000)",
    )
    assert host.play() == bytes(160)


@pytest.mark.parametrize(
    ("code", "status"),
    [(1001, Status.COMPLETED), (1005, Status.COMPLETED), (1008, Status.LOST), (1011, Status.LOST), (None, Status.LOST)],
)
def test_the_end(code: int | None, status: Status) -> None:
    host = Host(AGENT, reconnect_attempts=0)
    start(host)
    host.conversation.closed(code, "")
    host.pump()
    assert host.ended.status is status
