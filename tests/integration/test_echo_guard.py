"""A caller with a speakerphone: the agent does not hear itself, and the caller is heard over it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hearing import agent_audio, wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import decode
from aiconvai.mock import parse_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call
from aiconvai.rig.talk.telephone import Speakerphone, Telephone, at_level
from aiconvai.speech import speak

__all__ = ["mock_options", "voice"]

LISTENS_NOT = "steps: []"
LISTENS = "steps: [{barge_in: {min_ms: 60, level_dbfs: -45}}]"
AGENT = (
    "Thank you for calling. I have looked up your booking, and there are three rooms that would suit you on that day; "
    "the first has a balcony and looks over the garden. The second one is larger, and next to the lift."
)
CALLER = "Excuse me, can I ask you something about the second one?"


def _talk(voice: Voice, scenario: str = LISTENS, **options: object) -> tuple[Call, ThreadedConversation, int]:
    """The agent speaks to a caller with a speakerphone; so many packets it is."""
    agent = voice.mock.agent_class(scenario=parse_scenario(scenario))
    voice.agent("speaker", agent, **{"audio_frames_buffer_ms": 20, "echo_guard": "gate", **options})
    voice.dialplan("exten => 100,1,AIConvAI(speaker)")
    voice.apply()
    call = voice.call("100")
    call.stream.microphone = Speakerphone(Telephone(delay_ms=100)).sends
    conversation = voice.conversation()
    said = at_level(speak(AGENT, 8000, "en+f3"), -20.0)
    conversation.send_audio(said, event_id=1, chunk_ms=250)
    return call, conversation, len(said) // 160


def _hears(conversation: ThreadedConversation) -> int:
    """The loudest that the service has heard."""
    record = conversation.record
    heard = [decode(chunk.data, record.input_format) for chunk in record.uplink]
    return int(np.abs(np.concatenate(heard).astype(int)).max())


def test_without_it_the_agent_interrupts_itself(voice: Voice) -> None:
    _talk(voice, echo_guard="off", interruption="service")
    assert int(voice.event("AIConvAIInterruption")["HeardMs"]) < 2000


def test_an_agent_that_hears_itself_is_named(voice: Voice) -> None:
    """Of a service that talks on, with `echo_guard = off`: what is amiss is said, and the call goes on."""
    call, _, packets = _talk(voice, LISTENS_NOT, echo_guard="off", interruption="service")
    wait_until_all_is_heard(call, packets / 50, timeout=20.0)
    told = voice.event("AIConvAITrouble", Trouble="agent_hears_itself")
    assert re.fullmatch(
        r"the agent hears itself: its voice comes back at -\d+ dB, \d+ ms late, and echo_guard is off", told["Message"]
    )
    assert told["Message"] in voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    call.hangup()
    assert voice.event("AIConvAIEnd")["Reason"].endswith(told["Message"])


@pytest.mark.quiet
def test_the_agent_does_not_hear_itself(voice: Voice) -> None:
    call, conversation, packets = _talk(voice)
    wait_until_all_is_heard(call, packets / 50, timeout=20.0)
    assert len(agent_audio(call)) >= packets * 160
    assert voice.events("AIConvAIInterruption") + voice.events("AIConvAIPause") == []
    assert _hears(conversation) < 100
    report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    (echo,) = re.findall(
        r"^Echo: +at (-\d+) dB after (\d+) ms; the caller was heard over the agent 0 times", report, re.M
    )
    assert -35 < int(echo[0]) < -8
    assert 60 <= int(echo[1]) <= 200
    call.hangup()
    event = voice.event("AIConvAIEnd")
    (told,) = voice.events("AIConvAIEcho")
    assert told["EchoDelayMs"] == echo[1]
    assert -35 < float(told["EchoReturnDb"]) < -5
    assert (event["EchoDelayMs"], event["EchoOpenings"]) == (echo[1], "0")
    assert round(float(event["EchoReturnDb"])) == int(echo[0])


def test_a_caller_is_heard_over_it(voice: Voice) -> None:
    call, conversation, packets = _talk(voice)
    call.wait_heard(200)
    words = at_level(speak(CALLER, 8000, "en-us+m4"), -22.0)
    call.play(words)
    begun = voice.event("AIConvAIPause", Pause="begun")
    event = voice.event("AIConvAIInterruption")
    assert begun["Channel"] == event["Channel"]
    heard = len(agent_audio(call)) // 160
    assert heard < packets - 50
    assert _hears(conversation) > 1000
    call.wait_for_silence(duration_ms=500)
    assert len(agent_audio(call)) // 160 <= heard + 3, "it stays silent"
