"""The mock of Deepgram's Voice Agent: with the vendor's own client, and what it refuses."""

# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from deepgram import DeepgramClient
from deepgram.agent.v1.socket_client import V1SocketClient
from deepgram.agent.v1.types import (
    AgentV1InjectAgentMessage,
    AgentV1InjectUserMessage,
    AgentV1KeepAlive,
    AgentV1SendFunctionCallResponse,
    AgentV1Settings,
    AgentV1UpdatePrompt,
)
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from service_client import ServiceClient
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aiconvai.audio import tone, ulaw_encode
from aiconvai.mock import Limits, MockAgent, MockOptions, MockThread, Scenario, load_scenario, parse_scenario
from aiconvai.mock.deepgram import (
    CLIENT_MESSAGE_SECONDS,
    DeepgramConversation,
    DeepgramMock,
    client_message,
    server_message,
)
from aiconvai.mock.errors import InvalidMessageError

KEY = "dg-test"
SAVED_AGENT = "2f1a5d0e-6d3c-4d5b-9c52-0a8f3c6e9b11"
AUDIO = {
    "input": {"encoding": "mulaw", "sample_rate": 8000},
    "output": {"encoding": "mulaw", "sample_rate": 8000, "container": "none"},
}
TRANSFER = {
    "name": "transfer",
    "description": "Transfer",
    "parameters": {"type": "object", "properties": {"ext": {"type": "string"}}},
}
AGENT: dict[str, Any] = {
    "listen": {"provider": {"type": "deepgram", "version": "v1", "model": "nova-3"}},
    "think": {
        "provider": {"type": "open_ai", "model": "gpt-4o-mini"},
        "prompt": "Be brief.",
        "functions": [TRANSFER, {"name": "end_call", "description": "Hang up"}],
    },
    "speak": {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}},
}
THINK_LIVE = {"provider": {"type": "deepgram", "version": "v1", "presence_check_max_count": 2}}
SETTINGS: dict[str, Any] = {"type": "Settings", "audio": AUDIO, "agent": AGENT}

StartMock = Callable[..., Awaitable[DeepgramMock]]


@pytest.fixture
async def start_mock() -> AsyncIterator[StartMock]:
    """`await start_mock(scenario, limits=...)`."""
    async with AsyncExitStack() as stack:

        async def start(scenario: Scenario | None = None, **options: Any) -> DeepgramMock:
            agents = {SAVED_AGENT: MockAgent(api_key=KEY, scenario=scenario or Scenario())}
            return await stack.enter_async_context(DeepgramMock(MockOptions(agents=agents, **options)))

        yield start


class Client(ServiceClient):
    """A correct client that answers nothing by itself."""

    def __init__(self, mock: DeepgramMock, authorization: str = f"Token {KEY}") -> None:
        super().__init__(mock.conversation_endpoint, additional_headers={"Authorization": authorization})
        self.heard = b""

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                if isinstance(message, bytes):
                    self.heard += message
                else:
                    self.messages.append(json.loads(message))
                self._waiters.wake()
        except ConnectionClosed:
            pass

    async def begin(self, settings: dict[str, Any] = SETTINGS) -> None:
        """The settings; returns when they are applied."""
        await self.send(settings)
        await self.until(lambda: bool(self.of("SettingsApplied")))

    async def next(self, kind: str, count: int = 1) -> dict[str, Any]:
        """The `count`-th message of that kind, once it has come."""
        await self.until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]


def settings(audio: dict[str, Any] | None = None, **agent: Any) -> dict[str, Any]:
    """Settings that differ from the usual ones."""
    return {**SETTINGS, "audio": {**AUDIO, **(audio or {})}, "agent": {**AGENT, **agent}}


# The vendor's own client


