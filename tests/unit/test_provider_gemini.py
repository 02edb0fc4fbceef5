"""Gemini Live: what is sent, and what becomes of what comes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_host import API_KEY, ULAW, Host

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Close, Interrupted, Open, Role, Status, ToolCall, Transcript
from aiconvai.engine.settings import Settings
from aiconvai.mock.gemini import client_message

AGENT = {"provider": "gemini", "api_key": API_KEY, "dtmf_interdigit_ms": "0"}
"""Each key is told by itself."""
SLIN16 = AudioFormat(Encoding.PCM16, 16000)
SLIN24 = AudioFormat(Encoding.PCM16, 24000)
VECTORS = [
    json.loads(line) for line in (Path(__file__).parent / "vectors" / "gemini.jsonl").read_text("utf-8").splitlines()
]
OF_CLIENT = {"setup", "realtimeInput", "clientContent", "toolResponse"}
SENT, RECEIVED = (
    [message for message in VECTORS if bool(OF_CLIENT & message.keys()) is of_client] for of_client in (True, False)
)


def gemini_host(line_format: AudioFormat = SLIN24, **options: object) -> Host:
    return Host(AGENT, line_format=line_format, **options)


def start(host: Host) -> dict[str, Any]:
    """From the beginning to the confirmed setup, which is returned."""
    host.open()
    (setup,) = of(host, "setup")
    host.say({"setupComplete": {"sessionId": "s1"}})
    assert host.conversation.phase is Phase.ACTIVE
    content: dict[str, Any] = setup["setup"]
    return content


def of(host: Host, kind: str) -> list[dict[str, Any]]:
    return [message for message in host.sent if kind in message]


def vector(kind: str, inner: str) -> dict[str, Any]:
    """The vendor's message of that kind with that in it."""
    (found,) = [message[kind] for message in SENT if inner in message.get(kind, {})]
    content: dict[str, Any] = found
    return content


def shape(value: object, place: str = "") -> set[tuple[str, str]]:
    """Where there is a value of which type."""
    if isinstance(value, dict):
        return {(place, "object")}.union(*(shape(one, f"{place}.{key}") for key, one in value.items()))
    if isinstance(value, list):
        return {(place, "array")}.union(*(shape(one, f"{place}[]") for one in value))
    return {(place, type(value).__name__)}


def content(host: Host, **what: object) -> None:
    host.say({"serverContent": what})


def spoken(data: bytes) -> dict[str, Any]:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(data).decode()}
    return {"role": "model", "parts": [{"inlineData": blob}]}


def audio(host: Host, data: bytes) -> None:
    content(host, modelTurn=spoken(data))


def calls(host: Host, *ids: str) -> None:
    host.say(
        {"toolCall": {"functionCalls": [{"id": each, "name": "transfer", "args": {"ext": "200"}} for each in ids]}}
    )


def transcripts(host: Host) -> list[tuple[Role, str]]:
    return [(one.role, one.text) for one in host.told(Transcript)]


@pytest.fixture
def host() -> Iterator[Host]:
    """All it sends is what the vendor's own types allow."""
    host = gemini_host()
    start(host)
    yield host
    for message in host.sent:
        client_message(json.dumps(message))


@pytest.fixture
def active(host: Host) -> Host:
    host.sent.clear()
    return host


# Opening


def test_a_token_of_the_account_may_stand_in_for_the_key() -> None:
    path = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
    endpoint = f"wss://europe-west4-aiplatform.googleapis.com{path}"
    request = gemini_host(base_url=endpoint, api_key_header="Authorization").begin().request
    assert request.url == endpoint
    assert request.headers == {"Authorization": f"Bearer {API_KEY}"}


def test_the_key_is_in_a_header_and_not_in_the_url() -> None:
    request = gemini_host().begin().request
    path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    assert request.url == f"wss://generativelanguage.googleapis.com{path}"
    assert request.headers == {"x-goog-api-key": API_KEY}
    assert request.subprotocol is None


