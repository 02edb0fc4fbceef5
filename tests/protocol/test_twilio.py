"""The mock of a server of Twilio Media Streams: a whole stream, and what no Twilio does."""

from __future__ import annotations

import asyncio
import base64
import copy
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
from aiconvai.mock.twilio import Connected, Dtmf, Start, Stop, TwilioAgent, TwilioConversation, TwilioMock

STREAM, CALL, ACCOUNT = "MZ" + "1" * 32, "CA" + "2" * 32, "AC" + "3" * 32
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": STREAM,
    "start": {
        "accountSid": ACCOUNT,
        "streamSid": STREAM,
        "callSid": CALL,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"caller_number": "+420"},
    },
}
CHUNK = b"\x55" * 160


class Telephone:
    """Plays Twilio: numbers what it sends."""

    def __init__(self, client: JsonClient, conversation: TwilioConversation) -> None:
        self.client = client
        self.conversation = conversation
        self.sequence = 1
        self.chunks = 0

    async def send(self, event: str, **content: Any) -> None:
        self.sequence += 1
        await self.client.send({"event": event, **numbered(self.sequence), **content})

    async def talk(self, data: bytes = CHUNK) -> None:
        self.chunks += 1
        await self.send("media", media=media(self.chunks, self.chunks * 20, data))

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})

    async def stop(self) -> None:
        await self.send("stop", stop={"accountSid": ACCOUNT, "callSid": CALL})

    async def received(self, event: str) -> dict[str, Any]:
        await self.client.until(lambda: bool(self.client.of(event)))
        return self.client.of(event)[-1]


def numbered(sequence: int) -> dict[str, str]:
    return {"sequenceNumber": str(sequence), "streamSid": STREAM}


def media(chunk: int, timestamp: int, data: bytes = CHUNK) -> dict[str, str]:
    payload = base64.b64encode(data).decode()
    return {"track": "inbound", "chunk": str(chunk), "timestamp": str(timestamp), "payload": payload}


@asynccontextmanager
async def connected(scenario: Scenario | None = None, **agent: Any) -> AsyncIterator[tuple[TwilioMock, JsonClient]]:
    agents = {"agent": TwilioAgent(scenario=scenario or Scenario(), **agent)}
    async with (
        TwilioMock(MockOptions(agents=agents)) as mock,
        JsonClient(mock.conversation_endpoint, key="event", additional_headers=TOKEN) as client,
    ):
        yield mock, client


@asynccontextmanager
async def streaming(scenario: Scenario | None = None) -> AsyncIterator[Telephone]:
    async with connected(scenario) as (mock, client):
        await client.send(CONNECTED)
        await client.send(START)
        conversation = await mock.next_conversation()
        await conversation.wait_started()
        yield Telephone(client, conversation)


async def test_a_whole_stream() -> None:
    async with streaming() as telephone:
        client, conversation = telephone.client, telephone.conversation
        assert conversation.custom_parameters == {"caller_number": "+420"}
        await telephone.talk()
        await telephone.talk(b"\x66" * 80)
        await telephone.send("dtmf", dtmf={"track": "inbound_track", "digit": "5"})
        await conversation.wait_received(lambda record: bool(record.received_of(Dtmf)))
        assert conversation.uplink_bytes == CHUNK + b"\x66" * 80

        await conversation.play(CHUNK, text="Good day")
        await conversation.mark("greeted")
        assert (await telephone.received("mark"))["mark"] == {"name": "greeted"}
        assert client.of("media") == [
            {"event": "media", "streamSid": STREAM, "media": {"payload": base64.b64encode(CHUNK).decode()}}
        ]
        await conversation.wait_for_playout()
        await telephone.mark("greeted")
        await conversation.wait_received(lambda record: "mark" in record.received_types())
        assert conversation.marks.reported == ["greeted"]

        await telephone.stop()
        await conversation.wait_received(lambda record: bool(record.received_of(Stop)))
    await conversation.wait_closed()
    assert conversation.received_types() == ["connected", "start", "dtmf", "mark", "stop"]
    assert [len(conversation.received_of(kind)) for kind in (Connected, Start)] == [1, 1]
    assert (conversation.closed_by, conversation.close_code) == ("client", 1000)
    assert conversation.violations == []


