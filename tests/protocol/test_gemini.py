"""The mock of Gemini Live: with the vendor's own client, and against clients that do wrong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from google import genai
from google.genai import errors, types
from service_client import ServiceClient
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aiconvai.audio import decode, encode, rms_dbfs, tone
from aiconvai.mock import ConversationClosedError, MockOptions, Scenario, ScenarioError, ToolResult, load_scenario
from aiconvai.mock.gemini import (
    CONVERSATION_PATHS,
    GeminiAgent,
    GeminiConversation,
    GeminiMock,
    ToolCancelledError,
    client_message,
    server_message,
)
from aiconvai.mock.scenario import Error, Handshake, HttpReply, Say, Step
from aiconvai.mock.scenario import ToolCall as ToolCallStep

MODEL = "gemini-3.8-live"
AUTHORITY = trustme.CA()
SILENCE = bytes(640)
SETUP: dict[str, Any] = {"model": f"models/{MODEL}", "generationConfig": {"responseModalities": ["AUDIO"]}}
TOOLS = [{"functionDeclarations": [{"name": "transfer", "description": "Transfers the caller"}]}]
VECTORS = Path(__file__).parents[1] / "unit" / "vectors" / "gemini.jsonl"

StartGemini = Callable[..., Awaitable[GeminiMock]]


@pytest.fixture
async def start_gemini() -> AsyncIterator[StartGemini]:
    """`await start_gemini(scenario, tls=True, binary_frames=False)`: a mock with one model."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(scenario: Scenario | None = None, *, tls: bool = False, **agent: Any) -> GeminiMock:
            agents = {MODEL: GeminiAgent(scenario=scenario or Scenario(), **agent)}
            certificate = {"tls": AUTHORITY.issue_cert("localhost"), "public_host": "localhost"} if tls else {}
            return await stack.enter_async_context(GeminiMock(MockOptions(agents=agents, **certificate)))

        yield start


class GeminiClient(ServiceClient):
    """Speaks the protocol as it stands on the wire."""

    def __init__(self, mock: GeminiMock, key: str | None = "test-api-key", path: str = CONVERSATION_PATHS[0]) -> None:
        headers = {} if key is None else {"x-goog-api-key": key}
        url = mock.conversation_endpoint.removesuffix(CONVERSATION_PATHS[0]) + path
        super().__init__(url, additional_headers=headers)
        self.frame_types: set[type] = set()

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.socket:
                self.frame_types.add(type(frame))
                self.messages.append(json.loads(frame))
                self._waiters.wake()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if kind in message]

    def contents(self, kind: str) -> list[Any]:
        """What came of one kind within `serverContent`."""
        return [
            message["serverContent"][kind] for message in self.of("serverContent") if kind in message["serverContent"]
        ]

    def heard(self) -> bytes:
        """The agent's audio so far."""
        parts = [part for turn in self.contents("modelTurn") for part in turn["parts"]]
        return b"".join(base64.b64decode(part["inlineData"]["data"]) for part in parts)

    async def setup(self, **more: Any) -> None:
        """The setup; returns when the service has confirmed it."""
        await self.send({"setup": {**SETUP, **more}})
        await self.until(lambda: bool(self.of("setupComplete")))

    async def talk(self, data: bytes, mime_type: str = "audio/pcm;rate=16000") -> None:
        await self.send({"realtimeInput": {"audio": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}})

    async def until_content(self, kind: str, times: int = 1) -> None:
        await self.until(lambda: len(self.contents(kind)) >= times)


def library(mock: GeminiMock, key: str = "test-api-key", version: str = "v1beta") -> genai.Client:
    trusting = ssl.create_default_context()
    AUTHORITY.configure_trust(trusting)
    options = types.HttpOptions(base_url=mock.base_url, api_version=version, async_client_args={"ssl": trusting})
    return genai.Client(api_key=key, http_options=options)


async def turn_of(session: genai.live.AsyncSession) -> list[types.LiveServerMessage]:
    """What the library makes of the messages up to the end of the model's turn."""
    async with asyncio.timeout(20):
        return [message async for message in session.receive()]


async def next_of(session: genai.live.AsyncSession) -> types.LiveServerMessage:
    async with asyncio.timeout(20), contextlib.aclosing(session.receive()) as messages:
        return await anext(messages)


def contents(messages: list[types.LiveServerMessage]) -> list[types.LiveServerContent]:
    return [message.server_content for message in messages if message.server_content is not None]


