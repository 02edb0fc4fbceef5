"""A conversation outlives its connection: one that breaks, or whose session is about to end, is replaced."""

from __future__ import annotations

import pytest
from engine_host import PUBLIC, ULAW, Host, audio, interruption, metadata, tool_call

from aiconvai.audio import tone, ulaw_encode
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Close, Interrupted, Open, Ready, Status

FRAME = bytes([0x35]) * 160


def talking_host(**options: object) -> Host:
    host = Host(PUBLIC, line_format=ULAW, audio_frames_buffer_ms=20, **options)
    host.start()
    return host


def transcript(host: Host, caller: str, agent: str) -> None:
    host.say({"type": "user_transcript", "user_transcription_event": {"user_transcript": caller, "event_id": 1}})
    host.say({"type": "agent_response", "agent_response_event": {"agent_response": agent, "event_id": 1}})


def break_off(host: Host, code: int | None = None) -> None:
    host.conversation.closed(code, "")
    host.pump()


def open_again(host: Host) -> None:
    """The attempt that is due succeeds."""
    host.open()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE


def contexts(host: Host) -> list[str]:
    return [message["text"] for message in host.messages("contextual_update")]


@pytest.mark.parametrize("code", [None, 1001, 1011, 1012, 1013])
def test_connection_that_breaks_is_opened_again(host: Host, code: int | None) -> None:
    break_off(host, code)
    assert host.conversation.phase is Phase.WAITING
    (error,) = host.errors[-1:]
    assert error.startswith("the connection is opened again: ")
    open_again(host)
    assert len(host.told(Ready)) == 2
    assert host.conversation.stats().reopenings == 1


@pytest.mark.parametrize("code", [1000, 1002, 1008, 3000])
def test_what_the_service_closed_on_purpose_is_not_opened_again(host: Host, code: int) -> None:
    break_off(host, code)
    assert host.conversation.phase is Phase.ENDED


def test_the_largest_event_ids_may_come_with_every_connection() -> None:
    """Those of the next connection are newer than all of this one, whatever they were."""
    host = talking_host(reconnect_attempts=10)
    for _ in range(10):
        host.say(audio(10**18 - 1, FRAME))
        host.say(interruption(10**18 - 1))
        host.say(audio(10**18 - 1, FRAME))
        assert host.play() == b""
        break_off(host)
        open_again(host)
        host.say(audio(1 - 10**18, FRAME))
        host.say(audio(10**18 - 1, FRAME))
        assert host.play()[-160:] == FRAME


def test_only_so_many_connections_are_replaced() -> None:
    host = talking_host(reconnect_attempts=2)
    for _ in range(2):
        break_off(host)
        open_again(host)
    break_off(host)
    assert host.ended.status is Status.LOST
    assert host.ended.reason == "the connection to the service broke"


def test_service_that_cannot_be_reached_again_is_lost() -> None:
    host = talking_host(max_connection_attempts=2)
    break_off(host)
    for _ in range(2):
        host.wait(seconds=1)
        host.conversation.request_failed("no answer", retry=True)
        host.pump()
    assert host.ended.status is Status.LOST
    assert host.ended.reason == "no answer"


def test_queued_audio_is_heard_on_and_newer_audio_follows_it() -> None:
    host = talking_host()
    host.say(audio(7, FRAME * 3))
    break_off(host)
    open_again(host)
    # The new session counts its event ids from 1 again.
    host.say(audio(1, FRAME * 2))
    assert len(host.play()) == 5 * 160
    host.say(audio(2, FRAME * 2))
    host.say(interruption(2))
    assert host.told(Interrupted)[-1].event_id > 7
    assert host.play() == b""


def test_interrupted_audio_of_the_old_session_does_not_silence_the_new_one() -> None:
    host = talking_host()
    host.say(audio(7, FRAME))
    host.say(interruption(9))
    break_off(host)
    open_again(host)
    host.say(audio(1, FRAME))
    assert len(host.play()) == 160


def test_what_was_about_to_be_interrupted_is_heard_on_and_newer_audio_follows_it() -> None:
    """Who could have said that it was an interruption is gone, and the next session knows nothing of it."""
    host = talking_host(interruption="confirmed")
    host.say(audio(7, FRAME * 50))
    host.hear(20)
    host.wait(ms=400)
    host.say(interruption(7))
    break_off(host)
    open_again(host)
    host.say(audio(1, FRAME * 2))
    assert host.told(Interrupted) == []
    assert len(host.play()) >= 32 * 160


def test_caller_is_kept_meanwhile_and_heard_first() -> None:
    host = talking_host()
    break_off(host)
    host.begin()
    said = [bytes([at]) * 160 for at in range(1, 6)]
    for frame in said:
        host.conversation.caller_audio(frame)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.uplink()[-5:] == said


def test_new_session_is_told_what_was_said() -> None:
    host = talking_host()
    transcript(host, "I need a room.", "For how many nights?")
    break_off(host)
    open_again(host)
    (text,) = contexts(host)
    assert text.endswith("\nCaller: I need a room.\nAgent: For how many nights?\n")


