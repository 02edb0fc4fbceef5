"""Calls that are bridged, transferred or sent elsewhere while an agent is on them."""

from __future__ import annotations

import json
import re
import time

import pytest
from exchange import agent_hears, hears, hears_agent
from hearing import agent_audio, agent_heard, level_at
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

DIALPLAN = """\
exten => 100,1,AIConvAI(agent)
exten => 200,1,AIConvAI(agent,b)
 same => n,Goto(5{port},1)
exten => 300,1,AIConvAI(agent,b)
 same => n,Wait(60)
exten => 400,1,Dial(PJSIP/anonymous/sip:party@127.0.0.1:{port},30,U(with-agent^s^1))
exten => _50X,1,AIConvAI(agent,bc)
 same => n,Wait(60)

[with-agent]
exten => s,1,AIConvAI(agent,b)
 same => n,Return()
"""


def _setup(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(DIALPLAN.format(port=voice.caller.port))
    voice.apply()


def _bridge(voice: Voice, extension: str) -> tuple[Call, Call]:
    """The caller who called, and the party who was called and has answered."""
    outgoing = voice.caller.call(extension)
    incoming = voice.caller.wait_incoming()
    incoming.answer()
    outgoing.wait_answered()
    # Answered is not yet bridged: only a bridge lets the one hear the other.
    incoming.wait_heard(1)
    return outgoing, incoming


def _transfer(voice: Voice, channel: str, extension: str) -> None:
    """What a REFER does for that party, without the seconds that Asterisk keeps its sockets after a REFER."""
    voice.asterisk.ami.action("BlindTransfer", Channel=channel, Context="default", Exten=extension)


def _is_known_as(voice: Voice, conversation: ThreadedConversation, channel: str) -> None:
    """Events name that channel, with the unique id that Asterisk gives it, and the call is found by both."""
    conversation.send_raw(
        json.dumps({"type": "user_transcript", "user_transcription_event": {"user_transcript": "Hm."}})
    )
    event = voice.event("AIConvAITranscript")
    assert event["Channel"] == channel
    assert re.search(rf"UniqueID: {re.escape(event['Uniqueid'])}\s", voice.asterisk.cli(f"core show channel {channel}"))
    for name in (channel, event["Uniqueid"]):
        voice.asterisk.ami.action("AIConvAIContext", Channel=name, Text="Found.")
    assert voice.asterisk.cli("aiconvai show calls").count(channel) == 1


def _ends(voice: Voice, conversation: ThreadedConversation, call: Call, status: str = "CALLER_HANGUP") -> None:
    call.hangup()
    conversation.wait_closed()
    assert conversation.record.close_code == 1000
    assert voice.event("AIConvAIEnd")["Status"] == status
    assert not conversation.record.violations


@pytest.mark.fault("asterisk.attended-transfer")
@pytest.mark.parametrize("extension", ["100", "300"], ids=["foreground", "background"])
def test_a_caller_is_put_through_to_an_agent(voice: Voice, extension: str) -> None:
    """B talks to A, calls the agent, and connects the two."""
    _setup(voice)
    caller, colleague = _bridge(voice, f"5{voice.caller.port}")
    consultation = voice.call(extension)
    conversation = voice.conversation()
    agent_hears(conversation, consultation, 500.0)
    colleague.transfer_attended(consultation)
    agent_hears(conversation, caller, 600.0)
    hears_agent(caller, conversation, 900.0)
    _is_known_as(voice, conversation, voice.channel())
    _ends(voice, conversation, caller)


@pytest.mark.fault("asterisk.bridge-background")
def test_a_conversation_in_the_background_hears_a_caller_who_is_bridged(voice: Voice) -> None:
    """Native bridging, which the rig has loaded, must not take the audio past the agent."""
    _setup(voice)
    caller, colleague = _bridge(voice, "200")
    conversation = voice.conversation()
    hears(colleague, caller, 500.0)
    agent_hears(conversation, caller, 600.0)
    _ends(voice, conversation, caller)


def test_the_agent_in_the_background_does_not_hear_the_other_party(voice: Voice) -> None:
    _setup(voice)
    caller, colleague = _bridge(voice, "200")
    conversation = voice.conversation()
    began = time.monotonic()
    hears(caller, colleague, 700.0)
    assert rms_dbfs(agent_heard(conversation, began)) < -60.0
    agent_hears(conversation, caller, 600.0)


@pytest.mark.fault("asterisk.blind-transfer")
def test_a_conversation_in_the_background_stays_with_a_caller_who_is_transferred(voice: Voice) -> None:
    _setup(voice)
    caller, colleague = _bridge(voice, "200")
    conversation = voice.conversation()
    agent_hears(conversation, caller, 600.0)
    channel = voice.event("AIConvAIStart")["Channel"]
    (other,) = [name for name in voice.asterisk.channels() if name != channel]
    _transfer(voice, other, "wait")
    colleague.wait_ended()
    agent_hears(conversation, caller, 700.0)
    hears_agent(caller, conversation, 900.0)
    _ends(voice, conversation, caller)


@pytest.mark.fault("asterisk.masquerade")
def test_a_conversation_in_the_background_follows_a_masquerade(voice: Voice) -> None:
    """A called party has no dialplan of its own: sent elsewhere, it becomes another channel."""
    _setup(voice)
    caller, party = _bridge(voice, "400")
    conversation = voice.conversation()
    agent_hears(conversation, party, 600.0)
    channel = voice.event("AIConvAIStart")["Channel"]
    voice.asterisk.ami.action("Redirect", Channel=channel, Context="default", Exten="wait", Priority=1)
    caller.wait_ended()
    agent_hears(conversation, party, 700.0)
    hears_agent(party, conversation, 900.0)
    report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    assert conversation.record.id in report
    _ends(voice, conversation, party)


@pytest.mark.fault("asterisk.blind-transfer-leaves")
def test_a_conversation_in_the_background_ends_with_the_caller_who_leaves_by_a_transfer(voice: Voice) -> None:
    """A, whom the agent listens to, puts B through to somebody else and is gone."""
    _setup(voice)
    caller, colleague = _bridge(voice, "200")
    conversation = voice.conversation()
    agent_hears(conversation, caller, 600.0)
    _transfer(voice, voice.event("AIConvAIStart")["Channel"], "echo")
    conversation.wait_closed()
    caller.wait_ended()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"
    # Echo() is there once something comes back: nobody else sends any more.
    colleague.wait_heard(1, since=time.monotonic())
    hears(colleague, colleague, 500.0)


@pytest.mark.fault("asterisk.redirect")
def test_a_call_is_sent_elsewhere_by_the_manager(voice: Voice) -> None:
    _setup(voice)
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, 600.0)
    before = time.monotonic()
    conversation.send_audio(tone(900.0, 5.0, 8000), event_id=1)
    call.wait_for_sound(since=before)
    redirected = time.monotonic()
    voice.asterisk.ami.action("Redirect", Channel=voice.channel(), Context="default", Exten="tone", Priority=1)
    conversation.wait_closed()
    event = voice.event("AIConvAIEnd")
    assert (event["Status"], event["Reason"]) == ("COMPLETED", "the call was sent elsewhere")
    call.wait_heard(50, since=redirected + 0.1)
    heard = agent_audio(call)[-4000:]
    assert level_at(heard, 440.0, 8000) == pytest.approx(-20.0, abs=1.0)
    assert level_at(heard, 900.0, 8000) < -60.0