class Listener:
    """Reads everything the service sends, in a thread, and answers tool calls."""

    def __init__(self, socket: V1SocketClient) -> None:
        self.error: Any = None
        """What went wrong, as the library tells it."""
        self._socket = socket
        self._messages: queue.Queue[Any] = queue.Queue()
        socket.on(EventType.MESSAGE, self._take)
        socket.on(EventType.ERROR, lambda error: setattr(self, "error", error))
        self._thread = threading.Thread(target=socket.start_listening)
        self._thread.start()

    def _take(self, message: Any) -> None:
        if _kind(message) == "FunctionCallRequest":
            for function in message.functions:
                response = AgentV1SendFunctionCallResponse(
                    type="FunctionCallResponse",
                    id=function.id,
                    name=function.name,
                    content=f"found {json.loads(function.arguments)['name']}",
                )
                self._socket.send_function_call_response(response)
        self._messages.put(message)

    def next(self, kind: str) -> Any:
        """The next message, which must be of that kind; `audio` for agent audio."""
        message = self._messages.get(timeout=20)
        assert _kind(message) == kind, message
        return message

    def skip(self, kind: str, *, until: str) -> None:
        """Messages of one kind, and the one after them."""
        while _kind(message := self._messages.get(timeout=20)) != until:
            assert _kind(message) == kind, message

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self._messages.empty()


def _kind(message: Any) -> str:
    return "audio" if isinstance(message, bytes) else str(message.type)


def _library(mock: MockThread[DeepgramMock], key: str = KEY) -> DeepgramClient:
    socket_url = mock.base_url.replace("http", "ws", 1)
    return DeepgramClient(
        api_key=key,
        environment=DeepgramClientEnvironment(
            base=mock.base_url, production=socket_url, agent=socket_url, agent_rest=mock.base_url
        ),
    )


def test_whole_conversation_with_the_official_library() -> None:
    agent = MockAgent(api_key=KEY)
    with (
        MockThread(DeepgramMock(MockOptions(agents={SAVED_AGENT: agent}))) as mock,
        _library(mock).agent.v1.connect() as socket,
    ):
        listener = Listener(socket)
        call = mock.next_conversation()
        record = call.record
        assert listener.next("Welcome").request_id == record.id
        socket.send_settings(AgentV1Settings.model_validate(SETTINGS))
        listener.next("SettingsApplied")
        call.wait_started()
        assert json.loads(json.dumps(record.initiation.model_dump(exclude_unset=True))) == SETTINGS

        for _ in range(10):
            socket.send_media(b"\xff" * 160)
        call.wait_received(lambda record: len(record.uplink) == 10)
        assert record.uplink_bytes == b"\xff" * 1600

        assert call.play(tone(800, 0.1, 8000), text="Good day", chunk_ms=50)
        assert listener.next("ConversationText").content == "Good day"
        listener.next("AgentStartedSpeaking")
        assert listener.next("audio") + listener.next("audio") == record.downlink_bytes
        listener.next("AgentAudioDone")
        call.interrupt()
        listener.next("UserStartedSpeaking")

        result = call.call_tool("lookup", {"name": "Eva"})
        assert result.result == "found Eva"
        assert listener.next("FunctionCallRequest").functions[0].client_side

        socket.send_update_prompt(AgentV1UpdatePrompt(type="UpdatePrompt", prompt="Now speak Czech."))
        listener.next("PromptUpdated")
        socket.send_inject_user_message(AgentV1InjectUserMessage(type="InjectUserMessage", content="I pressed 1"))
        assert listener.next("ConversationText").role == "user"
        listener.next("AgentThinking")
        socket.send_inject_agent_message(AgentV1InjectAgentMessage(type="InjectAgentMessage", message="One moment"))
        assert listener.next("ConversationText").content == "One moment"
        listener.next("AgentStartedSpeaking")
        listener.skip("audio", until="AgentAudioDone")
        socket.send_keep_alive(AgentV1KeepAlive(type="KeepAlive"))
        call.wait_received(lambda record: "KeepAlive" in record.received_types())

        call.close(1000, "bye")
        listener.join()
        assert listener.error is None
        call.wait_closed()
        assert record.violations == []
        assert record.headers["authorization"] == f"Token {KEY}"
        assert (record.closed_by, record.close_code, record.close_acknowledged) == ("service", 1000, True)