def test_a_fixed_url_is_used_as_it_is() -> None:
    request = Host({"provider": "gemini", "conversation_url": "ws://127.0.0.1:8000/live?key=k"}).begin().request
    assert request.url == "ws://127.0.0.1:8000/live?key=k"
    assert request.headers == {}


def test_an_agent_needs_a_key() -> None:
    (problem,) = Settings.read_agent("sales", {"provider": "gemini"}).problems
    assert "expected api_key" in problem


def test_nothing_follows_the_setup_before_it_is_confirmed() -> None:
    host = gemini_host(first_message="Hello!")
    host.open()
    host.conversation.caller_audio(bytes(9600))
    host.conversation.dtmf("1")
    assert not host.conversation.context("too early")
    host.pump()
    assert [list(message) for message in host.sent] == [["setup"]]


def test_the_setup_says_what_the_agent_is() -> None:
    host = Host(
        AGENT,
        line_format=ULAW,
        prompt="You speak with {caller_name}.",
        variables={"caller_name": "Ann"},
        language="en-US",
        vad_start_sensitivity="high",
        vad_end_sensitivity="low",
        max_output_tokens=100,
    )
    assert start(host) == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "maxOutputTokens": 100,
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}, "languageCode": "en-US"},
        },
        "systemInstruction": {"parts": [{"text": "You speak with Ann."}]},
        "realtimeInputConfig": {
            "automaticActivityDetection": {
                "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
                "endOfSpeechSensitivity": "END_SENSITIVITY_LOW",
                "prefixPaddingMs": 20,
                "silenceDurationMs": 500,
            },
            "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
        },
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "sessionResumption": {},
        "contextWindowCompression": {"slidingWindow": {}},
    }
    client_message(json.dumps(host.sent[0]))
    stats = host.conversation.stats()
    assert (stats.uplink_format, stats.downlink_format) == (SLIN16, SLIN24)
    assert stats.conversation_id == "s1"


def test_the_setup_has_the_shape_of_the_vendors() -> None:
    host = gemini_host(prompt="Be brief.", language="en-US", vad_start_sensitivity="low", vad_end_sensitivity="high")
    assert shape(start(host)) <= shape(vector("setup", "model"))


def test_what_is_not_set_is_not_sent() -> None:
    setup = start(gemini_host(interrupt_response="no", voice_id="Kore"))
    assert "systemInstruction" not in setup
    assert setup["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }
    assert setup["realtimeInputConfig"] == {
        "automaticActivityDetection": {"prefixPaddingMs": 20, "silenceDurationMs": 500},
        "activityHandling": "NO_INTERRUPTION",
    }


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("gemini-2.5-flash-live", "models/gemini-2.5-flash-live"),
        ("models/gemini-2.5-flash-live", "models/gemini-2.5-flash-live"),
        ("tunedModels/ours", "tunedModels/ours"),
    ],
)
def test_a_model_has_its_full_name(model: str, sent: str) -> None:
    assert start(gemini_host(model=model))["model"] == sent


def test_the_agent_speaks_first_where_it_has_something_to_say() -> None:
    host = gemini_host(first_message="Hello {caller_name}!", variables={"caller_name": "Ann"})
    start(host)
    (message,) = of(host, "realtimeInput")
    assert message["realtimeInput"]["text"].endswith(": Hello Ann!")


def test_a_session_may_have_no_id() -> None:
    host = gemini_host()
    host.open()
    host.say({"setupComplete": {}})
    assert host.conversation.phase is Phase.ACTIVE
    assert host.conversation.stats().conversation_id == ""


def test_a_second_confirmation_is_an_error_and_no_second_greeting() -> None:
    host = gemini_host(first_message="Hello!")
    start(host)
    host.say({"setupComplete": {"sessionId": "s2"}})
    assert len(of(host, "realtimeInput")) == 1
    assert len(host.errors) == 1
    assert host.conversation.stats().conversation_id == "s1"


def test_keys_pressed_before_the_confirmation_are_sent_after_it() -> None:
    host = gemini_host()
    host.open()
    host.conversation.dtmf("7")
    host.say({"setupComplete": {}})
    (message,) = of(host, "realtimeInput")
    assert "key 7" in message["realtimeInput"]["text"]


