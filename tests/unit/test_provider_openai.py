"""OpenAI Realtime: what is sent, and what becomes of what comes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from engine_host import API_KEY, ULAW, Host

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Interrupted, Open, Role, Send, Status, ToolCall, Transcript
from aiconvai.engine.settings import Settings, ToolSettings

AGENT = {"provider": "openai", "api_key": API_KEY, "dtmf_interdigit_ms": "0"}
"""Each key is told by itself."""
ALAW = AudioFormat(Encoding.ALAW, 8000)
SLIN16 = AudioFormat(Encoding.PCM16, 16000)
BUSY = "conversation_already_has_active_response"
SESSION = {"type": "realtime", "id": "sess_1", "model": "gpt-realtime-2.1"}
VECTORS = [
    json.loads(line) for line in (Path(__file__).parent / "vectors" / "openai.jsonl").read_text("utf-8").splitlines()
]


def openai_host(line_format: AudioFormat = ULAW, **options: object) -> Host:
    return Host(AGENT, line_format=line_format, **options)


def start(host: Host) -> dict[str, Any]:
    """From the beginning to the confirmed session; returns the settings that were sent."""
    host.open()
    assert host.sent == []
    host.say({"type": "session.created", "event_id": "e1", "session": SESSION})
    (update,) = host.messages("session.update")
    host.say({"type": "session.updated", "event_id": "e2", "session": SESSION})
    assert host.conversation.phase is Phase.ACTIVE
    session: dict[str, Any] = update["session"]
    return session


def respond(host: Host, response: str) -> None:
    host.say({"type": "response.created", "response": {"id": response, "status": "in_progress"}})


def audio(host: Host, response: str, item: str, data: bytes) -> None:
    delta = base64.b64encode(data).decode()
    host.say({"type": "response.output_audio.delta", "response_id": response, "item_id": item, "delta": delta})


def done(host: Host, response: str, status: str = "completed", **details: object) -> None:
    host.say({"type": "response.done", "response": {"id": response, "status": status, **details}})


def speech(host: Host) -> None:
    host.say({"type": "input_audio_buffer.speech_started", "audio_start_ms": 1200, "item_id": "item_u"})


def call(host: Host, call_id: str, response: str = "resp_1", **item: object) -> None:
    whole = {"id": "item_f", "type": "function_call", "status": "completed", "call_id": call_id, "name": "transfer"}
    arguments = {"arguments": '{"ext":"200"}'}
    host.say({"type": "response.output_item.done", "response_id": response, "item": {**whole, **arguments, **item}})


def refuse(host: Host, event_id: str | None, code: str | None = BUSY, message: str = "Wait.") -> None:
    """The service refuses the message of that name."""
    error = {"type": "invalid_request_error", "code": code, "message": message, "event_id": event_id}
    host.say({"type": "error", "error": error})


def confirm(host: Host, **item: object) -> None:
    """Something that was told is in the conversation."""
    host.say({"type": "conversation.item.added", "item": {"id": "item_1", **item}, "previous_item_id": None})


def asked(host: Host) -> list[str]:
    """The names of all requests for an answer so far."""
    return [message["event_id"] for message in host.messages("response.create")]


def result(host: Host, call_id: str, text: str = "found") -> None:
    """The tool answers."""
    assert host.conversation.tool_result(call_id, text)
    host.pump()


def press(host: Host, key: str) -> None:
    host.conversation.dtmf(key)
    host.pump()


@pytest.fixture
def host() -> Host:
    host = openai_host()
    start(host)
    host.sent.clear()
    return host


# Opening


def test_the_key_is_a_bearer_token() -> None:
    request = openai_host(model="gpt-realtime").begin().request
    assert request.url == "wss://api.openai.com/v1/realtime?model=gpt-realtime"
    assert request.headers == {"Authorization": f"Bearer {API_KEY}"}
    assert "OpenAI-Beta" not in request.headers


def test_the_key_may_have_a_header_of_its_own() -> None:
    endpoint = "wss://example.openai.azure.com/openai/realtime?api-version=2026-01-01"
    request = openai_host(base_url=endpoint, api_key_header="api-key", model="x y").begin().request
    assert request.url == f"{endpoint}&model=x%20y"
    assert request.headers == {"api-key": API_KEY}


def test_the_header_of_the_key_may_be_the_usual_one() -> None:
    assert openai_host(api_key_header="authorization").begin().request.headers == {"Authorization": f"Bearer {API_KEY}"}


def test_xai_has_settings_of_its_own_and_is_not_told_what_was_heard() -> None:
    host = openai_host(dialect="xai", voice="Ara", prompt="Be kind.", tool_find="ami")
    host.open()
    host.say({"type": "conversation.created", "event_id": "e1", "conversation": {"id": "c1"}})
    (update,) = host.messages("session.update")
    session = update["session"]
    assert session.pop("tools")[0]["name"] == "find"
    assert session == {
        "instructions": "Be kind.",
        "voice": "Ara",
        "turn_detection": {"type": "server_vad"},
        "audio": {way: {"format": {"type": "audio/pcmu"}} for way in ("input", "output")},
    }
    host.say({"type": "session.updated", "event_id": "e2", "session": {}})
    assert host.conversation.phase is Phase.ACTIVE
    respond(host, "resp_1")
    audio(host, "resp_1", "item_1", bytes(4000))
    speech(host)
    host.say({"type": "ping", "event_id": "e3", "timestamp": 1})
    assert not host.messages("conversation.item.truncate")
    assert host.conversation.stats().unknown_messages == 0


def test_a_fixed_url_is_used_as_it_is() -> None:
    request = (
        Host({"provider": "openai", "conversation_url": "ws://127.0.0.1:8000/v1/realtime?model=local"}).begin().request
    )
    assert request.url == "ws://127.0.0.1:8000/v1/realtime?model=local"
    assert request.headers == {}


def test_an_agent_needs_a_key() -> None:
    settings = Settings.read_agent("sales", {"provider": "openai"})
    assert settings.problems == (
        "aiconvai.conf:2: [sales]: expected api_key (elevenlabs_api_key); add it, or set conversation_url to a server "
        "that wants none",
    )


def test_options_of_another_provider_are_refused() -> None:
    settings = Settings.read_agent("sales", {**AGENT, "agent_id": "agent_1"})
    (problem,) = settings.problems
    assert "agent_id = agent_1: expected with another provider, this agent's is openai" in problem


# The session


def test_the_session_is_announced_and_confirmed() -> None:
    host = openai_host(prompt="Be brief.", language="cs", noise_reduction="far_field", max_output_tokens=100)
    assert start(host) == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "noise_reduction": {"type": "far_field"},
                "transcription": {"model": "gpt-4o-mini-transcribe", "language": "cs"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
        },
        "max_output_tokens": 100,
    }
    assert host.conversation.stats().conversation_id == "sess_1"
    assert host.messages("response.create") == []


def test_settings_that_are_confirmed_before_they_are_sent_begin_nothing() -> None:
    host = openai_host()
    host.open()
    host.say({"type": "session.updated", "session": {"type": "realtime"}})
    assert host.conversation.phase is Phase.STARTING
    assert "settings that it was not sent yet" in host.errors[-1]
    for _ in range(2):
        host.say({"type": "session.created", "session": {"type": "realtime"}})
    assert [message["type"] for message in host.sent] == ["session.update"]
    host.say({"type": "session.updated", "session": {"type": "realtime"}})
    assert host.conversation.phase is Phase.ACTIVE


def test_turns_may_be_told_by_what_is_said() -> None:
    session = start(openai_host(turn_detection="semantic_vad", vad_eagerness="low", transcription_model="none"))
    assert session["audio"]["input"] == {
        "format": {"type": "audio/pcmu"},
        "turn_detection": {
            "type": "semantic_vad",
            "eagerness": "low",
            "create_response": True,
            "interrupt_response": True,
        },
    }


def test_numbers_are_written_as_they_were_given() -> None:
    host = openai_host(vad_threshold="0.6", vad_idle_timeout_ms=6000)
    start(host)
    (update,) = [action.message for action in host.actions if isinstance(action, Send)]
    assert b'"threshold":0.6,' in update
    assert b'"idle_timeout_ms":6000' in update


@pytest.mark.parametrize(
    ("line_format", "expected"),
    [
        (ULAW, {"type": "audio/pcmu"}),
        (ALAW, {"type": "audio/pcma"}),
        (AudioFormat(Encoding.PCM16, 8000), {"type": "audio/pcmu"}),
        (SLIN16, {"type": "audio/pcm", "rate": 24000}),
    ],
)
def test_the_line_keeps_its_format_where_the_service_has_it(line_format: AudioFormat, expected: dict[str, Any]) -> None:
    host = openai_host(line_format)
    session = start(host)
    assert session["audio"]["input"]["format"] == session["audio"]["output"]["format"] == expected
    stats = host.conversation.stats()
    assert stats.uplink_format == stats.downlink_format


def test_the_agent_speaks_first_where_it_has_something_to_say() -> None:
    host = Host(
        AGENT, prompt="You speak with {caller_name} of {nobody}.", first_message="Hello {caller_name}!",
        variables={"caller_name": "{Ann}"},
    )  # fmt: skip
    assert start(host)["instructions"] == "You speak with {Ann} of {nobody}."
    (create,) = host.messages("response.create")
    assert create["response"]["instructions"].endswith(": Hello {Ann}!")


def test_settings_that_are_refused_end_the_attempt() -> None:
    host = openai_host()
    host.open()
    host.say({"type": "session.created", "session": SESSION})
    host.say(
        {"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_value", "message": "No voice"}}
    )
    assert (host.ended.status, host.ended.reason) == (Status.UNAVAILABLE, "error invalid_value: No voice")


def test_the_interface_that_is_gone_is_named() -> None:
    host = openai_host()
    host.open()
    host.say({"type": "error", "error": {"code": "beta_api_shape_disabled", "message": "gone"}})
    assert "from before general availability, which is gone" in host.ended.reason


# Audio


def test_the_caller_is_heard(host: Host) -> None:
    host.conversation.caller_audio(bytes(range(160)) * 2)
    host.pump()
    (message,) = host.sent
    assert message == {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(range(160)) * 2).decode()}


@pytest.mark.parametrize("kind", ["response.output_audio.delta", "response.audio.delta"])
def test_the_agent_is_heard(host: Host, kind: str) -> None:
    data = bytes(range(256)) * 5
    delta = base64.b64encode(data).decode()
    host.say({"delta": delta, "type": kind, "event_id": "e", "response_id": "r", "item_id": "i", "content_index": 0})
    assert host.play() == data


def test_transcripts(host: Host) -> None:
    audio(host, "resp_1", "item_a", bytes(160))
    host.say({"type": "response.output_audio_transcript.delta", "item_id": "item_a", "delta": "Hi the"})
    host.say({"type": "response.output_audio_transcript.done", "item_id": "item_a", "transcript": "Hi there"})
    completed = "conversation.item.input_audio_transcription.completed"
    host.say({"type": completed, "item_id": "item_u", "transcript": "hello"})
    assert [(one.role, one.text, one.event_id) for one in host.told(Transcript)] == [
        (Role.AGENT, "Hi there", 1),
        (Role.CALLER, "hello", None),
    ]
    assert host.errors == []


# Interruptions


def test_the_service_learns_what_was_heard(host: Host) -> None:
    respond(host, "resp_1")
    audio(host, "resp_1", "item_a", bytes(8000))
    host.hear(13)
    speech(host)
    assert host.sent == [
        {
            "type": "conversation.item.truncate",
            "event_id": "aiconvai-truncate",
            "item_id": "item_a",
            "content_index": 0,
            "audio_end_ms": 260,
        }
    ]
    (interrupted,) = host.told(Interrupted)
    assert interrupted.heard_ms == 260
    assert host.play() == b""


def test_what_still_comes_of_it_is_not_heard(host: Host) -> None:
    respond(host, "resp_1")
    audio(host, "resp_1", "item_a", bytes(8000))
    speech(host)
    audio(host, "resp_1", "item_a", b"\x11" * 800)
    audio(host, "resp_1", "item_b", b"\x22" * 800)
    done(host, "resp_1", "cancelled", status_details={"type": "cancelled", "reason": "turn_detected"})
    respond(host, "resp_2")
    audio(host, "resp_2", "item_c", b"\x33" * 800)
    assert host.play() == b"\x33" * 800
    assert host.conversation.playout.stats().chunks_late == 2
    assert host.errors == []


def test_a_response_may_be_interrupted_before_it_is_heard(host: Host) -> None:
    respond(host, "resp_1")
    speech(host)
    audio(host, "resp_1", "item_a", b"\x11" * 800)
    assert host.play() == b""
    assert host.sent == []


def test_items_that_waited_were_not_heard_at_all(host: Host) -> None:
    respond(host, "resp_1")
    audio(host, "resp_1", "item_a", bytes(160))
    audio(host, "resp_1", "item_b", bytes(1600))
    host.hear(1)
    speech(host)
    assert [(one["item_id"], one["audio_end_ms"]) for one in host.sent] == [("item_b", 0)]


def test_nothing_is_cut_where_all_was_heard(host: Host) -> None:
    respond(host, "resp_1")
    audio(host, "resp_1", "item_a", bytes(1600))
    done(host, "resp_1")
    assert host.play() == bytes(1600)
    speech(host)
    assert host.sent == []
    assert host.told(Interrupted) == []


def test_no_more_is_claimed_to_be_heard_than_was_received() -> None:
    """The line's rate is not the service's, and the last frame is completed with silence."""
    host = openai_host(SLIN16)
    start(host)
    host.sent.clear()
    respond(host, "resp_1")
    audio(host, "resp_1", "item_a", bytes(2 * 24 * 110))
    host.hear(8)
    audio(host, "resp_1", "item_a", bytes(2 * 24 * 3))
    speech(host)
    assert all(one["audio_end_ms"] <= 113 for one in host.sent)


def spoken_over(**options: str) -> Host:
    """The agent speaks, the service hears the caller, and nothing has been sent for that."""
    host = openai_host(**options)
    start(host)
    host.sent.clear()
    respond(host, "resp_1")
    audio(host, "resp_1", "item_a", bytes(8000))
    speech(host)
    assert host.sent == []
    return host


def test_we_cancel_where_the_service_does_not() -> None:
    """It may not: what it hears may be a cough."""
    host = spoken_over(interruption="confirmed")
    host.say({"type": "conversation.item.input_audio_transcription.completed", "transcript": "Stop."})
    assert [one["type"] for one in host.sent] == ["response.cancel", "conversation.item.truncate"]
    assert host.sent[0]["response_id"] == "resp_1"


def test_who_may_not_interrupt_does_not() -> None:
    assert len(spoken_over(interrupt_response="no").play()) == 8000


@pytest.mark.parametrize("kind", ["truncate", "cancel"])
def test_a_cut_that_is_refused_does_no_harm(host: Host, kind: str) -> None:
    refuse(host, f"aiconvai-{kind}", "invalid_value", "Audio content of 100ms is already shorter")
    assert host.errors == []
    refuse(host, None, "invalid_value", "Audio content of 100ms is already shorter")
    assert host.errors == ["error invalid_value: Audio content of 100ms is already shorter"]


# Tools and texts


def test_a_tool_is_called_and_answered(host: Host) -> None:
    respond(host, "resp_1")
    call(host, "call_1")
    assert [(one.id, one.name, one.parameters) for one in host.told(ToolCall)] == [
        ("call_1", "transfer", '{"ext":"200"}')
    ]
    done(host, "resp_1")
    result(host, "call_1", '{"ok":true}')
    assert host.sent == [
        {
            "type": "conversation.item.create",
            "event_id": "aiconvai-result",
            "item": {"type": "function_call_output", "call_id": "call_1", "output": '{"ok":true}'},
        },
        {"type": "response.create", "event_id": "aiconvai-answer-1"},
    ]


def test_the_agent_goes_on_once_it_has_all_results(host: Host) -> None:
    respond(host, "resp_1")
    call(host, "call_1")
    call(host, "call_2")
    result(host, "call_1")
    result(host, "call_2")
    assert asked(host) == [], "the response that called them is not done yet"
    done(host, "resp_1")
    assert len(asked(host)) == 1


def test_a_silent_result_asks_for_no_answer(host: Host) -> None:
    respond(host, "resp_1")
    call(host, "call_1")
    done(host, "resp_1")
    assert host.conversation.tool_result("call_1", "Noted.", silent=True)
    host.pump()
    assert len(host.messages("conversation.item.create")) == 1
    assert asked(host) == []


def test_a_tool_may_be_silent_by_itself() -> None:
    host = Host(AGENT, tools={"transfer": ToolSettings("tool-transfer", {"answer": "no"})}, tool_transfer="ami")
    start(host)
    respond(host, "resp_1")
    call(host, "call_1")
    call(host, "call_2")
    done(host, "resp_1")
    result(host, "call_1")
    assert asked(host) == []
    host.conversation.tool_result("call_2", "It failed.", is_error=True)
    host.pump()
    assert len(asked(host)) == 1, "an error is nothing to be silent about"


def test_a_tool_that_answers_at_once_does_not_speak_for_the_other(host: Host) -> None:
    respond(host, "resp_1")
    call(host, "call_1")
    result(host, "call_1")
    call(host, "call_2")
    done(host, "resp_1")
    assert asked(host) == [], "the second one has not answered"
    result(host, "call_2")
    assert len(asked(host)) == 1


def test_a_key_pressed_while_a_tool_runs_is_answered_with_its_result(host: Host) -> None:
    respond(host, "resp_1")
    call(host, "call_1")
    done(host, "resp_1")
    press(host, "5")
    assert len(host.messages("conversation.item.create")) == 1
    assert asked(host) == []
    result(host, "call_1")
    assert len(asked(host)) == 1


def test_a_tool_that_never_answers_is_answered_for_and_spoken_about() -> None:
    host = openai_host(tool_timeout_ms=1000)
    start(host)
    respond(host, "resp_1")
    call(host, "call_1")
    done(host, "resp_1")
    press(host, "5")
    host.wait(seconds=1.1)
    assert len(asked(host)) == 1


def test_a_tool_answered_during_another_answer_is_spoken_about_after_it(host: Host) -> None:
    """The caller asked whether anybody is still there."""
    respond(host, "resp_1")
    call(host, "call_1")
    done(host, "resp_1")
    respond(host, "resp_vad")
    result(host, "call_1")
    assert asked(host) == []
    done(host, "resp_vad")
    assert len(asked(host)) == 1


def test_one_answer_is_asked_for_at_a_time(host: Host) -> None:
    press(host, "5")
    press(host, "6")
    assert asked(host) == ["aiconvai-answer-1"]
    respond(host, "resp_1")
    press(host, "7")
    assert asked(host) == ["aiconvai-answer-1"]
    done(host, "resp_1")
    assert asked(host) == ["aiconvai-answer-1", "aiconvai-answer-2"], "one for both of the keys"
    respond(host, "resp_2")
    done(host, "resp_2")
    assert len(asked(host)) == 2


@pytest.mark.parametrize(
    ("event_id", "code", "message"),
    [
        ("aiconvai-answer-1", BUSY, "Conversation already has an active response in progress: resp_vad."),
        ("aiconvai-answer-1", None, "Conversation already has an active response"),
        (None, BUSY, "Wait until the response is finished before creating a new one."),
    ],
)
def test_a_request_that_meets_another_answer_is_repeated_after_it(
    host: Host, event_id: str | None, code: str | None, message: str
) -> None:
    respond(host, "resp_1")
    call(host, "call_1")
    done(host, "resp_1")
    result(host, "call_1")
    respond(host, "resp_vad")
    refuse(host, event_id, code, message)
    assert host.errors == [], "nothing is lost"
    assert len(asked(host)) == 1
    done(host, "resp_vad")
    assert asked(host) == ["aiconvai-answer-1", "aiconvai-answer-2"]
    respond(host, "resp_2")
    done(host, "resp_2")
    assert len(asked(host)) == 2


def test_a_request_refused_before_the_other_answer_is_announced_is_repeated_after_it(host: Host) -> None:
    press(host, "5")
    refuse(host, "aiconvai-answer-1")
    assert len(asked(host)) == 2, "it may be over already"
    refuse(host, "aiconvai-answer-2")
    assert len(asked(host)) == 2
    respond(host, "resp_vad")
    done(host, "resp_vad")
    assert len(asked(host)) == 3


def test_a_request_is_not_repeated_for_ever(host: Host) -> None:
    press(host, "5")
    for number in range(1, 20):
        refuse(host, f"aiconvai-answer-{number}")
    assert len(asked(host)) == 2
    done(host, "resp_unknown")
    assert len(asked(host)) == 3, "that one was in the way"


def test_a_refusal_of_the_latest_of_many_requests_is_known_by_its_number(host: Host) -> None:
    for number in range(1, 10):
        press(host, "5")
        respond(host, f"resp_{number}")
        done(host, f"resp_{number}")
    press(host, "5")
    assert asked(host)[-1] == "aiconvai-answer-10"
    respond(host, "resp_vad")
    refuse(host, "aiconvai-answer-10")
    assert host.errors == []
    done(host, "resp_vad")
    assert asked(host)[-1] == "aiconvai-answer-11", "it is repeated"


def test_an_answer_that_is_over_was_what_stood_in_the_way_of_a_request(host: Host) -> None:
    press(host, "5")
    refuse(host, "aiconvai-answer-1")
    assert len(asked(host)) == 2
    done(host, "resp_vad")
    press(host, "6")
    assert len(asked(host)) == 3
    refuse(host, "aiconvai-answer-3")
    assert len(asked(host)) == 4, "this one, too, may have met one that is over already"


def test_a_server_that_does_not_say_when_an_answer_begins_is_asked_again_after_it(host: Host) -> None:
    press(host, "5")
    press(host, "6")
    assert len(asked(host)) == 1
    done(host, "resp_1")
    assert len(asked(host)) == 2
    done(host, "resp_2")
    assert len(asked(host)) == 2


def test_a_refusal_of_an_old_request_says_nothing_about_the_new_one(host: Host) -> None:
    press(host, "5")
    respond(host, "resp_1")
    done(host, "resp_1")
    press(host, "6")
    refuse(host, "aiconvai-answer-1")
    respond(host, "resp_2")
    done(host, "resp_2")
    assert len(asked(host)) == 2


def test_a_request_that_is_refused_for_another_reason_is_told_and_stands_in_nobodys_way(host: Host) -> None:
    press(host, "5")
    refuse(host, "aiconvai-answer-1", "rate_limit_exceeded", "Too many.")
    assert host.errors == ["the service did not take a request for an answer: error rate_limit_exceeded: Too many."]
    assert len(asked(host)) == 1
    press(host, "6")
    assert len(asked(host)) == 2


def test_an_answer_of_the_services_own_that_fails_for_ours_is_asked_for(host: Host) -> None:
    """The caller has finished speaking while the agent answers something else."""
    press(host, "5")
    respond(host, "resp_1")
    refuse(host, None)
    assert host.errors == []
    done(host, "resp_1")
    assert len(asked(host)) == 2


def test_the_agent_does_not_speak_over_the_caller(host: Host) -> None:
    """Who barges in while the answer to a tool waits hears about it from the answer to what he said."""
    respond(host, "resp_1")
    call(host, "call_1")
    audio(host, "resp_1", "item_a", bytes(8000))
    result(host, "call_1")
    confirm(host, type="function_call_output")
    speech(host)
    done(host, "resp_1", "cancelled", status_details={"type": "cancelled", "reason": "turn_detected"})
    press(host, "5")
    confirm(host, type="message", role="user", content=[{"type": "input_text", "text": "..."}])
    assert asked(host) == []
    host.say({"type": "input_audio_buffer.committed", "item_id": "item_u", "previous_item_id": None})
    respond(host, "resp_2")
    done(host, "resp_2")
    assert asked(host) == [], "that answer knew all of it"


def test_an_answer_that_cannot_know_the_result_is_followed_by_another(host: Host) -> None:
    respond(host, "resp_1")
    call(host, "call_1")
    done(host, "resp_1")
    speech(host)
    result(host, "call_1")
    confirm(host, type="message", role="user", content=[{"type": "input_audio", "transcript": None}])
    host.say({"type": "input_audio_buffer.committed", "item_id": "item_u", "previous_item_id": None})
    assert len(asked(host)) == 1, "the service has not confirmed the result"
    respond(host, "resp_2")
    refuse(host, "aiconvai-answer-1")
    done(host, "resp_2")
    assert len(asked(host)) == 2


def test_the_greeting_is_asked_for_again_where_it_was_refused() -> None:
    host = openai_host(first_message="Hello!")
    start(host)
    respond(host, "resp_vad")
    refuse(host, "aiconvai-answer-1")
    press(host, "5")
    done(host, "resp_vad")
    respond(host, "resp_1")
    done(host, "resp_1")
    greeting, again, answer = host.messages("response.create")
    assert greeting["response"] == again["response"]
    assert greeting["response"]["instructions"].endswith(": Hello!")
    assert "response" not in answer


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("result", "the service did not take the result of a tool"),
        ("text", "the service did not take a text"),
        ("instructions", "the service did not take the new instructions"),
    ],
)
def test_what_was_refused_is_named(host: Host, name: str, told: str) -> None:
    refuse(host, f"aiconvai-{name}", "invalid_value", "No.")
    assert host.errors == [f"{told}: error invalid_value: No."]


def test_every_message_that_may_be_refused_has_a_name() -> None:
    host = openai_host(interruption="confirmed")
    start(host)
    host.sent.clear()
    host.conversation.context("The caller is in the lobby.")
    press(host, "5")
    respond(host, "resp_1")
    audio(host, "resp_1", "item_a", bytes(8000))
    call(host, "call_1")
    result(host, "call_1")
    speech(host)
    host.say({"type": "conversation.item.input_audio_transcription.completed", "transcript": "Stop."})
    names = [message["event_id"] for message in host.sent]
    assert names == [
        f"aiconvai-{name}" for name in ("text", "text", "answer-1", "result", "cancel", "truncate")
    ]  # fmt: skip


def test_a_call_of_an_interrupted_answer_is_not_made(host: Host) -> None:
    respond(host, "resp_1")
    speech(host)
    call(host, "call_1")
    respond(host, "resp_2")
    call(host, "call_2", "resp_2", status="incomplete")
    assert host.told(ToolCall) == []


def test_a_call_without_arguments_has_none(host: Host) -> None:
    call(host, "call_1", arguments="")
    assert [one.parameters for one in host.told(ToolCall)] == ["{}"]


def test_keys_and_texts(host: Host) -> None:
    host.conversation.context("The caller is in the lobby.")
    host.conversation.dtmf("5")
    host.pump()
    items = [message["item"] for message in host.messages("conversation.item.create")]
    assert [(item["role"], item["content"][0]["type"]) for item in items] == [
        ("system", "input_text"),
        ("user", "input_text"),
    ]
    assert "key 5" in items[1]["content"][0]["text"]
    assert len(host.messages("response.create")) == 1


# What else comes


def test_every_known_message_is_known(host: Host) -> None:
    for message in VECTORS:
        host.say(message)
    assert host.conversation.stats().unknown_messages == 0
    assert host.conversation.stats().malformed_messages == 0


def test_an_answer_that_failed_is_told(host: Host) -> None:
    respond(host, "resp_1")
    details = {"type": "failed", "error": {"type": "server_error", "message": "Overloaded"}}
    done(host, "resp_1", "failed", status_details=details)
    assert host.errors == ["the service could not answer: server_error: Overloaded"]


def test_an_answer_that_was_broken_off_is_told(host: Host) -> None:
    respond(host, "resp_1")
    details = {"type": "incomplete", "reason": "max_output_tokens"}
    done(host, "resp_1", "incomplete", status_details=details)
    assert host.errors == ["the service broke off its answer: max_output_tokens"]


def test_unknown_messages_are_counted(host: Host) -> None:
    host.say({"type": "response.video.delta"})
    stats = host.conversation.stats()
    assert (stats.unknown_messages, stats.last_unknown) == (1, "response.video.delta")


def test_what_the_caller_said_so_far_is_told_until_the_whole_of_it_comes(host: Host) -> None:
    prefix = "conversation.item.input_audio_transcription"
    for _ in range(2):
        # Words that could be base64 are words all the same.
        for piece in ("Good", " even", "ing"):
            host.say({"type": f"{prefix}.delta", "item_id": "item_u", "content_index": 0, "delta": piece})
        host.say(
            {"type": f"{prefix}.completed", "item_id": "item_u", "content_index": 0, "transcript": "Good evening."}
        )
    told = [(said.kind.name, said.text) for said in host.told(Transcript)]
    turn = [("TENTATIVE", text) for text in ("Good", "Good even", "Good evening")] + [("FINAL", "Good evening.")]
    assert told == turn * 2


@pytest.mark.parametrize(
    ("code", "status"), [(1000, Status.COMPLETED), (1001, Status.LOST), (1011, Status.LOST), (None, Status.LOST)]
)
def test_the_end(code: int | None, status: Status) -> None:
    host = openai_host(reconnect_attempts=0)
    start(host)
    host.conversation.closed(code, "")
    host.pump()
    assert host.ended.status is status


def test_a_new_attempt_remembers_nothing_of_the_last(host: Host) -> None:
    host = openai_host(retry_backoff_ms=0)
    host.open()
    host.say({"type": "session.created", "session": SESSION})
    host.conversation.closed(1011, "")
    host.pump()
    (action,) = host.tick()
    assert isinstance(action, Open)
    host.conversation.connected()
    host.say({"type": "session.created", "session": SESSION})
    assert len(host.messages("session.update")) == 2
    host.say({"type": "session.updated", "session": SESSION})
    assert host.conversation.phase is Phase.ACTIVE


# The order in which it was said


def caller_said(host: Host, item: str, text: str) -> None:
    """The service has written it down."""
    host.say({"type": "conversation.item.input_audio_transcription.completed", "item_id": item, "transcript": text})


def agent_said(host: Host, item: str, text: str) -> None:
    host.say({"type": "response.output_audio_transcript.done", "item_id": item, "transcript": text})


def question(host: Host, number: int) -> None:
    """The caller has finished an utterance, and the agent begins to answer."""
    host.say({"type": "input_audio_buffer.committed", "item_id": f"u{number}"})
    item = {"id": f"a{number}", "type": "message", "role": "assistant"}
    host.say({"type": "response.output_item.added", "response_id": f"r{number}", "item": item})


def test_words_of_the_caller_that_come_late_are_told_in_their_place(host: Host) -> None:
    question(host, 1)
    host.wait(seconds=2)
    agent_said(host, "a1", "For how many nights?")
    question(host, 2)
    agent_said(host, "a2", "Very well.")
    caller_said(host, "u2", "Two.")
    caller_said(host, "u1", "I need a room.")
    told = host.told(Transcript)
    assert [(one.text, one.turn) for one in told] == [
        ("For how many nights?", 2),
        ("Very well.", 4),
        ("Two.", 3),
        ("I need a room.", 1),
    ]
    spoken = {one.turn: one.spoken_ms for one in told}
    assert spoken[1] == spoken[2]
    assert spoken[3] - spoken[2] == pytest.approx(2000, abs=1)
    assert host.conversation.said().splitlines() == [
        "Caller: I need a room.",
        "Agent: For how many nights?",
        "Caller: Two.",
        "Agent: Very well.",
    ]


def test_words_of_a_server_that_names_no_items_are_told_as_they_come(host: Host) -> None:
    host.say({"type": "response.output_audio_transcript.done", "transcript": "Hello."})
    host.say({"type": "conversation.item.input_audio_transcription.completed", "transcript": "Hm."})
    assert [(one.text, one.turn) for one in host.told(Transcript)] == [("Hello.", 1), ("Hm.", 2)]


def test_very_late_words_are_not_lost(host: Host) -> None:
    for number in range(1, 21):
        question(host, number)
        agent_said(host, f"a{number}", f"answer {number}")
    for number in range(20, 0, -1):
        caller_said(host, f"u{number}", f"question {number}")
    lines = host.conversation.said().splitlines()
    assert sorted(lines) == sorted(
        f"{who} {number}" for number in range(1, 21) for who in ("Agent: answer", "Caller: question")
    )
    # As many as are remembered stand where they were said, the others where they came.
    assert lines[16:24] == [f"{who} {n}" for n in (17, 18, 19, 20) for who in ("Caller: question", "Agent: answer")]
    assert lines[24:] == [f"Caller: question {number}" for number in range(16, 0, -1)]


def test_tokens_are_counted_as_the_service_counts_them(host: Host) -> None:
    for number, usage in enumerate([{"input_tokens": 10, "output_tokens": 20}, {"input_tokens": 5}, {}, None]):
        respond(host, f"resp_{number}")
        done(host, f"resp_{number}", usage=usage)
    for number, usage in enumerate([{"input_tokens": -7, "output_tokens": 1 << 62}, {"input_tokens": "9"}]):
        done(host, f"odd_{number}", usage=usage)
    stats = host.conversation.stats()
    assert (stats.input_tokens, stats.output_tokens) == (15, 20)
