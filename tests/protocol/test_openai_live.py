"""The mock of OpenAI Live: the vendor's own client library holds a whole conversation with it, and what it refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from json_client import TOKEN, JsonClient
from openai import AsyncOpenAI
from openai.resources.live.live import AsyncLiveConnection
from openai.types.live import SessionConfigParam
from websockets.exceptions import InvalidStatus

from aiconvai.audio import tone, ulaw_encode
from aiconvai.mock import MockAgent, MockOptions, Scenario, parse_scenario
from aiconvai.mock.openai_live import OpenAiLiveConversation, OpenAiLiveMock

MODEL = "gpt-live-1"
PCMU = {"type": "audio/pcmu", "rate": 8000}
SESSION: SessionConfigParam = {
    "model": MODEL,
    "instructions": "Be brief.",
    "audio": {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "marin"}},
    "delegation": {"type": "client"},
}
START = {"type": "session.start", "session": SESSION}
CHUNK = b"\x55" * 160
ENCODED = base64.b64encode(CHUNK).decode()


def mock_of(scenario: Scenario | None = None, **agent: Any) -> OpenAiLiveMock:
    return OpenAiLiveMock(MockOptions(agents={MODEL: MockAgent(scenario=scenario or Scenario(), **agent)}))


@asynccontextmanager
async def connected(scenario: Scenario | None = None, **agent: Any) -> AsyncIterator[tuple[OpenAiLiveMock, JsonClient]]:
    async with (
        mock_of(scenario, **agent) as mock,
        JsonClient(mock.conversation_endpoint, additional_headers=TOKEN) as client,
    ):
        yield mock, client


@asynccontextmanager
async def started(
    scenario: Scenario | None = None, **agent: Any
) -> AsyncIterator[tuple[JsonClient, OpenAiLiveConversation]]:
    async with connected(scenario, **agent) as (mock, client):
        await client.send(START)
        conversation = await mock.next_conversation()
        await conversation.wait_started()
        yield client, conversation


def library(mock: OpenAiLiveMock, key: str = "test-api-key") -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=f"{mock.base_url}/v1")


async def expect(connection: AsyncLiveConnection, kind: str) -> Any:
    """The next event, which is of that kind."""
    event = await connection.recv()
    assert event.type == kind, event
    return event


async def test_whole_conversation_with_the_official_library() -> None:
    async with mock_of() as mock, library(mock).live.connect() as connection:
        await connection.session.start(session=SESSION)
        conversation = await mock.next_conversation()
        begun = await expect(connection, "session.started")
        assert (begun.session.id, begun.session.model, begun.session.audio.format.type) == (
            conversation.id,
            MODEL,
            "audio/pcmu",
        )
        assert conversation.request.path == "/v1/live/sessions"

        await connection.session.input_audio.append(audio=ENCODED)
        await conversation.play(CHUNK, text="Good day")
        assert (await expect(connection, "session.output_transcript.delta")).delta == "Good day"
        assert (await expect(connection, "session.output_audio.delta")).delta == ENCODED
        conversation.caller_said("hello")
        assert (await expect(connection, "session.input_transcript.delta")).delta == "hello"

        call = conversation.start_tool("look it up")
        delegation = (await expect(connection, "session.delegation.created")).delegation
        assert delegation.target == "client"
        await connection.session.thinking.append(content="looking", delegation_id=delegation.id)
        await expect(connection, "session.thinking.appended")
        assert not call.done()
        await connection.session.commentary.append(content="Order 7 shipped.", delegation_id=delegation.id)
        await expect(connection, "session.commentary.appended")
        assert (await call).result == "Order 7 shipped."
        await connection.session.instructions.append(content="Speak Czech.", delegation_id=None)
        await expect(connection, "session.instructions.appended")

        await connection.session.input_audio.mute()
        await expect(connection, "session.input_audio.muted")
        await connection.session.input_audio.append(audio=ENCODED)
        await connection.session.input_audio.unmute()
        await expect(connection, "session.input_audio.unmuted")
        assert conversation.uplink_bytes == CHUNK

        await connection.session.update(session={"delegation": {"type": "client"}})
        await expect(connection, "session.updated")
        await connection.session.close()
        assert (await expect(connection, "session.closed")).reason == "close_requested"
        assert [event async for event in connection] == []
        await conversation.wait_closed()
    assert (conversation.closed_by, conversation.close_code) == ("service", 1000)
    assert conversation.violations == []


async def test_library_is_told_that_its_key_is_wrong() -> None:
    async with mock_of() as mock:
        with pytest.raises(InvalidStatus) as refused:
            await library(mock, "wrong").live.connect().enter()
        assert refused.value.response.status_code == 401


async def test_an_error_does_not_end_the_librarys_session() -> None:
    async with mock_of() as mock, library(mock).live.connect() as connection:
        await connection.session.start(session=SESSION)
        await expect(connection, "session.started")
        await connection.session.commentary.append(content="x", delegation_id="del_unknown", event_id="mine")
        error = (await expect(connection, "error")).error
        assert "del_unknown" in error.message
        assert error.client_event_id == "mine"
        await connection.session.close()
        await expect(connection, "session.closed")


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ({"type": "audio/pcma", "rate": 8000}, "alaw_8000"),
        ({"type": "audio/pcm", "rate": 16000}, "pcm_16000"),
        ({"type": "audio/pcm", "rate": 24000}, "pcm_24000"),
        (None, "pcm_24000"),
    ],
)
async def test_the_client_chooses_one_format_for_both_directions(form: dict[str, Any] | None, name: str) -> None:
    async with connected() as (mock, client):
        audio = {"audio": {"format": form}} if form else {}
        await client.send({"type": "session.start", "session": {"model": MODEL, **audio}})
        conversation = await mock.next_conversation()
        await conversation.wait_started()
        assert (conversation.input_format, conversation.output_format) == (name, name)


async def test_the_agent_falls_silent_without_a_word() -> None:
    talk = "{tone: {seconds: 60, pace: realtime, chunk_ms: 20}}"
    scenario = parse_scenario(f"steps: [{{barge_in: {{min_ms: 20}}}}, {talk}, {{agent_response: Hm}}]")
    async with started(scenario) as (client, conversation):
        await client.until(lambda: bool(client.of("session.output_audio.delta")))
        loud = base64.b64encode(ulaw_encode(tone(440, 0.2, 8000))).decode()
        await client.send({"type": "session.input_audio.append", "audio": loud})
        await client.until(lambda: bool(client.of("session.output_transcript.delta")))
        kinds = {message["type"] for message in client.messages}
        assert kinds == {"session.started", "session.output_audio.delta", "session.output_transcript.delta"}
        assert conversation.violations == []


@pytest.mark.parametrize(
    ("steps", "agent", "reason"),
    [
        ("[{close: 1000}]", {}, "remote_hangup"),
        ("[{error: safety_violation}]", {}, "content"),
        ("[]", {"max_duration_seconds": 0.1}, "expired"),
    ],
)
async def test_how_a_session_ends_is_told(steps: str, agent: dict[str, Any], reason: str) -> None:
    async with started(parse_scenario(f"steps: {steps}"), **agent) as (client, conversation):
        assert (await client.closed())[0] == 1000
        assert [closed["reason"] for closed in client.of("session.closed")] == [reason]
        await conversation.wait_closed()
        assert conversation.violations == []


async def test_a_failure_is_an_error_and_no_end_of_the_session() -> None:
    async with started(parse_scenario("steps: [{error: llm_error}]")) as (client, _):
        assert (await client.closed())[0] == 1011
        assert [error["error"]["code"] for error in client.of("error")] == ["llm_error"]
        assert client.of("session.closed") == []


# What is refused


async def test_there_are_no_parameters() -> None:
    async with mock_of() as mock:
        with pytest.raises(InvalidStatus) as refused:
            async with JsonClient(f"{mock.conversation_endpoint}?model={MODEL}", additional_headers=TOKEN):
                pass
        assert refused.value.response.status_code == 400


FIRST: list[tuple[dict[str, Any], str]] = [
    ({"type": "session.input_audio.append", "audio": ENCODED}, "the first message must be session.start"),
    ({"type": "session.start"}, "session: Field required"),
    ({"type": "session.start", "session": {}}, "model"),
    ({"type": "session.start", "session": {"model": "gpt-live-9"}}, "there is no 'gpt-live-9'"),
    ({"type": "session.start", "session": {"model": MODEL, "voice": "marin"}}, "knows no session.voice"),
    ({"type": "session.start", "session": {"model": MODEL, "audio": {"format": {**PCMU, "rate": 16000}}}}, "16000 Hz"),
    ({"type": "session.start", "session": {"model": MODEL, "audio": {"format": {"type": "audio/pcmu"}}}}, "rate"),
    (
        {
            "type": "session.start",
            "session": {"model": MODEL, "audio": {"format": {"type": "audio/pcm", "rate": 8000}}},
        },
        "rate",
    ),
    ({"type": "session.start", "session": {"model": MODEL, "instructions": "a " * 16385}}, "16384 tokens"),
    ({"type": "session.start", "session": {"model": MODEL, "delegation": {"type": "nobody"}}}, "delegation"),
]


@pytest.mark.parametrize(("message", "detail"), FIRST, ids=lambda value: str(value)[-50:])
async def test_a_session_that_cannot_be_is_refused(message: dict[str, Any], detail: str) -> None:
    async with connected() as (mock, client):
        await client.send(message)
        conversation = await mock.next_conversation()
        assert (await client.closed())[0] == 1008
        await conversation.wait_closed()
        [violation] = conversation.violations
        assert detail in violation.detail
        assert [error["error"]["message"] for error in client.of("error")] == [violation.detail]


LATER: list[tuple[str | bytes, str]] = [
    ("not json", "invalid JSON"),
    (b"{}", "a binary message"),
    (json.dumps(START), "a second time"),
    ('{"type":"response.cancel"}', "unknown type 'response.cancel'"),
    ('{"type":"response.create"}', "delegates to responses"),
    ('{"type":"session.input_audio.append"}', "audio: Field required"),
    ('{"type":"session.input_audio.append","audio":"%%%%"}', "not valid base64"),
    ('{"type":"session.input_audio.append","audio":"AAAA","why":1}', "why"),
    ('{"type":"session.commentary.append","content":"x"}', "delegation_id: is required"),
    ('{"type":"session.thinking.append","content":"x","delegation_id":"del_9"}', "there is no delegation 'del_9'"),
    (
        json.dumps({"type": "session.instructions.append", "content": "a " * 501, "delegation_id": None}),
        "at most 500 tokens",
    ),
    (
        '{"type":"session.update","session":{"delegation":{"type":"responses"}}}',
        "session.delegation.type: cannot be changed",
    ),
]


@pytest.mark.parametrize(("text", "detail"), LATER, ids=lambda value: str(value)[:50])
async def test_a_wrong_message_is_refused_and_the_session_goes_on(text: str | bytes, detail: str) -> None:
    async with started() as (client, conversation):
        await client.socket.send(text)
        await client.until(lambda: bool(client.of("error")))
        [violation] = conversation.violations
        assert detail in violation.detail
        await client.send({"type": "session.close"})
        assert (await client.closed())[0] == 1000


async def test_nothing_is_said_before_the_session_is_started() -> None:
    async with connected(parse_scenario("handshake: {metadata_delay: 60}")) as (mock, client):
        await client.send(START)
        await client.send({"type": "session.input_audio.append", "audio": ENCODED})
        conversation = await mock.next_conversation()
        assert (await client.closed())[0] == 1008
        assert "before session.started" in conversation.violations[0].detail