# Audio


def test_the_caller_is_heard() -> None:
    host = gemini_host(SLIN16)
    start(host)
    host.sent.clear()
    data = bytes(range(256)) * 5
    host.conversation.caller_audio(data)
    host.pump()
    (message,) = host.sent
    blob = message["realtimeInput"]["audio"]
    assert blob == {"mimeType": "audio/pcm;rate=16000", "data": base64.b64encode(data).decode()}
    assert shape(message["realtimeInput"]) == shape(vector("realtimeInput", "audio"))
    client_message(json.dumps(message))


def test_a_line_of_another_rate_is_converted() -> None:
    host = gemini_host(ULAW)
    start(host)
    host.conversation.caller_audio(b"\xff" * 800)
    host.pump()
    chunks = [base64.b64decode(one["realtimeInput"]["audio"]["data"]) for one in of(host, "realtimeInput")]
    assert len(b"".join(chunks)) == pytest.approx(100 * 32, abs=40 * 32)
    audio(host, bytes(2 * 24 * 100))
    assert len(host.play()) == pytest.approx(800, abs=160)


def test_silence_takes_the_place_of_audio_that_does_not_come(active: Host) -> None:
    active.wait(seconds=2)
    silence = b"".join(base64.b64decode(one["realtimeInput"]["audio"]["data"]) for one in of(active, "realtimeInput"))
    assert len(silence) > 32 * 1500
    assert set(silence) == {0}


def test_the_agent_is_heard(active: Host) -> None:
    data = bytes(range(240)) * 8
    audio(active, data[:960])
    content(active, modelTurn={"parts": [{"text": "thinking", "thought": True}, *spoken(data[960:])["parts"]]})
    assert active.play() == data


def test_parts_of_one_message_follow_each_other(active: Host) -> None:
    parts = spoken(b"\x01" * 960)["parts"] + spoken(b"\x02" * 960)["parts"]
    content(active, modelTurn={"parts": parts})
    assert active.play() == b"\x01" * 960 + b"\x02" * 960


def test_messages_may_be_binary_and_come_in_pieces(active: Host) -> None:
    data = bytes(range(240)) * 4
    message = json.dumps({"serverContent": {"modelTurn": spoken(data)}}).encode()
    for start_at in range(0, len(message), 100):
        piece = message[start_at : start_at + 100]
        active.conversation.binary_message(piece, complete=start_at + 100 >= len(message))
    active.pump()
    assert active.play() == data
    assert active.conversation.stats().malformed_messages == 0


def test_names_may_be_in_snake_case(active: Host) -> None:
    blob = {"mime_type": "audio/pcm;rate=24000", "data": base64.b64encode(b"\x05" * 960).decode()}
    active.say({"server_content": {"model_turn": {"parts": [{"inline_data": blob}]}}})
    assert active.conversation.playout.stats().queued_bytes == 960
    active.say({"server_content": {"output_transcription": {"text": "Hello"}, "interrupted": True}})
    assert active.play() == b""
    active.say({"server_content": {"turn_complete": True}, "usage_metadata": {"total_token_count": 3}})
    active.say({"tool_call": {"function_calls": [{"id": "fc1", "name": "transfer", "args": {}}]}})
    active.say({"tool_call_cancellation": {"ids": ["fc1"]}})
    active.say({"go_away": {"time_left": "3s"}})
    assert transcripts(active) == [(Role.AGENT, "Hello")]
    assert active.conversation.stats().open_tool_calls == 0
    assert active.errors == []
    assert active.conversation.stats().unknown_messages == 0