# The vendor's client


async def test_whole_conversation_with_the_official_library(start_gemini: StartGemini) -> None:
    mock = await start_gemini(tls=True)
    declaration = types.FunctionDeclaration(
        name="lookup",
        description="Finds a customer",
        parameters=types.Schema(type=types.Type.OBJECT, properties={"name": types.Schema(type=types.Type.STRING)}),
    )
    detection = types.AutomaticActivityDetection(
        start_of_speech_sensitivity=types.StartSensitivity.START_SENSITIVITY_HIGH, silence_duration_ms=500
    )
    voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Puck"))
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        system_instruction="Be brief.",
        speech_config=types.SpeechConfig(voice_config=voice, language_code="en-US"),
        tools=[types.Tool(function_declarations=[declaration])],
        realtime_input_config=types.RealtimeInputConfig(automatic_activity_detection=detection),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        session_resumption=types.SessionResumptionConfig(),
        context_window_compression=types.ContextWindowCompressionConfig(sliding_window=types.SlidingWindow()),
    )
    async with library(mock).aio.live.connect(model=MODEL, config=config) as session:
        call = await mock.next_conversation()
        await call.wait_started()
        assert session.session_id == call.id
        assert call.initiation.system_instruction.parts[0].text == "Be brief."

        await _talk_and_listen(session, call)
        await _barge_in(session, call)
        await _answer_tools(session, call)

        await session.send_realtime_input(text="The caller pressed the key 1.")
        await session.send_realtime_input(audio_stream_end=True)
        await call.wait_received(lambda record: "realtimeInput.audioStreamEnd" in record.received_types())
        await call.go_away(9.5)
        leaving = (await next_of(session)).go_away
        assert leaving is not None
        assert leaving.time_left == "9.5s"
        await call.update_resumption("h1")
        resumption = (await next_of(session)).session_resumption_update
        assert resumption is not None
        assert (resumption.new_handle, resumption.resumable) == ("h1", True)

        await call.close(1011, "Deadline expired")
        with pytest.raises(errors.APIError, match="Deadline expired") as closed:
            await next_of(session)
        assert closed.value.code == 1011
    await call.wait_closed()
    assert call.request.path == CONVERSATION_PATHS[0]
    assert call.headers["x-goog-api-key"] == "test-api-key"
    assert call.violations == []
    assert call.received_types() == [
        "setup", "toolResponse", "toolResponse", "realtimeInput.text", "realtimeInput.audioStreamEnd"
    ]  # fmt: skip


async def _talk_and_listen(session: genai.live.AsyncSession, call: GeminiConversation) -> None:
    speech = encode(tone(440, 0.2, 16000), "pcm_16000")
    for begin in range(0, len(speech), 640):
        chunk = types.Blob(data=speech[begin : begin + 640], mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=chunk)
    await call.wait_received(lambda record: record.uplink_bytes == speech)
    assert call.input_format == "pcm_16000"
    assert rms_dbfs(call.uplink_samples()) == pytest.approx(-10, abs=0.5)

    call.caller_said("what is the time")
    said = tone(800, 0.5, 24000)
    assert await call.play(said, text="It is five o'clock", chunk_ms=100)
    turn = await turn_of(session)
    assert np.array_equal(decode(b"".join(message.data or b"" for message in turn), "pcm_24000"), said)
    heard = [content.input_transcription.text for content in contents(turn) if content.input_transcription]
    told = [content.output_transcription.text or "" for content in contents(turn) if content.output_transcription]
    assert heard == ["what is the time"]
    assert "".join(told) == "It is five o'clock"
    assert [content.generation_complete for content in contents(turn)][-2:] == [True, None]
    assert turn[-1].usage_metadata is not None


async def _barge_in(session: genai.live.AsyncSession, call: GeminiConversation) -> None:
    call.barge_in(True)
    talking = asyncio.create_task(call.play(tone(800, 5, 24000), pace="realtime", chunk_ms=50))
    assert (await next_of(session)).data
    speech = encode(tone(440, 0.3, 16000), "pcm_16000")
    await session.send_realtime_input(audio=types.Blob(data=speech, mime_type="audio/pcm;rate=16000"))
    assert not await talking
    turn = await turn_of(session)
    assert [bool(content.interrupted) for content in contents(turn)][-2:] == [True, False]
    assert not any(content.generation_complete for content in contents(turn))
    call.barge_in(False)


