"""Calls that go out: the agent hears from the first word on, and a machine gets a message instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from exchange import agent_hears, hears_agent
from hearing import agent_heard, level_at
from voice import Voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsMockThread, MockOptions
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call, Caller

WORD_HZ = 500.0
MESSAGE_HZ = 440.0
DIALPLAN = """\
exten => out,1,AIConvAI(agent,bc)
 same => n,AMD()
 same => n,UserEvent(Answered,By: ${AMDSTATUS})
 same => n,GotoIf($["${AMDSTATUS}" = "MACHINE"]?machine)
 same => n(human),Wait(1)
 same => n,GotoIf($["${AICONVAI(phase)}" != "ended"]?human)
 same => n,Hangup()
 same => n(machine),Set(AICONVAI(end)=a machine answered)
 same => n,WaitForSilence(500,1,20)
 same => n,Playback(${SOUNDS}/tone)
 same => n,Hangup()
"""


@pytest.fixture
def voice(make_asterisk: Callable[..., Asterisk], app_module: Path) -> Iterator[Voice]:
    asterisk = make_asterisk(
        module=app_module,
        module_config="[general]\n",
        modules=("app_amd.so", "app_waitforsilence.so"),
        extra_files={"amd.conf": "[general]\n"},
    )
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        voice = Voice(asterisk, caller, mock)
        voice.agent("agent", audio_frames_buffer_ms=20)
        voice.dialplan(DIALPLAN)
        voice.apply()
        yield voice


def call_out(voice: Voice) -> Call:
    voice.asterisk.ami.action(
        "Originate",
        Channel=f"PJSIP/anonymous/sip:person@127.0.0.1:{voice.caller.port}",
        Context="default",
        Exten="out",
        Priority=1,
        Async="true",
    )
    return voice.caller.wait_incoming().answer()


def test_the_agent_hears_a_person_from_the_first_word_on(voice: Voice) -> None:
    person = call_out(voice)
    person.play(tone(WORD_HZ, 0.5, 8000)).wait()
    conversation = voice.conversation()
    assert voice.event("UserEvent", UserEvent="Answered")["By"] == "HUMAN"
    conversation.wait_received(lambda record: len(record.uplink_bytes) > 8000)
    assert level_at(agent_heard(conversation, 0.0)[:12000], WORD_HZ, 8000) > -30.0
    hears_agent(person, conversation, 900.0)
    agent_hears(conversation, person, 700.0)
    conversation.close(1000)
    person.wait_ended()


def test_a_machine_is_left_a_message(voice: Voice) -> None:
    machine = call_out(voice)
    greeting = machine.play(tone(WORD_HZ, 7.0, 8000))
    conversation = voice.conversation()
    assert voice.event("UserEvent", UserEvent="Answered")["By"] == "MACHINE"
    conversation.wait_closed()
    end = voice.event("AIConvAIEnd")
    assert (end["Status"], end["Reason"]) == ("COMPLETED", "a machine answered")
    greeting.wait()
    machine.wait_for_sound(since=0.0)
    machine.wait_ended(15.0)
    assert level_at(machine.heard_samples()[-6000:], MESSAGE_HZ, 8000) > -30.0
