"""The answer that a caller who has spoken waits for: how long it takes, and what is done where none comes."""

from __future__ import annotations

from typing import Any

import pytest
from engine_host import PUBLIC, ULAW, Host, audio, interruption, tool_call
from test_engine_caller_idle import caller_speaks, voice_is_heard

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Answer, Listening, Open, Status, Thinking

NUDGE = "Answer!"
LATE = "the agent has not answered the caller within 8000 ms (answer_timeout_ms)"


def host_of(**options: Any) -> Host:
    usual = {"answer_nudge": NUDGE, "audio_frames_buffer_ms": 20}
    host = Host(PUBLIC, line_format=ULAW, runs_tools=True, **{**usual, **options})
    host.start()
    return host


def said(host: Host, text: str = "What is the time?") -> None:
    host.say({"type": "user_transcript", "user_transcription_event": {"user_transcript": text}})


def says(host: Host, text: str) -> None:
    host.say({"type": "agent_response", "agent_response_event": {"agent_response": text}})


def nudges(host: Host) -> list[str]:
    return [message["text"] for message in host.messages("user_message")]


def thinking(host: Host) -> list[bool]:
    return [event.is_on for event in host.told(Thinking)]


def test_latency_is_told_with_the_first_audio() -> None:
    host = host_of()
    caller_speaks(host, seconds=1.0)
    said(host)
    host.wait(ms=480)
    host.say(audio(1, bytes(8000)))
    host.say(audio(1, bytes(8000)))
    assert host.told(Answer) == [Answer(500)]
    host.wait(seconds=3)
    caller_speaks(host, seconds=1.0)
    host.wait(ms=1480)
    host.say(audio(2, bytes(8000)))
    assert host.told(Answer) == [Answer(500), Answer(1500)]
    stats = host.conversation.stats()
    assert (stats.answers, stats.answer_ms, stats.slowest_answer_ms, stats.answers_missed) == (2, 2000, 1500, 0)


def test_nobody_waits_for_an_answer_who_still_speaks() -> None:
    """A service may tell no words before the caller has finished: what it knows before is the interruption."""
    host = host_of(interruption="service")
    host.say(audio(1, bytes(8000 * 4)))
    host.say(interruption(1))
    voice_is_heard(host, 30)
    assert nudges(host) == []
    assert thinking(host) == []
    # Of which the last 200 ms are a pause.
    host.wait(ms=1200)
    assert thinking(host) == []
    host.wait(seconds=6.5)
    assert nudges(host) == []
    host.wait(seconds=0.2)
    assert nudges(host) == [NUDGE]


def test_what_is_loud_for_minutes_is_nobody_who_speaks() -> None:
    host = host_of(interruption="service")
    host.say(audio(1, bytes(8000 * 4)))
    host.say(interruption(1))
    voice_is_heard(host, 69)
    assert nudges(host) == [NUDGE]


def test_an_agent_that_speaks_by_itself_answers_nothing() -> None:
    host = host_of()
    host.say(audio(1, bytes(8000)))
    host.wait(seconds=5)
    host.say(audio(2, bytes(8000)))
    assert host.told(Answer) == []
    host.wait(seconds=100)
    assert nudges(host) == []
    assert thinking(host) == []


def test_who_waits_is_told_of_and_when_it_is_over() -> None:
    host = host_of()
    said(host)
    host.wait(ms=1490)
    assert thinking(host) == []
    host.wait(ms=20)
    assert thinking(host) == [True]
    host.say(audio(1, bytes(8000)))
    assert thinking(host) == [True, False]
    host.wait(seconds=60)
    assert nudges(host) == []


def test_agent_is_asked_then_another_session_then_nobody() -> None:
    host = host_of()
    said(host)
    host.wait(seconds=7.9)
    assert nudges(host) == []
    host.wait(seconds=0.2)
    assert nudges(host) == [NUDGE]
    assert host.errors == [LATE]
    actions = host.wait(seconds=8)
    assert [type(action) for action in actions][-1] is Open
    host.conversation.connected()
    host.pump()
    host.say({"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event": {
        "conversation_id": "conv_43", "agent_output_audio_format": "ulaw_8000", "user_input_audio_format": "ulaw_8000",
    }})  # fmt: skip
    assert nudges(host) == [NUDGE, NUDGE]
    assert "What is the time?" in host.messages("contextual_update")[-1]["text"]
    host.wait(seconds=8.1)
    assert host.ended.status is Status.LOST
    # Nor has there been any audio of the caller in that session.
    assert host.ended.reason.startswith(f"{LATE}; ")
    assert host.conversation.stats().answers_missed == 3


def test_where_no_session_may_be_opened_the_call_goes_on_in_the_dialplan() -> None:
    host = host_of(reconnect_attempts=0)
    said(host)
    host.wait(seconds=16.1)
    assert host.ended.status is Status.LOST


