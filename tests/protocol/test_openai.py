"""The mock of OpenAI Realtime: the vendor's own client converses with it, and it refuses what the service refuses."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from aiconvai.audio import rms_dbfs, tone, ulaw_decode, ulaw_encode
from aiconvai.mock import MockAgent, MockOptions
from aiconvai.mock.openai import OpenAiConversation, OpenAiMock

MODEL = "gpt-realtime-2.1"
KEY = "sk-test"
PCMU = {"type": "audio/pcmu"}
SESSION: dict[str, Any] = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "audio": {
        "input": {"format": PCMU, "transcription": {"model": "gpt-4o-mini-transcribe"}},
        "output": {"format": PCMU, "voice": "marin"},
    },
    "tools": [{"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}}],
}
UPDATE = {"type": "session.update", "session": SESSION}


@asynccontextmanager
async def serving() -> AsyncIterator[OpenAiMock]:
    async with OpenAiMock(MockOptions(agents={MODEL: MockAgent(api_key=KEY)})) as mock:
        yield mock


@asynccontextmanager
async def connected(
    mock: OpenAiMock, *, key: str = KEY, model: str = MODEL, **headers: str
) -> AsyncIterator[ClientConnection]:
    """A WebSocket without the vendor's client, for what that would not do."""
    everything = {"Authorization": f"Bearer {key}", **headers}
    async with connect(f"{mock.conversation_endpoint}?model={model}", additional_headers=everything) as socket:
        yield socket


async def received(connection: AsyncRealtimeConnection, kind: str) -> Any:
    """The next event of that type."""
    async with asyncio.timeout(20):
        async for event in connection:
            if event.type == kind:
                return event
    raise AssertionError(f"the connection was closed before a {kind}")


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The same without the vendor's client."""
    async with asyncio.timeout(20):
        async for text in socket:
            event: dict[str, Any] = json.loads(text)
            if event["type"] == kind:
                return event
    raise AssertionError(f"the connection was closed before a {kind}")


async def started(mock: OpenAiMock) -> OpenAiConversation:
    conversation = await mock.next_conversation()
    await conversation.wait_started()
    return conversation


async def test_vendors_client_holds_a_whole_conversation() -> None:
    said = tone(440.0, 0.5, 8000)
    async with serving() as mock:
        client = AsyncOpenAI(api_key=KEY, base_url=f"{mock.base_url}/v1")
        async with client.realtime.connect(model=MODEL) as connection:
            created = await received(connection, "session.created")
            assert created.session.model == MODEL
            await connection.session.update(session=SESSION)  # type: ignore[arg-type]
            await received(connection, "session.updated")
            conversation = await started(mock)
            assert (conversation.input_format, conversation.output_format) == ("ulaw_8000", "ulaw_8000")

            await connection.input_audio_buffer.append(audio=base64.b64encode(ulaw_encode(said)).decode())
            await conversation.wait_received(lambda record: len(record.uplink) == 1)
            assert rms_dbfs(conversation.uplink_samples()) == pytest.approx(-10.0, abs=0.5)
            conversation.caller_began_speaking()
            started_at = await received(connection, "input_audio_buffer.speech_started")
            assert started_at.audio_start_ms == 500
            conversation.caller_stopped_speaking()
            conversation.caller_said("hello")
            assert (
                await received(connection, "conversation.item.input_audio_transcription.completed")
            ).transcript == "hello"

            await conversation.play(said, text="Hi there")
            delta = await received(connection, "response.output_audio.delta")
            assert ulaw_decode(base64.b64decode(delta.delta))[:160].any()
            assert (await received(connection, "response.output_audio_transcript.done")).transcript == "Hi there"
            assert (await received(connection, "response.done")).response.status == "completed"

            await conversation.interrupt()
            await received(connection, "input_audio_buffer.speech_started")
            await connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=200)
            await received(connection, "conversation.item.truncated")
            assert conversation.truncated == {delta.item_id: 200}

            result = asyncio.ensure_future(conversation.call_tool("find", {"number": 7}))
            call = await received(connection, "response.function_call_arguments.done")
            assert (call.name, json.loads(call.arguments)) == ("find", {"number": 7})
            await received(connection, "response.done")
            output = {"type": "function_call_output", "call_id": call.call_id, "output": "found"}
            await connection.conversation.item.create(item=output)  # type: ignore[arg-type]
            assert (await result).result == "found"
            await connection.response.create()
            await conversation.play(said, text="Found it")
            assert (await received(connection, "response.output_audio_transcript.done")).transcript == "Found it"

            await conversation.fail("llm_error", "something broke", close=False)
            assert (await received(connection, "error")).error.message == "something broke"
            await conversation.fail("max_duration_exceeded", "Your session hit the maximum duration of 60 minutes.")
            assert (await received(connection, "error")).error.code == "session_expired"
            assert [event async for event in connection] == []
        await conversation.wait_closed()
        assert conversation.close_code == 1001
        assert conversation.violations == []


