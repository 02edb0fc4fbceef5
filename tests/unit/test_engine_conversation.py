"""An announced conversation: everything the service and the caller can do, and how it ends."""

from __future__ import annotations

import gc
import json
import random
import resource
from pathlib import Path
from typing import Any

import pytest
from engine_host import (
    API_KEY,
    ULAW,
    Host,
    audio,
    end_call,
    interruption,
    metadata,
    ping,
    service_error,
    tool_call,
)
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import (
    AudioQueued,
    Close,
    Ended,
    Interrupted,
    Role,
    Send,
    Status,
    ToolCall,
    Transcript,
    TranscriptKind,
    Vad,
)
from aiconvai.engine.library import load_library
from aiconvai.engine.playout_queue import PlayoutResult


@pytest.fixture
def host() -> Host:
    started = Host(audio_frames_buffer_ms=20)
    started.start()
    return started


# Agent audio


def test_audio_is_queued_for_playout(host: Host) -> None:
    host.clock.advance(ms=300)
    data = random.Random(1).randbytes(480)
    host.say(audio(1, data))
    assert host.told(AudioQueued) == [AudioQueued()]
    assert host.play() == data
    stats = host.conversation.stats()
    assert (stats.downlink_chunks, stats.downlink_bytes, stats.first_audio_us) == (1, 480, 300_000)
    assert stats.downlink_dbfs > -30


@pytest.mark.parametrize(
    "name", ["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000"]
)
def test_audio_is_converted_as_one_stream(name: str) -> None:
    host = Host()
    host.start(name)
    data = random.Random(2).randbytes(40_000)
    sizes = random.Random(3)
    at = 0
    while at < len(data):
        # Odd lengths too: a sample may be cut in two.
        length = sizes.randint(1, 5000)
        host.say(audio(1, data[at : at + length]))
        at += length
    expected = Transcoder(AudioFormat.parse(name), ULAW).run(data)
    assert host.play()[: len(expected)] == expected


def test_an_interruption_drops_up_to_its_id_and_keeps_what_is_newer(host: Host) -> None:
    for event_id in (1, 2, 3, 4):
        host.say(audio(event_id, bytes([event_id]) * 320))
    played = b"".join(host.conversation.playout.take().audio for _ in range(3))
    assert played == b"\1" * 320 + b"\2" * 160
    host.say(interruption(3))
    (event,) = host.told(Interrupted)
    assert (event.event_id, event.heard_ms) == (3, 20)
    assert (event.result.removed_ids, event.result.removed_bytes) == ((2, 3), 160 + 320)
    assert (event.result.heard_event_id, event.result.heard_samples) == (2, 160)
    assert host.play() == b"\4" * 320
    assert host.conversation.stats().interruptions == 1


def test_late_audio_of_an_interrupted_id_is_dropped_and_counted(host: Host) -> None:
    host.say(audio(3, bytes(320)))
    host.say(interruption(3))
    queued = len(host.told(AudioQueued))
    for event_id in (3, 2, -5):
        host.say(audio(event_id, b"\1" * 320))
    assert host.conversation.playout.is_empty()
    assert host.conversation.playout.stats().chunks_late == 3
    assert len(host.told(AudioQueued)) == queued
    host.say(audio(4, b"\4" * 160))
    assert host.play() == b"\4" * 160


@pytest.mark.parametrize("late", [True, False])
def test_nothing_of_interrupted_audio_is_heard_in_what_follows(late: bool) -> None:
    """The resampler's memory would carry some milliseconds of it over."""
    loud = b"\x00\x40\x00\xc0" * 800
    following = random.Random(5).randbytes(3200)
    host = Host()
    host.start("pcm_16000")
    host.say(audio(1, loud))
    host.say(interruption(1))
    if late:
        host.say(audio(1, loud + b"\x7f"))
    host.say(audio(2, following))
    expected = Transcoder(AudioFormat.parse("pcm_16000"), ULAW).run(following)
    assert host.play()[: len(expected)] == expected


