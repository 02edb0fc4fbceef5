"""An agent hands the conversation over to another one, which goes on with what was said."""

from __future__ import annotations

from typing import Any

import pytest
from engine_host import API_KEY, PUBLIC, Host, audio, metadata, tool_call

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Action, Close, Ended, HandedOver, Open, Status, ToolDone
from aiconvai.engine.settings import Line, Settings

BOOKINGS = {
    "agent_id": "bookings",
    "audio_frames_buffer_ms": "20",
    "resume_message": "Bookings here.",
    "reconnect_message": "Here I am again.",
}
REALTIME = {"provider": "openai", "api_key": API_KEY, "resume_message": "Bookings here.", "first_message": "Hello."}


def handing_host(agent: dict[str, str] | str = BOOKINGS, **options: Any) -> Host:
    """Its agent may hand over to `bookings`, which is that one, or cannot be had for that reason."""

    def choose(name: str) -> Settings | str:
        assert name == "bookings"
        return agent if isinstance(agent, str) else Settings.read_agent(name, agent)

    lines = (Line("tool_transfer_to_agent", "builtin"), Line("hand_over_to", "bookings, other"))
    host = Host(PUBLIC, lines=lines, choose_agent=choose, first_message="Hello.", **options)
    host.start()
    return host


def hand_over(host: Host, agent: str = "bookings") -> None:
    host.say(tool_call("t1", "transfer_to_agent", {"agent": agent}))


def close_handed(host: Host) -> list[Action]:
    """The agent hands over, and its service answers our close. Returns what is wanted next."""
    hand_over(host)
    host.wait(seconds=0.8)
    host.conversation.closed(1000, "")
    return host.wait(ms=1)


def said(host: Host, caller: str, agent: str) -> None:
    host.say({"type": "user_transcript", "user_transcription_event": {"user_transcript": caller}})
    host.say({"type": "agent_response", "agent_response_event": {"agent_response": agent}})


def begins_with(host: Host, number: int) -> object:
    initiation = host.messages("conversation_initiation_client_data")[number]
    return initiation["conversation_config_override"]["agent"]["first_message"]


def contexts(host: Host) -> list[str]:
    return [message["text"] for message in host.messages("contextual_update")]


def test_the_other_agent_goes_on_with_what_was_said() -> None:
    host = handing_host()
    said(host, "I want to book.", "One moment.")
    host.say(audio(1, bytes(8000)))
    hand_over(host)
    assert host.wait(seconds=1.65) == [], "one second of goodbye, and a pause"
    assert [type(action) for action in host.wait(ms=100)] == [Close]
    assert host.told(HandedOver) == [HandedOver()]
    host.conversation.closed(1000, "")
    (opened,) = host.wait(ms=1)
    assert isinstance(opened, Open)
    assert "agent_id=bookings" in opened.request.url
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE
    assert (begins_with(host, 0), begins_with(host, 1)) == ("Hello.", "Bookings here.")
    (text,) = contexts(host)
    assert text.startswith("This call goes on from a conversation of before.")
    assert text.endswith("Caller: I want to book.\nAgent: One moment.\n")
    assert host.told(ToolDone) == [ToolDone("t1")]
    assert host.messages("client_tool_result") == [], "the agent would say something about it"
    assert host.told(Ended) == []
    assert host.errors == []


def test_the_other_agent_may_be_of_another_service() -> None:
    host = handing_host(REALTIME)
    said(host, "I want to book.", "One moment.")
    (opened,) = close_handed(host)
    assert isinstance(opened, Open)
    assert "api.openai.com" in opened.request.url
    host.conversation.connected()
    host.pump()
    session = {"type": "realtime", "id": "sess_1", "model": "gpt-realtime"}
    host.say({"type": "session.created", "session": session})
    host.say({"type": "session.updated", "session": session})
    assert host.conversation.phase is Phase.ACTIVE
    (created,) = host.messages("conversation.item.create")
    assert "Caller: I want to book." in created["item"]["content"][0]["text"]
    host.say({"type": "conversation.item.added", "item": {"type": "message", "content": [{"type": "input_text"}]}})
    (asked,) = host.messages("response.create")
    assert "Bookings here." in asked["response"]["instructions"]