async def test_agent_whose_answer_is_interrupted_at_real_time_stops() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        playing = asyncio.ensure_future(conversation.play(tone(440.0, 5.0, 8000), pace="realtime", chunk_ms=20))
        await told(socket, "response.output_audio.delta")
        await conversation.interrupt()
        assert not await playing
        done = await told(socket, "response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"


async def test_agent_that_may_not_be_interrupted_stops_when_the_client_says_so() -> None:
    async with serving() as mock, connected(mock) as socket:
        detection = {"type": "server_vad", "interrupt_response": False}
        await socket.send(
            json.dumps(
                {"type": "session.update", "session": {**SESSION, "audio": {"input": {"turn_detection": detection}}}}
            )
        )
        conversation = await started(mock)
        playing = asyncio.ensure_future(conversation.play(tone(440.0, 5.0, 24000), pace="realtime", chunk_ms=20))
        await told(socket, "response.output_audio.delta")
        await conversation.interrupt()
        await told(socket, "input_audio_buffer.speech_started")
        await told(socket, "response.output_audio.delta")
        await socket.send(json.dumps({"type": "response.cancel"}))
        assert (await told(socket, "response.done"))["response"]["status_details"]["reason"] == "client_cancelled"
        assert not await playing
        await socket.send(json.dumps({"type": "response.cancel"}))
        assert (await told(socket, "error"))["error"]["code"] == "response_cancel_not_active"
        assert conversation.violations == []


async def test_after_a_tools_result_the_client_has_to_ask_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiconvai.mock.openai.RESPONSE_SECONDS", 0.2)
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        result = asyncio.ensure_future(conversation.call_tool("find"))
        call_id = (await told(socket, "response.function_call_arguments.done"))["call_id"]
        item = {"type": "function_call_output", "call_id": call_id, "output": "found"}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await result
        with pytest.raises(TimeoutError, match=r"response\.create"):
            await conversation.play(tone(440.0, 0.1, 8000))
        assert [str(each) for each in conversation.violations] == [
            "missing_fields: no response.create within 0.2 s of the result of a tool, or of what was said"
        ]


async def test_a_service_without_turn_detection_is_told_of_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiconvai.mock.openai.RESPONSE_SECONDS", 0.2)
    async with serving() as mock, connected(mock) as socket:
        session = {**SESSION, "audio": {"input": {"turn_detection": None}}}
        await socket.send(json.dumps({"type": "session.update", "session": session}))
        conversation = await started(mock)
        conversation.caller_began_speaking()
        conversation.interrupt_now()
        audio = base64.b64encode(bytes(24000 * 2 // 10)).decode()
        for _ in range(2):
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        await told(socket, "input_audio_buffer.committed")
        assert [len(turn.audio) for turn in conversation.caller_turns] == [2 * 4800]
        assert "input_audio_buffer.speech_started" not in [one.type for one in conversation.sent]
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        error = (await told(socket, "error"))["error"]
        assert "less than 100 ms" in error["message"]
        with pytest.raises(TimeoutError, match=r"response\.create"):
            await conversation.play(tone(440.0, 0.1, 8000))


async def test_a_service_that_begins_no_answers_is_asked_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiconvai.mock.openai.RESPONSE_SECONDS", 0.2)
    async with serving() as mock, connected(mock) as socket:
        detection = {"type": "server_vad", "create_response": False}
        session = {**SESSION, "audio": {"input": {"turn_detection": detection}}}
        await socket.send(json.dumps({"type": "session.update", "session": session}))
        conversation = await started(mock)
        for asked in (True, False):
            conversation.caller_began_speaking()
            conversation.caller_stopped_speaking()
            await told(socket, "input_audio_buffer.committed")
            if asked:
                await socket.send(json.dumps({"type": "response.create"}))
                await told(socket, "response.created")
                assert await conversation.play(tone(440.0, 0.1, 8000))
                assert conversation.violations == []
            else:
                with pytest.raises(TimeoutError, match=r"response\.create"):
                    await conversation.play(tone(440.0, 0.1, 8000))


WRONG: list[tuple[str | bytes, str]] = [
    ("not json", "invalid JSON"),
    (b"\x00", "binary"),
    ('{"type":"hello"}', "unknown type 'hello'"),
    ('{"type":"input_audio_buffer.append"}', "audio"),
    ('{"type":"input_audio_buffer.append","audio":"%%%"}', "base64"),
    ('{"type":"input_audio_buffer.append","audio":""}', "no audio"),
    ('{"type":"input_audio_buffer.append","audio":"AAAA","format":"x"}', "format"),
    ('{"type":"input_audio_buffer.commit"}', "turn detection"),
    ('{"type":"response.create","response":{"voice":"x"}}', "voice"),
    ('{"type":"conversation.item.truncate","item_id":"none","content_index":0,"audio_end_ms":1}', "no item 'none'"),
    ('{"type":"conversation.item.truncate","item_id":"x","content_index":0,"audio_end_ms":"1"}', "audio_end_ms"),
    (
        '{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"zz","output":"x"}}',
        "'zz' belongs to no open tool call",
    ),
    ('{"type":"session.update","session":{"type":"realtime","model":"other"}}', "model"),
    ('{"type":"session.update","session":{"type":"realtime","temperature":0.8}}', "temperature"),
    (
        '{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}}}',
        "",
    ),
]


@pytest.mark.parametrize(("message", "detail"), WRONG, ids=lambda value: str(value)[:60])
async def test_wrong_message_is_refused_and_the_session_goes_on(message: str | bytes, detail: str) -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        await socket.send(message)
        error = (await told(socket, "error"))["error"]
        assert error["type"] == "invalid_request_error"
        assert detail in error["message"]
        assert [each.detail for each in conversation.violations] == [error["message"]]
        conversation.caller_began_speaking()
        await told(socket, "input_audio_buffer.speech_started")


async def test_more_than_was_sent_cannot_have_been_heard() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        await conversation.play(tone(440.0, 0.5, 8000))
        item_id = (await told(socket, "response.output_audio.delta"))["item_id"]
        truncate = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 501}
        await socket.send(json.dumps(truncate))
        assert (await told(socket, "error"))["error"][
            "message"
        ] == "Audio content of 500ms is already shorter than 501ms"
        assert conversation.truncated == {}


async def test_one_response_at_a_time() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        playing = asyncio.ensure_future(conversation.play(tone(440.0, 5.0, 8000), pace="realtime"))
        await told(socket, "response.output_audio.delta")
        await socket.send('{"type":"response.create","event_id":"mine"}')
        error = (await told(socket, "error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")
        assert error["message"].startswith("Conversation already has an active response in progress: resp_1.")
        assert len(conversation.violations) == 1
        playing.cancel()


async def test_response_that_was_asked_for_begins_at_once() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        await socket.send('{"type":"response.create"}')
        response_id = (await told(socket, "response.created"))["response"]["id"]
        await socket.send('{"type":"response.create"}')
        assert response_id in (await told(socket, "error"))["error"]["message"]
        await conversation.play(tone(440.0, 0.1, 8000))
        assert (await told(socket, "response.output_audio.delta"))["response_id"] == response_id
        assert (await told(socket, "response.done"))["response"]["id"] == response_id
        await socket.send('{"type":"response.create"}')
        assert (await told(socket, "response.created"))["response"]["id"] != response_id


@pytest.mark.parametrize(("how", "reason"), [("cancel", "client_cancelled"), ("caller", "turn_detected")])
async def test_response_that_was_asked_for_is_cancelled_before_it_says_anything(how: str, reason: str) -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        await socket.send('{"type":"response.create"}')
        await told(socket, "response.created")
        if how == "cancel":
            await socket.send('{"type":"response.cancel"}')
        else:
            conversation.caller_began_speaking()
        details = (await told(socket, "response.done"))["response"]["status_details"]
        assert details == {"type": "cancelled", "reason": reason}


async def test_request_that_the_service_overtakes_is_refused_and_owed() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        conversation.overtake(tone(440.0, 0.6, 8000))
        result = asyncio.ensure_future(conversation.call_tool("find"))
        call_id = (await told(socket, "response.function_call_arguments.done"))["call_id"]
        item = {"type": "function_call_output", "call_id": call_id, "output": "found"}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        assert (await result).result == "found"
        await socket.send('{"type":"response.create","event_id":"first"}')
        overtaking = (await told(socket, "response.created"))["response"]["id"]
        error = (await told(socket, "error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "first")
        assert (await told(socket, "response.done"))["response"]["id"] == overtaking
        playing = asyncio.ensure_future(conversation.play(tone(440.0, 0.1, 8000)))
        await socket.send('{"type":"response.create"}')
        assert await playing
        assert conversation.violations == []


async def test_tools_are_called_in_one_response() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        conversation = await started(mock)
        conversation.start_tools(("find", {"number": 1}), ("find", {"number": 2}))
        output = (await told(socket, "response.done"))["response"]["output"]
        assert [json.loads(item["arguments"])["number"] for item in output] == [1, 2]
        item = {"type": "function_call_output", "call_id": output[0]["call_id"], "output": "found"}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send('{"type":"response.create"}')
        assert "before the tools" in (await told(socket, "error"))["error"]["message"]


async def test_refusal_names_the_message_that_was_refused() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send(json.dumps(UPDATE))
        await started(mock)
        item = {"type": "function_call_output", "call_id": "none", "output": "x"}
        for event_id in ("mine", None):
            named = {"event_id": event_id} if event_id else {}
            await socket.send(json.dumps({"type": "conversation.item.create", "item": item, **named}))
            assert (await told(socket, "error"))["error"]["event_id"] == event_id


async def _closed(socket: ClientConnection) -> int | None:
    await asyncio.wait_for(socket.wait_closed(), 20)
    return socket.close_code


async def test_shape_of_the_beta_is_refused() -> None:
    async with serving() as mock:
        async with connected(mock, **{"OpenAI-Beta": "realtime=v1"}) as socket:
            assert (await told(socket, "error"))["error"]["code"] == "beta_api_shape_disabled"
            assert await _closed(socket) == 4000
        async with connected(mock) as socket:
            await socket.send('{"type":"session.update","session":{"voice":"alloy","input_audio_format":"g711_ulaw"}}')
            assert (await told(socket, "error"))["error"]["code"] == "beta_api_shape_disabled"
            assert await _closed(socket) == 4000


async def test_first_message_is_the_sessions_settings() -> None:
    async with serving() as mock, connected(mock) as socket:
        await socket.send('{"type":"input_audio_buffer.append","audio":"AAAA"}')
        assert "first message must be session.update" in (await told(socket, "error"))["error"]["message"]


async def test_unknown_key_is_no_account() -> None:
    async with serving() as mock:
        with pytest.raises(InvalidStatus) as refused:
            async with connected(mock, key="sk-other"):
                pass
        assert refused.value.response.status_code == 401


async def test_unknown_model_is_refused() -> None:
    async with serving() as mock, connected(mock, model="gpt-4") as socket:
        assert await _closed(socket) == 3000
        assert socket.close_reason == "invalid_request_error.model_not_found"
