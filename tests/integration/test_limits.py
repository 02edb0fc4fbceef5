"""Limits an operator sets: calls at once, the length of a call, silence before a turn."""

from __future__ import annotations

import time

import pytest
from outcome import REPORT, outcome
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent
from aiconvai.mock.scenario import parse_scenario
from aiconvai.rig.asterisk.ami import ManagerError
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]


def _dialplan(voice: Voice) -> None:
    for name in voice.sections:
        voice.dialplan(f"exten => {name},1,Answer()\n same => n,AIConvAI({name})\n same => n,{REPORT}")


def _begin(voice: Voice, name: str) -> Call:
    call = voice.call(name)
    assert voice.conversation().record.agent_id == f"id_{name}"
    return call


def test_max_concurrent_calls_of_an_agent_counts_that_agent_alone(voice: Voice) -> None:
    voice.agent("sales", max_concurrent_calls=2)
    voice.agent("support")
    _dialplan(voice)
    voice.apply()
    for name in ("sales", "sales", "support"):
        _begin(voice, name)
    refused = voice.call("sales")
    assert refused.answered is not None
    refused.wait_ended()
    found = outcome(voice)
    assert (found.status, found.reason) == ("BUSY", "max_concurrent_calls of agent sales (2) is reached")
    assert found.conversation_id == ""
    # At once: no queue, no attempt to connect.
    assert voice.event("UserEvent").received - refused.answered < 0.5
    assert len(voice.mock.requests) == 3


def test_max_concurrent_calls_of_general_counts_all_agents(voice: Voice) -> None:
    voice.general["max_concurrent_calls"] = "2"
    voice.agent("sales")
    voice.agent("support")
    _dialplan(voice)
    voice.apply()
    first = _begin(voice, "sales")
    _begin(voice, "support")
    voice.call("support").wait_ended()
    found = outcome(voice)
    assert (found.status, found.reason) == ("BUSY", "max_concurrent_calls of [general] (2) is reached")
    # A call that ends makes room.
    first.hangup()
    # AIConvAIEnd is told a moment before its place is free.
    voice.event("Hangup", Channel=voice.event("AIConvAIEnd", Agent="sales")["Channel"])
    _begin(voice, "support")


def test_call_duration_limit_ends_the_call(voice: Voice) -> None:
    voice.agent("sales", call_duration_limit_seconds=1)
    voice.dialplan(f"exten => 100,1,AIConvAI(sales)\n same => n,UserEvent(Further)\nexten => h,1,{REPORT}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    assert call.wait_ended().by == "remote"
    assert call.answered is not None
    assert call.ended is not None
    assert 0.9 < call.ended - call.answered < 2.0
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("TIMEOUT", conversation.record.id)
    assert found.reason == "the conversation reached call_duration_limit_seconds (1 s)"
    conversation.wait_closed()
    assert (conversation.record.closed_by, conversation.record.close_code) == ("client", 1000)
    assert not [event for event in voice.events("UserEvent") if event["UserEvent"] == "Further"]


def test_call_duration_limit_cuts_off_what_the_agent_says(voice: Voice) -> None:
    scenario = parse_scenario("steps: [{tone: 20}]")
    voice.general["call_duration_limit_seconds"] = "1"
    voice.agent("sales", ElevenLabsAgent(scenario=scenario))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,c)\n same => n,{REPORT}\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    assert outcome(voice).status == "TIMEOUT"
    call.wait_for_silence(duration_ms=200)
    assert 30 < len(call.heard) < 100
    call.hangup()


@pytest.mark.parametrize("how", ["limit", "manager"])
def test_end_does_not_wait_for_what_the_agent_said_before_it_closed(voice: Voice, how: str) -> None:
    """A goodbye is heard to its end; not beyond the time limit, and not where somebody wants the end now."""
    voice.agent("sales", ElevenLabsAgent(scenario=parse_scenario("steps: [{tone: 20}, {close: 1000}]")))
    if how == "limit":
        voice.sections["sales"]["call_duration_limit_seconds"] = "2"
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,c)\n same => n,{REPORT}\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    voice.event("AIConvAIEnd")
    call.wait_heard(10)
    if how == "manager":
        voice.asterisk.ami.action("AIConvAIEnd", Channel=voice.channel())
    assert outcome(voice, 5.0).status == "COMPLETED"
    call.wait_for_silence(duration_ms=200)
    assert len(call.heard) < 130


