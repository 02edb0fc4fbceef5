"""Transfers to somebody who is rung while the conversation goes on, and who may be told first who is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from exchange import agent_hears, agent_says, calling, hears, hears_agent
from hearing import agent_heard, level_at, wait_until_agent_heard
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

AGENT_HZ, CALLER_HZ, PERSON_HZ = 900.0, 600.0, 1300.0
SOUND = "/aiconvai/sounds/tone"
SOUND_HZ = 440.0
WITH_YOU = "The caller is still with you."
DESK = {"destination": "desk"}
NEXT = "UserEvent(Next,Status: ${AICONVAI_STATUS},Transfer: ${AICONVAI_TRANSFER})"


def converse(
    voice: Voice, place: str, application: str = "AIConvAI(agent)", *, sends_silence: bool = True, **options: Any
) -> tuple[Call, ThreadedConversation]:
    """A call with an agent that may have somebody rung: `{person}` is a telephone of its caller."""
    place = place.format(person=f"PJSIP/anonymous/sip:person@127.0.0.1:{voice.caller.port}")
    voice.agent("agent", audio_frames_buffer_ms=20, tool_transfer_call="builtin", transfer_to_desk=place, **options)
    voice.dialplan(f"exten => 100,1,{application}\n same => n,{NEXT}\n same => n,Wait(5)")
    voice.apply()
    return voice.call("100", send_silence=sends_silence), voice.conversation()


def still_talk(call: Call, conversation: ThreadedConversation) -> None:
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)


def refused(result: Future[Any], text: str) -> None:
    answer = result.result(20.0)
    assert answer.is_error
    assert answer.result == f"{text} {WITH_YOU}"


def connected(voice: Voice, call: Call, person: Call, conversation: ThreadedConversation) -> None:
    """The two hear each other, and the agent is gone."""
    conversation.wait_closed()
    assert conversation.record.close_code == 1000
    event = voice.event("AIConvAIEnd")
    assert (event["Status"], event["Transfer"]) == ("COMPLETED", "desk")
    # The two are connected once the agent is gone; who was told something has heard that before.
    person.wait_heard(1, since=event.received)
    hears(person, call, CALLER_HZ)
    hears(call, person, PERSON_HZ)
    assert not conversation.record.violations


# Who takes the call


def test_who_answers_is_connected_with_the_caller(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person},10")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.ring()
    still_talk(call, conversation)
    person.answer()
    connected(voice, call, person, conversation)
    person.hangup()
    call.wait_ended()
    assert voice.events("UserEvent") == []


def test_what_the_agent_still_has_to_say_keeps_nobody_waiting(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person}")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    conversation.send_audio(tone(AGENT_HZ, 20.0, conversation.record.downlink_rate), event_id=1)
    call.wait_for_sound()
    person.answer()
    connected(voice, call, person, conversation)
    assert level_at(call.heard_samples()[-1600:], AGENT_HZ, 8000) < -40.0


def test_dialplan_goes_on_when_they_have_talked_where_that_is_asked_for(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person}", "AIConvAI(agent,c)")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.answer()
    connected(voice, call, person, conversation)
    person.hangup()
    told = voice.event("UserEvent", UserEvent="Next")
    assert (told["Status"], told["Transfer"]) == ("COMPLETED", "desk")
    assert call.alive


def test_caller_may_hang_up_on_who_took_the_call(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person}")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.answer()
    connected(voice, call, person, conversation)
    call.hangup()
    person.wait_ended()


def test_of_two_who_are_rung_the_first_takes_the_call(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person}&{person},10")
    conversation.start_tool("transfer_call", DESK)
    first, second = voice.caller.wait_incoming(), voice.caller.wait_incoming()
    first.ring()
    second.ring()
    second.answer()
    first.wait_ended()
    connected(voice, call, second, conversation)


# Who does not


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (486, "The line is busy."),
        (603, "The call was not taken."),
        (480, "Nobody answered."),
        (503, "Nobody can be reached there at the moment."),
    ],
)
def test_conversation_goes_on_where_nobody_takes_the_call(voice: Voice, code: int, text: str) -> None:
    call, conversation = converse(voice, "dial:{person}")
    with calling(conversation, "transfer_call", DESK) as result:
        voice.caller.wait_incoming().reject(code, "No")
        refused(result, text)
    still_talk(call, conversation)
    assert voice.events("AIConvAIEnd") == []


def test_nobody_is_rung_for_longer_than_said(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person},1", tool_timeout_ms=200)
    with calling(conversation, "transfer_call", DESK) as result:
        person = voice.caller.wait_incoming()
        person.ring()
        began = time.monotonic()
        refused(result, "Nobody answered.")
    assert 0.5 < time.monotonic() - began < 3.0
    person.wait_ended()
    still_talk(call, conversation)


def test_a_second_try_may_succeed(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person}")
    with calling(conversation, "transfer_call", DESK) as result:
        voice.caller.wait_incoming().reject(486, "Busy Here")
        refused(result, "The line is busy.")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.answer()
    connected(voice, call, person, conversation)


def test_two_are_not_rung_one_beside_the_other(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person}")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    answer = conversation.call_tool("transfer_call", DESK)
    assert (answer.result, answer.is_error) == ("Somebody is being rung already. Wait for that.", True)
    person.answer()
    connected(voice, call, person, conversation)


@pytest.mark.parametrize(
    ("place", "text", "log"),
    [
        ("dial:NoSuch/200", "Nobody can be reached there at the moment.", None),
        ("dial:200", "Nobody can be reached there at the moment.", "expected dial:TECHNOLOGY/RESOURCE"),
        ("dial:{person},0", "Nobody can be reached there at the moment.", "expected dial:TECHNOLOGY/RESOURCE"),
        ("dial:{person},1000", "Nobody can be reached there at the moment.", "of 1 to 120 seconds"),
        ("attended:{person},5", "Nobody can be reached there at the moment.", "expected dial:TECHNOLOGY/RESOURCE"),
        ("default,799,1", "Nobody can be reached there at the moment.", "transfer_to_desk = default,799,1"),
    ],
)
def test_agent_is_told_of_a_place_that_cannot_be(voice: Voice, place: str, text: str, log: str | None) -> None:
    call, conversation = converse(voice, place)
    with calling(conversation, "transfer_call", DESK) as result:
        refused(result, text)
    if log is not None:
        voice.wait_for_log(log)
    still_talk(call, conversation)
    assert voice.events("AIConvAIEnd") == []


def test_nobody_is_rung_for_a_call_in_the_background(voice: Voice) -> None:
    call, conversation = converse(voice, "dial:{person}", "AIConvAI(agent,b)\n same => n,Wait(30)")
    with calling(conversation, "transfer_call", DESK) as result:
        refused(result, "Nobody can be rung in this call.")
    still_talk(call, conversation)


# Who is not wanted any more


def caller_hangs_up(voice: Voice, call: Call, conversation: ThreadedConversation) -> None:
    call.hangup()


def service_closes(voice: Voice, call: Call, conversation: ThreadedConversation) -> None:
    conversation.close(1000)


def manager_sends_the_call_elsewhere(voice: Voice, call: Call, conversation: ThreadedConversation) -> None:
    channel = voice.event("AIConvAIStart")["Channel"]
    voice.asterisk.ami.action("Redirect", Channel=channel, Context="default", Exten="wait", Priority=1)


@pytest.mark.fault("asterisk.ends-while-ringing")
@pytest.mark.parametrize("end", [caller_hangs_up, service_closes, manager_sends_the_call_elsewhere])
@pytest.mark.parametrize("attended", [False, True], ids=["rung", "told"])
def test_nobody_is_kept_where_the_conversation_ends(
    voice: Voice, end: Callable[[Voice, Call, ThreadedConversation], None], attended: bool
) -> None:
    call, conversation = converse(voice, f"attended:{{person}},10,{SOUND}" if attended else "dial:{person}")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.ring()
    if attended:
        person.answer()
        person.wait_for_sound()
    end(voice, call, conversation)
    person.wait_ended()
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Transfer"] == ""


# An agent that stays


def begins_to_listen(voice: Voice, call: Call) -> None:
    """The agent is silent from then on, so that what the caller hears next comes from who took the call: that is told
    before the two are connected.
    """
    begun = voice.event("AIConvAIListening", Listening="begun", Destination="desk")
    call.wait_heard(1, since=begun.received)


def taken(voice: Voice, *, sends_silence: bool = True) -> tuple[Call, Call, ThreadedConversation]:
    """The caller speaks with who took the call, and the agent listens."""
    call, conversation = converse(voice, "keep:dial:{person}", sends_silence=sends_silence)
    with calling(conversation, "transfer_call", DESK) as result:
        person = voice.caller.wait_incoming()
        person.answer()
        answer = result.result(10.0)
    assert answer.result.startswith("desk has taken the call")
    assert not answer.is_error
    begins_to_listen(voice, call)
    return call, person, conversation


def agent_hears_both(conversation: ThreadedConversation, call: Call, person: Call) -> None:
    began = time.monotonic()
    plays = [call.play(tone(CALLER_HZ, 1.0, 8000, -18.0)), person.play(tone(PERSON_HZ, 1.0, 8000, -18.0))]
    for play in plays:
        play.wait()
    wait_until_agent_heard(conversation, began)
    heard = agent_heard(conversation, began)
    for hz in (CALLER_HZ, PERSON_HZ):
        seconds = sum(end - begin for begin, end in stretches_of(hz, heard, conversation.record.uplink_rate))
        assert seconds == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("place", ["keep:dial:{person},10", f"keep:attended:{{person}},10,{SOUND}"])
def test_agent_may_stay_and_listen(voice: Voice, place: str) -> None:
    call, conversation = converse(voice, place)
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.answer()
    if "attended" in place:
        person.wait_for_sound()
        person.send_dtmf("1")
    begins_to_listen(voice, call)
    # What the agent had still to say, and what it says now, comes between nobody.
    agent_says(conversation, AGENT_HZ, 2.0)
    hears(person, call, CALLER_HZ)
    hears(call, person, PERSON_HZ)
    agent_hears_both(conversation, call, person)
    assert stretches_of(AGENT_HZ, call.heard_samples(fill_gaps=False)) == []
    person.hangup()
    voice.event("AIConvAIListening", Listening="ended", Destination="desk")
    conversation.wait_received(lambda record: "user_message" in record.received_types())
    still_talk(call, conversation)
    assert voice.events("AIConvAIEnd") == []
    assert not conversation.record.violations
    # It may be done again, and then for good.
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.reject(486, "Busy Here")
    still_talk(call, conversation)


def test_agent_hears_who_took_the_call_while_the_caller_sends_nothing(voice: Voice) -> None:
    _, person, conversation = taken(voice, sends_silence=False)
    agent_hears(conversation, person, PERSON_HZ)


def test_caller_who_hangs_up_ends_it_all(voice: Voice) -> None:
    call, person, conversation = taken(voice)
    call.hangup()
    person.wait_ended()
    conversation.wait_closed()
    event = voice.event("AIConvAIEnd")
    assert (event["Status"], event["Transfer"]) == ("CALLER_HANGUP", "")


def test_agent_that_goes_disturbs_nobody(voice: Voice) -> None:
    call, person, conversation = taken(voice)
    conversation.close(1000)
    voice.event("AIConvAIEnd")
    hears(person, call, CALLER_HZ)
    hears(call, person, PERSON_HZ)
    person.hangup()
    call.wait_ended()


def test_call_may_be_sent_elsewhere_while_they_speak(voice: Voice) -> None:
    call, person, conversation = taken(voice)
    manager_sends_the_call_elsewhere(voice, call, conversation)
    person.wait_ended()
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Status"] == "COMPLETED"
    assert call.alive


# Who is told first


def test_who_answers_is_told_who_is_there_and_takes_the_call_with_a_key(voice: Voice) -> None:
    call, conversation = converse(voice, f"attended:{{person}},10,{SOUND}")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.answer()
    person.wait_for_sound()
    still_talk(call, conversation)
    assert stretches_of(SOUND_HZ, person.heard_samples(fill_gaps=False)) != []
    assert stretches_of(AGENT_HZ, person.heard_samples(fill_gaps=False)) == []
    person.send_dtmf("1")
    connected(voice, call, person, conversation)


@pytest.mark.parametrize("how", ["key", "hangup"])
def test_who_is_told_may_leave_it(voice: Voice, how: str) -> None:
    call, conversation = converse(voice, f"attended:{{person}},10,{SOUND}")
    with calling(conversation, "transfer_call", DESK) as result:
        person = voice.caller.wait_incoming()
        person.answer()
        person.wait_for_sound()
        if how == "key":
            person.send_dtmf("2")
            person.wait_ended()
        else:
            person.hangup()
        refused(result, "The call was not taken.")
    still_talk(call, conversation)