def test_an_interruption_does_not_cut_newer_audio_inside_the_resampler() -> None:
    host = Host()
    host.start("pcm_16000")
    first, second = random.Random(6).randbytes(3200), random.Random(7).randbytes(3200)
    host.say(audio(5, first))
    host.say(interruption(4))
    host.say(audio(5, second))
    expected = Transcoder(AudioFormat.parse("pcm_16000"), ULAW).run(first + second)
    assert host.play()[: len(expected)] == expected


@pytest.mark.parametrize(
    "event",
    [
        {"audio_base_64": "not base64!", "event_id": 1},
        {"event_id": 1},
        {"audio_base_64": 7, "event_id": 1},
        {},
    ],
)
def test_audio_that_is_none(host: Host, event: dict[str, Any]) -> None:
    host.say({"type": "audio", "audio_event": event})
    assert "not base64" in host.errors[0]
    assert host.conversation.playout.is_empty()
    host.say(audio(1, b"\1" * 160))
    assert host.play() == b"\1" * 160


def test_empty_audio_is_no_audio(host: Host) -> None:
    host.say(audio(1, b""))
    assert host.told(AudioQueued) == []
    assert host.errors == []


def test_silence_before_each_turn() -> None:
    host = Host(silence_padding_ms=60)
    host.start()
    silence = b"\xff" * 480
    host.say(audio(1, b"\1" * 160))
    host.say(audio(1, b"\1" * 160))
    assert host.play() == silence + b"\1" * 320
    host.say(audio(1, b"\1" * 160))
    assert host.play() == b"\1" * 160, "the same turn goes on"
    host.say(audio(2, b"\2" * 160))
    host.say(audio(3, b"\3" * 160))
    assert host.play() == silence + b"\2" * 160 + b"\3" * 160, "what is still playing needs no pause"
    host.say(interruption(3))
    host.say(audio(3, b"\3" * 160))
    assert host.conversation.playout.stats().chunks_late == 1
    assert host.play() == b""


def test_audio_beyond_the_limit_is_dropped() -> None:
    host = Host(playout_limit_seconds=10)
    host.start()
    for _ in range(12):
        host.say(audio(1, bytes(8000)))
    assert host.conversation.playout.stats().bytes_overflow == 16_000
    assert len(host.play()) == 80_000


def test_a_message_in_pieces(host: Host) -> None:
    text = json.dumps(audio(1, b"\5" * 1600)).encode()
    for at in range(0, len(text), 7):
        host.conversation.message(text[at : at + 7], complete=False)
    host.conversation.message(b"", complete=True)
    host.pump()
    assert host.play() == b"\5" * 1600
    assert host.conversation.stats().messages_received == 2


# What else the service sends


def test_every_ping_is_answered_with_its_id(host: Host) -> None:
    for event_id, ping_ms in ((1, None), (2, 45), (2**53, 0), (-4, None)):
        host.say(ping(event_id, ping_ms))
    host.say({"type": "ping", "ping_event": {"event_id": 9}})
    assert [pong["event_id"] for pong in host.messages("pong")] == [1, 2, 2**53, -4, 9]
    stats = host.conversation.stats()
    assert (stats.pings, stats.last_ping_ms) == (5, 0)


def test_transcripts(host: Host) -> None:
    host.say(
        {
            "type": "tentative_user_transcript",
            "tentative_user_transcription_event": {"user_transcript": "h", "event_id": 4},
        }
    )
    host.say(
        {
            "type": "user_transcript",
            "user_transcription_event": {"user_transcript": 'hi ž "x"', "event_id": 4},
        }
    )
    host.say(
        {"type": "agent_response", "agent_response_event": {"agent_response": "Hello there", "event_id": 5}}
    )
    host.say({"type": "agent_response_correction", "agent_response_correction_event": {
        "original_agent_response": "Hello there", "corrected_agent_response": "Hello", "event_id": 5}})  # fmt: skip
    host.say({"type": "agent_response", "agent_response_event": {"agent_response": "no id"}})
    assert host.told(Transcript) == [
        Transcript(Role.CALLER, TranscriptKind.TENTATIVE, "h", 4),
        Transcript(Role.CALLER, TranscriptKind.FINAL, 'hi ž "x"', 4),
        Transcript(Role.AGENT, TranscriptKind.FINAL, "Hello there", 5),
        Transcript(Role.AGENT, TranscriptKind.CORRECTED, "Hello", 5),
        Transcript(Role.AGENT, TranscriptKind.FINAL, "no id", None),
    ]
    assert host.conversation.stats().transcripts == 5