def test_call_duration_limit_holds_while_connecting(voice: Voice) -> None:
    scenario = parse_scenario("handshake: {metadata_delay: 3}")
    voice.agent("sales", ElevenLabsAgent(scenario=scenario), call_duration_limit_seconds=1)
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,c)\n same => n,{REPORT}")
    voice.apply()
    voice.call("100").wait_ended()
    assert outcome(voice).status == "TIMEOUT"
    (conversation,) = voice.mock.conversations
    conversation.wait_closed()
    assert conversation.record.closed_by == "client"


@pytest.mark.parametrize("padding_ms", [0, 600])
def test_silence_padding_comes_before_each_turn(voice: Voice, padding_ms: int) -> None:
    voice.agent("sales", silence_padding_ms=padding_ms)
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    for event_id in (1, 2):
        packets = len(call.heard)
        # Two messages of one turn: only the first is padded.
        conversation.send_audio(tone(1000, 0.4, 8000), event_id, chunk_ms=200)
        sent = conversation.record.downlink[-1].time
        begin = call.wait_for_sound(since=sent)
        assert padding_ms / 1000 <= begin - sent + 0.02 < padding_ms / 1000 + 0.25
        call.wait_heard(packets + (padding_ms + 400) // 20)
        call.wait_for_silence(since=begin)
        # What stands before the turn is silence in packets, for those who wait for packets.
        assert len(call.heard) == packets + (padding_ms + 400) // 20


def test_an_agent_that_is_closed_takes_no_calls_until_it_is_opened(voice: Voice) -> None:
    voice.agent("sales")
    voice.agent("support")
    _dialplan(voice)
    voice.apply()
    ami = voice.asterisk.ami
    going_on = _begin(voice, "sales")
    for reason in ("the limit of a day is reached", "another reason"):
        ami.action("AIConvAICloseAgent", Agent="Sales", Seconds="60", Reason=reason)
    voice.call("sales").wait_ended()
    found = outcome(voice)
    assert (found.status, found.reason) == ("BUSY", "agent sales takes no calls: another reason")
    assert going_on.alive, "a call that goes on is not touched"
    _begin(voice, "support")
    ami.action("AIConvAIOpenAgent", Agent="sales")
    _begin(voice, "sales")
    with pytest.raises(ManagerError, match="not closed"):
        ami.action("AIConvAIOpenAgent", Agent="sales")


def test_an_agent_is_not_closed_for_longer_than_was_said(voice: Voice) -> None:
    voice.agent("sales")
    _dialplan(voice)
    voice.apply()
    voice.asterisk.ami.action("AIConvAICloseAgent", Agent="sales", Seconds="1")
    closed = time.monotonic()
    voice.call("sales").wait_ended()
    assert outcome(voice).reason == "agent sales takes no calls: closed over AMI"
    while not voice.mock.requests:
        call = voice.call("sales")
        while call.alive and not voice.mock.requests:
            time.sleep(0.02)
        assert time.monotonic() - closed < 10
    assert time.monotonic() - closed >= 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Agent": "nobody", "Seconds": "5"}, "No agent of that name"),
        ({"Seconds": "5"}, "No agent of that name"),
        ({"Agent": "sales"}, "Seconds is missing"),
        ({"Agent": "sales", "Seconds": "0"}, "Seconds is missing or wrong"),
        ({"Agent": "sales", "Seconds": "86401"}, "Seconds is missing or wrong"),
        ({"Agent": "sales", "Seconds": "long"}, "Seconds is missing or wrong"),
    ],
)
def test_who_closes_an_agent_wrongly_is_told_how(voice: Voice, headers: dict[str, str], expected: str) -> None:
    voice.agent("sales")
    voice.apply()
    with pytest.raises(ManagerError, match=expected):
        voice.asterisk.ami.action("AIConvAICloseAgent", **headers)
