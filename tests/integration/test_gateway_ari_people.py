"""`aiconvai gateway` by ARI: transfers to people who are rung while the conversation goes on, and what callers hear
while they wait.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from exchange import agent_hears, agent_says, calling, hears, hears_agent
from gateway_program import GatewayProgram
from hearing import agent_audio, level_at, seconds_of
from stretches import stretches_of
from test_gateway_ari import AGENT_HZ, CALLER_HZ, NEXT, Rest, cable, program, rest, running
from voice import Voice, mock_options, voice

from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["cable", "mock_options", "program", "rest", "running", "voice"]

pytestmark = pytest.mark.programs

PERSON_HZ = 1300.0
SOUND = "/aiconvai/sounds/tone"
MUSIC_HZ = 440.0
"""The rig's."""
WITH_YOU = "The caller is still with you."
DESK = {"destination": "desk"}
DIALPLAN = f"exten => 100,1,Answer()\n same => n,Stasis(test-app)\n same => n,{NEXT}\n same => n,Wait(5)"


def converse(voice: Voice, program: GatewayProgram, place: str, **options: Any) -> tuple[Call, ThreadedConversation]:
    """A call with an agent that may have somebody rung: `{person}` is a telephone of its caller."""
    place = place.format(person=f"PJSIP/anonymous/sip:person@127.0.0.1:{voice.caller.port}")
    voice.agent("sales", audio_frames_buffer_ms=20, tool_transfer_call="builtin", transfer_to_desk=place, **options)
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(DIALPLAN)
    return voice.call("100"), voice.conversation()


def still_talk(call: Call, conversation: ThreadedConversation) -> None:
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)


def refused(voice: Voice, conversation: ThreadedConversation, text: str, act: Callable[[], None]) -> None:
    with calling(conversation, "transfer_call", DESK) as result:
        act()
        answer = result.result(20.0)
    assert (answer.result, answer.is_error) == (f"{text} {WITH_YOU}", True)


def connected(program: GatewayProgram, call: Call, person: Call, conversation: ThreadedConversation) -> None:
    """The two hear each other, and the agent is gone."""
    conversation.wait_closed()
    assert program.over(conversation.record.id)["status"] == "COMPLETED"
    person.wait_heard(1)
    hears(person, call, CALLER_HZ)
    hears(call, person, PERSON_HZ)
    assert not conversation.record.violations


@pytest.mark.parametrize("place", ["dial:{person},10", f"attended:{{person}},10,{SOUND}"])
def test_who_answers_is_connected_with_the_caller(voice: Voice, program: GatewayProgram, place: str) -> None:
    call, conversation = converse(voice, program, place)
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.ring()
    still_talk(call, conversation)
    person.answer()
    if "attended" in place:
        person.wait_for_sound()
        hears_agent(call, conversation, AGENT_HZ)
        person.send_dtmf("1")
    connected(program, call, person, conversation)
    person.hangup()
    told = voice.event("UserEvent", UserEvent="Next")
    assert (told["Status"], told["Transfer"]) == ("COMPLETED", "desk")
    call.hangup()


def test_what_the_agent_still_has_to_say_keeps_nobody_waiting(voice: Voice, program: GatewayProgram) -> None:
    call, conversation = converse(voice, program, "dial:{person}")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    agent_says(conversation, AGENT_HZ, 20.0)
    call.wait_for_sound()
    person.answer()
    connected(program, call, person, conversation)
    assert level_at(call.heard_samples()[-1600:], AGENT_HZ, 8000) < -40.0
    call.hangup()
    person.wait_ended()


def test_of_two_who_are_rung_the_first_takes_the_call(voice: Voice, program: GatewayProgram) -> None:
    call, conversation = converse(voice, program, "dial:{person}&{person},10")
    conversation.start_tool("transfer_call", DESK)
    first, second = voice.caller.wait_incoming(), voice.caller.wait_incoming()
    first.ring()
    second.ring()
    second.answer()
    first.wait_ended()
    connected(program, call, second, conversation)
    call.hangup()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (486, "The line is busy."),
        (603, "The call was not taken."),
        (480, "Nobody answered."),
        (503, "Nobody can be reached there at the moment."),
    ],
)
def test_the_conversation_goes_on_where_nobody_takes_the_call(
    voice: Voice, program: GatewayProgram, code: int, text: str
) -> None:
    call, conversation = converse(voice, program, "dial:{person}")
    refused(voice, conversation, text, lambda: voice.caller.wait_incoming().reject(code, "No"))
    still_talk(call, conversation)
    # A second try may succeed.
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.answer()
    connected(program, call, person, conversation)
    call.hangup()


def test_nobody_is_rung_for_longer_than_said(voice: Voice, program: GatewayProgram) -> None:
    call, conversation = converse(voice, program, "dial:{person},1", tool_timeout_ms=200)
    rung: list[Call] = []

    def ring() -> None:
        rung.append(voice.caller.wait_incoming())
        rung[0].ring()
        answer = conversation.call_tool("transfer_call", DESK)
        assert answer.result == "Somebody is being rung already. Wait for that."

    began = time.monotonic()
    refused(voice, conversation, "Nobody answered.", ring)
    assert 0.5 < time.monotonic() - began < 4.0
    rung[0].wait_ended()
    still_talk(call, conversation)
    call.hangup()