def test_vad_scores(host: Host) -> None:
    for score in (0.93, 0, 1):
        host.say({"type": "vad_score", "vad_score_event": {"vad_score": score}})
    assert [vad.score for vad in host.told(Vad)] == [0.93, 0, 1]
    stats = host.conversation.stats()
    assert (stats.vad_scores, stats.last_vad_score) == (3, 1)


SERVER_MESSAGES: list[dict[str, Any]] = [
    metadata("pcm_16000"),
    ping(12, 45),
    {"type": "audio", "audio_event": {"audio_base_64": "/v7+", "event_id": 3, "is_final": True,
        "alignment": {"chars": ["H"], "char_start_times_ms": [0], "char_durations_ms": [80]}}},
    {"type": "interruption", "interruption_event": {"event_id": 3, "reason": "user"}},
    {"type": "user_transcript", "user_transcription_event": {"user_transcript": "ahoj", "event_id": 4}},
    {"type": "tentative_user_transcript", "tentative_user_transcription_event": {"user_transcript": "a", "event_id": 4}},
    {"type": "agent_response", "agent_response_event": {"agent_response": "Dobrý den", "event_id": 3, "response_id": "r"}},
    {"type": "agent_response_correction", "agent_response_correction_event": {
        "original_agent_response": "Dobrý den", "corrected_agent_response": "Dobrý", "event_id": 3}},
    {"type": "agent_chat_response_part", "text_response_part": {"text": "Do", "type": "delta", "event_id": 3}},
    {"type": "vad_score", "vad_score_event": {"vad_score": 0.5}},
    tool_call("tc_1", "transfer", {"extension": "200"}),
    {"type": "client_tool_call", "client_tool_call": {
        "tool_name": "note", "tool_call_id": "tc_2", "parameters": {}, "event_id": 5, "expects_response": False}},
    {"type": "agent_tool_request", "agent_tool_request": {
        "tool_name": "end_call", "tool_call_id": "x", "tool_type": "system", "event_id": 6}},
    {"type": "agent_tool_response", "agent_tool_response": {
        "tool_name": "lookup", "tool_call_id": "x", "tool_type": "webhook", "is_error": False, "is_called": True, "event_id": 6}},
    {"type": "agent_tool_response_full_payload", "agent_tool_response_full_payload": {
        "tool_name": "lookup", "tool_call_id": "x", "tool_type": "webhook", "is_error": False, "is_called": True,
        "full_tool_result": "{}", "truncated": False, "is_blocked": False, "event_id": 6}},
    {"type": "mcp_connection_status", "mcp_connection_status": {"integrations": [
        {"integration_id": "i", "integration_type": "mcp_server", "is_connected": True, "tool_count": 2}]}},
    {"type": "mcp_tool_call", "mcp_tool_call": {"service_id": "s", "tool_call_id": "m0", "tool_name": "t", "parameters": {},
        "timestamp": "2026-01-01T00:00:00Z", "state": "loading"}},
    {"type": "mcp_tool_call", "mcp_tool_call": {"service_id": "s", "tool_call_id": "m2", "tool_name": "t", "parameters": {},
        "timestamp": "2026-01-01T00:00:00Z", "state": "success", "result": [{"type": "text"}]}},
    {"type": "mcp_tool_call", "mcp_tool_call": {"service_id": "s", "tool_call_id": "m3", "tool_name": "t", "parameters": {},
        "timestamp": "2026-01-01T00:00:00Z", "state": "failure", "error_message": "e"}},
    {"type": "asr_initiation_metadata", "asr_initiation_metadata_event": {}},
    {"type": "internal_tentative_agent_response", "tentative_agent_response_internal_event": {"tentative_agent_response": "D"}},
    {"type": "guardrail_triggered"},
    {"type": "context_usage", "context_usage_event": {
        "event_id": 3, "model": "m", "context_tokens": 10, "context_limit_tokens": 100}},
    {"type": "queue_status", "queue_status_event": {"status": "waiting"}},
    {"type": "queue_status", "queue_status_event": {"status": "admitted"}},
    {"type": "agent_response_complete", "agent_response_complete_event": {"event_id": 3}},
]  # fmt: skip