def test_library_is_told_of_an_error() -> None:
    with (
        MockThread(DeepgramMock(MockOptions(agents={SAVED_AGENT: MockAgent(api_key=KEY)}))) as mock,
        _library(mock).agent.v1.connect() as socket,
    ):
        listener = Listener(socket)
        listener.next("Welcome")
        socket.send_keep_alive(AgentV1KeepAlive(type="KeepAlive"))
        assert listener.next("Error").code == "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"
        listener.join()
        assert listener.error.rcvd.code == 1008


def test_library_ends_the_conversation() -> None:
    with MockThread(DeepgramMock(MockOptions(agents={SAVED_AGENT: MockAgent(api_key=KEY)}))) as mock:
        with _library(mock).agent.v1.connect() as socket:
            socket.send_settings(AgentV1Settings.model_validate({**SETTINGS, "agent": SAVED_AGENT}))
            call = mock.next_conversation()
            call.wait_started()
        call.wait_closed()
        assert (call.record.closed_by, call.record.close_code) == ("client", 1000)
        assert call.record.violations == []


def test_library_is_told_that_its_key_is_wrong() -> None:
    with MockThread(DeepgramMock(MockOptions(agents={SAVED_AGENT: MockAgent(api_key=KEY)}))) as mock:
        with pytest.raises(InvalidStatus) as refused, _library(mock, "wrong").agent.v1.connect():
            pass
        assert refused.value.response.status_code == 401


# Who is served


@pytest.mark.parametrize("authorization", ["", KEY, "Token wrong", f"Bearer {KEY}", "Token temporary", "Basic x"])
async def test_a_wrong_key_is_refused(start_mock: StartMock, authorization: str) -> None:
    mock = await start_mock()
    mock.temporary_tokens.add("temporary")
    with pytest.raises(InvalidStatus) as refused:
        async with Client(mock, authorization):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"")["err_code"] == "INVALID_AUTH"
    assert mock.conversations == []


@pytest.mark.parametrize("authorization", [f"Token {KEY}", f"token {KEY}", "Bearer temporary"])
async def test_a_key_and_a_temporary_token_are_served(start_mock: StartMock, authorization: str) -> None:
    mock = await start_mock()
    mock.temporary_tokens.add("temporary")
    async with Client(mock, authorization) as client:
        await client.next("Welcome")


# What the client may say


async def begin(mock: DeepgramMock, client: Client, given: dict[str, Any] = SETTINGS) -> DeepgramConversation:
    await client.begin(given)
    conversation = await mock.next_conversation()
    await conversation.wait_started()
    return conversation


GOOD: list[tuple[dict[str, Any], list[str]]] = [
    ({"type": "InjectAgentMessage", "message": "One moment", "behavior": "queue"}, ["ConversationText"]),
    ({"type": "InjectUserMessage", "content": "caller pressed 1"}, ["ConversationText", "AgentThinking"]),
    ({"type": "UpdatePrompt", "prompt": "Now speak Czech."}, ["PromptUpdated"]),
    ({"type": "UpdateSpeak", "speak": AGENT["speak"]}, ["SpeakUpdated"]),
    ({"type": "UpdateThink", "think": AGENT["think"]}, ["ThinkUpdated"]),
    ({"type": "UpdateListen", "listen": AGENT["listen"]}, ["ListenUpdated"]),
    ({"type": "UpdateThink_Live", "think_live": THINK_LIVE}, ["ThinkLiveUpdated"]),
    ({"type": "KeepAlive"}, []),
    ({"type": "ForceEndTurn"}, ["Warning"]),
]


@pytest.mark.parametrize(("message", "answers"), GOOD, ids=[message["type"] for message, _ in GOOD])
async def test_good_messages_are_taken(start_mock: StartMock, message: dict[str, Any], answers: list[str]) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        await client.send(message)
        await conversation.wait_received(lambda record: record.received_types() == ["Settings", message["type"]])
        for answer in answers:
            await client.next(answer)
        assert client.types()[2 : 2 + len(answers)] == answers
        assert conversation.violations == []