def test_audio_that_is_not_base64_is_told_and_ignored(active: Host) -> None:
    content(active, modelTurn={"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "%%%"}}]})
    assert active.play() == b""
    assert active.errors == ["the service sent audio that is not base64; it was ignored"]


def test_audio_before_the_confirmation_is_ignored() -> None:
    host = gemini_host()
    host.open()
    audio(host, bytes(960))
    assert host.play() == b""
    assert len(host.errors) == 1


# Transcripts


def test_transcripts_are_told_as_a_whole(active: Host) -> None:
    content(active, inputTranscription={"text": "Good"})
    content(active, inputTranscription={"text": " day"})
    content(active, outputTranscription={"text": "Hel"}, modelTurn=spoken(bytes(960)))
    content(active, outputTranscription={"text": "lo"})
    assert transcripts(active) == [(Role.CALLER, "Good day")], "the agent's turn is not over"
    content(active, generationComplete=True)
    content(active, turnComplete=True)
    content(active, outputTranscription={"text": "Bye"})
    content(active, turnComplete=True)
    assert transcripts(active) == [(Role.CALLER, "Good day"), (Role.AGENT, "Hello"), (Role.AGENT, "Bye")]
    of_agent = [one.event_id for one in active.told(Transcript) if one.role is Role.AGENT]
    assert of_agent[0] != of_agent[1]


@pytest.mark.parametrize("code", [None, 1000])
def test_words_of_a_session_that_is_over_are_told(active: Host, code: int | None) -> None:
    """Whether another one takes over, which is told of them, or none does."""
    active.say({"serverContent": {"inputTranscription": {"text": "Good "}}})
    active.say({"serverContent": {"inputTranscription": {"text": "day"}}})
    assert transcripts(active) == []
    active.conversation.closed(code, "")
    active.pump()
    assert transcripts(active) == [(Role.CALLER, "Good day")]


def test_words_that_come_in_pieces_are_to_be_answered() -> None:
    host = gemini_host(answer_nudge="Answer!")
    start(host)
    host.say({"serverContent": {"inputTranscription": {"text": "Good day"}}})
    host.wait(seconds=8.1)
    assert "Answer!" in json.dumps(host.sent)


def test_a_transcript_that_is_finished_is_told_at_once(active: Host) -> None:
    content(active, inputTranscription={"text": "hi", "finished": True})
    content(active, outputTranscription={"text": "Hello"})
    content(active, outputTranscription={"finished": True})
    assert transcripts(active) == [(Role.CALLER, "hi"), (Role.AGENT, "Hello")]
    content(active, turnComplete=True)
    assert len(transcripts(active)) == 2


def test_a_transcript_without_end_is_cut_between_characters(active: Host) -> None:
    for _ in range(1000):
        content(active, outputTranscription={"text": "příliš"})
    content(active, turnComplete=True)
    ((_, text),) = transcripts(active)
    assert 4000 < len(text.encode()) < 4096
    assert ("příliš" * 1000).startswith(text)


# Interruptions


def test_an_interruption_silences_the_agent_and_needs_no_answer(active: Host) -> None:
    audio(active, bytes(48000))
    content(active, outputTranscription={"text": "Once upon"})
    active.hear(13)
    content(active, interrupted=True)
    assert active.play() == b""
    (interrupted,) = active.told(Interrupted)
    assert interrupted.heard_ms == 260
    assert transcripts(active) == [(Role.AGENT, "Once upon")]
    content(active, turnComplete=True)
    audio(active, b"\x33" * 960)
    assert active.play() == b"\x33" * 960
    assert active.sent == []
    assert active.errors == []


def test_an_interruption_may_come_with_audio_that_is_void_too(active: Host) -> None:
    audio(active, bytes(4800))
    content(active, modelTurn=spoken(bytes(4800)), interrupted=True, turnComplete=True)
    assert active.play() == b""
    audio(active, b"\x44" * 960)
    assert active.play() == b"\x44" * 960


def test_a_turn_that_is_still_heard_after_its_end_is_interrupted(active: Host) -> None:
    audio(active, bytes(48000))
    content(active, generationComplete=True)
    content(active, turnComplete=True)
    audio(active, bytes(48000))
    content(active, interrupted=True)
    assert active.play() == b""


def test_what_is_not_interrupted_goes_on(active: Host) -> None:
    audio(active, b"\x01" * 960)
    content(active, interrupted=False)
    assert active.play() == b"\x01" * 960
    assert active.told(Interrupted) == []


# Tools


def test_a_tool_is_called_and_answered(active: Host) -> None:
    calls(active, "fc1")
    assert [(one.id, one.name, json.loads(one.parameters)) for one in active.told(ToolCall)] == [
        ("fc1", "transfer", {"ext": "200"})
    ]
    assert active.conversation.tool_result("fc1", "ok")
    active.pump()
    assert active.sent == [
        {"toolResponse": {"functionResponses": [{"id": "fc1", "name": "transfer", "response": {"output": "ok"}}]}}
    ]
    assert active.sent[0]["toolResponse"] == vector("toolResponse", "functionResponses")


def test_the_service_gets_no_audio_while_a_tool_has_not_answered(active: Host) -> None:
    """It refuses it then."""
    calls(active, "fc1", "fc2")
    for _ in range(20):
        active.conversation.caller_audio(bytes(160))
        active.wait(ms=20)
    active.conversation.tool_result("fc1", "ok")
    active.pump()
    assert [next(iter(message)) for message in active.sent] == ["toolResponse"]
    active.conversation.tool_result("fc2", "ok")
    active.pump()
    sent = [next(iter(message)) for message in active.sent]
    assert sent[:2] == ["toolResponse"] * 2
    assert set(sent[2:]) == {"realtimeInput"}, "what was said meanwhile"


def test_several_tools_are_called_at_once(active: Host) -> None:
    calls(active, "fc1", "fc2")
    active.conversation.tool_result("fc2", "busy", is_error=True)
    active.conversation.tool_result("fc1", "ok")
    active.pump()
    answers = [message["toolResponse"]["functionResponses"][0] for message in active.sent]
    assert [(one["id"], one["response"]) for one in answers] == [("fc2", {"error": "busy"}), ("fc1", {"output": "ok"})]


def test_a_call_that_was_taken_back_is_not_answered(active: Host) -> None:
    calls(active, "fc1", "fc2", "fc3")
    active.say({"toolCallCancellation": {"ids": ["fc1", "fc3", "unknown"]}})
    assert not active.conversation.tool_result("fc1", "too late")
    assert active.conversation.tool_result("fc2", "ok")
    active.pump()
    assert [message["toolResponse"]["functionResponses"][0]["id"] for message in active.sent] == ["fc2"]


def test_a_call_without_arguments_has_none(active: Host) -> None:
    active.say({"toolCall": {"functionCalls": [{"id": "fc1", "name": "hangup"}]}})
    assert [one.parameters for one in active.told(ToolCall)] == ["{}"]


@pytest.mark.parametrize("call", [{"name": "transfer"}, {"id": "fc1"}, "transfer"])
def test_a_call_that_cannot_be_answered_is_told_and_ignored(active: Host, call: object) -> None:
    active.say({"toolCall": {"functionCalls": [call, {"id": "fc2", "name": "hangup", "args": {}}]}})
    assert [one.id for one in active.told(ToolCall)] == ["fc2"]
    assert active.errors == ["the service sent a tool call without a name or an id; it was ignored"]


def test_a_tool_that_does_not_answer_is_answered_for(host: Host) -> None:
    calls(host, "fc1")
    host.wait(seconds=120)
    (message,) = of(host, "toolResponse")
    (answer,) = message["toolResponse"]["functionResponses"]
    assert "did not answer" in answer["response"]["error"]


# Texts


def test_keys_and_texts_go_the_way_of_audio(active: Host) -> None:
    active.conversation.dtmf("5")
    assert active.conversation.user_message("I want sales")
    assert active.conversation.context('The caller is "in" the lobby.')
    active.pump()
    texts = [message["realtimeInput"]["text"] for message in active.sent]
    assert "key 5" in texts[0]
    assert texts[1] == "I want sales"
    assert texts[2].endswith(': The caller is "in" the lobby.')
    assert all(shape(one["realtimeInput"]) == shape(vector("realtimeInput", "text")) for one in active.sent)


# What else comes


def test_every_message_of_the_vendor_is_known(active: Host) -> None:
    for message in RECEIVED:
        if "setupComplete" not in message:
            active.say(message)
    stats = active.conversation.stats()
    assert (stats.unknown_messages, stats.malformed_messages) == (0, 0)
    assert active.errors == []
    assert transcripts(active) == [(Role.CALLER, "hi"), (Role.AGENT, "Hello")]
    assert (stats.interruptions, stats.tool_calls, stats.open_tool_calls) == (1, 1, 0)


@pytest.mark.parametrize(
    "message",
    [
        {"usageMetadata": {"totalTokenCount": 3}, "serverContent": {}},
        {"voiceActivity": {"voiceActivityType": "ACTIVITY_START", "audioOffset": "1.2s"}},
        {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}},
        {"serverContent": {"waitingForInput": True}},
        {"serverContent": {"interimInputTranscription": {"text": "h"}}},
        {"serverContent": {"groundingMetadata": {}}},
        {"serverContent": {"urlContextMetadata": {}}},
        {"serverContent": {"turnComplete": True, "turnCompleteReason": "NEED_MORE_INPUT", "interactionStatus": "IDLE"}},
        {"serverContent": {"modelTurn": {"parts": [{"text": "thinking", "thought": True}]}}},
        {"sessionResumptionUpdate": {"resumable": False}},
        {"sessionResumptionUpdate": {}},
        {"session_resumption_update": {"new_handle": "h1", "resumable": True}},
    ],
)
def test_what_means_nothing_on_a_telephone_is_known_all_the_same(active: Host, message: dict[str, Any]) -> None:
    active.say(message)
    assert active.conversation.stats().unknown_messages == 0
    assert active.errors == []


def test_unknown_messages_are_counted(active: Host) -> None:
    active.say({"fromTheFuture": {"interrupted": True}})
    assert active.conversation.stats().unknown_messages == 1
    assert active.told(Interrupted) == []


@pytest.mark.parametrize("garbage", [b"\xff\xfe", b'{"serverContent":', b"[1, 2"])
def test_what_is_not_json_is_told_and_ignored(active: Host, garbage: bytes) -> None:
    active.conversation.binary_message(garbage)
    active.pump()
    assert active.conversation.stats().malformed_messages == 1
    audio(active, b"\x01" * 960)
    assert active.play() == b"\x01" * 960


def test_fields_of_another_type_are_left_out(active: Host) -> None:
    active.say({"serverContent": {"interrupted": "yes", "outputTranscription": {"text": 5}, "turnComplete": 1}})
    assert active.told(Interrupted) == []
    assert active.told(Transcript) == []
    assert active.conversation.stats().malformed_messages == 0


# The end


def test_session_that_the_service_ends_is_taken_up_by_another_connection(active: Host) -> None:
    active.say({"sessionResumptionUpdate": {"newHandle": "h1", "resumable": True}})
    active.say({"goAway": {"timeLeft": "9.5s"}})
    (close,) = active.wait(ms=500)
    assert isinstance(close, Close)
    active.conversation.closed(1000, "")
    active.open()
    *_, setup = [message["setup"] for message in active.sent if "setup" in message]
    assert setup["sessionResumption"] == {"handle": "h1"}
    active.say({"setupComplete": {}})
    assert active.conversation.phase is Phase.ACTIVE
    assert active.sent[-1] == {"setup": setup}, "it knows what was said"


def given_a_handle(host: Host) -> None:
    """Something was said, and the connection breaks."""
    host.say({"serverContent": {"outputTranscription": {"text": "Hello"}, "turnComplete": True}})
    host.say({"session_resumption_update": {"new_handle": "h1", "resumable": True}})


def break_off(host: Host, code: int | None = None, reason: str = "") -> None:
    host.conversation.closed(code, reason)
    host.pump()


def handles(host: Host) -> list[dict[str, Any]]:
    """What each connection so far was to take up."""
    return [message["setup"]["sessionResumption"] for message in host.sent if "setup" in message]


@pytest.mark.parametrize(
    "update", [{"resumable": False}, {"resumable": False, "newHandle": ""}, {}, {"newHandle": "h2"}]
)
def test_handle_that_is_no_good_any_more_is_not_used(active: Host, update: dict[str, Any]) -> None:
    """The service may leave out what is false."""
    given_a_handle(active)
    active.say({"sessionResumptionUpdate": update})
    break_off(active)
    active.open()
    assert handles(active) == [{}]
    active.say({"setupComplete": {}})
    assert "Agent: Hello" in active.sent[-1]["realtimeInput"]["text"]


@pytest.mark.parametrize(
    ("resume", "handle", "told"),
    [("handle", {"handle": "h1"}, False), ("history", {}, True), ("both", {"handle": "h1"}, True)],
)
def test_a_session_goes_on_as_configured(resume: str, handle: dict[str, str], told: bool) -> None:
    host = gemini_host(resume=resume)
    start(host)
    given_a_handle(host)
    break_off(host)
    host.open()
    assert handles(host)[-1] == handle
    host.say({"setupComplete": {}})
    assert ("Agent: Hello" in json.dumps(host.sent[-1])) is told


@pytest.mark.parametrize("code", [1007, 1008, 1011, 1000, 4321])
def test_handle_that_is_refused_costs_no_attempt_and_no_call(code: int) -> None:
    host = gemini_host(max_connection_attempts=1, reconnect_message="I am back.")
    start(host)
    given_a_handle(host)
    break_off(host)
    host.open()
    assert handles(host) == [{}, {"handle": "h1"}]
    break_off(host, code, "Session not found")
    assert "the session of before was not taken up again, a new one is begun: " in host.errors[-1]
    assert "Session not found" in host.errors[-1]
    host.open()
    assert handles(host)[2:] == [{}]
    host.say({"setupComplete": {}})
    assert host.conversation.phase is Phase.ACTIVE
    assert host.conversation.stats().attempts == 1
    *_, told, order = [message["realtimeInput"]["text"] for message in of(host, "realtimeInput")]
    assert "Agent: Hello" in told + order
    assert "I am back." in told + order


def test_a_new_session_that_is_refused_too_is_a_failure() -> None:
    host = gemini_host(max_connection_attempts=1)
    start(host)
    given_a_handle(host)
    break_off(host)
    host.open()
    break_off(host, 1007, "Session not found")
    host.open()
    break_off(host, 1007, "Quota exceeded")
    assert host.conversation.phase is Phase.ENDED
    assert "Quota exceeded" in host.ended.reason
    assert sum("was not taken up again" in error for error in host.errors) == 1


def test_handle_that_is_refused_after_other_failures_costs_no_attempt() -> None:
    host = gemini_host(max_connection_attempts=2, retry_backoff_ms=10)
    start(host)
    given_a_handle(host)
    break_off(host)
    host.begin()
    host.conversation.request_failed("down", retry=True)
    host.pump()
    host.clock.advance(ms=10)
    host.open()
    break_off(host, 1008)
    host.open()
    assert handles(host) == [{}, {"handle": "h1"}, {}]
    host.say({"setupComplete": {}})
    assert host.conversation.phase is Phase.ACTIVE


def test_handle_is_kept_where_only_the_connection_broke() -> None:
    host = gemini_host(max_connection_attempts=2, retry_backoff_ms=10)
    start(host)
    given_a_handle(host)
    break_off(host)
    host.open()
    break_off(host)
    host.clock.advance(ms=10)
    host.open()
    assert handles(host) == [{}, {"handle": "h1"}, {"handle": "h1"}]


def test_handle_that_the_service_does_not_answer_is_not_used_again() -> None:
    host = gemini_host(max_connection_attempts=2, retry_backoff_ms=10, handshake_timeout_seconds=1)
    start(host)
    given_a_handle(host)
    break_off(host)
    host.open()
    host.wait(seconds=1.05)
    host.conversation.connected()
    host.pump()
    assert handles(host) == [{}, {"handle": "h1"}, {}]


def test_fresh_session_that_is_refused_too_is_the_end() -> None:
    host = gemini_host()
    start(host)
    given_a_handle(host)
    break_off(host)
    for _ in range(2):
        host.open()
        break_off(host, 1008, "no")
    assert host.ended.status is Status.LOST


def test_service_that_ends_the_session_sooner_than_it_said_is_replaced_too(active: Host) -> None:
    active.say({"goAway": {"timeLeft": "9.5s"}})
    active.conversation.closed(1011, "Deadline expired")
    active.pump()
    assert active.conversation.phase is Phase.WAITING


def test_session_that_was_replaced_leaves_no_mark_on_the_end() -> None:
    """The service closed it as it closes after a goodbye, which is heard to its end."""
    host = gemini_host(call_duration_limit_seconds=10)
    start(host)
    host.say({"goAway": {"timeLeft": "9.5s"}})
    break_off(host, 1000)
    host.open()
    host.say({"setupComplete": {}})
    audio(host, bytes(2 * 24000 * 20))
    host.wait(seconds=10)
    assert host.ended.status is Status.TIMEOUT
    assert not any("to its end" in error for error in host.errors)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (1000, Status.COMPLETED),
        (1001, Status.LOST),
        (1007, Status.LOST),
        (1008, Status.LOST),
        (1011, Status.LOST),
        (4321, Status.LOST),
        (None, Status.LOST),
    ],
)
def test_the_end(code: int | None, status: Status) -> None:
    active = gemini_host(reconnect_attempts=0)
    start(active)
    active.conversation.closed(code, "why")
    active.pump()
    assert (active.ended.status, active.ended.close_code) == (status, code)


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        (1007, "API key not valid. Please pass a valid API key.", "check model, voice_id, language and api_key"),
        (1008, "models/x is not found for API version v1beta", "check model and api_key"),
    ],
)
def test_a_refused_setup_is_not_tried_again(code: int, reason: str, advice: str) -> None:
    host = gemini_host(max_connection_attempts=3)
    host.open()
    host.conversation.closed(code, reason)
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE
    assert advice in host.ended.reason
    assert reason in host.ended.reason


