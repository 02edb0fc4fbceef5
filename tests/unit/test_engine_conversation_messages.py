"""Every message of the service, known or not, and tool calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_host import (
    Host,
    metadata,
    ping,
    tool_call,
)
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import (
    Interrupted,
    Role,
    ToolCall,
    Transcript,
    TranscriptKind,
    Vad,
)
from aiconvai.engine.library import load_library

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
    host.say({"type": "agent_response", "agent_response_event": {"agent_response": "Hello there", "event_id": 5}})
    host.say(
        {
            "type": "agent_response_correction",
            "agent_response_correction_event": {
                "original_agent_response": "Hello there",
                "corrected_agent_response": "Hello",
                "event_id": 5,
            },
        }
    )
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
    {
        "type": "audio",
        "audio_event": {
            "audio_base_64": "/v7+",
            "event_id": 3,
            "is_final": True,
            "alignment": {"chars": ["H"], "char_start_times_ms": [0], "char_durations_ms": [80]},
        },
    },
    {"type": "interruption", "interruption_event": {"event_id": 3, "reason": "user"}},
    {"type": "user_transcript", "user_transcription_event": {"user_transcript": "ahoj", "event_id": 4}},
    {
        "type": "tentative_user_transcript",
        "tentative_user_transcription_event": {"user_transcript": "a", "event_id": 4},
    },
    {
        "type": "agent_response",
        "agent_response_event": {"agent_response": "Dobrý den", "event_id": 3, "response_id": "r"},
    },
    {
        "type": "agent_response_correction",
        "agent_response_correction_event": {
            "original_agent_response": "Dobrý den",
            "corrected_agent_response": "Dobrý",
            "event_id": 3,
        },
    },
    {
        "type": "agent_chat_response_part",
        "text_response_part": {"text": "Do", "type": "delta", "event_id": 3},
    },
    {"type": "vad_score", "vad_score_event": {"vad_score": 0.5}},
    tool_call("tc_1", "transfer", {"extension": "200"}),
    {
        "type": "client_tool_call",
        "client_tool_call": {
            "tool_name": "note",
            "tool_call_id": "tc_2",
            "parameters": {},
            "event_id": 5,
            "expects_response": False,
        },
    },
    {
        "type": "agent_tool_request",
        "agent_tool_request": {
            "tool_name": "end_call",
            "tool_call_id": "x",
            "tool_type": "system",
            "event_id": 6,
        },
    },
    {
        "type": "agent_tool_response",
        "agent_tool_response": {
            "tool_name": "lookup",
            "tool_call_id": "x",
            "tool_type": "webhook",
            "is_error": False,
            "is_called": True,
            "event_id": 6,
        },
    },
    {
        "type": "agent_tool_response_full_payload",
        "agent_tool_response_full_payload": {
            "tool_name": "lookup",
            "tool_call_id": "x",
            "tool_type": "webhook",
            "is_error": False,
            "is_called": True,
            "full_tool_result": "{}",
            "truncated": False,
            "is_blocked": False,
            "event_id": 6,
        },
    },
    {
        "type": "mcp_connection_status",
        "mcp_connection_status": {
            "integrations": [
                {
                    "integration_id": "i",
                    "integration_type": "mcp_server",
                    "is_connected": True,
                    "tool_count": 2,
                }
            ]
        },
    },
    {
        "type": "mcp_tool_call",
        "mcp_tool_call": {
            "service_id": "s",
            "tool_call_id": "m0",
            "tool_name": "t",
            "parameters": {},
            "timestamp": "2026-01-01T00:00:00Z",
            "state": "loading",
        },
    },
    {
        "type": "mcp_tool_call",
        "mcp_tool_call": {
            "service_id": "s",
            "tool_call_id": "m2",
            "tool_name": "t",
            "parameters": {},
            "timestamp": "2026-01-01T00:00:00Z",
            "state": "success",
            "result": [{"type": "text"}],
        },
    },
    {
        "type": "mcp_tool_call",
        "mcp_tool_call": {
            "service_id": "s",
            "tool_call_id": "m3",
            "tool_name": "t",
            "parameters": {},
            "timestamp": "2026-01-01T00:00:00Z",
            "state": "failure",
            "error_message": "e",
        },
    },
    {"type": "asr_initiation_metadata", "asr_initiation_metadata_event": {}},
    {
        "type": "internal_tentative_agent_response",
        "tentative_agent_response_internal_event": {"tentative_agent_response": "D"},
    },
    {"type": "guardrail_triggered"},
    {
        "type": "context_usage",
        "context_usage_event": {
            "event_id": 3,
            "model": "m",
            "context_tokens": 10,
            "context_limit_tokens": 100,
        },
    },
    {"type": "queue_status", "queue_status_event": {"status": "waiting"}},
    {"type": "queue_status", "queue_status_event": {"status": "admitted"}},
    {"type": "agent_response_complete", "agent_response_complete_event": {"event_id": 3}},
]


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


def test_error_that_the_service_sees_in_its_client_is_told() -> None:
    host = Host()
    host.start()
    host.say({"type": "client_error", "client_error_event": {"anything": 1}})
    assert host.errors == ["the service reported an error of its client (client_error) without saying more"]
    assert host.conversation.stats().unknown_messages == 0


def test_unknown_types_are_counted_and_ignored(host: Host) -> None:
    long_type = "x" * 500
    messages: list[object] = [
        {"type": "brand_new", "brand_new_event": {}},
        {"no": "type"},
        {"type": 5},
        [],
        "x",
        {"type": long_type},
    ]
    for message in messages:
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
    host.conversation.binary_message(b"{}")
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
    assert not [event for event in host.events if isinstance(event, Transcript | Vad | ToolCall | Interrupted)]


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
    assert host.wait(seconds=20) == []


def test_a_tool_that_failed(host: Host) -> None:
    host.say(tool_call("tc_1"))
    assert host.conversation.tool_result("tc_1", "no such extension", is_error=True)
    host.pump()
    assert host.messages("client_tool_result")[0]["is_error"] is True


def test_a_tool_call_without_parameters(host: Host) -> None:
    host.say({"type": "client_tool_call", "client_tool_call": {"tool_name": "t", "tool_call_id": "tc"}})
    assert host.told(ToolCall) == [ToolCall("tc", "t", "{}")]


@pytest.mark.parametrize("event", [{"tool_name": "t"}, {"tool_call_id": "tc"}, {"tool_name": 5, "tool_call_id": "tc"}])
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
    assert host.wait(seconds=20) == []


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
    assert [(result["tool_call_id"], result["is_error"]) for result in host.messages("client_tool_result")] == [
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
    host.say(
        {
            "type": "mcp_tool_call",
            "mcp_tool_call": {
                "service_id": "s",
                "tool_call_id": "m1",
                "tool_name": "pay",
                "parameters": {},
                "timestamp": "2026-01-01T00:00:00Z",
                "state": "awaiting_approval",
                "approval_timeout_secs": 300,
            },
        }
    )
    assert host.messages("mcp_tool_approval_result") == [
        {"type": "mcp_tool_approval_result", "tool_call_id": "m1", "is_approved": False}
    ]
    assert "MCP tool pay" in host.errors[0]
