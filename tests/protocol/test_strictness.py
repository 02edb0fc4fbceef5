"""What a client does wrong is recorded, told to it, and ends the conversation as the service would."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from typing import Any

import pytest
from service_client import INITIATION, ServiceClient
from start_mock import StartMock
from websockets.exceptions import ConnectionClosed

from aiconvai.mock import ALL_OVERRIDES, Conversation, ConversationClosedError, Limits

AUDIO = {"user_audio_chunk": base64.b64encode(b"\xff" * 160).decode()}


async def _expect_violation(client: ServiceClient, conversation: Conversation, error_type: str, detail: str) -> None:
    code, reason = await client.closed()
    await conversation.wait_closed()
    assert [violation.error_type for violation in conversation.violations] == [error_type]
    assert detail in conversation.violations[0].detail
    [error] = client.of("error")
    assert error["error_event"]["code"] == code == 1008
    assert error["error_event"]["error_type"] == error_type
    assert detail in error["error_event"]["message"]
    assert reason
    assert (conversation.closed_by, conversation.close_code) == ("service", 1008)
    assert conversation.close_acknowledged


AFTER_INITIATION: list[tuple[str | bytes, str, str]] = [
    ("not json", "invalid_message", "invalid JSON"),
    ('{"type": ' + "1" * 5000 + "}", "invalid_message", "invalid JSON"),
    (b"\xff\xfe\x00", "invalid_message", "binary message of 3 bytes"),
    (json.dumps(INITIATION), "invalid_message", "a second time"),
    ('{"type":"hello"}', "invalid_message", "unknown type 'hello'"),
    ('{"type":"user_activity","why":1}', "value_error", "why"),
    ('{"user_audio_chunk":"%%%"}', "value_error", "not valid base64"),
    ('{"user_audio_chunk":"AAAA","type":"user_audio"}', "invalid_message", "unknown type"),
    ('{"user_audio_chunk":"AAAA","more":1}', "value_error", "more"),
    ('{"user_audio_chunk":""}', "value_error", "no audio"),
    ('{"type":"pong","event_id":77}', "value_error", "event_id 77"),
    ('{"type":"client_tool_result","tool_call_id":"zz","result":"","is_error":false}', "value_error", "'zz'"),
    ('{"type":"mcp_tool_approval_result","tool_call_id":"m","is_approved":true}', "value_error", "'m'"),
]


@pytest.mark.parametrize(("text", "error_type", "detail"), AFTER_INITIATION, ids=lambda value: str(value)[:30])
async def test_wrong_message_ends_the_conversation(
    start_mock: StartMock, text: str | bytes, error_type: str, detail: str
) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.socket.send(text)
        await _expect_violation(client, await mock.next_conversation(), error_type, detail)


@pytest.mark.parametrize("first", [AUDIO, {"type": "user_activity"}], ids=["audio", "user_activity"])
async def test_first_message_must_be_the_initiation(start_mock: StartMock, first: dict[str, Any]) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.send(first)
        conversation = await mock.next_conversation()
        await _expect_violation(client, conversation, "invalid_message", "the first message must be")
        assert conversation.uplink == []
        assert conversation.started is None


async def test_initiation_must_come_in_time(start_mock: StartMock) -> None:
    mock = await start_mock(options={"limits": Limits(initiation=0.1)})
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await _expect_violation(
            client, await mock.next_conversation(), "missing_fields", "no conversation_initiation_client_data"
        )


async def test_half_a_sample_is_refused(start_mock: StartMock) -> None:
    mock = await start_mock(input_format="pcm_16000")
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.send_audio(b"\x00" * 640)
        await client.send_audio(b"\x00" * 321)
        conversation = await mock.next_conversation()
        await _expect_violation(client, conversation, "value_error", "321 bytes")
        assert conversation.uplink_bytes == b"\x00" * 640


async def test_pong_is_accepted_once(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        assert 0.0 < await conversation.ping() < 1.0
        assert 0.0 < await conversation.ping() < 1.0
        assert [entry["ping_event"]["ping_ms"] is None for entry in client.of("ping")] == [True, False]
        assert conversation.violations == []
        await client.send({"type": "pong", "event_id": 2})
        await _expect_violation(client, conversation, "value_error", "event_id 2")


async def test_unanswered_ping_is_a_violation_and_a_late_pong_no_other(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent"), answer_pings=False) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        with pytest.raises(TimeoutError, match=r"ping 1 was not answered within 0\.05 s"):
            await conversation.ping(timeout=0.05)
        await client.send({"type": "pong", "event_id": 1})
        await client.send({"type": "user_activity"})
        await conversation.wait_received(lambda record: len(record.received) == 3)
        assert [str(each) for each in conversation.violations] == [
            "invalid_message: ping 1 was not answered within 0.05 s"
        ]
    await conversation.wait_closed()
    assert (conversation.closed_by, conversation.close_code) == ("client", 1000)


async def test_ping_of_a_closed_conversation_is_no_violation(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent"), answer_pings=False) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        expires = time.monotonic() + 2.0
        unanswered = asyncio.create_task(conversation.ping(timeout=2.0))
        await client.until(lambda: bool(client.of("ping")))
        await conversation.close()
        with pytest.raises(ConversationClosedError):
            await unanswered
        await conversation.wait_closed()
        with pytest.raises(ConversationClosedError):
            await conversation.ping(timeout=0.05)
        # Until each of them would have been a violation.
        await asyncio.sleep(max(0.1, expires + 0.1 - time.monotonic()))
        assert conversation.violations == []


async def test_client_that_goes_on_talking_is_closed_at_once(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.send({"type": "nonsense"})
        # More than a queue would take before the mock stopped reading.
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                await client.socket.send(json.dumps(AUDIO))
        begun = time.monotonic()
        assert (await client.closed())[0] == 1008
        assert time.monotonic() - begun < 2.0


async def test_tool_result_is_accepted_once(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        call = asyncio.create_task(conversation.call_tool("transfer", {"extension": "200"}))
        await client.until(lambda: bool(client.of("client_tool_call")))
        sent = client.of("client_tool_call")[0]["client_tool_call"]
        assert (sent["tool_name"], sent["parameters"]) == ("transfer", {"extension": "200"})
        answer = {
            "type": "client_tool_result",
            "tool_call_id": sent["tool_call_id"],
            "result": "busy",
            "is_error": True,
        }
        await client.send(answer)
        result = await call
        assert (result.result, result.is_error) == ("busy", True)
        await client.send(answer)
        await _expect_violation(client, conversation, "value_error", "belongs to no open tool call")


async def test_overrides_need_permission(start_mock: StartMock) -> None:
    mock = await start_mock(allowed_overrides=frozenset({"agent.language"}))
    override = {"agent": {"language": "cs", "first_message": "Dobrý den"}, "tts": {"voice_id": "x"}}
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.send({**INITIATION, "conversation_config_override": override})
        await _expect_violation(
            client, await mock.next_conversation(), "override_error", "agent.first_message, tts.voice_id"
        )


async def test_allowed_overrides_reach_the_record(start_mock: StartMock) -> None:
    mock = await start_mock(allowed_overrides=ALL_OVERRIDES)
    override = {"agent": {"prompt": {"prompt": "Short."}}, "conversation": {"client_events": ["ping"]}}
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate(conversation_config_override=override)
        conversation = await mock.next_conversation()
        initiation = await conversation.wait_initiated()
        assert initiation.conversation_config_override.agent is not None
        assert initiation.conversation_config_override.agent.prompt is not None
        assert initiation.conversation_config_override.agent.prompt.prompt == "Short."
        await conversation.send_audio(b"\xff" * 160, 1)
        await conversation.interrupt()
        await conversation.ping()
        assert {message["type"] for message in client.messages} == {
            "conversation_initiation_metadata",
            "ping",
        }


async def test_required_variables_must_be_given(start_mock: StartMock) -> None:
    mock = await start_mock(required_variables=frozenset({"caller_number", "language"}))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.send({**INITIATION, "dynamic_variables": {"language": "cs"}})
        await _expect_violation(client, await mock.next_conversation(), "missing_dynamic_variable", "caller_number")
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate(dynamic_variables={"language": "cs", "caller_number": "+420"})
        assert (await mock.next_conversation()).violations == []


async def test_silent_client_is_closed(start_mock: StartMock) -> None:
    mock = await start_mock(options={"limits": Limits(receive=0.2)})
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        assert (await client.closed())[0] == 1002
        await conversation.wait_closed()
        assert [each.error_type for each in conversation.violations] == ["transport_receive_timeout"]


async def test_longest_duration_ends_normally(start_mock: StartMock) -> None:
    mock = await start_mock(max_duration_seconds=0.2)
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        assert (await client.closed())[0] == 1000
        assert client.of("error")[0]["error_event"]["error_type"] == "max_duration_exceeded"
        conversation = await mock.next_conversation()
        await conversation.wait_closed()
        assert conversation.violations == []


async def test_broken_websocket_frame_is_a_violation(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        # A text frame without the mask every client must apply.
        client.socket.transport.write(b"\x81\x02{}")
        conversation = await mock.next_conversation()
        await conversation.wait_closed()
        assert conversation.close_code == 1002
        assert [each.detail[:18] for each in conversation.violations] == ["WebSocket protocol"]


async def test_lost_connection_is_told_from_a_close(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        waiting = asyncio.create_task(conversation.call_tool("never answered"))
        await client.until(lambda: bool(client.of("client_tool_call")))
        client.socket.transport.abort()
        await conversation.wait_closed()
        assert (conversation.closed_by, conversation.close_code) == ("lost", 1006)
        with pytest.raises(ConversationClosedError, match="was closed"):
            await waiting