def test_history_has_what_the_caller_heard_and_forgets_the_oldest() -> None:
    host = talking_host()
    for number in range(200):
        transcript(host, f"question {number} " + "x" * 50, f"answer {number}")
    correction = {
        "original_agent_response": "answer 199",
        "corrected_agent_response": "ans-",
        "event_id": 1,
    }
    host.say({"type": "agent_response_correction", "agent_response_correction_event": correction})
    break_off(host)
    open_again(host)
    introduction, *lines = contexts(host)[0].splitlines()
    assert introduction.startswith("The connection was interrupted")
    assert lines[-1] == "Agent: ans-"
    assert lines[-2].startswith("Caller: question 199 ")
    assert all(line.startswith(("Caller: question ", "Agent: ans")) for line in lines)
    assert 3500 < sum(len(line) + 1 for line in lines) <= 4100


def test_first_message_is_not_said_twice() -> None:
    host = talking_host(first_message="Hello", reconnect_message="I am back, {name}", dynamic_variable="name=Ada")
    break_off(host)
    open_again(host)
    first, again = host.messages("conversation_initiation_client_data")
    assert first["conversation_config_override"]["agent"]["first_message"] == "Hello"
    assert again["conversation_config_override"]["agent"]["first_message"] == "I am back, Ada"


def test_open_tool_calls_are_forgotten_with_the_session_that_made_them() -> None:
    host = talking_host()
    host.say(tool_call("t1"))
    break_off(host)
    open_again(host)
    assert not host.conversation.tool_result("t1", "late")
    assert host.conversation.stats().open_tool_calls == 0


def test_keys_pressed_meanwhile_are_told_afterwards() -> None:
    host = talking_host()
    break_off(host)
    host.conversation.dtmf("5")
    open_again(host)
    host.wait(seconds=2)
    assert any("5" in text for text in contexts(host))


def test_session_is_changed_before_it_ends_where_nobody_speaks() -> None:
    host = talking_host(session_max_seconds=60)
    host.wait(seconds=59)
    host.say(audio(1, bytes(8000 * 3)))
    actions = host.wait(seconds=3)
    assert actions == [], "the agent is still heard"
    actions = host.wait(seconds=1)
    assert [type(action) for action in actions] == [Close]
    host.conversation.closed(1000, "")
    assert [type(action) for action in host.wait(ms=1)] == [Open]
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE
    assert host.errors == [], "nothing went wrong"
    # The next one lasts as long.
    host.wait(seconds=59)
    assert host.conversation.stats().reopenings == 1
    host.wait(seconds=2)
    assert host.conversation.stats().reopenings == 2


def test_session_is_not_changed_while_the_caller_speaks() -> None:
    host = talking_host(session_max_seconds=60)
    host.wait(seconds=59)
    said = ulaw_encode(tone(700.0, 3.0, 8000, -20.0))
    for at in range(0, len(said), 160):
        host.conversation.caller_audio(said[at : at + 160])
        host.wait(ms=20)
    assert host.conversation.stats().reopenings == 0
    host.wait(seconds=1)
    assert host.conversation.stats().reopenings == 1


def test_service_that_does_not_answer_the_close_is_not_waited_for() -> None:
    host = talking_host(session_max_seconds=60)
    host.wait(seconds=60.2)
    assert host.conversation.phase is Phase.WAITING
    host.wait(seconds=1.1)
    assert host.conversation.phase is Phase.CONNECTING


def test_caller_who_hangs_up_meanwhile_has_hung_up() -> None:
    host = talking_host()
    break_off(host)
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    assert host.ended.status is Status.CALLER_HANGUP


# Conversations that go on in another one


def test_another_conversation_goes_on_with_what_was_said() -> None:
    before = talking_host()
    transcript(before, "I need a room.", "For how many nights?")
    said = before.conversation.said()
    assert said == "Caller: I need a room.\nAgent: For how many nights?\n"
    host = Host(PUBLIC, said=said, first_message="Hello.", resume_message="Where were we?")
    host.start()
    override = host.messages("conversation_initiation_client_data")[0]["conversation_config_override"]
    assert override["agent"]["first_message"] == "Where were we?"
    (text,) = contexts(host)
    assert text.endswith(said)
    transcript(host, "Two.", "Very well.")
    assert host.conversation.said() == said + "Caller: Two.\nAgent: Very well.\n"


def test_a_conversation_that_goes_on_is_reopened_like_any_other() -> None:
    host = Host(PUBLIC, said="Caller: Hm.\n", resume_message="Where were we?", reconnect_message="Here I am again.")
    host.start()
    break_off(host)
    open_again(host)
    first, second = host.messages("conversation_initiation_client_data")
    assert first["conversation_config_override"]["agent"]["first_message"] == "Where were we?"
    assert second["conversation_config_override"]["agent"]["first_message"] == "Here I am again."
    assert [text.splitlines()[-1] for text in contexts(host)] == ["Caller: Hm."] * 2


@pytest.mark.parametrize("said", [None, ""])
def test_a_conversation_begins_as_ever_where_nothing_was_said_before(said: str | None) -> None:
    host = Host(PUBLIC, said=said, first_message="Hello.", resume_message="Where were we?")
    host.start()
    override = host.messages("conversation_initiation_client_data")[0]["conversation_config_override"]
    assert override["agent"]["first_message"] == "Hello."
    assert contexts(host) == []
    assert host.conversation.said() == ""


def test_more_was_said_before_than_is_kept() -> None:
    host = Host(PUBLIC, said="Caller: Hm.\n" * 1000)
    host.start()
    (text,) = contexts(host)
    assert len(text) < 4300
    transcript(host, "Two.", "Very well.")
    assert len(host.conversation.said()) <= 4100