async def test_all_of_the_settings_may_be_said(start_mock: StartMock) -> None:
    mock = await start_mock()
    whole = {**settings(greeting="Hello"), "tags": ["pbx"], "flags": {"history": True}, "mip_opt_out": False}
    async with Client(mock) as client:
        conversation = await begin(mock, client, whole)
        assert conversation.violations == []
        assert (conversation.input_format, conversation.output_format) == ("ulaw_8000", "ulaw_8000")


@pytest.mark.parametrize(
    ("audio", "formats"),
    [
        ({}, ("pcm_24000", "pcm_24000")),
        ({"output": {"encoding": "alaw"}}, ("pcm_24000", "alaw_8000")),
        (
            {
                "input": {"encoding": "linear16", "sample_rate": 16000},
                "output": {"encoding": "linear16", "sample_rate": 48000},
            },
            ("pcm_16000", "pcm_48000"),
        ),
    ],
)
async def test_formats_of_audio(start_mock: StartMock, audio: dict[str, Any], formats: tuple[str, str]) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client, {**SETTINGS, "audio": audio})
        assert (conversation.input_format, conversation.output_format) == formats


# What it may not


async def expect_error(
    client: Client, conversation: DeepgramConversation, code: str, detail: str, close_code: int = 1008
) -> None:
    """The end of a conversation because of one violation."""
    assert (await client.closed())[0] == close_code
    await conversation.wait_closed()
    (violation,) = conversation.violations
    assert detail in violation.detail
    (error,) = client.of("Error")
    assert error["code"] == code
    assert detail in error["description"]


NOT_FIRST: list[str | bytes] = [b"\xff" * 160, '{"type":"KeepAlive"}', '{"type":"SettingsConfiguration"}', "{}"]


@pytest.mark.parametrize("first", NOT_FIRST, ids=str)
async def test_the_first_message_must_be_settings(start_mock: StartMock, first: str | bytes) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        await client.socket.send(first)
        conversation = await mock.next_conversation()
        detail = "the first message must be Settings"
        await expect_error(client, conversation, "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", detail)
        assert conversation.uplink == []


async def test_audio_must_wait_until_the_settings_are_applied(start_mock: StartMock) -> None:
    mock = await start_mock(parse_scenario("handshake: {metadata_delay: 30}"))
    async with Client(mock) as client:
        await client.send(SETTINGS)
        await client.socket.send(b"\xff" * 160)
        conversation = await mock.next_conversation()
        await expect_error(client, conversation, "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", "before SettingsApplied")


BAD_SETTINGS: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "Settings", "agent": AGENT}, "UNPARSABLE_CLIENT_MESSAGE", "audio: Field required"),
    ({"type": "Settings", "audio": AUDIO}, "UNPARSABLE_CLIENT_MESSAGE", "agent: Field required"),
    ({**SETTINGS, "volume": 3}, "UNPARSABLE_CLIENT_MESSAGE", "knows no volume"),
    (settings(voice="thalia"), "UNPARSABLE_CLIENT_MESSAGE", "knows no agent.voice"),
    (settings(greeting=5), "UNPARSABLE_CLIENT_MESSAGE", "greeting"),
    (settings({"input": {"encoding": "mulaw"}}), "UNPARSABLE_CLIENT_MESSAGE", "sample_rate: Field required"),
    (
        settings({"input": {"encoding": "mulaw", "sample_rate": "8000"}}),
        "UNPARSABLE_CLIENT_MESSAGE",
        "sample_rate: Input should be a valid integer",
    ),
    (settings({"input": {"encoding": "pcmu", "sample_rate": 8000}}), "INVALID_SETTINGS", "encoding 'pcmu' is none of"),
    (settings({"input": {"encoding": "g729", "sample_rate": 8000}}), "INVALID_SETTINGS", "g729 at 8000 Hz"),
    (settings({"input": {"encoding": "mulaw", "sample_rate": 16000}}), "INVALID_SETTINGS", "mulaw at 16000 Hz"),
    (settings({"output": {"encoding": "linear32"}}), "INVALID_SETTINGS", "encoding 'linear32' is none of"),
    (settings({"output": {"encoding": "mp3"}}), "INVALID_SETTINGS", "mp3 at 8000 Hz"),
    (settings({"output": {"sample_rate": 44100}}), "INVALID_SETTINGS", "linear16 at 44100 Hz"),
    (settings({"output": {"container": "wav"}}), "INVALID_SETTINGS", "container 'wav'"),
    (
        settings(listen={"provider": {"type": "deepgram", "model": "flux-general-en"}}),
        "INVALID_SETTINGS",
        "'flux-general-en' is not one of version v1",
    ),
    (
        settings(think={**AGENT["think"], "functions": [{"description": "Transfer"}]}),
        "INVALID_SETTINGS",
        "a function without a name",
    ),
    ({**SETTINGS, "agent": "no such agent"}, "INVALID_AGENT_ID", "there is no saved agent 'no such agent'"),
]