def test_every_known_message_is_accepted() -> None:
    host = Host()
    host.open()
    for message in SERVER_MESSAGES:
        host.say(message)
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages, stats.errors) == (0, 0, 0)
    assert stats.messages_received == len(SERVER_MESSAGES)
    assert host.errors == []
    assert host.conversation.phase is Phase.ACTIVE


def test_unknown_types_are_counted_and_ignored(host: Host) -> None:
    long_type = "x" * 500
    for message in (
        {"type": "brand_new", "brand_new_event": {}},
        {"no": "type"},
        {"type": 5},
        [],
        "x",
        {"type": long_type},
    ):
        host.say(message)
    stats = host.conversation.stats()
    assert stats.unknown_messages == 6
    assert stats.last_unknown == long_type[:47]
    assert (stats.malformed_messages, host.errors) == (0, [])
    host.say(ping(1))
    assert host.messages("pong")


def test_malformed_messages_are_survived(host: Host) -> None:
    for text in (b"", b"{", b"\xff\xfe", b'{"type":"ping"} x', b"[" * 5000, b"null,"):
        host.conversation.message(text)
    host.conversation.refused_message()
    host.pump()
    stats = host.conversation.stats()
    assert (stats.malformed_messages, stats.messages_received) == (7, 8)
    assert len(host.errors) == 6
    assert all("was ignored" in text for text in host.errors)
    host.say(ping(1))
    assert host.messages("pong")


def test_messages_without_their_event_do_nothing(host: Host) -> None:
    for message in SERVER_MESSAGES[2:]:
        host.say({"type": message["type"]})
    assert host.conversation.phase is Phase.ACTIVE
    assert host.told(Transcript) == host.told(Vad) == host.told(ToolCall) == host.told(Interrupted) == []


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from(SERVER_MESSAGES), st.integers(0, 10), JSON_VALUES), max_size=6))
def test_any_value_in_any_place_is_survived(changes: list[tuple[dict[str, Any], int, Any]]) -> None:
    host = Host()
    host.start()
    for message, place, value in changes:
        changed = json.loads(json.dumps(message))
        event = next((inner for inner in changed.values() if isinstance(inner, dict)), changed)
        key = sorted(event)[place % len(event)] if event else "key"
        event[key] = value
        host.say(changed)
    if host.conversation.phase is Phase.ACTIVE:
        host.say(ping(77))
        assert host.messages("pong")[-1]["event_id"] == 77


# Tool calls


def test_a_tool_call_that_is_answered(host: Host) -> None:
    host.say(tool_call("tc_1", "transfer", {"extension": "200", "ž": [1, None]}))
    (call,) = host.told(ToolCall)
    assert (call.id, call.name) == ("tc_1", "transfer")
    assert json.loads(call.parameters) == {"extension": "200", "ž": [1, None]}
    assert host.conversation.stats().open_tool_calls == 1
    assert host.conversation.tool_result("tc_1", 'done "ž"')
    assert not host.conversation.tool_result("tc_1", "twice")
    host.pump()
    assert host.messages("client_tool_result") == [
        {"type": "client_tool_result", "tool_call_id": "tc_1", "result": 'done "ž"', "is_error": False}
    ]
    assert host.conversation.stats().open_tool_calls == 0
    assert host.conversation.deadline_us is None