@pytest.mark.quiet
def test_the_agent_in_the_background_is_heard_over_the_other_party(voice: Voice) -> None:
    """Two streams in one would be neither: while the agent talks it alone is heard, then the other party again."""
    _setup(voice)
    caller, party = _bridge(voice, "200")
    conversation = voice.conversation()
    party.play(tone(500.0, 30.0, 8000))
    caller.wait_for_sound()
    before = len(caller.heard)
    conversation.send_audio(tone(900.0, 1.0, 8000), conversation.current_event_id + 1)
    caller.wait_heard(before + 90)

    rate = 8000
    heard = caller.heard_samples()[before * 160 :]
    seconds = [heard[at : at + rate // 5] for at in range(0, len(heard) - rate // 5, rate // 5)]
    agent = [level_at(part, 900.0, rate) > level_at(part, 500.0, rate) + 30 for part in seconds]
    other = [level_at(part, 500.0, rate) > level_at(part, 900.0, rate) + 30 for part in seconds]
    assert sum(agent) >= 4, "a second of the agent alone"
    assert any(other[sum(agent) :]), "then the other party again"
    assert max(caller.heard_spacing_ms()[-80:]) < 60
    assert min(caller.heard_spacing_ms()[-80:]) > 5, "one stream, not two"
    _ends(voice, conversation, caller)


@pytest.mark.fault("asterisk.masquerade-after-end")
def test_a_conversation_that_has_ended_does_not_come_back_in_a_masquerade(voice: Voice) -> None:
    """Its hook was detached, and is destroyed at the next frame; the first is the one that tells of the masquerade."""
    _setup(voice)
    calls, conversations, channels = [], [], []
    for extension in ("500", "501"):
        calls.append(voice.call(extension))
        conversations.append(voice.conversation())
        channels.append(voice.event("AIConvAIStart", Exten=extension)["Channel"])
    for call in calls:
        call.stream.paused = True
    for conversation, channel in zip(conversations, channels, strict=True):
        conversation.close(1000)
        voice.event("VarSet", Variable="AICONVAI_STATUS", Value="COMPLETED", Channel=channel)
    voice.asterisk.ami.action("Bridge", Channel1=channels[0], Channel2=channels[1])
    bridged = time.monotonic()
    for call in calls:
        call.stream.paused = False
    calls[0].wait_heard(1, since=bridged)
    hears(*calls, 600.0)
    # What they came to stays with the two channels.
    assert voice.asterisk.module_use_count() == 2
    assert "0 calls" in voice.asterisk.cli("aiconvai show calls")