@pytest.mark.parametrize(("given", "code", "detail"), BAD_SETTINGS, ids=[detail for *_, detail in BAD_SETTINGS])
async def test_bad_settings_are_refused(start_mock: StartMock, given: dict[str, Any], code: str, detail: str) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        await client.send(given)
        await expect_error(client, await mock.next_conversation(), code, detail)
        assert client.of("SettingsApplied") == []


BAD: list[tuple[str | bytes, str, str]] = [
    ("not json", "UNPARSABLE_CLIENT_MESSAGE", "invalid JSON"),
    ("[]", "UNPARSABLE_CLIENT_MESSAGE", "expected a JSON object"),
    ('{"type":"Hello"}', "UNPARSABLE_CLIENT_MESSAGE", "unknown type 'Hello'"),
    ('{"type":3}', "UNPARSABLE_CLIENT_MESSAGE", "unknown type 3"),
    ('{"type":"Welcome","request_id":"r"}', "UNPARSABLE_CLIENT_MESSAGE", "unknown type 'Welcome'"),
    (json.dumps(SETTINGS), "SETTINGS_ALREADY_APPLIED", "Settings a second time"),
    ('{"type":"KeepAlive","why":1}', "UNPARSABLE_CLIENT_MESSAGE", "knows no why"),
    ('{"type":"UpdatePrompt"}', "UNPARSABLE_CLIENT_MESSAGE", "prompt: Field required"),
    ('{"type":"InjectUserMessage","content":1}', "UNPARSABLE_CLIENT_MESSAGE", "content"),
    ('{"type":"InjectAgentMessage","message":"x","behavior":"rudely"}', "UNPARSABLE_CLIENT_MESSAGE", "'rudely'"),
    (
        '{"type":"FunctionCallResponse","id":"f9","name":"x","content":""}',
        "UNPARSABLE_CLIENT_MESSAGE",
        "'f9' belongs to",
    ),
    ('{"type":"FunctionCallResponse","name":"x","content":""}', "UNPARSABLE_CLIENT_MESSAGE", "id: a client has to"),
    ('{"type":"FunctionCallResponse","id":"f9","name":"x"}', "UNPARSABLE_CLIENT_MESSAGE", "content: Field required"),
    (b"", "USER_AUDIO_FORMAT", "an empty binary message"),
]


@pytest.mark.parametrize(("message", "code", "detail"), BAD, ids=[detail for *_, detail in BAD])
async def test_bad_messages_end_the_conversation(
    start_mock: StartMock, message: str | bytes, code: str, detail: str
) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        await client.socket.send(message)
        await expect_error(client, conversation, code, detail)


async def test_half_a_sample_is_refused(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client, {**SETTINGS, "audio": {}})
        await client.socket.send(b"\x00" * 3)
        await expect_error(client, conversation, "UNPARSABLE_CLIENT_MESSAGE", "no whole number of 16-bit samples")


async def test_settings_must_come_in_time(start_mock: StartMock) -> None:
    mock = await start_mock(limits=Limits(initiation=0.1))
    async with Client(mock) as client:
        conversation = await mock.next_conversation()
        await expect_error(client, conversation, "CLIENT_MESSAGE_TIMEOUT", "no Settings within 0.1 s", 1011)