@pytest.mark.parametrize("place", ["dial:NoSuch/200", "dial:200", "attended:{person},5"])
def test_the_agent_is_told_of_a_place_that_cannot_be(voice: Voice, program: GatewayProgram, place: str) -> None:
    call, conversation = converse(voice, program, place)
    refused(voice, conversation, "Nobody can be reached there at the moment.", lambda: None)
    still_talk(call, conversation)
    call.hangup()


@pytest.mark.parametrize("how", ["key", "hangup"])
def test_who_is_told_may_leave_it(voice: Voice, program: GatewayProgram, how: str) -> None:
    call, conversation = converse(voice, program, f"attended:{{person}},10,{SOUND}")

    def leave() -> None:
        person = voice.caller.wait_incoming()
        person.answer()
        person.wait_for_sound()
        if how == "key":
            person.send_dtmf("2")
            person.wait_ended()
        else:
            person.hangup()

    refused(voice, conversation, "The call was not taken.", leave)
    still_talk(call, conversation)
    call.hangup()


@pytest.mark.parametrize("who", ["caller", "service"])
@pytest.mark.parametrize("place", ["dial:{person}", f"attended:{{person}},10,{SOUND}"], ids=["rung", "told"])
def test_nobody_is_kept_where_the_conversation_ends(
    voice: Voice, program: GatewayProgram, place: str, who: str
) -> None:
    call, conversation = converse(voice, program, place)
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.ring()
    if "attended" in place:
        person.answer()
        person.wait_for_sound()
    if who == "caller":
        call.hangup()
    else:
        conversation.close(1000)
        assert voice.event("UserEvent", UserEvent="Next")["Transfer"] == ""
    person.wait_ended()
    conversation.wait_closed()
    if who == "service":
        call.hangup()


def taken(voice: Voice, program: GatewayProgram) -> tuple[Call, Call, ThreadedConversation]:
    """The caller speaks with who took the call, and the agent listens."""
    call, conversation = converse(voice, program, "keep:dial:{person}")
    with calling(conversation, "transfer_call", DESK) as result:
        person = voice.caller.wait_incoming()
        person.answer()
        answer = result.result(10.0)
    assert answer.result.startswith("desk has taken the call")
    assert not answer.is_error
    # In the bridge a moment later, from when on there is audio.
    person.wait_heard(1)
    hears(person, call, CALLER_HZ)
    return call, person, conversation


def test_the_agent_may_stay_and_listen(voice: Voice, program: GatewayProgram) -> None:
    call, person, conversation = taken(voice, program)
    agent_says(conversation, AGENT_HZ, 2.0)
    hears(call, person, PERSON_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    agent_hears(conversation, person, PERSON_HZ)
    assert stretches_of(AGENT_HZ, call.heard_samples(fill_gaps=False)) == []
    person.hangup()
    conversation.wait_received(lambda record: "user_message" in record.received_types())
    still_talk(call, conversation)
    call.hangup()


def test_an_agent_that_goes_disturbs_nobody(voice: Voice, program: GatewayProgram) -> None:
    call, person, conversation = taken(voice, program)
    conversation.close(1000)
    program.over(conversation.record.id)
    hears(person, call, CALLER_HZ)
    hears(call, person, PERSON_HZ)
    person.hangup()
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "COMPLETED"
    call.hangup()


def test_a_caller_who_hangs_up_ends_it_all(voice: Voice, program: GatewayProgram) -> None:
    call, person, conversation = taken(voice, program)
    call.hangup()
    person.wait_ended()
    conversation.wait_closed()
    assert program.over(conversation.record.id)["status"] == "CALLER_HANGUP"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_speaks_goes_on_without_the_gateway_and_is_known_to_the_next(
    voice: Voice, rest: Rest, program: GatewayProgram, number: signal.Signals
) -> None:
    call, conversation = converse(voice, program, "dial:{person}")
    conversation.start_tool("transfer_call", DESK)
    person = voice.caller.wait_incoming()
    person.answer()
    connected(program, call, person, conversation)
    program.until("/health", lambda health: len(rest.left()) == 2)
    program.stop(number)
    hears(person, call, CALLER_HZ)
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    hears(call, person, PERSON_HZ)
    person.hangup()
    assert voice.event("UserEvent", UserEvent="Next")["Transfer"] == "desk"
    call.hangup()


@pytest.mark.parametrize("sound", ["default", "tone:busy", f"sound:{SOUND}"])
def test_the_caller_hears_something_while_a_tool_runs(voice: Voice, program: GatewayProgram, sound: str) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20, tool_note="ami", tool_wait_sound=sound, tool_timeout_ms=4000)
    program.reload(voice.configuration())
    voice.asterisk.set_dialplan(DIALPLAN)
    call, conversation = voice.call("100"), voice.conversation()
    hears_agent(call, conversation, AGENT_HZ)
    call.wait_for_silence(since=time.monotonic())
    conversation.start_tool("note", {})
    call.wait_for_sound(since=time.monotonic())
    if sound == "default":
        # The music is for the caller, and the agent still listens.
        agent_hears(conversation, call, CALLER_HZ)
    heard = len(agent_audio(call))
    agent_says(conversation, AGENT_HZ, 0.5)
    # Nobody answers the tool, and what is heard in its place ends with it.
    call.wait_for_silence(duration_ms=600, since=time.monotonic())
    seconds = seconds_of(agent_audio(call)[heard:], AGENT_HZ, call.sample_rate)
    # The first of it meets what is about to be stopped.
    assert seconds == pytest.approx(0.5, abs=0.08)
    call.hangup()
