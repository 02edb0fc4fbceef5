"""Hold: the agent waits, hears nothing of the music, and goes on where it was."""

from __future__ import annotations

import time
from typing import get_args

import pytest
from exchange import agent_hears, agent_says, calling, hears, hears_agent
from hearing import agent_heard, level_at
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone
from aiconvai.mock.elevenlabs.messages import ContextualUpdate
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.call import Hold

__all__ = ["mock_options", "voice"]

AGENT_HZ = 900.0
CALLER_HZ = 600.0
MUSIC_HZ = 440.0
"""The rig's music is this tone."""
LEVEL_DBFS = -12.0
ON, OVER = "(The caller is on hold.)", "(The caller is back.)"
WHERE = {
    "foreground": "exten => 100,1,AIConvAI(agent)",
    "background": "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Wait(60)",
}


def begin(voice: Voice, dialplan: str = WHERE["foreground"], **options: object) -> tuple[Call, ThreadedConversation]:
    """A call with an agent who says nothing by itself."""
    voice.agent("agent", audio_frames_buffer_ms=20, idle_audio=None, **options)
    voice.dialplan(dialplan)
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, CALLER_HZ)
    return call, conversation


def bridge(voice: Voice) -> tuple[Call, Call, ThreadedConversation]:
    """A caller with an agent in the background, and the party that the dialplan has connected."""
    voice.agent("agent", audio_frames_buffer_ms=20, idle_audio=None)
    voice.dialplan(
        f"exten => 100,1,AIConvAI(agent,b)\n same => n,Dial(PJSIP/anonymous/sip:party@127.0.0.1:{voice.caller.port},30)"
    )
    voice.apply()
    caller = voice.caller.call("100")
    party = voice.caller.wait_incoming().answer()
    caller.wait_answered()
    # Answered is not yet bridged: only a bridge lets the one hear the other.
    party.wait_heard(1)
    hears(party, caller, CALLER_HZ)
    return caller, party, voice.conversation()


def wait_on_hold(voice: Voice, seconds: float) -> float:
    """The module knows of it; returns when it did. What went out before has been heard a moment later."""
    voice.event("AIConvAIHold", Hold="begun")
    began = time.monotonic() + 0.1
    time.sleep(0.1 + seconds)
    return began


def heard_between(call: Call, begin: float, end: float) -> float:
    """How loud the agent was in that time."""
    packets = [
        samples for packet, _, samples in call.stream.decoded_heard() if begin * 1e9 < packet.time_ns < end * 1e9
    ]
    return max((level_at(one, AGENT_HZ, call.sample_rate) for one in packets), default=-99.0)


def seconds_of_agent(call: Call) -> float:
    """So much of it was heard in all."""
    return sum(end - begin for begin, end in stretches_of(AGENT_HZ, call.heard_samples(fill_gaps=False)))


@pytest.mark.fault("asterisk.hold", "asterisk.reinvite-direction")
@pytest.mark.parametrize("how", get_args(Hold))
@pytest.mark.parametrize("where", WHERE)
def test_a_turn_waits_and_goes_on_where_it_was(voice: Voice, where: str, how: Hold) -> None:
    call, conversation = begin(voice, WHERE[where])
    agent_says(conversation, AGENT_HZ, 2.0)
    call.wait_for_sound()
    call.hold(how)
    began = wait_on_hold(voice, 1.0)
    ended = time.monotonic()
    call.unhold()
    call.wait_for_silence(since=call.wait_for_sound(since=ended))
    assert heard_between(call, began, ended) < -40
    assert seconds_of_agent(call) == pytest.approx(2.0, abs=0.07)
    assert voice.event("AIConvAIHold", Hold="ended")["LastedMs"].isdigit()
    agent_hears(conversation, call, CALLER_HZ)
    hears_agent(call, conversation, 700.0)
    call.hangup()