def test_a_tool_that_failed(host: Host) -> None:
    host.say(tool_call("tc_1"))
    assert host.conversation.tool_result("tc_1", "no such extension", is_error=True)
    host.pump()
    assert host.messages("client_tool_result")[0]["is_error"] is True


def test_a_tool_call_without_parameters(host: Host) -> None:
    host.say({"type": "client_tool_call", "client_tool_call": {"tool_name": "t", "tool_call_id": "tc"}})
    assert host.told(ToolCall) == [ToolCall("tc", "t", "{}")]


@pytest.mark.parametrize(
    "event", [{"tool_name": "t"}, {"tool_call_id": "tc"}, {"tool_name": 5, "tool_call_id": "tc"}]
)
def test_a_tool_call_that_cannot_be_answered(host: Host, event: dict[str, Any]) -> None:
    host.say({"type": "client_tool_call", "client_tool_call": event})
    assert host.told(ToolCall) == []
    assert "without a name or an id" in host.errors[0]


def test_a_tool_nobody_answers() -> None:
    host = Host(tool_timeout_ms=3000)
    host.start()
    host.say(tool_call("tc_1", "slow"))
    host.wait(ms=1000)
    host.say(tool_call("tc_2", "quick"))
    host.wait(ms=1999)
    assert host.messages("client_tool_result") == []
    host.wait(ms=1)
    (result,) = host.messages("client_tool_result")
    assert (result["tool_call_id"], result["is_error"]) == ("tc_1", True)
    assert result["result"] == "The tool slow did not answer within 3000 ms."
    assert host.conversation.stats().tool_timeouts == 1
    assert not host.conversation.tool_result("tc_1", "too late")
    assert host.conversation.tool_result("tc_2", "in time")
    host.wait(seconds=10)
    assert host.conversation.stats().tool_timeouts == 1
    assert [result["tool_call_id"] for result in host.messages("client_tool_result")] == ["tc_1", "tc_2"]


def test_many_time_outs_at_once(host: Host) -> None:
    for number in range(20):
        host.say(tool_call(f"tc_{number}"))
    host.wait(seconds=10)
    assert len({result["tool_call_id"] for result in host.messages("client_tool_result")}) == 20
    assert host.conversation.deadline_us is None


def test_a_repeated_tool_call_does_not_spoil_the_open_one(host: Host) -> None:
    """The service would take a refusal for the answer to the first."""
    host.say(tool_call("tc_1"))
    host.say(tool_call("tc_1"))
    assert len(host.told(ToolCall)) == 1
    assert host.messages("client_tool_result") == []
    assert "is open already" in host.errors[0]
    assert host.conversation.tool_result("tc_1", "done")
    host.pump()
    assert [result["result"] for result in host.messages("client_tool_result")] == ["done"]


def test_an_id_may_be_used_again_once_answered(host: Host) -> None:
    for _ in range(3):
        host.say(tool_call("tc_1"))
        assert host.conversation.tool_result("tc_1", "done")
    assert len(host.told(ToolCall)) == 3


def test_too_many_open_tool_calls(host: Host) -> None:
    limit = load_library().lib.AIC_TOOL_CALLS_MAX
    for number in range(limit + 2):
        host.say(tool_call(f"tc_{number}"))
    assert len(host.told(ToolCall)) == limit
    assert [
        (result["tool_call_id"], result["is_error"]) for result in host.messages("client_tool_result")
    ] == [
        (f"tc_{limit}", True),
        (f"tc_{limit + 1}", True),
    ]
    assert host.conversation.tool_result("tc_0", "done")
    host.say(tool_call("one_more"))
    assert host.told(ToolCall)[-1].id == "one_more"


def test_an_unknown_id(host: Host) -> None:
    assert not host.conversation.tool_result("nothing", "done")
    assert host.pump() == []


