"""Deepgram Voice Agent: what is sent, and what becomes of what comes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_host import API_KEY, ULAW, Host

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Interrupted, Open, Role, Send, Status, ToolCall, Transcript
from aiconvai.engine.settings import Settings
from aiconvai.mock.deepgram import client_message, server_message

AGENT = {"provider": "deepgram", "api_key": API_KEY, "dtmf_interdigit_ms": "0"}
"""Each key is told by itself."""
ALAW = AudioFormat(Encoding.ALAW, 8000)
SLIN16 = AudioFormat(Encoding.PCM16, 16000)
VECTORS = [
    json.loads(line) for line in (Path(__file__).parent / "vectors" / "deepgram.jsonl").read_text("utf-8").splitlines()
]
CALLER_TEXT = {"type": "ConversationText", "role": "user", "content": "hello"}
AGENT_TEXT = {"type": "ConversationText", "role": "assistant", "content": "Hi there"}
THINKING = {"type": "AgentThinking", "content": ""}
STARTED = {"type": "AgentStartedSpeaking", "total_latency": 0.9, "tts_latency": 0.3, "ttt_latency": 0.5}
SPEECH = {"type": "UserStartedSpeaking"}
DONE = {"type": "AgentAudioDone"}


def deepgram_host(line_format: AudioFormat = ULAW, **options: Any) -> Host:
    return Host(AGENT, line_format=line_format, **options)


def ask_for_settings(host: Host) -> dict[str, Any]:
    """From the beginning to the settings; returns them."""
    host.open()
    assert host.sent == []
    host.say({"type": "Welcome", "request_id": "req_1"})
    (settings,) = host.sent
    client_message(settings)
    return settings


def start(host: Host) -> dict[str, Any]:
    """From the beginning to the confirmed settings; returns them."""
    settings = ask_for_settings(host)
    assert host.conversation.phase is Phase.STARTING
    host.say({"type": "SettingsApplied"})
    assert host.conversation.phase is Phase.ACTIVE
    return settings


def audio(host: Host, *pieces: bytes) -> None:
    """One binary message of the service, in as many pieces."""
    for number, piece in enumerate(pieces, 1):
        host.conversation.binary_message(piece, complete=number == len(pieces))
    host.pump()


def test_settings_that_are_confirmed_before_they_are_sent_begin_nothing() -> None:
    host = deepgram_host()
    host.open()
    host.say({"type": "SettingsApplied"})
    assert host.conversation.phase is Phase.STARTING
    assert "settings that it was not sent yet" in host.errors[-1]
    host.say({"type": "Welcome", "request_id": "req_1"})
    host.say({"type": "Welcome", "request_id": "req_2"})
    assert [message["type"] for message in host.sent] == ["Settings"]
    host.say({"type": "SettingsApplied"})
    assert host.conversation.stats().conversation_id == "req_1"


def error(host: Host, code: str, description: str = "No such voice") -> None:
    host.say({"type": "Error", "code": code, "description": description})


def call(*functions: tuple[str, str], **fields: object) -> dict[str, Any]:
    """A request of these functions, each an id and a name."""
    more = {"arguments": '{"ext":"200"}', "client_side": True, **fields}
    return {"type": "FunctionCallRequest", "functions": [{"id": id_, "name": name, **more} for id_, name in functions]}


@pytest.fixture
def host() -> Iterator[Host]:
    """Of a confirmed conversation; all that it was made to send is what the service knows."""
    host = deepgram_host(audio_frames_buffer_ms=20)
    start(host)
    host.sent.clear()
    yield host
    for message in host.sent:
        client_message(message)


# Opening


def test_the_key_is_a_token() -> None:
    request = deepgram_host().begin().request
    assert request.url == "wss://agent.deepgram.com/v1/agent/converse"
    assert request.headers == {"Authorization": f"Token {API_KEY}"}
    assert request.subprotocol is None


def test_another_region_is_another_endpoint() -> None:
    endpoint = "wss://api.eu.deepgram.com/v1/agent/converse"
    assert deepgram_host(base_url=endpoint).begin().request.url == endpoint


def test_a_fixed_url_is_used_as_it_is() -> None:
    request = Host({"provider": "deepgram", "conversation_url": "ws://127.0.0.1:8000/agent?x=1"}).begin().request
    assert request.url == "ws://127.0.0.1:8000/agent?x=1"
    assert request.headers == {}


def test_an_agent_needs_a_key() -> None:
    settings = Settings.read_agent("sales", {"provider": "deepgram"})
    assert settings.problems == (
        "aiconvai.conf:2: [sales]: expected api_key (elevenlabs_api_key); add it, or set conversation_url to a server "
        "that wants none",
    )


def test_options_of_another_provider_are_refused() -> None:
    (problem,) = Settings.read_agent("sales", {**AGENT, "model": "gpt-realtime"}).problems
    assert "model = gpt-realtime: expected with another provider, this agent's is deepgram" in problem


# The settings


def test_the_settings_answer_the_welcome() -> None:
    host = deepgram_host(prompt="Be brief.", first_message="Hello", language="cs")
    assert start(host) == {
        "type": "Settings",
        "audio": {
            "input": {"encoding": "mulaw", "sample_rate": 8000},
            "output": {"encoding": "mulaw", "sample_rate": 8000, "container": "none"},
        },
        "agent": {
            "greeting": "Hello",
            "listen": {"provider": {"type": "deepgram", "version": "v1", "model": "nova-3", "language": "cs"}},
            "think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "prompt": "Be brief."},
            "speak": {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}},
        },
    }
    assert host.conversation.stats().conversation_id == "req_1"


def test_models_and_the_voice_may_be_chosen() -> None:
    host = deepgram_host(
        listen_model="nova-2", think_provider="anthropic", think_model="claude-sonnet-4-5", voice="aura-2-orion-en"
    )
    agent = start(host)["agent"]
    assert agent["listen"]["provider"] == {"type": "deepgram", "version": "v1", "model": "nova-2"}
    assert agent["think"] == {"provider": {"type": "anthropic", "model": "claude-sonnet-4-5"}}
    assert agent["speak"] == {"provider": {"type": "deepgram", "model": "aura-2-orion-en"}}
    assert "greeting" not in agent


@pytest.mark.parametrize(
    ("model", "language"), [("flux-general-en", {}), ("flux-general-multi", {"language_hints": ["cs"]})]
)
def test_flux_models_have_an_interface_of_their_own(model: str, language: dict[str, Any]) -> None:
    agent = start(deepgram_host(listen_model=model, language="cs"))["agent"]
    assert agent["listen"]["provider"] == {"type": "deepgram", "version": "v2", "model": model, **language}


def test_a_saved_agent_is_named_instead_of_described() -> None:
    saved = "2f1a5d0e-6d3c-4d5b-9c52-0a8f3c6e9b11"
    assert start(deepgram_host(agent_id=saved, prompt="Be brief."))["agent"] == saved


def test_texts_are_about_this_call() -> None:
    host = Host(
        AGENT, prompt="You speak with {caller_name} of {nobody}.", first_message="Hello {caller_name}!",
        variables={"caller_name": "{Ann}"},
    )  # fmt: skip
    agent = start(host)["agent"]
    assert agent["think"]["prompt"] == "You speak with {Ann} of {nobody}."
    assert agent["greeting"] == "Hello {Ann}!"


@pytest.mark.parametrize(
    ("line_format", "encoding", "rate"),
    [
        (ULAW, "mulaw", 8000),
        (ALAW, "alaw", 8000),
        (AudioFormat(Encoding.PCM16, 8000), "linear16", 8000),
        (AudioFormat(Encoding.PCM16, 12000), "linear16", 16000),
        (SLIN16, "linear16", 16000),
        (AudioFormat(Encoding.PCM16, 32000), "linear16", 32000),
        (AudioFormat(Encoding.PCM16, 44100), "linear16", 48000),
        (AudioFormat(Encoding.PCM16, 48000), "linear16", 48000),
    ],
)
def test_the_line_keeps_its_format_where_the_service_has_it(line_format: AudioFormat, encoding: str, rate: int) -> None:
    host = deepgram_host(line_format)
    settings = start(host)
    assert settings["audio"]["input"] == {"encoding": encoding, "sample_rate": rate}
    assert settings["audio"]["output"] == {"encoding": encoding, "sample_rate": rate, "container": "none"}
    stats = host.conversation.stats()
    assert stats.uplink_format == stats.downlink_format == AudioFormat(line_format.encoding, rate)


@pytest.mark.parametrize("code", ["INVALID_SETTINGS", "INVALID_AGENT_ID", "UNPARSABLE_CLIENT_MESSAGE"])
def test_settings_that_are_refused_end_the_attempt(code: str) -> None:
    host = deepgram_host()
    ask_for_settings(host)
    error(host, code)
    assert (host.ended.status, host.ended.reason) == (Status.UNAVAILABLE, f"error {code}: No such voice")


def test_what_the_service_failed_at_is_tried_again() -> None:
    host = deepgram_host(retry_backoff_ms=0)
    ask_for_settings(host)
    error(host, "FAILED_TO_START_LISTENING", "busy")
    host.conversation.closed(1011, "busy")
    host.pump()
    assert "error FAILED_TO_START_LISTENING: busy" in host.errors[-1]
    (action,) = host.tick()
    assert isinstance(action, Open)


def test_a_close_without_a_code_is_no_reason_to_try_again() -> None:
    host = deepgram_host()
    ask_for_settings(host)
    host.conversation.closed(1005, "")
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE
    assert "refuses the settings" in host.ended.reason


# Audio


def test_the_caller_is_heard(host: Host) -> None:
    host.conversation.caller_audio(bytes(range(160)) * 2)
    actions = host.pump()
    assert actions == [Send(bytes(range(160)), binary=True)] * 2
    assert host.sent == []


def test_the_agent_is_heard(host: Host) -> None:
    audio(host, bytes(range(256)) * 5)
    audio(host, b"\x11" * 320)
    assert host.play() == bytes(range(256)) * 5 + b"\x11" * 320


def test_a_sample_may_come_in_two_pieces() -> None:
    host = deepgram_host(SLIN16)
    start(host)
    data = bytes(range(128)) * 20
    audio(host, data[:7], data[7:8], data[8:1001], data[1001:])
    assert host.play() == data


def test_audio_before_the_settings_are_confirmed_is_not_heard() -> None:
    host = deepgram_host()
    ask_for_settings(host)
    audio(host, bytes(160))
    assert host.errors == ["the service sent audio before it announced the conversation; it was ignored"]
    assert host.play() == b""


def test_transcripts(host: Host) -> None:
    host.say(CALLER_TEXT)
    host.say(AGENT_TEXT)
    audio(host, bytes(160))
    host.say({**AGENT_TEXT, "content": "What can I do?"})
    audio(host, bytes(160))
    host.say(DONE)
    host.say({**AGENT_TEXT, "content": "Hm?"})
    assert [(one.role, one.text, one.event_id) for one in host.told(Transcript)] == [
        (Role.CALLER, "hello", None),
        (Role.AGENT, "Hi there", 1),
        (Role.AGENT, "What can I do?", 1),
        (Role.AGENT, "Hm?", 2),
    ]


# Interruptions


@pytest.mark.parametrize("next_turn", [CALLER_TEXT, THINKING, AGENT_TEXT, STARTED, DONE], ids=lambda turn: turn["type"])
def test_what_still_comes_of_an_interrupted_turn_is_not_heard(host: Host, next_turn: dict[str, Any]) -> None:
    audio(host, bytes(8000))
    host.hear(13)
    host.say(SPEECH)
    audio(host, b"\x11" * 800)
    audio(host, b"\x22" * 800)
    assert host.play() == b""
    host.say(next_turn)
    audio(host, b"\x33" * 800)
    assert host.play() == b"\x33" * 800
    (interrupted,) = host.told(Interrupted)
    assert interrupted.heard_ms == 260
    assert host.conversation.playout.stats().chunks_late == 2
    assert host.errors == []


def test_a_turn_that_was_sent_whole_is_interrupted_too(host: Host) -> None:
    audio(host, bytes(8000))
    host.say(DONE)
    host.say(SPEECH)
    assert host.play() == b""
    assert len(host.told(Interrupted)) == 1
    audio(host, b"\x33" * 800)
    assert host.play() == b"\x33" * 800, "nothing of the turn before it could still come"


def test_a_caller_who_answers_interrupts_nothing(host: Host) -> None:
    host.say(SPEECH)
    audio(host, bytes(1600))
    host.say(DONE)
    assert host.play() == bytes(1600)
    host.say(SPEECH)
    audio(host, b"\x33" * 800)
    assert host.play() == b"\x33" * 800
    assert host.told(Interrupted) == []


def test_one_interruption_is_told_once(host: Host) -> None:
    audio(host, bytes(8000))
    host.say(SPEECH)
    audio(host, bytes(800))
    host.say(SPEECH)
    assert len(host.told(Interrupted)) == 1


# Tools and texts


def test_a_tool_is_called_and_answered(host: Host) -> None:
    host.say(call(("f1", "transfer")))
    assert [(one.id, one.name, one.parameters) for one in host.told(ToolCall)] == [("f1", "transfer", '{"ext":"200"}')]
    host.conversation.tool_result("f1", '{"ok":true}')
    host.pump()
    assert host.sent == [{"type": "FunctionCallResponse", "id": "f1", "name": "transfer", "content": '{"ok":true}'}]


def test_several_tools_are_called_at_once(host: Host) -> None:
    host.say(call(("f1", "lookup"), ("f2", "transfer")))
    assert [one.id for one in host.told(ToolCall)] == ["f1", "f2"]
    host.conversation.tool_result("f2", "second", is_error=True)
    host.conversation.tool_result("f1", "first")
    host.pump()
    assert [(one["id"], one["name"], one["content"]) for one in host.messages("FunctionCallResponse")] == [
        ("f2", "transfer", "second"),
        ("f1", "lookup", "first"),
    ]


def test_tools_of_the_service_are_not_ours(host: Host) -> None:
    host.say(call(("f1", "lookup"), client_side=False))
    assert host.told(ToolCall) == []
    assert host.sent == []


def test_a_cancelled_call_is_not_answered(host: Host) -> None:
    host.say(call(("f1", "lookup"), ("f2", "transfer")))
    host.say({"type": "FunctionCallCancelled", "functions": [{"id": "f1", "name": "lookup"}]})
    assert not host.conversation.tool_result("f1", "too late")
    assert host.conversation.tool_result("f2", "in time")
    host.wait(seconds=11)
    assert [one["id"] for one in host.messages("FunctionCallResponse")] == ["f2"]
    assert host.conversation.stats().tool_timeouts == 0


def test_a_tool_nobody_answers_is_answered_for(host: Host) -> None:
    host.say(call(("f1", "lookup")))
    host.wait(seconds=11)
    (response,) = host.messages("FunctionCallResponse")
    assert (response["id"], response["name"]) == ("f1", "lookup")
    assert "did not answer" in response["content"]


def test_a_call_without_arguments_has_none(host: Host) -> None:
    host.say(call(("f1", "lookup"), arguments=""))
    assert [one.parameters for one in host.told(ToolCall)] == ["{}"]


def test_a_call_that_cannot_be_answered_is_ignored(host: Host) -> None:
    nameless = {"id": "f1", "arguments": "{}", "client_side": True}
    host.say({"type": "FunctionCallRequest", "functions": [nameless, {**nameless, "id": "f2", "name": "lookup"}]})
    assert [one.id for one in host.told(ToolCall)] == ["f2"]
    assert host.errors == ["the service sent a tool call without a name or an id; it was ignored"]


def test_keys_and_texts(host: Host) -> None:
    host.conversation.context("The caller is in the lobby.")
    host.conversation.user_message("Where am I?")
    host.conversation.dtmf("5")
    host.pump()
    assert host.sent == [
        {"type": "UpdatePrompt", "prompt": "The caller is in the lobby."},
        {"type": "InjectUserMessage", "content": "Where am I?"},
        {"type": "InjectUserMessage", "content": "The caller pressed the key 5 on the telephone keypad."},
    ]


def test_what_is_told_is_added_to_the_whole_prompt() -> None:
    """The documentation says of a new prompt both that it is added and that it takes the place of the one before."""
    host = deepgram_host(prompt="Be brief.")
    start(host)
    host.sent.clear()
    host.conversation.context("The caller is in the lobby.")
    host.conversation.context("The lift is out of order.")
    host.pump()
    assert [one["prompt"] for one in host.sent] == [
        "Be brief.\n\nThe caller is in the lobby.",
        "Be brief.\n\nThe caller is in the lobby.\n\nThe lift is out of order.",
    ]


def test_no_more_is_added_to_the_prompt_than_has_room(host: Host) -> None:
    for number in range(40):
        host.conversation.context(f"{number} " + "x" * 300)
        host.pump()
    prompts = [one["prompt"] for one in host.sent]
    assert max(len(one) for one in prompts) < 4096
    assert prompts[-1].endswith("39 " + "x" * 300)
    texts = prompts[-1].split("\n\n")
    assert len(texts) == 13
    assert all(text.endswith("x" * 300) for text in texts), "whole texts go"
    host.conversation.context("é" * 5000)
    host.pump()
    assert host.sent[-1]["prompt"] == "é" * 2046


# What was said before


def test_history_is_a_part_of_the_settings_of_a_session_that_goes_on(host: Host) -> None:
    host.say(CALLER_TEXT)
    host.say(AGENT_TEXT)
    host.conversation.closed(None, "")
    host.sent.clear()
    settings = start(host)
    assert settings["agent"]["context"] == {
        "messages": [
            {"type": "History", "role": "user", "content": "hello"},
            {"type": "History", "role": "assistant", "content": "Hi there"},
        ]
    }
    assert [one["type"] for one in host.sent] == ["Settings"], "and is not told once more"


def test_a_first_session_has_no_history() -> None:
    assert "context" not in start(deepgram_host())["agent"]


def test_an_agent_of_the_service_is_told_what_was_said_when_it_has_begun() -> None:
    host = deepgram_host(agent_id="a1", said="Caller: hello\n")
    assert start(host)["agent"] == "a1"
    (update,) = [one for one in host.sent if one["type"] == "UpdatePrompt"]
    assert update["prompt"].endswith("Caller: hello\n")


# Signs of life


def test_a_silent_caller_is_kept_alive(host: Host) -> None:
    sent_at = []
    for second in range(60):
        before = len(host.actions)
        host.wait(seconds=1)
        if len(host.actions) > before:
            sent_at.append(second)
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent_at)]
    assert max(gaps) <= 8
    assert host.sent == [{"type": "KeepAlive"}] * len(host.sent)
    assert 5 <= len(host.sent) <= 8


def test_a_caller_who_is_heard_needs_no_keep_alive(host: Host) -> None:
    for _ in range(50 * 20):
        host.conversation.caller_audio(bytes(160))
        host.wait(ms=20)
    assert host.sent == []


# What else comes


def test_every_known_message_is_known() -> None:
    host = deepgram_host()
    host.open()
    for message in VECTORS:
        server_message(message)
        host.say(message)
    assert host.conversation.stats().unknown_messages == 0
    assert host.conversation.stats().malformed_messages == 0
    assert host.ended.reason == "error CLIENT_MESSAGE_TIMEOUT: …"


def test_warnings_are_told(host: Host) -> None:
    host.say({"type": "Warning", "description": "The prompt was cut", "code": "PROMPT_TOO_LONG"})
    host.say({"type": "InjectionRefused", "message": "The agent is speaking"})
    assert host.errors == [
        "warning PROMPT_TOO_LONG: The prompt was cut",
        "the service did not say what it was told to say: The agent is speaking",
    ]
    host.conversation.closed(1000, "")
    host.pump()
    assert host.ended.reason == "the service ended the conversation (close code 1000)"


def test_an_error_is_the_end_even_if_the_service_does_not_close(host: Host) -> None:
    error(host, "FAILED_TO_THINK", "The model is gone")
    assert (host.ended.status, host.ended.reason) == (Status.LOST, "error FAILED_TO_THINK: The model is gone")


def test_messages_nobody_understands_are_counted(host: Host) -> None:
    host.say({"type": "AgentDreams"})
    host.conversation.message(b'{"type":')
    host.pump()
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.last_unknown, stats.malformed_messages) == (1, "AgentDreams", 1)
    assert host.conversation.phase is Phase.ACTIVE


@pytest.mark.parametrize(
    ("code", "status"),
    [(1000, Status.COMPLETED), (1001, Status.LOST), (1005, Status.LOST), (1011, Status.LOST), (None, Status.LOST)],
)
def test_the_end(code: int | None, status: Status) -> None:
    host = deepgram_host(reconnect_attempts=0)
    start(host)
    host.conversation.closed(code, "")
    host.pump()
    assert host.ended.status is status


def test_a_new_attempt_remembers_nothing_of_the_last() -> None:
    host = deepgram_host(retry_backoff_ms=0)
    ask_for_settings(host)
    host.conversation.closed(1011, "")
    host.pump()
    host.begin()
    host.conversation.connected()
    host.say({"type": "Welcome", "request_id": "req_2"})
    assert len(host.messages("Settings")) == 2
    host.say({"type": "SettingsApplied"})
    assert host.conversation.stats().conversation_id == "req_2"
