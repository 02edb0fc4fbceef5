"""The mock of a server of the WebSocket protocol: a whole conversation with it, and what it refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from json_client import TOKEN, JsonClient
from websockets.exceptions import InvalidStatus

from aiconvai.audio import tone, ulaw_encode
from aiconvai.mock import MockOptions, Scenario, parse_scenario
from aiconvai.mock.scenario import ScenarioError
from aiconvai.mock.websocket import ALIASES, WebSocketAgent, WebSocketConversation, WebSocketMock
from aiconvai.websocket_protocol import EXTENSIONS, USUAL_EXTENSIONS, Dtmf, TextInput

CONFIG = {
    "audio_format": "g711_ulaw",
    "sample_rate": 8000,
    "channels": 1,
    "vad_enabled": True,
    "vad_threshold": 0.6,
    "vad_silence_duration_ms": 600,
    "vad_prefix_padding_ms": 200,
}
INIT = {"type": "session.init", "config": CONFIG, "variables": {}, "extensions": list(USUAL_EXTENSIONS)}
CHUNK = b"\x55" * 160


def audio_input(data: bytes = CHUNK, audio_format: str = "g711_ulaw") -> dict[str, Any]:
    return {"type": "audio.input", "audio": base64.b64encode(data).decode(), "format": audio_format}


class Service:
    """A mock, a client of it that has sent session.init, and their conversation."""

    def __init__(self, client: JsonClient, conversation: WebSocketConversation) -> None:
        self.client = client
        self.conversation = conversation

    async def received(self, kind: str) -> dict[str, Any]:
        await self.client.until(lambda: bool(self.client.of(kind)))
        return self.client.of(kind)[-1]


@asynccontextmanager
async def connected(scenario: Scenario | None = None, **agent: Any) -> AsyncIterator[tuple[WebSocketMock, JsonClient]]:
    agents = {"agent": WebSocketAgent(scenario=scenario or Scenario(), **agent)}
    async with (
        WebSocketMock(MockOptions(agents=agents)) as mock,
        JsonClient(mock.conversation_endpoint, additional_headers=TOKEN) as client,
    ):
        yield mock, client


@asynccontextmanager
async def started(
    init: dict[str, Any] = INIT, scenario: Scenario | None = None, **agent: Any
) -> AsyncIterator[Service]:
    async with connected(scenario, **agent) as (mock, client):
        await client.send(init)
        conversation = await mock.next_conversation()
        await conversation.wait_started()
        yield Service(client, conversation)


async def test_a_whole_conversation() -> None:
    async with started() as service:
        client, conversation = service.client, service.conversation
        assert (await service.received("session_started"))["session_id"] == conversation.id
        await client.send(audio_input())
        await client.send({"type": "text.input", "text": "Hello"})
        await client.send({"type": "dtmf", "digit": "5"})
        await conversation.wait_received(lambda record: bool(record.received_of(Dtmf)))
        assert conversation.uplink_bytes == CHUNK
        assert [message.text for message in conversation.received_of(TextInput)] == ["Hello"]

        assert await conversation.play(tone(440, 0.1, 8000), text="Good day")
        await service.received("response_complete")
        assert [message["event_id"] for message in client.of("audio_delta")] == [1]
        assert client.of("transcript")[0] == {
            "type": "transcript",
            "text": "Good day",
            "role": "assistant",
            "event_id": 1,
        }

        await conversation.interrupt()
        assert (await service.received("interruption"))["event_id"] == 1

        call = conversation.start_tool("lookup", {"name": "Eva"})
        asked = await service.received("tool_call")
        assert (asked["name"], asked["parameters"]) == ("lookup", {"name": "Eva"})
        answer = {"type": "tool_result", "id": asked["id"], "name": "lookup", "result": "found"}
        await client.send(answer)
        result = await call
        assert (result.result, result.is_error) == ("found", False)

        await conversation.end_call("unused")
        await service.received("hangup")
        await client.socket.close()
        await conversation.wait_closed()
    assert (conversation.closed_by, conversation.close_code) == ("client", 1000)
    assert conversation.violations == []


@pytest.mark.parametrize("aliases", [frozenset(), frozenset({"audio_delta"}), frozenset(ALIASES)])
async def test_the_agent_uses_the_names_it_is_told_to(aliases: frozenset[str]) -> None:
    async with started(aliases=aliases) as service:
        await service.conversation.play(CHUNK, text="Good day")
        service.conversation.caller_began_speaking()
        service.conversation.caller_said("Hello")
        names = {name: ALIASES[name] if name in aliases else name for name in ALIASES}
        await service.received(names["response_complete"])
        await service.client.until(lambda: len(service.client.of(names["transcript"])) == 2)
        audio = service.client.of(names["audio_delta"])[0]
        assert base64.b64decode(audio["data" if "audio_delta" in aliases else "audio"]) == CHUNK
        roles = [
            said["speaker" if "transcript" in aliases else "role"] for said in service.client.of(names["transcript"])
        ]
        assert roles == ["assistant", "user"]
        assert service.client.of(names["session_started"])


async def test_a_plain_server_sends_nothing_beyond_the_bare_protocol() -> None:
    async with started(extensions=False) as service:
        conversation = service.conversation
        await service.client.send({"type": "dtmf", "digit": "1"})
        await conversation.play(CHUNK * 50, text="Good day")
        conversation.caller_said("Hel", tentative=True)
        await conversation.interrupt()
        result = await conversation.call_tool("lookup")
        assert result.is_error
        await conversation.end_call("unused")
        with pytest.raises(ValueError, match="mark"):
            await conversation.mark("place")
        await service.received("user_speech_started")
        assert {message["type"] for message in service.client.messages} == {
            "session_started", "audio_delta", "transcript", "response_complete", "user_speech_started",
        }  # fmt: skip
        assert all("event_id" not in message for message in service.client.messages)
        assert conversation.violations == []


async def test_extensions_need_a_client_that_has_them() -> None:
    async with started({**INIT, "extensions": []}) as service:
        await service.conversation.play(CHUNK * 50)
        await service.conversation.interrupt()
        await service.received("user_speech_started")
        assert service.client.of("interruption") == []
        assert "event_id" not in service.client.of("audio_delta")[0]


async def test_audio_may_be_binary() -> None:
    async with started(binary_audio=True) as service:
        await service.conversation.play(CHUNK)
        await service.received("response_complete")
        assert service.client.binary == CHUNK
        assert service.client.of("audio_delta") == []
        await service.conversation.interrupt()
        assert "event_id" not in await service.received("interruption")
        await service.conversation.play(CHUNK, event_id=1)
        await service.conversation.play(b"\x66", event_id=2)
        await service.client.until(lambda: service.client.binary.endswith(b"\x66"))
        assert service.client.binary == CHUNK + b"\x66", "the client could not tell that the other is late"


async def test_the_callers_speech_interrupts_what_is_heard() -> None:
    async with started() as service:
        service.conversation.caller_began_speaking()
        await service.received("user_speech_started")
        await service.conversation.play(CHUNK * 1000)
        service.conversation.caller_began_speaking()
        await service.received("interruption")
        assert len(service.client.of("user_speech_started")) == 1


async def test_a_mark_is_reported_once_and_in_time() -> None:
    async with started() as service:
        conversation = service.conversation
        await conversation.mark("at once")
        await service.received("mark")
        await service.client.send({"type": "mark", "name": "at once"})
        await conversation.wait_received(lambda record: "mark" in record.received_types())
        assert conversation.marks.reported == ["at once"]
        # So long that it cannot have been heard, however slow the machine is.
        await conversation.play(CHUNK * 1000)
        await conversation.mark("20 seconds later")
        await service.client.send({"type": "mark", "name": "20 seconds later"})
        await _refused(service, "before the audio before it can have been heard")


async def test_an_interruption_drops_what_is_before_a_mark() -> None:
    async with started() as service:
        await service.conversation.play(CHUNK * 50)
        await service.conversation.mark("dropped")
        await service.conversation.interrupt()
        await service.client.send({"type": "mark", "name": "dropped"})
        await service.conversation.wait_received(lambda record: "mark" in record.received_types())
        assert service.conversation.marks.reported == ["dropped"]


@pytest.mark.parametrize(("close", "fatal"), [(True, True), (False, False)])
async def test_an_error_that_ends_the_conversation_is_fatal(close: bool, fatal: bool) -> None:
    async with started() as service:
        await service.conversation.fail("llm_error", "no answer", close=close)
        assert await service.received("error") == {"type": "error", "message": "llm_error: no answer", "fatal": fatal}
        if close:
            assert (await service.client.closed())[0] == 1011


async def test_formats_are_the_clients() -> None:
    async with started({**INIT, "config": {**CONFIG, "audio_format": "pcm16", "sample_rate": 24000}}) as service:
        assert service.conversation.input_format == service.conversation.output_format == "pcm_24000"
        await service.client.send(audio_input(b"\x01" * 3, "pcm16"))
        await _refused(service, "3 bytes are no whole number")


async def test_a_scenario_is_played() -> None:
    scenario = parse_scenario(
        "steps: [{tone: 0.1}, {wait_for_speech: 20}, {user_transcript: hello}, {end_call: true}, {close: 1000}]"
    )
    async with started(scenario=scenario) as service:
        await service.client.send(audio_input(ulaw_encode(tone(440, 0.2, 8000))))
        await service.received("hangup")
        assert await service.client.closed() == (1000, "")


async def test_scenarios_send_only_what_a_server_may() -> None:
    with pytest.raises(ScenarioError, match=r"unknown type 'session\.updated'"):
        WebSocketAgent(scenario=parse_scenario("steps: [{send: {type: session.updated}}]"))


@pytest.mark.parametrize(
    ("agent", "problem"),
    [
        ({"aliases": frozenset({"error"})}, "error have none"),
        ({"binary_audio": True, "extensions": False}, "binary_audio"),
    ],
)
def test_an_agent_that_cannot_be_is_refused(agent: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        WebSocketAgent(**agent)


# What is refused


async def _refused(service: Service, detail: str) -> None:
    error = await service.received("error")
    assert error["fatal"]
    assert detail in error["message"]
    assert (await service.client.closed())[0] == 1008
    await service.conversation.wait_closed()
    assert [detail in violation.detail for violation in service.conversation.violations] == [True]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "test-api-key"}])
async def test_the_token_must_be_right(headers: dict[str, str]) -> None:
    async with WebSocketMock(MockOptions(agents={"agent": WebSocketAgent()})) as mock:
        with pytest.raises(InvalidStatus) as refused:
            async with JsonClient(mock.conversation_endpoint, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 401


FIRST = [
    (audio_input(), "the first message must be session.init, got audio.input"),
    ({"type": "session.init"}, "config: Field required"),
    ({**INIT, "config": {**CONFIG, "sample_rate": 16000}}, "g711_ulaw at 16000 Hz"),
    ({**INIT, "config": {**CONFIG, "vad_threshold": "0.6"}}, "vad_threshold"),
    ({**INIT, "config": {**CONFIG, "voise": "alto"}}, "config.voise"),
    ({**INIT, "extensions": ["telepathy"]}, "there is no telepathy"),
]


@pytest.mark.parametrize(("message", "detail"), FIRST, ids=lambda value: str(value)[:40])
async def test_a_wrong_beginning_is_refused(message: dict[str, Any], detail: str) -> None:
    async with connected() as (mock, client):
        await client.send(message)
        await _refused(Service(client, await mock.next_conversation()), detail)


LATER: list[tuple[str | bytes, str]] = [
    ("not json", "invalid JSON"),
    (b"\x00\x00", "a binary message of 2 bytes"),
    (json.dumps(INIT), "a second time"),
    ('{"type":"audio.output"}', "unknown type 'audio.output'"),
    ('{"type":"audio.input","format":"g711_ulaw"}', "audio: Field required"),
    ('{"type":"audio.input","audio":"%%%%","format":"g711_ulaw"}', "not valid base64"),
    (json.dumps(audio_input(audio_format="pcm16")), "announced was g711_ulaw, got pcm16"),
    ('{"type":"text.input","text":"x","why":1}', "why"),
    ('{"type":"dtmf","digit":"55"}', "digit"),
    ('{"type":"tool_result","id":"zz","name":"n","result":""}', "'zz'"),
    ('{"type":"mark","name":"zz"}', "'zz'"),
]


@pytest.mark.parametrize(("text", "detail"), LATER, ids=lambda value: str(value)[:40])
async def test_a_wrong_message_is_refused(text: str | bytes, detail: str) -> None:
    async with started() as service:
        await service.client.socket.send(text)
        await _refused(service, detail)


async def test_keys_pressed_are_told_only_by_a_client_that_announced_it() -> None:
    async with started({**INIT, "extensions": []}) as service:
        await service.client.send({"type": "dtmf", "digit": "5"})
        await _refused(service, "did not announce")


WITH_TURNS = {**INIT, "extensions": list(EXTENSIONS)}
STARTED, ENDED = {"type": "turn.started"}, {"type": "turn.ended"}


async def test_turns_are_on_record() -> None:
    async with started(WITH_TURNS) as service:
        for message in (STARTED, audio_input(), audio_input(), ENDED, STARTED, audio_input(), ENDED):
            await service.client.send(message)
        await service.conversation.wait_received(lambda record: len(record.caller_turns) == 2)
        assert [len(turn.audio) for turn in service.conversation.caller_turns] == [2 * len(CHUNK), len(CHUNK)]
        assert service.conversation.violations == []


@pytest.mark.parametrize(
    ("init", "messages", "detail"),
    [
        (INIT, [STARTED], "turn.started: the client did not announce that extension"),
        (WITH_TURNS, [audio_input()], "audio.input: outside of a turn"),
        (WITH_TURNS, [STARTED, audio_input(), ENDED, audio_input()], "audio.input: outside of a turn"),
        (WITH_TURNS, [STARTED, STARTED], "turn.started for the second time"),
        (WITH_TURNS, [ENDED], "turn.ended for the second time"),
    ],
)
async def test_turns_are_told_in_order(init: dict[str, Any], messages: list[dict[str, Any]], detail: str) -> None:
    async with started(init) as service:
        for message in messages:
            await service.client.send(message)
        await _refused(service, detail)


async def test_nothing_is_said_before_the_session_is_started() -> None:
    async with connected(parse_scenario("handshake: {metadata_delay: 60}")) as (mock, client):
        await client.send(INIT)
        await client.send(audio_input())
        await _refused(Service(client, await mock.next_conversation()), "before the session was started")