def test_an_mcp_tool_that_wants_approval_is_refused_at_once(host: Host) -> None:
    host.say({"type": "mcp_tool_call", "mcp_tool_call": {"service_id": "s", "tool_call_id": "m1", "tool_name": "pay",
        "parameters": {}, "timestamp": "2026-01-01T00:00:00Z", "state": "awaiting_approval", "approval_timeout_secs": 300}})  # fmt: skip
    assert host.messages("mcp_tool_approval_result") == [
        {"type": "mcp_tool_approval_result", "tool_call_id": "m1", "is_approved": False}
    ]
    assert "MCP tool pay" in host.errors[0]


# What the caller does


def pressed(host: Host) -> str:
    return "".join(m["text"].split(" key ")[1][0] for m in host.messages("contextual_update"))


def test_keys_before_and_after_the_announcement() -> None:
    host = Host()
    host.conversation.dtmf("1")
    host.open()
    host.conversation.dtmf("*")
    assert host.pump() == []
    host.say(metadata())
    for digit in "#0D":
        host.conversation.dtmf(digit)
    host.pump()
    assert pressed(host) == "1*#0D"
    assert host.conversation.stats().dtmf_digits == 5


def test_early_keys_are_bounded() -> None:
    host = Host()
    for number in range(100):
        host.conversation.dtmf(str(number % 10))
    host.start()
    assert pressed(host) == "01234567890123456789012345678901"


def test_keys_may_be_kept_from_the_agent() -> None:
    host = Host(send_dtmf="no")
    host.conversation.dtmf("1")
    host.start()
    host.conversation.dtmf("2")
    assert host.pump() == []
    assert host.conversation.stats().dtmf_digits == 0


def test_context_and_user_messages(host: Host) -> None:
    assert host.conversation.context('caller is a customer \udcff "ž"')
    assert host.conversation.user_message("I want sales")
    host.pump()
    assert host.sent[1:] == [
        {"type": "contextual_update", "text": 'caller is a customer \N{REPLACEMENT CHARACTER} "ž"'},
        {"type": "user_message", "text": "I want sales"},
    ]


def test_context_is_refused_before_the_announcement() -> None:
    host = Host()
    host.open()
    assert not host.conversation.context("x")
    assert not host.conversation.user_message("x")


def test_nothing_is_sent_to_a_socket_that_takes_nothing(host: Host) -> None:
    host.writable = False
    host.conversation.caller_audio(b"\1" * 160 * 5)
    host.say(ping(1))
    assert host.pump() == []
    assert host.conversation.wants_to_send
    host.writable = True
    sent = host.pump()
    assert [sorted(json.loads(action.message)) for action in sent if isinstance(action, Send)] == [
        ["event_id", "type"],
        *[["user_audio_chunk"]] * 5,
    ], "a pong does not wait behind audio"
    assert not host.conversation.wants_to_send


def test_a_socket_that_never_takes_anything_costs_bounded_memory(host: Host) -> None:
    host.writable = False
    limit = load_library().lib.AIC_OUTBOX_MAX
    for number in range(limit + 50):
        host.say(ping(number))
        host.conversation.caller_audio(bytes(160))
    assert len(host.errors) == 50
    assert "stopped reading" in host.errors[0]
    assert host.conversation.stats().uplink_bytes_waiting <= 8000 * 6
    host.writable = True
    host.pump()
    assert [pong["event_id"] for pong in host.messages("pong")] == list(range(limit))


# The end


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        (1000, Status.COMPLETED, "the agent ended the conversation"),
        (1001, Status.LOST, "the service went away"),
        (1002, Status.LOST, "the service could not go on"),
        (1006, Status.LOST, "the service closed the connection"),
        (1008, Status.LOST, "the service refused what it was sent"),
        (1009, Status.LOST, "the service refused a message that was too long"),
        (1011, Status.LOST, "the service failed internally"),
        (1012, Status.LOST, "the service restarts"),
        (1013, Status.LOST, "the service is overloaded"),
        (3000, Status.LOST, "the service refused the agent"),
        (3001, Status.LOST, "the service closed the connection"),
        (3008, Status.LOST, "the service's waiting queue timed out"),
        (4300, Status.LOST, "the service's waiting queue timed out"),
        (4999, Status.LOST, "the service closed the connection"),
        (None, Status.LOST, "the connection to the service broke"),
    ],
)
@pytest.mark.parametrize("reason", ["", "a reason"])
def test_close_codes_of_a_conversation(
    host: Host, code: int | None, status: Status, sentence: str, reason: str
) -> None:
    host.conversation.closed(code, reason)
    assert host.pump() == [], "there is nothing left to close"
    assert (host.ended.status, host.ended.close_code) == (status, code)
    assert host.ended.reason.startswith(sentence)
    assert (str(code) in host.ended.reason) == (code is not None)
    assert reason in host.ended.reason