async def test_an_interruption_drops_all_there_is() -> None:
    async with streaming() as telephone:
        conversation = telephone.conversation
        await conversation.play(CHUNK * 50, event_id=1)
        await conversation.play(CHUNK * 50, event_id=2)
        await conversation.mark("dropped")
        await conversation.interrupt(1)
        assert await telephone.received("clear") == {"event": "clear", "streamSid": STREAM}
        assert conversation.playout_left == 0.0
        await telephone.mark("dropped")
        await conversation.wait_received(lambda record: "mark" in record.received_types())
        assert conversation.violations == []
        await conversation.send_audio(b"\x11", event_id=2)
        await conversation.send_audio(b"\x22", event_id=3)
        await telephone.client.until(lambda: len(telephone.client.of("media")) == 9)
        last = telephone.client.of("media")[-1]["media"]["payload"]
        assert base64.b64decode(last) == b"\x22", "what is late could not be told from what is new"


async def test_what_a_stream_has_no_messages_for_is_left_out() -> None:
    scenario = parse_scenario(
        "steps: [{vad: [0.5]}, {user_transcript: x}, {agent_response: x}, {tool_call: x}, {end_call: true},"
        " {close: 1000}]"
    )
    async with streaming(scenario) as telephone:
        assert (await telephone.client.closed())[0] == 1000
        assert telephone.client.messages == []
        await telephone.conversation.wait_closed()
        assert telephone.conversation.scenario_failure is None


async def test_a_server_hears_and_echoes() -> None:
    scenario = parse_scenario("steps: [{wait_for_speech: 20}, {echo: true}]")
    async with streaming(scenario) as telephone:
        loud = ulaw_encode(tone(440, 0.02, 8000))
        async with asyncio.timeout(20):
            while not telephone.client.of("media"):
                await telephone.talk(loud)
                await asyncio.sleep(0.02)
        assert base64.b64decode(telephone.client.of("media")[0]["media"]["payload"]) == loud


async def test_a_server_may_want_a_token() -> None:
    async with TwilioMock(MockOptions(agents={"agent": TwilioAgent(private=True)})) as mock:
        with pytest.raises(InvalidStatus) as refused:
            async with JsonClient(mock.conversation_endpoint, key="event"):
                pass
        assert refused.value.response.status_code == 401
        async with JsonClient(mock.conversation_endpoint, key="event", additional_headers=TOKEN):
            await mock.next_conversation()


def test_scenarios_send_only_what_a_server_may() -> None:
    TwilioAgent(scenario=parse_scenario("steps: [{send: {event: clear}}]"))
    with pytest.raises(ScenarioError, match="unknown event 'stop'"):
        TwilioAgent(scenario=parse_scenario("steps: [{send: {event: stop}}]"))


# What is refused


async def _refused(client: JsonClient, conversation: TwilioConversation, detail: str) -> None:
    assert (await client.closed())[0] == 1008
    await conversation.wait_closed()
    assert [detail in violation.detail for violation in conversation.violations] == [True]