async def test_a_client_must_show_signs_of_life(start_mock: StartMock) -> None:
    mock = await start_mock(limits=Limits(receive=1.5))
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        # Longer than that all together, and each a second before it would be too late.
        for _ in range(4):
            await asyncio.sleep(0.5)
            await client.send({"type": "KeepAlive"})
        await expect_error(client, conversation, "CLIENT_MESSAGE_TIMEOUT", "nothing from the client for 1.5 s", 1011)
        assert conversation.received_types().count("KeepAlive") == 4


async def test_the_service_has_less_patience_than_others(
    start_mock: StartMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CLIENT_MESSAGE_SECONDS == 10 < Limits().receive
    monkeypatch.setattr("aiconvai.mock.deepgram.CLIENT_MESSAGE_SECONDS", 0.1)
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        await expect_error(client, conversation, "CLIENT_MESSAGE_TIMEOUT", "nothing from the client for 0.1 s", 1011)


async def test_keep_alives_beside_audio_are_counted(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        await client.send({"type": "KeepAlive"})
        await client.socket.send(b"\xff" * 160)
        await client.send({"type": "KeepAlive"})
        await conversation.wait_received(lambda record: record.received_types().count("KeepAlive") == 2)
        assert conversation.needless_keep_alives == 1
        assert conversation.violations == []


# What the service does


async def test_an_utterance_is_framed(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        assert await conversation.play(tone(800, 0.2, 8000), text="Good day", chunk_ms=50)
        await client.next("AgentAudioDone")
        assert client.types()[2:] == ["ConversationText", "AgentStartedSpeaking", "AgentAudioDone"]
        assert client.of("ConversationText") == [
            {"type": "ConversationText", "role": "assistant", "content": "Good day"}
        ]
        assert client.heard == conversation.downlink_bytes
        assert len(client.heard) == 1600


async def test_speech_is_told_once_an_utterance(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        conversation.caller_began_speaking()
        conversation.caller_began_speaking()
        conversation.caller_stopped_speaking()
        conversation.caller_said("hel", tentative=True)
        conversation.caller_said("hello")
        conversation.caller_began_speaking()
        await client.next("UserStartedSpeaking", 2)
        assert client.types()[2:] == ["UserStartedSpeaking", "ConversationText", "AgentThinking", "UserStartedSpeaking"]


async def test_speech_over_the_agent_interrupts_it(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        conversation.barge_in(True, min_ms=100)
        playing = asyncio.create_task(conversation.play(tone(800, 5, 8000), pace="realtime", chunk_ms=20))
        await client.until(lambda: len(client.heard) >= 320)
        loud = bytes([0x00, 0x80]) * 80
        for _ in range(10):
            await client.socket.send(loud)
        assert not await playing
        await client.next("UserStartedSpeaking")
        assert client.of("AgentAudioDone") == []
        assert conversation.playout_left == 0.0
        assert await conversation.play(tone(800, 0.1, 8000))
        await client.next("AgentAudioDone")
        assert client.types()[-3:] == ["UserStartedSpeaking", "AgentStartedSpeaking", "AgentAudioDone"]


async def test_late_audio_is_sent_as_it_is(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        await conversation.send_audio(b"\x11" * 160, 1)
        await conversation.interrupt()
        await conversation.send_audio(b"\x22" * 160, 1)
        await conversation.send_audio(b"\x33" * 160, 2)
        await client.until(lambda: len(client.heard) == 480)
        assert client.types()[2:] == ["AgentStartedSpeaking", "UserStartedSpeaking", "AgentStartedSpeaking"]


async def test_audio_comes_back_as_an_echo(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("echo"))
    async with Client(mock) as client:
        await begin(mock, client)
        await client.socket.send(b"\x11" * 160)
        await client.socket.send(b"\x22" * 160)
        await client.until(lambda: client.heard == b"\x11" * 160 + b"\x22" * 160)
        assert client.types()[2:] == ["AgentStartedSpeaking"]


async def test_the_greeting_comes_before_what_the_agent_says_by_itself(start_mock: StartMock) -> None:
    mock = await start_mock(parse_scenario("steps: [{tone: 0.1}]"))
    async with Client(mock) as client:
        await client.begin(settings(greeting="Hello"))
        await client.next("AgentAudioDone", 2)
        utterance = ["AgentStartedSpeaking", "AgentAudioDone"]
        assert client.types()[2:] == ["ConversationText", *utterance, *utterance]


async def test_a_queued_message_waits_for_the_end_of_what_is_said(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        playing = asyncio.create_task(conversation.play(tone(800, 0.5, 8000), pace="realtime", chunk_ms=20))
        await client.next("AgentStartedSpeaking")
        await client.send({"type": "InjectAgentMessage", "message": "One moment", "behavior": "queue"})
        assert await playing
        await client.next("AgentAudioDone", 2)
        utterance = ["AgentStartedSpeaking", "AgentAudioDone"]
        assert client.types()[2:] == [*utterance, "ConversationText", *utterance]
        assert client.heard[:4000] == ulaw_encode(tone(800, 0.5, 8000))


async def test_the_agent_says_what_it_is_told_to_say(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        # So long that the agent still speaks when it is told so again.
        message = "One moment, please. I am looking for somebody who knows all about it, and who has time for you."
        inject = {"type": "InjectAgentMessage", "message": message}
        await client.send(inject)
        await client.next("AgentAudioDone")
        await client.send(inject)
        await client.next("InjectionRefused")
        await client.send({**inject, "behavior": "queue"})
        await client.next("AgentAudioDone", 2)
        await conversation.interrupt()
        await client.send(inject)
        assert "user" in (await client.next("InjectionRefused", 2))["message"]
        conversation.caller_said("hello")
        await client.send(inject)
        await client.next("AgentAudioDone", 3)
        assert conversation.violations == []


async def test_an_injected_message_may_interrupt(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        playing = asyncio.create_task(conversation.play(tone(800, 30, 8000), pace="realtime", chunk_ms=20))
        await client.next("AgentStartedSpeaking")
        await client.send({"type": "InjectAgentMessage", "message": "Stop", "behavior": "interrupt"})
        assert not await playing
        await client.next("AgentAudioDone")
        assert [text["content"] for text in client.of("ConversationText")] == ["Stop"]


@pytest.mark.parametrize(("version", "model", "warned"), [("v1", "nova-3", True), ("v2", "flux-general-en", False)])
async def test_a_turn_can_be_ended_with_flux_only(
    start_mock: StartMock, version: str, model: str, warned: bool
) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        listen = {"provider": {"type": "deepgram", "version": version, "model": model}}
        conversation = await begin(mock, client, settings(listen=listen))
        conversation.caller_began_speaking()
        await client.send({"type": "ForceEndTurn"})
        await client.send({"type": "UpdatePrompt", "prompt": "x"})
        await client.next("PromptUpdated")
        assert [warning["code"] for warning in client.of("Warning")] == ["FORCE_END_TURN_UNSUPPORTED"] * warned


# Tools


async def answer(client: Client, call: dict[str, Any], content: str = "ok", **changes: Any) -> None:
    response = {"type": "FunctionCallResponse", "id": call["id"], "name": call["name"], "content": content}
    await client.send({**response, **changes})


async def test_several_tools_are_called_in_one_request(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        results = conversation.start_tools(("transfer", {"ext": "200"}), ("lookup", {}))
        first, second = (await client.next("FunctionCallRequest"))["functions"]
        assert (first["name"], json.loads(first["arguments"]), first["client_side"]) == (
            "transfer",
            {"ext": "200"},
            True,
        )
        await answer(client, second, "found")
        await answer(client, first, "done")
        assert [(await result).result for result in results] == ["done", "found"]
        assert conversation.violations == []


async def test_an_answer_must_be_to_the_tool_that_was_called(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        conversation.start_tool("transfer")
        (call,) = (await client.next("FunctionCallRequest"))["functions"]
        await answer(client, call, name="lookup")
        await expect_error(client, conversation, "UNPARSABLE_CLIENT_MESSAGE", "is a call of 'transfer', got 'lookup'")


async def test_a_call_is_answered_once(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        conversation.start_tool("transfer")
        (call,) = (await client.next("FunctionCallRequest"))["functions"]
        await answer(client, call)
        await answer(client, call)
        await expect_error(client, conversation, "UNPARSABLE_CLIENT_MESSAGE", "belongs to no open tool call")


async def test_an_answer_may_cross_its_cancellation(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        result, other = conversation.start_tools(("transfer", {}), ("lookup", {}))
        cancelled, kept = (await client.next("FunctionCallRequest"))["functions"]
        conversation.cancel_tool("transfer")
        expected = [{"id": cancelled["id"], "name": "transfer"}]
        assert (await client.next("FunctionCallCancelled"))["functions"] == expected
        with pytest.raises(TimeoutError, match="transfer was cancelled"):
            await result
        await answer(client, cancelled)
        await answer(client, kept)
        assert (await other).result == "ok"
        assert conversation.violations == []
        with pytest.raises(ValueError, match="no call of the tool 'transfer' is open"):
            conversation.cancel_tool("transfer")


@pytest.mark.parametrize("agent", [AGENT, SAVED_AGENT], ids=["declared", "saved"])
async def test_the_agent_hangs_up_by_a_tool_of_the_client(start_mock: StartMock, agent: dict[str, Any] | str) -> None:
    mock = await start_mock(parse_scenario("steps: [{vad: [0.5]}, {end_call: true}]"))
    async with Client(mock) as client:
        conversation = await begin(mock, client, {**SETTINGS, "agent": agent})
        (call,) = (await client.next("FunctionCallRequest"))["functions"]
        assert call["name"] == "end_call"
        await answer(client, call)
        await client.socket.close()
        await conversation.wait_closed()
        assert (conversation.closed_by, conversation.scenario_failure) == ("client", None)
        assert conversation.violations == []


async def test_a_client_without_that_tool_is_not_asked(start_mock: StartMock) -> None:
    mock = await start_mock(parse_scenario("steps: [{end_call: true}, {close: 1000}]"))
    async with Client(mock) as client:
        await client.begin({**SETTINGS, "agent": {}})
        assert (await client.closed())[0] == 1000
        assert client.of("FunctionCallRequest") == []


async def test_the_tools_may_change(start_mock: StartMock) -> None:
    mock = await start_mock(parse_scenario("steps: [{wait_for_message: UpdateThink}, {end_call: true}]"))
    async with Client(mock) as client:
        await client.begin({**SETTINGS, "agent": {}})
        await client.send({"type": "UpdateThink", "think": AGENT["think"]})
        (call,) = (await client.next("FunctionCallRequest"))["functions"]
        assert call["name"] == "end_call"


# The mock's own messages


@pytest.mark.parametrize(
    ("error_type", "code", "close_code"),
    [
        ("llm_timeout", "FAILED_TO_THINK", 1011),
        ("max_duration_exceeded", "MAXIMUM_SESSION_LENGTH_REACHED", 1000),
        ("value_error", "INVALID_SETTINGS", 1008),
        ("unknown", "INTERNAL_SERVER_ERROR", 1011),
    ],
)
async def test_errors_of_the_service(start_mock: StartMock, error_type: str, code: str, close_code: int) -> None:
    mock = await start_mock(load_scenario("errors", error_type=error_type, message="It went wrong"))
    async with Client(mock) as client:
        await client.begin()
        assert (await client.closed())[0] == close_code
        assert client.of("Error") == [{"type": "Error", "description": "It went wrong", "code": code}]


async def test_what_the_mock_sends_is_checked_too(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with Client(mock) as client:
        conversation = await begin(mock, client)
        with pytest.raises(ValueError, match="content: Field required"):
            await conversation.send({"type": "ConversationText", "role": "user"})
        with pytest.raises(ValueError, match="unknown type 'Nonsense'"):
            await conversation.send({"type": "Nonsense"})
        await conversation.send({"type": "History", "role": "user", "content": "hi"})
        await client.next("History")


@pytest.mark.parametrize(
    ("judge", "wrong"), [(client_message, {"type": "Welcome"}), (server_message, {"type": "Settings"})]
)
def test_each_side_has_messages_of_its_own(judge: Callable[[dict[str, Any]], Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessageError, match="unknown type"):
        judge(wrong)