FAULT_OF_ITS_OWN = "Operation is not implemented, or supported, or enabled."


@pytest.mark.parametrize(("code", "reason"), [(1008, FAULT_OF_ITS_OWN), (1011, "Internal error encountered.")])
def test_a_fault_of_the_service_in_the_middle_of_a_call_is_got_over(active: Host, code: int, reason: str) -> None:
    active.conversation.closed(code, reason)
    active.pump()
    assert active.conversation.phase is Phase.WAITING
    assert reason in active.errors[-1]
    # What worked a minute ago is right.
    assert "check" not in active.errors[-1]
    active.open()
    active.say({"setupComplete": {}})
    assert active.conversation.phase is Phase.ACTIVE


def test_the_same_fault_before_the_conversation_began_is_the_models_or_the_keys() -> None:
    host = gemini_host(max_connection_attempts=3)
    host.open()
    host.conversation.closed(1008, FAULT_OF_ITS_OWN)
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE
    assert "check model and api_key" in host.ended.reason


def test_what_the_service_refuses_in_the_middle_of_a_call_is_no_matter_of_the_key(active: Host) -> None:
    active.conversation.closed(1008, "no")
    active.pump()
    assert active.ended.status is Status.LOST
    assert "check" not in active.ended.reason


@pytest.mark.parametrize("code", [1011, 1013, None])
def test_a_new_attempt_remembers_nothing_of_the_last(code: int | None) -> None:
    host = gemini_host(retry_backoff_ms=0)
    host.open()
    host.conversation.closed(code, "")
    host.pump()
    (action,) = host.tick()
    assert isinstance(action, Open)
    host.conversation.connected()
    host.pump()
    assert len(of(host, "setup")) == 2
    host.say({"setupComplete": {}})
    assert host.conversation.phase is Phase.ACTIVE


def test_tokens_are_counted_as_the_service_counts_them(active: Host) -> None:
    active.say({"usageMetadata": {"promptTokenCount": 5, "responseTokenCount": 7, "totalTokenCount": 12}})
    active.say({"usage_metadata": {"prompt_token_count": 6}, "server_content": {"turn_complete": True}})
    active.say({"usageMetadata": {"promptTokenCount": -5, "responseTokenCount": 1e300}})
    stats = active.conversation.stats()
    assert (stats.input_tokens, stats.output_tokens) == (11, 7)
    assert stats.unknown_messages == 0