async def _answer_tools(session: genai.live.AsyncSession, call: GeminiConversation) -> None:
    found = call.start_tool("lookup", {"name": "Eva"})
    failed = call.start_tool("lookup", {"name": "nobody"})
    for response in ({"output": "found Eva"}, {"error": "no such customer"}):
        request = (await next_of(session)).tool_call
        assert request is not None
        assert request.function_calls is not None
        (function,) = request.function_calls
        answer = types.FunctionResponse(id=function.id, name=function.name, response=response)
        await session.send_tool_response(function_responses=answer)
    assert await found == ToolResult("tool_call_1", "found Eva")
    assert await failed == ToolResult("tool_call_2", "no such customer", is_error=True)


async def test_library_seeds_the_history(start_gemini: StartGemini) -> None:
    mock = await start_gemini(tls=True)
    history = types.HistoryConfig(initial_history_in_client_content=True)
    config = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO], history_config=history)
    async with library(mock).aio.live.connect(model=f"models/{MODEL}", config=config) as session:
        turns = [types.Content(role=role, parts=[types.Part(text=role)]) for role in ("user", "model")]
        await session.send_client_content(turns=turns, turn_complete=True)
        call = await mock.next_conversation()
        await call.wait_received(lambda record: record.received_types() == ["setup", "clientContent"])
        (content,) = call.received_of(types.LiveClientContent)
        assert [turn.role for turn in content.turns or []] == ["user", "model"]
        await session.send_client_content(turns=turns)
        with pytest.raises(errors.APIError, match="clientContent: only before the conversation"):
            await next_of(session)