def test_a_connection_of_the_other_agent_that_breaks_is_opened_again() -> None:
    host = handing_host()
    close_handed(host)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    host.conversation.closed(None, "")
    host.pump()
    (opened,) = host.wait(ms=1)
    assert isinstance(opened, Open)
    assert "agent_id=bookings" in opened.request.url
    host.conversation.connected()
    host.pump()
    assert begins_with(host, 2) == "Here I am again."


@pytest.mark.parametrize("code", [1000, None])
def test_a_service_that_closes_first_is_not_waited_for(code: int | None) -> None:
    host = handing_host()
    hand_over(host)
    host.conversation.closed(code, "")
    host.pump()
    (opened,) = host.wait(ms=1)
    assert isinstance(opened, Open)
    assert "agent_id=bookings" in opened.request.url
    assert host.told(HandedOver) == [HandedOver()]


def test_a_service_that_vanishes_meanwhile_is_not_waited_for() -> None:
    host = handing_host(reconnect_attempts=0, service_silence_seconds=4)
    hand_over(host)
    host.say(audio(1, bytes(8000)))
    host.conversation.hold(True)
    host.answers_pings = False
    host.wait(seconds=5)
    assert host.told(Ended) == []
    assert host.told(HandedOver) == [HandedOver()]
    assert host.conversation.phase is Phase.CONNECTING


def test_a_service_that_does_not_answer_the_close_is_not_waited_for() -> None:
    host = handing_host()
    hand_over(host)
    host.wait(seconds=0.8)
    assert host.conversation.phase is Phase.WAITING
    host.wait(seconds=1.1)
    assert host.conversation.phase is Phase.CONNECTING


@pytest.mark.parametrize(
    ("agent", "name", "problem"),
    [
        (BOOKINGS, "sales", "There is no such agent"),
        ("bookings has no room.", "bookings", "bookings has no room."),
    ],
)
def test_the_agent_is_told_why_it_cannot(agent: dict[str, str] | str, name: str, problem: str) -> None:
    host = handing_host(agent)
    hand_over(host, name)
    (answer,) = host.messages("client_tool_result")
    assert problem in answer["result"]
    assert answer["is_error"]
    host.wait(seconds=5)
    assert host.conversation.phase is Phase.ACTIVE
    assert host.told(HandedOver) == []


def test_an_agent_that_cannot_be_reached_loses_the_call() -> None:
    host = handing_host()
    hand_over(host)
    host.wait(seconds=0.8)
    host.conversation.closed(1000, "")
    for _ in range(20):
        host.wait(seconds=2)
        if host.told(Ended):
            break
        if host.conversation.phase is Phase.CONNECTING:
            host.conversation.request_failed("refused", retry=True)
            host.pump()
    assert host.ended.status is Status.LOST


def test_caller_may_hang_up_meanwhile() -> None:
    host = handing_host()
    hand_over(host)
    host.wait(seconds=0.8)
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    assert host.ended.status is Status.CALLER_HANGUP


def test_what_the_caller_says_meanwhile_is_kept() -> None:
    host = handing_host(audio_frames_buffer_ms=20)
    close_handed(host)
    before = len(host.uplink())
    frames = [bytes([number]) * 160 for number in range(1, 6)]
    for frame in frames:
        host.conversation.caller_audio(frame)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert b"".join(host.uplink()[before:]) == b"".join(frames)


def test_the_agents_are_those_that_the_tool_names() -> None:
    settings = Settings.read_agent("sales", {**PUBLIC, "tool_transfer_to_agent": "builtin"})
    assert any("hand_over_to beside it" in problem for problem in settings.problems)