@pytest.mark.parametrize("where", WHERE)
def test_music_of_the_holding_party_is_silence_to_the_agent(voice: Voice, where: str) -> None:
    call, conversation = begin(voice, WHERE[where])
    call.hold(music=True)
    voice.event("AIConvAIHold", Hold="begun")
    # What is on its way arrives before the music does.
    time.sleep(0.2)
    began = time.monotonic()
    call.play(tone(MUSIC_HZ, 2.0, 8000, LEVEL_DBFS)).wait()
    conversation.wait_received(lambda record: record.uplink[-1].time > began + 2.3)
    heard = agent_heard(conversation, began)
    assert rms_dbfs(heard) < -60
    assert len(heard) / conversation.record.uplink_rate == pytest.approx(2.3, abs=0.4)
    call.unhold()
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()


def test_nobody_is_asked_whether_they_are_there(voice: Voice) -> None:
    call, conversation = begin(voice, no_input_seconds=1, no_input_message="Anybody?")
    call.hold()
    wait_on_hold(voice, 3.0)
    assert "user_message" not in conversation.record.received_types()
    call.unhold()
    conversation.wait_received(lambda record: "user_message" in record.received_types())
    call.hangup()


def test_the_agent_is_told_in_configured_words(voice: Voice) -> None:
    call, conversation = begin(voice, hold_message=ON, hold_end_message=OVER)
    call.hold()
    call.unhold()
    conversation.wait_received(lambda record: [one.text for one in record.received_of(ContextualUpdate)] == [ON, OVER])
    voice.event("AIConvAIHold", Hold="ended")
    assert [event["Hold"] for event in voice.events("AIConvAIHold")] == ["begun", "ended"]
    assert "Holds:              1; " in voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    call.hangup()


def test_the_party_of_a_bridge_puts_the_caller_on_hold(voice: Voice) -> None:
    caller, party, conversation = bridge(voice)
    party.hold()
    began = wait_on_hold(voice, 0.3)
    agent_says(conversation, AGENT_HZ, 1.0)
    time.sleep(0.7)
    ended = time.monotonic()
    party.unhold()
    caller.wait_for_silence(since=caller.wait_for_sound(since=ended))
    # The caller had the music of this PBX meanwhile.
    assert heard_between(caller, began, ended) < -40
    assert seconds_of_agent(caller) == pytest.approx(1.0, abs=0.07)
    hears(party, caller, CALLER_HZ)
    caller.hangup()
    party.wait_ended()


@pytest.mark.fault("asterisk.transfer-out-of-hold")
def test_a_transfer_out_of_a_hold_ends_it(voice: Voice) -> None:
    """As telephones do it: hold, call the other one, connect the two."""
    caller, party, conversation = bridge(voice)
    voice.dialplan("exten => 300,1,Answer()\n same => n,Echo()")
    voice.apply()
    party.hold()
    wait_on_hold(voice, 0.1)
    other = voice.call("300")
    party.transfer_attended(other)
    voice.event("AIConvAIHold", Hold="ended")
    hears_agent(caller, conversation, 700.0)
    caller.hangup()


def test_a_hold_in_the_middle_of_a_subroutine_is_told_once(voice: Voice) -> None:
    """Each Wait() of it puts what it reads of holds back, and the next one reads it again."""
    waits = "\n".join(" same => n,Wait(0.05)" for _ in range(40))
    voice.dialplan(f"exten => look,1,NoOp()\n{waits}\n same => n,Set(TOOL_RESULT=found)\n same => n,Return()")
    call, conversation = begin(voice, tool_look="gosub:default,look")
    with calling(conversation, "look") as result:
        voice.event("AIConvAIToolCall")
        for _ in range(2):
            call.hold()
            time.sleep(0.2)
            call.unhold()
            call.send_dtmf("5#")
        assert result.result(10.0).result == "found"
    agent_hears(conversation, call, CALLER_HZ)
    assert [event["Hold"] for event in voice.events("AIConvAIHold")] == ["begun", "ended"] * 2
    assert [event["Keys"] for event in voice.events("AIConvAIKeys")] == ["5", "5"]
    call.hangup()


@pytest.mark.fault("asterisk.end-during-hold")
def test_the_call_may_end_during_a_hold(voice: Voice) -> None:
    call, conversation = begin(voice)
    agent_says(conversation, AGENT_HZ, 5.0)
    call.wait_for_sound()
    call.hold()
    wait_on_hold(voice, 0.1)
    conversation.close()
    assert voice.event("AIConvAIEnd", timeout=3.0)["Status"] == "COMPLETED"
    call.hangup()