async def test_library_is_pointed_here_by_its_environment(
    start_gemini: StartGemini, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mock = await start_gemini(tls=True, binary_frames=False)
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", mock.base_url)
    async with genai.Client(api_key="test-api-key").aio.live.connect(model=MODEL) as session:
        call = await mock.next_conversation()
        await call.wait_started()
        await call.play(tone(800, 0.1, 24000))
        assert b"".join(message.data or b"" for message in await turn_of(session)) == call.downlink_bytes
    await call.wait_closed()
    assert call.request.path in CONVERSATION_PATHS
    assert (call.closed_by, call.close_code, call.violations) == ("client", 1000, [])


async def test_library_is_told_that_its_key_is_wrong(start_gemini: StartGemini) -> None:
    mock = await start_gemini(tls=True)
    with pytest.raises((errors.APIError, ConnectionClosed), match="API key not valid"):
        async with library(mock, key="wrong").aio.live.connect(model=MODEL):
            pass
    assert mock.conversations == []


async def test_library_is_told_that_there_is_no_such_model(start_gemini: StartGemini) -> None:
    mock = await start_gemini(tls=True)
    with pytest.raises(errors.APIError, match="models/gemini-none is not found") as refused:
        async with library(mock).aio.live.connect(model="gemini-none"):
            pass
    assert refused.value.code == 1008


# Connecting


@pytest.mark.parametrize("path", CONVERSATION_PATHS)
async def test_every_version_of_the_interface_is_served(start_gemini: StartGemini, path: str) -> None:
    async with GeminiClient(await start_gemini(), path=path) as client:
        await client.setup()


async def test_other_paths_are_not_found(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    with pytest.raises(InvalidStatus, match="404"):
        async with GeminiClient(mock, path="/v1/realtime"):
            pass
    assert mock.requests[0].status == 404


async def test_the_key_may_stand_in_the_url(start_gemini: StartGemini) -> None:
    async with GeminiClient(await start_gemini(), key=None, path=CONVERSATION_PATHS[0] + "?key=test-api-key") as client:
        await client.setup()


@pytest.mark.parametrize(
    ("key", "code", "reason"), [("wrong", 1007, "API key not valid"), (None, 1008, "unregistered callers")]
)
async def test_nobody_is_served_without_the_key(
    start_gemini: StartGemini, key: str | None, code: int, reason: str
) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock, key=key) as client:
        closed, why = await client.closed()
    assert closed == code
    assert reason in (why or "")
    assert mock.conversations == []


async def test_the_model_is_chosen_by_the_setup(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    mock.agents["other"] = GeminiAgent(binary_frames=False, scenario=Scenario(steps=(Step(say=Say(text="Good day")),)))
    async with GeminiClient(mock) as client:
        await client.setup(model="models/other")
        await client.until_content("turnComplete")
        conversation = await mock.next_conversation()
        assert conversation.agent_id == "other"
        assert client.frame_types == {str}
        assert client.heard() == conversation.downlink_bytes


async def test_a_model_of_another_account_is_not_found(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    mock.agents["other"] = GeminiAgent(api_key="of somebody else")
    async with GeminiClient(mock) as client:
        await client.send({"setup": {**SETUP, "model": "models/other"}})
        code, reason = await client.closed()
    assert code == 1008
    assert "models/other is not found" in (reason or "")


async def test_an_upgrade_can_fail(start_gemini: StartGemini) -> None:
    mock = await start_gemini(Scenario(handshake=Handshake(upgrade=HttpReply(status=503, times=1))))
    with pytest.raises(InvalidStatus, match="503"):
        async with GeminiClient(mock):
            pass
    async with GeminiClient(mock) as client:
        await client.setup()


# What the service says


@pytest.mark.parametrize(("binary", "kind"), [(True, bytes), (False, str)])
async def test_messages_are_binary_or_text(start_gemini: StartGemini, binary: bool, kind: type) -> None:
    mock = await start_gemini(binary_frames=binary)
    async with GeminiClient(mock) as client:
        await client.setup()
        conversation = await mock.next_conversation()
        await conversation.play(tone(800, 0.1, 24000))
        await client.until_content("turnComplete")
        assert client.frame_types == {kind}
        assert client.heard() == conversation.downlink_bytes


async def test_a_turn_is_completed(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        conversation = await mock.next_conversation()
        await conversation.play(tone(800, 0.1, 24000), chunk_ms=50)
        await client.until_content("turnComplete")
        kinds = [next(iter(message["serverContent"])) for message in client.of("serverContent")]
        assert kinds == ["modelTurn", "modelTurn", "generationComplete", "turnComplete"]
        assert [entry.type for entry in conversation.sent] == [
            "setupComplete", "serverContent.generationComplete", "serverContent.turnComplete"
        ]  # fmt: skip


@pytest.mark.parametrize("asked", [True, False])
async def test_transcripts_are_told_if_they_are_asked_for(start_gemini: StartGemini, asked: bool) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(**({"inputAudioTranscription": {}, "outputAudioTranscription": {}} if asked else {}))
        conversation = await mock.next_conversation()
        conversation.caller_said("hel", tentative=True)
        conversation.caller_said("hello")
        await conversation.play(tone(800, 0.1, 24000), text="Good  day")
        await client.until_content("turnComplete")
        assert client.contents("interimInputTranscription") == ([{"text": "hel"}] if asked else [])
        assert client.contents("inputTranscription") == ([{"text": "hello"}] if asked else [])
        told = "".join(each["text"] for each in client.contents("outputTranscription"))
        assert told == ("Good  day" if asked else "")


async def test_an_echo_is_one_turn(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        conversation = await mock.next_conversation()
        conversation.echo(True)
        for _ in range(20):
            await client.talk(encode(tone(440, 0.1, 16000), "pcm_16000"))
        await conversation.wait_received(lambda record: len(record.uplink) == 20)
        conversation.echo(False)
        await client.until_content("turnComplete")
        assert len(client.heard()) == pytest.approx(2 * 24000 * 2, rel=0.1)
        assert len(client.contents("turnComplete")) == 1


@pytest.mark.parametrize(
    ("config", "interrupted"),
    [
        ({}, True),
        ({"activityHandling": "START_OF_ACTIVITY_INTERRUPTS"}, True),
        ({"activityHandling": "NO_INTERRUPTION"}, False),
    ],
)
async def test_speech_interrupts_as_the_setup_says(
    start_gemini: StartGemini, config: dict[str, Any], interrupted: bool
) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(realtimeInputConfig=config)
        conversation = await mock.next_conversation()
        conversation.barge_in(True)
        await conversation.play(tone(800, 5, 24000))
        await client.talk(encode(tone(440, 0.3, 16000), "pcm_16000"))
        await conversation.wait_received(lambda record: len(record.uplink) == 1)
        await conversation.send({"usageMetadata": {"totalTokenCount": 1}})
        await client.until(lambda: client.messages[-1] == {"usageMetadata": {"totalTokenCount": 1}})
        assert client.contents("interrupted") == ([True] if interrupted else [])
        assert len(client.contents("turnComplete")) == (2 if interrupted else 1)


@pytest.mark.parametrize(
    ("config", "activity"),
    [
        ({"automaticActivityDetection": {"disabled": True}}, {"activityStart": {}}),
        ({}, {"text": "Stop!"}),
    ],
)
async def test_other_activity_interrupts_too(
    start_gemini: StartGemini, config: dict[str, Any], activity: dict[str, Any]
) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(realtimeInputConfig=config)
        conversation = await mock.next_conversation()
        talking = asyncio.create_task(conversation.play(tone(800, 5, 24000), pace="realtime", chunk_ms=50))
        await client.until_content("modelTurn")
        if not config:
            await client.talk(SILENCE)
        await client.send({"realtimeInput": activity})
        assert not await talking
        await client.until_content("turnComplete")
        assert client.contents("generationComplete") == []


async def test_the_order_to_begin_interrupts_nothing(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        conversation = await mock.next_conversation()
        await conversation.play(tone(800, 5, 24000))
        await client.send({"realtimeInput": {"text": "Greet the caller."}})
        await conversation.wait_received(lambda record: record.received_types() == ["setup", "realtimeInput.text"])
        assert conversation.sent_of("serverContent.interrupted") == []
        await client.send({"realtimeInput": {"text": "The caller pressed 1."}})
        await client.until_content("interrupted")


async def test_client_content_interrupts_models_that_take_it(start_gemini: StartGemini) -> None:
    mock = await start_gemini(client_content=True)
    async with GeminiClient(mock) as client:
        await client.setup(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
        conversation = await mock.next_conversation()
        talking = asyncio.create_task(conversation.play(tone(800, 5, 24000), pace="realtime", chunk_ms=50))
        await client.until_content("modelTurn")
        content = {"turns": [{"role": "user", "parts": [{"text": "Greet the caller."}]}], "turnComplete": True}
        await client.send({"clientContent": content})
        await client.send({"clientContent": content})
        assert not await talking
        await conversation.wait_received(lambda record: record.received_types()[1:] == ["clientContent"] * 2)
        assert conversation.violations == []


async def test_a_tool_call_is_taken_back(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(tools=TOOLS)
        conversation = await mock.next_conversation()
        result = conversation.start_tool("transfer", {"ext": "200"})
        await conversation.cancel_tool("tool_call_1")
        with pytest.raises(ToolCancelledError):
            await result
        await client.until(lambda: bool(client.of("toolCallCancellation")))
        assert client.messages[1:] == [
            {"toolCall": {"functionCalls": [{"id": "tool_call_1", "name": "transfer", "args": {"ext": "200"}}]}},
            {"toolCallCancellation": {"ids": ["tool_call_1"]}},
        ]
        await client.send({"toolResponse": {"functionResponses": [_response("tool_call_1")]}})
        await expect_refusal(client, conversation, "'tool_call_1' belongs to no open tool call")


async def test_the_model_goes_on_after_the_result_of_a_tool(start_gemini: StartGemini) -> None:
    steps = (Step(tool_call=ToolCallStep(name="transfer")), Step(say=Say(text="Done")))
    mock = await start_gemini(Scenario(steps=steps))
    async with GeminiClient(mock) as client:
        await client.setup(tools=TOOLS)
        await client.until(lambda: bool(client.of("toolCall")))
        assert client.contents("modelTurn") == []
        await client.send({"toolResponse": {"functionResponses": [_response("tool_call_1")]}})
        await client.until_content("turnComplete")
        assert client.heard()


async def test_the_agent_ends_the_call_by_a_tool(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(tools=[{"functionDeclarations": [{"name": "end_call"}]}])
        conversation = await mock.next_conversation()
        ending = asyncio.create_task(conversation.end_call("x"))
        await client.until(lambda: bool(client.of("toolCall")))
        await client.socket.close()
        await ending
        assert (conversation.closed_by, conversation.close_code) == ("client", 1000)


async def test_a_handle_resumes_a_session(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(sessionResumption={})
        conversation = await mock.next_conversation()
        await conversation.update_resumption(None)
        await conversation.update_resumption("h1")
        await client.until(lambda: len(client.of("sessionResumptionUpdate")) == 2)
        assert [message["sessionResumptionUpdate"] for message in client.of("sessionResumptionUpdate")] == [
            {"resumable": False},
            {"resumable": True, "newHandle": "h1"},
        ]
    async with GeminiClient(mock) as client:
        await client.setup(sessionResumption={"handle": "h1"})
    async with GeminiClient(mock) as client:
        await client.setup()
        with pytest.raises(ValueError, match="has no sessionResumption"):
            await (await _newest(mock)).update_resumption("h2")


async def _newest(mock: GeminiMock) -> GeminiConversation:
    await mock.next_conversation()
    return await mock.next_conversation()


@pytest.mark.parametrize(
    ("error", "code"),
    [("value_error", 1007), ("llm_error", 1011), ("max_duration_exceeded", 1011)],
)
async def test_an_error_is_told_by_the_close_alone(start_gemini: StartGemini, error: Any, code: int) -> None:
    mock = await start_gemini(Scenario(steps=(Step(error=Error(error_type=error, message="Overloaded")),)))
    async with GeminiClient(mock) as client:
        await client.setup()
        assert await client.closed() == (code, "Overloaded")
        assert [list(message) for message in client.messages] == [["setupComplete"]]


async def test_a_builtin_scenario_is_played(start_gemini: StartGemini) -> None:
    mock = await start_gemini(load_scenario("vad_scores"))
    async with GeminiClient(mock) as client:
        await client.setup()
        conversation = await mock.next_conversation()
        await conversation.close()
        await conversation.wait_closed()
        assert conversation.violations == []


async def test_what_the_mock_sends_is_checked(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        conversation = await mock.next_conversation()
        for wrong in ({"interrupted": True}, {"serverContent": {"interrupted": "yes"}}, {"goAway": {"timeLeft": 5}}):
            with pytest.raises(ValueError, match="message"):
                await conversation.send(wrong)
        await client.socket.close()
        await conversation.wait_closed()
        with pytest.raises(ConversationClosedError):
            await conversation.go_away(1)
    with pytest.raises(ScenarioError, match="hello"):
        GeminiAgent(scenario=Scenario(steps=(Step(send={"hello": 1}),)))


async def test_audio_that_is_sent_as_a_message_is_on_record(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        conversation = await mock.next_conversation()
        blob = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(b"\x01\x02").decode()}
        await conversation.send(
            {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}, "turnComplete": True}}
        )
        await client.until_content("modelTurn")
        assert conversation.downlink_bytes == b"\x01\x02"


# What a client must not do


async def expect_refusal(client: GeminiClient, conversation: GeminiConversation, detail: str, code: int = 1007) -> None:
    closed, reason = await client.closed()
    await conversation.wait_closed()
    assert closed == code
    assert reason
    (violation,) = conversation.violations
    assert detail in violation.detail
    assert violation.detail.startswith(reason)


def _response(tool_call_id: str, **more: Any) -> dict[str, Any]:
    return {"id": tool_call_id, "name": "transfer", "response": {"output": "ok"}, **more}


def _realtime(**what: Any) -> dict[str, Any]:
    return {"realtimeInput": what}


def _audio(data: str = "AAAA", mime_type: str = "audio/pcm;rate=16000", **more: Any) -> dict[str, Any]:
    return _realtime(audio={"mimeType": mime_type, "data": data, **more})


def _tool_response(*responses: dict[str, Any]) -> dict[str, Any]:
    return {"toolResponse": {"functionResponses": list(responses)}}


WRONG: list[tuple[object, str]] = [
    ("not json", "invalid JSON"),
    ('{"realtimeInput":{"text":"a","text":"b"}}', "key given twice"),
    (b"{}", "a binary message of 2 bytes"),
    ({}, "a message: expected exactly one field"),
    ({"hello": 1}, "hello"),
    ({"config": SETUP}, "config"),
    ({"setup": SETUP}, "setup a second time"),
    ({"realtimeInput": {"text": "a"}, "clientContent": {"turnComplete": True}}, "expected exactly one field"),
    (_realtime(), "realtimeInput: expected exactly one field"),
    (_realtime(text="a", activityStart={}), "realtimeInput: expected exactly one field, got 'text', 'activityStart'"),
    (_realtime(text=5), "realtimeInput.text"),
    (_realtime(mediaChunks=[{"mimeType": "audio/pcm", "data": "AAAA"}]), "mediaChunks is deprecated"),
    (_realtime(activityStart={}), "realtimeInput.activityStart: the service itself detects activity"),
    (_realtime(activityEnd={}), "realtimeInput.activityEnd: the service itself detects activity"),
    (_audio("%%%"), "audio.data"),
    (_audio(""), "realtimeInput.audio.data: no audio in it"),
    (_audio(mime_type="audio/pcmu"), "realtimeInput.audio.mimeType: expected audio/pcm;rate=16000 or the like"),
    (_audio(mime_type="audio/pcm;rate=11025"), "got 'audio/pcm;rate=11025'"),
    (_realtime(audio={"data": "AAAA"}), "realtimeInput.audio.mimeType"),
    (_audio(why=1), "why"),
    ({"clientContent": {"turnComplete": True}}, "clientContent: only before the conversation"),
    ({"contextUpdate": {"systemInstruction": {"parts": [{"text": "a"}]}}}, "contextUpdate: not every model takes it"),
    (_tool_response(), "functionResponses: there are none"),
    (_tool_response(_response("none")), "'none' belongs to no open tool call"),
    (_tool_response({"name": "transfer", "response": {}}), "expected id, name and response in each"),
    (_tool_response({"id": "x", "name": "transfer", "response": "ok"}), "functionResponses.0.response"),
    (_tool_response(_response("x", scheduling="SILENT")), "NON_BLOCKING"),
]


@pytest.mark.parametrize(("message", "detail"), WRONG, ids=lambda value: str(value)[:40])
async def test_a_wrong_message_ends_the_conversation(start_gemini: StartGemini, message: object, detail: str) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        await client.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
        await expect_refusal(client, await mock.next_conversation(), detail)


MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
PCM = "AAAAAAAA"
START, END = _realtime(activityStart={}), _realtime(activityEnd={})


async def test_turns_that_the_client_tells_are_on_record(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(**MANUAL)
        conversation = await mock.next_conversation()
        for message in (START, _audio(PCM), _audio(PCM), END, START, _realtime(text="Hello"), END):
            await client.send(message)
        await conversation.wait_received(lambda record: len(record.received) >= 6)
        (turn,) = conversation.caller_turns
        assert turn.audio == conversation.uplink_bytes
        assert conversation.violations == []


@pytest.mark.parametrize(
    ("messages", "detail"),
    [
        ([_audio(PCM)], "realtimeInput.audio: outside of an activity"),
        ([START, _audio(PCM), END, _audio(PCM)], "realtimeInput.audio: outside of an activity"),
        ([_realtime(text="Hello")], "realtimeInput.text: outside of an activity"),
        ([START, START], "realtimeInput.activityStart: within an activity"),
        ([END], "realtimeInput.activityEnd: there is no activity"),
    ],
)
async def test_turns_are_told_in_order(start_gemini: StartGemini, messages: list[Any], detail: str) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(**MANUAL)
        for message in messages:
            await client.send(message)
        await expect_refusal(client, await mock.next_conversation(), detail)


WRONG_SETUPS: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "setup.model: expected models/NAME, got none"),
    ({"model": MODEL}, f"setup.model: expected models/NAME, got '{MODEL}'"),
    ({"why": 1}, "setup.why"),
    ({"systemInstruction": "Be brief."}, "systemInstruction"),
    ({"systemInstruction": {"parts": []}}, "setup.systemInstruction.parts: expected parts with text"),
    ({"generationConfig": {"responseModalities": ["TEXT"]}}, "responseModalities: the model can only speak"),
    ({"generationConfig": {"responseModalities": ["audio"]}}, "responseModalities 'audio'"),
    ({"generationConfig": {"maxOutputTokens": "many"}}, "maxOutputTokens"),
    (
        {"generationConfig": {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "marin"}}}}},
        "there is no voice 'marin'",
    ),
    ({"realtimeInputConfig": {"activityHandling": "YES"}}, "message.setup.realtimeInputConfig.activityHandling 'YES'"),
    ({"realtimeInputConfig": {"automaticActivityDetection": {"why": 1}}}, "automaticActivityDetection.why"),
    ({"tools": [{"functionDeclarations": [{"name": "x", "why": 1}]}]}, "why"),
    ({"tools": [{"functionDeclarations": [{"name": "x", "parameters": {"type": "object"}}]}]}, "type 'object'"),
    ({"sessionResumption": {"handle": "unknown"}}, "setup.sessionResumption.handle: 'unknown'"),
]


@pytest.mark.filterwarnings("ignore:YES is not a valid ActivityHandling")
@pytest.mark.parametrize(("part", "detail"), WRONG_SETUPS, ids=lambda value: str(value)[:40])
async def test_a_wrong_setup_ends_the_conversation(
    start_gemini: StartGemini, part: dict[str, Any], detail: str
) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.send({"setup": {**SETUP, **part}})
        conversation = await mock.next_conversation()
        await expect_refusal(client, conversation, detail)
        assert conversation.started is None


@pytest.mark.parametrize("first", [_audio(), _realtime(text="a"), _tool_response(_response("x"))], ids=str)
async def test_the_first_message_is_the_setup(start_gemini: StartGemini, first: dict[str, Any]) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.send(first)
        conversation = await mock.next_conversation()
        await expect_refusal(client, conversation, "the first message must be setup")
        assert conversation.uplink == []


async def test_nothing_may_come_before_the_setup_is_confirmed(start_gemini: StartGemini) -> None:
    mock = await start_gemini(Scenario(handshake=Handshake(metadata_delay=30)))
    async with GeminiClient(mock) as client:
        await client.send({"setup": SETUP})
        await client.talk(SILENCE)
        await expect_refusal(client, await mock.next_conversation(), "realtimeInput before setupComplete was sent")


async def test_half_a_sample_is_refused(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        await client.talk(bytes(641))
        await expect_refusal(client, await mock.next_conversation(), "641 bytes")


async def test_the_stream_does_not_end_where_the_client_detects_activity(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(realtimeInputConfig={"automaticActivityDetection": {"disabled": True}})
        await client.send(_realtime(activityStart={}))
        await client.send(_realtime(activityEnd={}))
        await client.send(_realtime(audioStreamEnd=True))
        await expect_refusal(client, await mock.next_conversation(), "audioStreamEnd: only where the service detects")


async def test_a_result_names_the_function_that_was_called(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(tools=TOOLS)
        conversation = await mock.next_conversation()
        conversation.start_tool("transfer")
        await client.send(_tool_response(_response("tool_call_1", name="lookup")))
        await expect_refusal(client, conversation, "tool_call_1 is a call of 'transfer', got 'lookup'")


async def test_a_whole_response_is_the_output(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup(tools=TOOLS)
        conversation = await mock.next_conversation()
        result = conversation.start_tool("transfer")
        await client.send(_tool_response(_response("tool_call_1", response={"done": True})))
        assert await result == ToolResult("tool_call_1", '{"done": true}')


# Audio and spelling


@pytest.mark.parametrize(
    ("mime_type", "form"),
    [("audio/pcm", "pcm_16000"), ("audio/pcm;rate=8000", "pcm_8000"), ("audio/pcm; rate=24000", "pcm_24000")],
)
async def test_the_rate_is_that_of_the_mime_type(start_gemini: StartGemini, mime_type: str, form: str) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        await client.talk(SILENCE, mime_type)
        conversation = await mock.next_conversation()
        await conversation.wait_received(lambda record: len(record.uplink) == 1)
        assert conversation.input_format == form
        assert conversation.uplink_bytes == SILENCE


async def test_the_rate_does_not_change(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    async with GeminiClient(mock) as client:
        await client.setup()
        await client.talk(SILENCE)
        await client.talk(SILENCE, "audio/pcm;rate=8000")
        await expect_refusal(client, await mock.next_conversation(), "pcm_8000 after pcm_16000")


async def test_names_may_be_in_snake_case_and_base64_of_either_kind(start_gemini: StartGemini) -> None:
    mock = await start_gemini()
    data = b"\xfb\xff\xfe\xfa"
    async with GeminiClient(mock) as client:
        detection = {"start_of_speech_sensitivity": "START_SENSITIVITY_HIGH", "silenceDurationMs": 100}
        setup = {"model": SETUP["model"], "generation_config": {"response_modalities": ["AUDIO"]}}
        await client.send({"setup": {**setup, "realtime_input_config": {"automatic_activity_detection": detection}}})
        for encoded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
            blob = {"mime_type": "audio/pcm;rate=16000", "data": encoded.decode()}
            await client.until(lambda: bool(client.of("setupComplete")))
            await client.send({"realtime_input": {"audio": blob}})
        conversation = await mock.next_conversation()
        await conversation.wait_received(lambda record: record.uplink_bytes == data * 2)
        read = conversation.initiation.realtime_input_config.automatic_activity_detection
        assert read.start_of_speech_sensitivity is types.StartSensitivity.START_SENSITIVITY_HIGH
        assert conversation.violations == []


@pytest.mark.parametrize("line", VECTORS.read_text("utf-8").splitlines(), ids=lambda line: line[:40])
def test_the_vendors_messages_are_good(line: str) -> None:
    kind = next(iter(json.loads(line)))
    if kind in ("setup", "realtimeInput", "clientContent", "toolResponse"):
        assert client_message(line).model_fields_set
    else:
        assert server_message(json.loads(line)).model_fields_set