@pytest.mark.parametrize(
    ("code", "retry"),
    [(1000, False), (1001, True), (1002, True), (1006, True), (1008, False), (1009, False), (1011, True), (1012, True),
     (1013, True), (3000, False), (3001, True), (3008, False), (4300, False), (None, True)],
)  # fmt: skip
def test_close_codes_before_the_conversation(code: int | None, retry: bool) -> None:
    host = Host()
    host.open()
    host.conversation.closed(code, "why")
    assert host.pump() == []
    if retry:
        assert host.conversation.phase is Phase.WAITING
        assert "why" in host.errors[0]
    else:
        assert host.ended.status is Status.UNAVAILABLE
        assert host.ended.close_code == code
        assert "why" in host.ended.reason


def test_an_error_is_told_and_explains_the_close(host: Host) -> None:
    host.say(service_error("llm took too long", 1002))
    assert host.errors == ["error 1002 override_error: llm took too long"]
    assert host.conversation.phase is Phase.ACTIVE
    host.conversation.closed(1002)
    host.pump()
    assert host.ended.status is Status.LOST
    assert host.ended.reason == (
        "the service could not go on (close code 1002) (error 1002 override_error: llm took too long)"
    )


@pytest.mark.parametrize(
    "event", [{}, {"code": "x"}, {"reason": "why"}, {"message": "m" * 5000, "error_type": "t" * 5000}]
)
def test_errors_with_odd_fields(host: Host, event: dict[str, Any]) -> None:
    host.say({"type": "error", "error_event": event})
    assert host.errors[0].startswith("error 0 ")
    host.conversation.closed(1011, "r" * 5000)
    host.pump()
    assert len(host.ended.reason.encode()) < load_library().lib.AIC_REASON_MAX


def test_a_waiting_queue_that_timed_out(host: Host) -> None:
    host.say({"type": "queue_status", "queue_status_event": {"status": "timed_out"}})
    host.conversation.closed(3008)
    host.pump()
    assert host.ended.reason.count("waiting queue timed out") == 2


@pytest.mark.parametrize("code", [1000, 1001, 1006, None])
@pytest.mark.parametrize("kind", ["agent_tool_response", "agent_tool_response_full_payload"])
def test_an_agent_that_hangs_up_ends_well_whatever_the_close(host: Host, kind: str, code: int | None) -> None:
    message = end_call()
    host.say({"type": kind, kind: message["agent_tool_response"]})
    assert host.conversation.phase is Phase.ACTIVE
    host.wait(seconds=2)
    host.conversation.closed(code)
    assert host.pump() == []
    assert host.ended == Ended(Status.COMPLETED, code, "the agent ended the conversation")


def test_an_agent_that_hangs_up_without_closing(host: Host) -> None:
    host.say(end_call())
    host.wait(seconds=3)
    host.say(audio(9, b"\1" * 160))
    host.say(end_call())
    assert host.wait(seconds=1.999) == []
    (close,) = host.wait(ms=1)
    assert isinstance(close, Close)
    assert host.ended == Ended(Status.COMPLETED, None, "the agent ended the conversation")
    assert host.play() == b"\1" * 160, "what it said is still played"


def test_an_end_call_that_failed_is_no_end(host: Host) -> None:
    host.say(end_call(is_error=True))
    assert host.conversation.deadline_us is None
    host.conversation.closed(1006)
    host.pump()
    assert host.ended.status is Status.LOST