def changed(message: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The message with another value at `path`."""
    message = copy.deepcopy(message)
    *parents, key = path.split(".")
    part = message
    for parent in parents:
        part = part[parent]
    part[key] = value
    return message


BEGINNINGS: list[tuple[list[dict[str, Any]], str]] = [
    ([START], "start: the first message must be connected"),
    ([CONNECTED, CONNECTED], "connected: it is sent once"),
    (
        [CONNECTED, {"event": "media", **numbered(1), "media": media(1, 0)}],
        "the first message must be start, got media",
    ),
    ([CONNECTED, START, changed(START, "sequenceNumber", "2")], "start a second time"),
    ([{**CONNECTED, "protocol": "Voice"}], "protocol"),
    ([CONNECTED, changed(START, "sequenceNumber", 1)], "sequenceNumber"),
    ([CONNECTED, changed(START, "sequenceNumber", "2")], "sequenceNumber: expected 1, got 2"),
    ([CONNECTED, changed(START, "start.streamSid", "MZ" + "9" * 32)], "start.streamSid"),
    ([CONNECTED, changed(START, "start.callSid", "CA1")], "callSid"),
    ([CONNECTED, changed(START, "start.tracks", ["inbound", "inbound"])], "tracks"),
    ([CONNECTED, changed(START, "start.mediaFormat.sampleRate", 16000)], "sampleRate"),
    ([CONNECTED, changed(START, "start.customParameters", {"a": 1})], "customParameters"),
    ([CONNECTED, changed(START, "start.more", 1)], "more"),
]


@pytest.mark.parametrize(("messages", "detail"), BEGINNINGS, ids=lambda value: str(value)[-40:])
async def test_a_wrong_beginning_is_refused(messages: list[dict[str, Any]], detail: str) -> None:
    async with connected() as (mock, client):
        for message in messages:
            await client.send(message)
        await _refused(client, await mock.next_conversation(), detail)


LATER: list[tuple[str | bytes, str]] = [
    ("not json", "invalid JSON"),
    (b"\xff\xff", "a binary message of 2 bytes"),
    ('{"event":"clear"}', "unknown event 'clear'"),
    (json.dumps({"event": "media", **numbered(3), "media": media(1, 0)}), "sequenceNumber: expected 2, got 3"),
    (json.dumps({"event": "media", **numbered(2), "media": media(2, 0)}), "chunk: expected 1, got 2"),
    (json.dumps({"event": "media", **numbered(2), "media": {**media(1, 0), "payload": "%%%%"}}), "not valid base64"),
    (json.dumps({"event": "media", **numbered(2), "media": {**media(1, 0), "track": "outbound"}}), "track"),
    (
        json.dumps({"event": "media", **numbered(2), "streamSid": "MZ" + "9" * 32, "media": media(1, 0)}),
        "streamSid: expected",
    ),
    (json.dumps({"event": "dtmf", **numbered(2), "dtmf": {"track": "inbound_track", "digit": "x"}}), "digit"),
    (json.dumps({"event": "mark", **numbered(2), "mark": {"name": "zz"}}), "'zz' is not the next one"),
    (
        json.dumps({"event": "stop", **numbered(2), "stop": {"accountSid": ACCOUNT, "callSid": "CA" + "9" * 32}}),
        "callSid",
    ),
]


@pytest.mark.parametrize(("text", "detail"), LATER, ids=lambda value: str(value)[-40:])
async def test_a_wrong_message_is_refused(text: str | bytes, detail: str) -> None:
    async with streaming() as telephone:
        await telephone.client.socket.send(text)
        await _refused(telephone.client, telephone.conversation, detail)


async def test_time_goes_forward() -> None:
    async with streaming() as telephone:
        await telephone.send("media", media=media(1, 20))
        await telephone.send("media", media=media(2, 20))
        await _refused(
            telephone.client, telephone.conversation, "timestamp: expected more than the last chunk's 20, got 20"
        )


async def test_a_mark_is_not_echoed_before_its_audio_was_heard() -> None:
    async with streaming() as telephone:
        # So long that it cannot have been heard, however slow the machine is.
        await telephone.conversation.play(CHUNK * 1000)
        await telephone.conversation.mark("later")
        await telephone.mark("later")
        await _refused(telephone.client, telephone.conversation, "before the audio before it can have been heard")


async def test_marks_are_echoed_in_their_order() -> None:
    async with streaming() as telephone:
        for name in ("one", "two"):
            await telephone.conversation.mark(name)
        await telephone.mark("two")
        await _refused(
            telephone.client, telephone.conversation, "'two' is not the next one outstanding, which is 'one'"
        )


async def test_nothing_comes_after_stop() -> None:
    async with streaming() as telephone:
        await telephone.stop()
        await telephone.talk()
        await _refused(telephone.client, telephone.conversation, "media after stop")


async def test_a_stream_is_stopped_before_it_is_closed() -> None:
    async with streaming() as telephone:
        await telephone.client.socket.close()
        await telephone.conversation.wait_closed()
        [violation] = telephone.conversation.violations
        assert violation.detail == "the client closed without stop"
