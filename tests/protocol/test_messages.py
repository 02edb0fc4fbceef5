"""The strict models accept every message of the protocol, give it back unchanged, refuse all else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.mock.elevenlabs import ALL_OVERRIDES
from aiconvai.mock.elevenlabs.messages import (
    ERROR_CLOSE_CODES,
    ConfigOverride,
    Initiation,
    UserAudio,
    parse_client_message,
    parse_server_message,
)
from aiconvai.mock.errors import InvalidMessageError

CLIENT_MESSAGES: list[dict[str, Any]] = [
    {"type": "conversation_initiation_client_data"},
    {
        "type": "conversation_initiation_client_data",
        "conversation_config_override": {
            "agent": {
                "prompt": {"prompt": "Answer in one sentence.", "llm": "some-model"},
                "first_message": "Good morning",
                "language": "cs",
                "native_mcp_server_ids": ["mcp_a"],
            },
            "asr": {"keywords": ["Asterisk"]},
            "tts": {"voice_id": "anna", "stability": 0.25, "speed": 1, "similarity_boost": 1.0},
            "conversation": {"text_only": False, "client_events": ["audio", "interruption", "ping"]},
        },
        "custom_llm_extra_body": {"temperature": 0.7, "nested": {"a": [1, None]}},
        "dynamic_variables": {"caller_number": "+420123456789", "vip": False, "visits": 7, "score": 0.5},
        "user_id": "customer 12",
        "source_info": {"source": "sip_trunk", "version": "0.1"},
    },
    {"type": "conversation_initiation_client_data", "branch_id": "b", "environment": "staging"},
    {
        "type": "conversation_initiation_client_data",
        "starting_workflow_node_id": "node",
        "procedure_ids": [],
        "start_procedure_ids": ["p1"],
        "tool_mock_config": {"mocking_strategy": "selected", "mocked_tool_names": ["transfer"]},
    },
    {"user_audio_chunk": "/////w=="},
    {"type": "pong", "event_id": 3},
    {"type": "client_tool_result", "tool_call_id": "call 9", "result": '{"ok":true}', "is_error": False},
    {"type": "contextual_update", "text": "The caller pressed 4"},
    {"type": "contextual_update", "text": "The caller pressed 5", "context_id": "dtmf"},
    {"type": "user_message", "text": "Sales, please"},
    {"type": "user_message", "text": None},
    {"type": "user_message"},
    {"type": "user_activity"},
    {"type": "feedback", "event_id": 8, "score": "dislike"},
    {"type": "feedback", "event_id": 8, "score": None},
    {"type": "mcp_tool_approval_result", "tool_call_id": "m7", "is_approved": False},
    {
        "type": "multimodal_message",
        "text": {"type": "user_message", "text": "the photo"},
        "file": {"type": "file_input", "file_id": "file_3"},
    },
]

_MCP = {
    "service_id": "crm",
    "tool_call_id": "m7",
    "tool_name": "find",
    "parameters": {"name": "Novák"},
    "timestamp": "2026-02-03T04:05:06Z",
}

SERVER_MESSAGES: list[dict[str, Any]] = [
    {
        "type": "conversation_initiation_metadata",
        "conversation_initiation_metadata_event": {
            "conversation_id": "conv_9",
            "agent_output_audio_format": "pcm_24000",
            "user_input_audio_format": "ulaw_8000",
        },
    },
    {"type": "ping", "ping_event": {"event_id": 3, "ping_ms": 120}},
    {"type": "ping", "ping_event": {"event_id": 4, "ping_ms": None}},
    {"type": "ping", "ping_event": {"event_id": 5}},
    {"type": "audio", "audio_event": {"audio_base_64": "fn9+fw==", "event_id": 11}},
    {
        "type": "audio",
        "audio_event": {
            "audio_base_64": "fn9+fw==",
            "event_id": 11,
            "alignment": {"chars": ["H", "i"], "char_start_times_ms": [0, 90], "char_durations_ms": [90, 60]},
        },
    },
    {"type": "interruption", "interruption_event": {"event_id": 11}},
    {"type": "user_transcript", "user_transcription_event": {"user_transcript": "hello", "event_id": 12}},
    {
        "type": "tentative_user_transcript",
        "tentative_user_transcription_event": {"user_transcript": "hel", "event_id": 12},
    },
    {"type": "agent_response", "agent_response_event": {"agent_response": "Good day", "event_id": 13}},
    {
        "type": "agent_response_correction",
        "agent_response_correction_event": {
            "original_agent_response": "Good day to you",
            "corrected_agent_response": "Good day",
            "event_id": 13,
        },
    },
    {"type": "agent_response_complete", "agent_response_complete_event": {"event_id": 13}},
    {
        "type": "agent_chat_response_part",
        "text_response_part": {"text": "Go", "type": "start", "event_id": 13},
    },
    {
        "type": "agent_reasoning_response_part",
        "reasoning_response_part": {"text": "...", "type": "delta", "event_id": "13"},
    },
    {"type": "vad_score", "vad_score_event": {"vad_score": 0.02}},
    {"type": "vad_score", "vad_score_event": {"vad_score": 1}},
    {
        "type": "client_tool_call",
        "client_tool_call": {
            "tool_name": "lookup",
            "tool_call_id": "call 9",
            "parameters": {"number": 5},
            "event_id": 14,
        },
    },
    {
        "type": "agent_tool_request",
        "agent_tool_request": {
            "tool_name": "end_call",
            "tool_call_id": "e",
            "tool_type": "system",
            "event_id": 15,
        },
    },
    {
        "type": "agent_tool_response",
        "agent_tool_response": {
            "tool_name": "end_call",
            "tool_call_id": "e",
            "tool_type": "system",
            "is_error": False,
            "is_called": True,
            "event_id": 15,
        },
    },
    {
        "type": "agent_tool_response_full_payload",
        "agent_tool_response_full_payload": {
            "tool_name": "lookup",
            "tool_call_id": "e",
            "tool_type": "client",
            "is_error": False,
            "is_called": True,
            "event_id": 15,
            "full_tool_result": "found",
            "truncated": False,
            "is_blocked": False,
        },
    },
    {
        "type": "mcp_connection_status",
        "mcp_connection_status": {
            "integrations": [
                {
                    "integration_id": "crm",
                    "integration_type": "mcp_integration",
                    "is_connected": False,
                    "tool_count": 0,
                }
            ]
        },
    },
    {"type": "mcp_tool_call", "mcp_tool_call": {**_MCP, "state": "loading"}},
    {
        "type": "mcp_tool_call",
        "mcp_tool_call": {**_MCP, "state": "awaiting_approval", "approval_timeout_secs": 60},
    },
    {"type": "mcp_tool_call", "mcp_tool_call": {**_MCP, "state": "success", "result": [{"type": "text"}]}},
    {"type": "mcp_tool_call", "mcp_tool_call": {**_MCP, "state": "failure", "error_message": "no such name"}},
    {
        "type": "rich_content",
        "rich_content": {"rich_content_id": "r", "component": "buttons", "props": {}, "event_id": 16},
    },
    {"type": "asr_initiation_metadata", "asr_initiation_metadata_event": {"model": "x"}},
    {
        "type": "internal_tentative_agent_response",
        "tentative_agent_response_internal_event": {"tentative_agent_response": "Go"},
    },
    {"type": "internal_turn_probability", "turn_probability_internal_event": {"turn_probability": 0.3}},
    {"type": "guardrail_triggered"},
    {
        "type": "context_usage",
        "context_usage_event": {
            "event_id": 16,
            "model": "m",
            "context_tokens": 900,
            "context_limit_tokens": 128000,
        },
    },
    {"type": "agent_typing", "agent_typing_event": {"is_typing": True, "duration_ms": 500}},
    {"type": "external_agent_connected", "external_agent_connected_event": {}},
    {"type": "external_agent_disconnected"},
    {"type": "queue_status", "queue_status_event": {"status": "waiting"}},
    {"type": "error", "error_event": {"code": 1002, "error_type": "llm_timeout", "message": "too slow"}},
    {
        "type": "error",
        "error_event": {"code": 1008, "reason": None, "debug_message": None, "details": {"field": "x"}},
    },
]


@pytest.mark.parametrize("message", CLIENT_MESSAGES, ids=lambda m: m.get("type", "user_audio_chunk"))
def test_client_message_round_trips(message: dict[str, Any]) -> None:
    assert json.loads(parse_client_message(json.dumps(message)).to_json()) == message


@pytest.mark.parametrize("message", SERVER_MESSAGES, ids=lambda m: m["type"])
def test_server_message_round_trips(message: dict[str, Any]) -> None:
    assert json.loads(parse_server_message(json.dumps(message)).to_json()) == message
    assert parse_server_message(message) == parse_server_message(json.dumps(message))


@pytest.mark.parametrize("message", CLIENT_MESSAGES, ids=lambda m: m.get("type", "user_audio_chunk"))
def test_client_message_with_unknown_key_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessageError, match="surprise: Extra inputs are not permitted"):
        parse_client_message(json.dumps({**message, "surprise": 1}))


REFUSED = [
    ("", "invalid_message", "invalid JSON at character 0"),
    ("{", "invalid_message", "invalid JSON"),
    ("[1]", "invalid_message", "expected a JSON object"),
    ('{"type":"pong","event_id":1}{}', "invalid_message", "Extra data"),
    ('{"type":"pong","event_id":1,"event_id":2}', "invalid_message", "'event_id'"),
    ('{"type":"pong","event_id":NaN}', "invalid_message", "NaN"),
    ("{}", "missing_fields", "neither `type` nor `user_audio_chunk`"),
    ('{"type":7}', "invalid_message", "unknown type 7"),
    ('{"type":"user_audio_chunk"}', "invalid_message", "unknown type 'user_audio_chunk'"),
    ('{"type":"pong"}', "missing_fields", "pong: event_id: Field required"),
    ('{"type":"pong","event_id":"1"}', "value_error", "event_id: Input should be a valid integer, got '1'"),
    ('{"type":"pong","event_id":1.0}', "value_error", "event_id"),
    ('{"type":"pong","event_id":true}', "value_error", "event_id"),
    ('{"user_audio_chunk":""}', "value_error", "no audio in it"),
    ('{"user_audio_chunk":"AAA"}', "value_error", "not valid base64"),
    ('{"user_audio_chunk":"AA==AA=="}', "value_error", "not valid base64"),
    ('{"user_audio_chunk":"AA-_"}', "value_error", "not valid base64"),
    ('{"user_audio_chunk":"AAAA\\n"}', "value_error", "not valid base64"),
    ('{"user_audio_chunk":[1]}', "value_error", "valid string"),
    ('{"type":"client_tool_result","tool_call_id":"a","result":"x"}', "missing_fields", "is_error"),
    (
        '{"type":"client_tool_result","tool_call_id":"a","result":{},"is_error":false}',
        "value_error",
        "result",
    ),
    (
        '{"type":"client_tool_result","tool_call_id":"a","result":"x","is_error":"no"}',
        "value_error",
        "is_error",
    ),
    ('{"type":"contextual_update"}', "missing_fields", "text"),
    ('{"type":"feedback","event_id":1,"score":"great"}', "value_error", "score"),
    (
        '{"type":"conversation_initiation_client_data","dynamic_variables":{"a":null}}',
        "value_error",
        "dynamic_variables.a",
    ),
    (
        '{"type":"conversation_initiation_client_data","conversation_config_override":{"tts":{"speed":9}}}',
        "value_error",
        "conversation_config_override.tts.speed",
    ),
    (
        '{"type":"conversation_initiation_client_data","conversation_config_override":{"agent":{"promt":{}}}}',
        "value_error",
        "conversation_config_override.agent.promt",
    ),
]


@pytest.mark.parametrize(("text", "error_type", "detail"), REFUSED, ids=lambda value: str(value)[:40])
def test_wrong_client_message_is_refused_precisely(text: str, error_type: str, detail: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        parse_client_message(text)
    assert caught.value.error_type == error_type
    assert detail in caught.value.detail


@given(st.text())
def test_any_text_is_either_a_message_or_refused(text: str) -> None:
    try:
        message = parse_client_message(text)
    except InvalidMessageError:
        return
    assert json.loads(message.to_json()) == json.loads(text)


def test_deep_nesting_is_refused_without_a_crash() -> None:
    with pytest.raises(InvalidMessageError):
        parse_client_message("[" * 100_000)


def test_audio_is_recognised_whatever_its_spelling() -> None:
    spelled_out = parse_client_message(' { "user_audio_chunk" : "\\u0041AAA" } ')
    assert spelled_out == UserAudio(user_audio_chunk="AAAA")


def test_fields_given_names_only_what_overrides_something() -> None:
    initiation = parse_client_message(
        json.dumps(
            {
                "type": "conversation_initiation_client_data",
                "conversation_config_override": {
                    "agent": {"prompt": {"prompt": "x", "llm": None}, "language": "de"},
                    "tts": {},
                },
            }
        )
    )
    assert isinstance(initiation, Initiation)
    assert initiation.conversation_config_override.fields_given() == ["agent.language", "agent.prompt.prompt"]


def test_all_overrides_are_leaves() -> None:
    assert {"agent.prompt.prompt", "tts.voice_id", "turn.soft_timeout_config.message"} <= ALL_OVERRIDES
    assert not ALL_OVERRIDES & {"agent", "agent.prompt", "turn.soft_timeout_config"}
    assert ConfigOverride().fields_given() == []


def test_every_error_type_has_a_close_code_of_the_service() -> None:
    assert set(ERROR_CLOSE_CODES.values()) == {1000, 1002, 1008, 1011}