def test_the_limit_on_the_duration() -> None:
    host = Host(call_duration_limit_seconds=90)
    host.start()
    assert host.wait(seconds=89.999) == []
    (close,) = host.wait(ms=1)
    assert close == Close(1000, "User ended conversation")
    assert host.ended.status is Status.TIMEOUT
    assert "call_duration_limit_seconds (90 s)" in host.ended.reason


def test_the_limit_on_the_duration_counts_attempts_too() -> None:
    host = Host(call_duration_limit_seconds=15, connection_timeout_seconds=10)
    host.wait(seconds=15)
    assert host.ended.status is Status.TIMEOUT
    assert [type(action).__name__ for action in host.actions] == ["Open", "Abort", "Open", "Abort"]


def test_a_key_the_service_repeats_is_all_it_can_tell() -> None:
    """The service's own words are passed on, ours never hold a secret (the host checks after every step)."""
    host = Host({"agent_id": "a", "api_key": API_KEY, "signed_url_endpoint": "https://h/u"})
    host.start()
    for code in (1000, 1008, 1011, None):
        host.conversation.closed(code, "bye")
    host.pump()
    assert API_KEY not in host.ended.reason


# Half an hour


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("output", ["ulaw_8000", "pcm_16000"])
def test_half_an_hour(output: str) -> None:
    """Both sides talk, with interruptions and pings: nothing grows, nothing drifts, nothing is lost."""
    host = Host(audio_frames_buffer_ms=240)
    host.start(output)
    service = AudioFormat.parse(output)
    turn_ms, frames = 3000, 30 * 60 * 50
    voice = (b"\x12\x34" * 70_000)[: service.bytes_of(500)]
    pieces = [
        json.dumps(audio(0, voice)).replace('"event_id": 0', '"event_id": %d').encode() for _ in range(6)
    ]
    caller_frame = random.Random(8).randbytes(160)
    conversation = host.conversation
    event_id, interrupted_turns = 0, 0
    settled = 0
    uplink_bytes = 0
    played_frames = holds = 0
    for tick in range(frames):
        if tick % (turn_ms // 20) == 0:
            if event_id and event_id % 10 == 0:
                conversation.message(json.dumps(interruption(event_id)))
                interrupted_turns += 1
            event_id += 1
            for piece in pieces:
                conversation.message(piece % event_id)
            conversation.message(json.dumps(ping(event_id)))
        conversation.caller_audio(caller_frame)
        for action in conversation.actions():
            assert isinstance(action, Send)
            if action.message.startswith(b'{"user_audio_chunk"'):
                uplink_bytes += len(action.message) - len('{"user_audio_chunk":""}')
        result = conversation.playout.take().result
        played_frames += result is PlayoutResult.FRAME
        holds += result is PlayoutResult.HOLD
        conversation.take_events()
        host.clock.advance(ms=20)
        if tick == 3000:
            gc.collect()
            settled = resident_bytes()
    gc.collect()
    assert resident_bytes() - settled < 1_000_000
    stats = conversation.stats()
    assert stats.uplink_bytes == frames * 160
    assert stats.uplink_bytes_dropped == 0
    chunk = service.bytes_of(240)
    assert stats.uplink_chunks_sent == stats.uplink_bytes_sent // chunk
    assert abs(
        stats.uplink_bytes_sent + stats.uplink_bytes_waiting - service.bytes_of(30 * 60 * 1000)
    ) <= service.bytes_of(5)
    assert uplink_bytes >= stats.uplink_bytes_sent * 4 // 3
    assert stats.pings == event_id == 600
    assert stats.interruptions == interrupted_turns == 59
    playout = conversation.playout.stats()
    # A turn is as long as the time between two turns: but for a frame now and then it plays without a break.
    assert playout.frames_taken == played_frames
    assert frames - played_frames - holds <= 60
    assert playout.bytes_overflow == playout.chunks_late == 0
    assert conversation.phase is Phase.ACTIVE
    assert stats.errors == 0
    assert stats.uplink_format == service != AudioFormat(Encoding.ALAW, 8000)