def test_who_goes_on_speaking_has_not_finished() -> None:
    host = host_of()
    for _ in range(5):
        said(host)
        host.wait(seconds=7)
    assert nudges(host) == []


def test_a_nudge_that_comes_back_as_words_of_the_caller_changes_nothing() -> None:
    """As Deepgram has it."""
    host = host_of(reconnect_attempts=0)
    said(host)
    host.wait(seconds=8.1)
    assert nudges(host) == [NUDGE]
    said(host, NUDGE)
    host.wait(seconds=8.1)
    assert host.ended.status is Status.LOST


def test_words_without_audio_are_no_answer() -> None:
    host = host_of()
    said(host)
    says(host, "It is noon.")
    host.wait(seconds=8.1)
    assert host.errors == [f"{LATE}; it has sent words and no audio"]
    assert nudges(host) == [NUDGE]


def test_an_agent_may_be_silent_for_ever_where_that_is_wanted() -> None:
    host = host_of(answer_timeout_ms=0, thinking_ms=0)
    said(host)
    host.wait(seconds=100)
    assert nudges(host) == []
    assert thinking(host) == []


def test_an_interruption_is_to_be_answered() -> None:
    """A cough, for all we know: the agent goes on, or asks."""
    host = host_of()
    host.say(audio(1, bytes(80000)))
    host.wait(seconds=2)
    host.say(interruption(1))
    host.wait(seconds=8.1)
    assert nudges(host) == [NUDGE]


def test_what_is_said_while_the_agent_goes_on_speaking_is_no_question() -> None:
    host = host_of()
    host.say(audio(1, bytes(80000)))
    host.wait(seconds=2)
    said(host, "Mm-hmm.")
    host.wait(seconds=100)
    assert nudges(host) == []


def test_words_that_come_after_the_answer_are_answered() -> None:
    """OpenAI writes down what the caller said while the agent speaks already."""
    host = Host(PUBLIC, line_format=ULAW, answer_nudge=NUDGE)
    host.start()
    caller_speaks(host, seconds=1.0)
    host.say(audio(1, bytes(800)))
    host.wait(ms=50)
    said(host)
    host.wait(seconds=100)
    assert nudges(host) == []


@pytest.mark.parametrize("text", ["", "   "])
def test_no_words_are_no_question(text: str) -> None:
    host = host_of()
    said(host, text)
    host.wait(seconds=100)
    assert nudges(host) == []


def test_time_stands_still_while_a_tool_runs() -> None:
    host = host_of(tool_look="ami", tool_timeout_ms=60000)
    said(host)
    host.wait(seconds=1)
    host.say(tool_call("t1", "look"))
    host.wait(seconds=30)
    assert nudges(host) == []
    assert thinking(host) == []
    host.conversation.tool_result("t1", "seen")
    host.wait(seconds=7.9)
    assert thinking(host) == [True]
    assert nudges(host) == []
    host.wait(seconds=0.2)
    assert nudges(host) == [NUDGE]


def test_a_result_that_needs_no_words_is_an_answer() -> None:
    host = host_of(tool_look="ami")
    said(host)
    host.say(tool_call("t1", "look"))
    host.conversation.tool_result("t1", "seen", silent=True)
    host.wait(seconds=100)
    assert nudges(host) == []


def test_time_stands_still_during_a_hold() -> None:
    host = host_of()
    said(host)
    host.conversation.hold(True)
    host.wait(seconds=100)
    assert nudges(host) == []
    host.conversation.hold(False)
    host.wait(seconds=8.1)
    assert nudges(host) == [NUDGE]


def test_who_only_listens_is_asked_nothing() -> None:
    host = host_of(tool_transfer_call="builtin", transfer_to_desk="keep:dial:PJSIP/200")
    host.say(tool_call("t1", "transfer_call", {"destination": "desk"}))
    host.conversation.listen("t1")
    host.pump()
    assert host.told(Listening) != []
    said(host)
    host.wait(seconds=100)
    assert nudges(host) == []
    host.conversation.stop_listening()
    host.pump()
    before = nudges(host)
    host.wait(seconds=8.1)
    assert nudges(host) == [*before, NUDGE]


def test_keys_that_are_a_turn_are_to_be_answered() -> None:
    host = host_of(dtmf="turn")
    host.conversation.dtmf("#")
    host.wait(seconds=8.1)
    assert nudges(host)[-1] == NUDGE


def test_an_agent_that_has_ended_the_call_is_not_asked() -> None:
    host = host_of(tool_end_call="builtin")
    said(host)
    host.say(tool_call("t1", "end_call"))
    host.wait(seconds=30)
    assert nudges(host) == []
    assert host.conversation.phase is Phase.ENDED
    assert host.ended.status is Status.COMPLETED
