"""An agent in company: music and silence that others send to the caller, and what others do to the caller's audio
before the agent hears it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from exchange import agent_hears, agent_says, hears_agent
from hearing import agent_heard, level_at, tone_in
from stretches import stretches_of
from voice import Voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsMockThread, MockOptions
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call, Caller

MUSIC_HZ = 440.0
"""The rig's music is this tone."""
AGENT_HZ = 900.0
CALLER_HZ = 600.0
LEVEL_DBFS = -12.0

MODULES = ("app_queue.so", "app_playtones.so", "app_milliwatt.so", "app_confbridge.so", "func_jitterbuffer.so")
QUEUES = "[general]\n[support]\nmusicclass = default\nstrategy = ringall\n"
CONFERENCES = (
    "[general]\n[default_user]\ntype = user\njitterbuffer = yes\nquiet = yes\nannounce_only_user = no\n"
    "[default_bridge]\ntype = bridge\n"
)


@pytest.fixture
def voice(make_asterisk: Callable[..., Asterisk], app_module: object) -> Iterator[Voice]:
    """With applications that send something by themselves, and Wait() that sends silence."""
    asterisk = make_asterisk(
        module=app_module,
        module_config="[general]\n",
        modules=MODULES,
        transmit_silence=True,
        extra_files={"queues.conf": QUEUES, "confbridge.conf": CONFERENCES},
    )
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        yield Voice(asterisk, caller, mock)


def begin(voice: Voice, dialplan: str) -> tuple[Call, ThreadedConversation]:
    """A call that runs this dialplan, with an agent who says nothing by itself."""
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(dialplan)
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.wait_received(lambda record: len(record.uplink) > 5)
    return call, conversation


def check_agent_between_music(
    call: Call, seconds: float, music_hz: float = MUSIC_HZ, agent_hz: float = AGENT_HZ
) -> None:
    """The whole of what it said was heard, by itself, and the music before and after."""
    heard = call.heard_samples(fill_gaps=False)
    ((begin, end),) = stretches_of(agent_hz, heard)
    assert end - begin == pytest.approx(seconds, abs=0.04)
    said = tone_in(heard[round(begin * 8000) + 320 : round(end * 8000) - 320], agent_hz, 8000)
    assert said.level_dbfs == pytest.approx(LEVEL_DBFS, abs=0.5)
    assert said.purity_db > 25.0
    for part in (heard[: round(begin * 8000) - 160], heard[round(end * 8000) + 160 :]):
        assert level_at(part[-3200:], music_hz, 8000) > -35
        assert level_at(part, agent_hz, 8000) < -50


# Music that others play

MUSIC_BEHIND = {
    "MusicOnHold": " same => n,MusicOnHold(default,60)",
    "Queue": " same => n,Queue(support,,,,60)",
    "Dial": " same => n,Dial(Local/nobody@default/n,60,m)\nexten => nobody,1,Wait(60)",
}


@pytest.mark.fault("asterisk.music")
@pytest.mark.parametrize("application", MUSIC_BEHIND)
def test_in_the_background_the_agent_is_heard_and_the_music_between_its_turns(voice: Voice, application: str) -> None:
    dialplan = f"exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n{MUSIC_BEHIND[application]}"
    call, conversation = begin(voice, dialplan)
    call.wait_for_sound()
    call.wait_heard(25)
    agent_says(conversation, AGENT_HZ, 0.8)
    call.wait_heard(80, since=time.monotonic())
    call.hangup()
    check_agent_between_music(call, 0.8)
    conversation.wait_closed()


TONES_BEHIND = {
    "Playtones": (" same => n,Playtones(440)\n same => n,Wait(60)", MUSIC_HZ),
    "Milliwatt": (" same => n,Milliwatt()", 1004.0),
    "Playback": (" same => n,Playback(" + "&".join(["${SOUNDS}/tone"] * 10) + ")", MUSIC_HZ),
}


@pytest.mark.fault("asterisk.generators")
@pytest.mark.parametrize("application", TONES_BEHIND)
def test_in_the_background_the_agent_is_heard_and_the_tone_between_its_turns(voice: Voice, application: str) -> None:
    lines, hz = TONES_BEHIND[application]
    call, conversation = begin(voice, f"exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n{lines}")
    call.wait_for_sound()
    call.wait_heard(25)
    # Far from each of the tones.
    agent_says(conversation, 1700.0, 0.8)
    call.wait_heard(80, since=time.monotonic())
    call.hangup()
    check_agent_between_music(call, 0.8, hz, 1700.0)
    conversation.wait_closed()


@pytest.mark.fault("asterisk.transmit-silence")
def test_in_the_background_the_agent_is_heard_while_silence_is_sent(voice: Voice) -> None:
    call, conversation = begin(voice, "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Wait(60)")
    call.wait_heard(10)
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()


@pytest.mark.fault("asterisk.music-in-tool")
def test_in_a_subroutine_the_agent_is_heard_and_the_music_between_its_turns(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20, tool_play="gosub:music")
    voice.dialplan("exten => 100,1,AIConvAI(agent)\n[music]\nexten => s,1,MusicOnHold(default,3)\n same => n,Return()")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.start_tool("play")
    call.wait_for_sound()
    call.wait_heard(25)
    agent_says(conversation, AGENT_HZ, 0.8)
    call.wait_heard(70, since=time.monotonic())
    check_agent_between_music(call, 0.8)
    call.wait_for_silence(since=time.monotonic())
    hears_agent(call, conversation, AGENT_HZ)
    call.hangup()


@pytest.mark.fault("asterisk.music-before")
def test_music_that_was_on_before_ends_when_the_agent_is_heard(voice: Voice) -> None:
    call, conversation = begin(
        voice, "exten => 100,1,Answer()\n same => n,StartMusicOnHold()\n same => n,AIConvAI(agent)"
    )
    call.wait_for_sound()
    call.wait_heard(25)
    agent_says(conversation, AGENT_HZ, 0.5)
    call.wait_for_silence(since=time.monotonic() + 0.5, duration_ms=200)
    heard = call.heard_samples(fill_gaps=False)
    assert len(stretches_of(AGENT_HZ, heard)) == 1
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()


# What others do to the caller's audio

JITTER_BUFFERS = {
    "background": "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n"
    " same => n,Set(JITTERBUFFER(adaptive)=default)\n same => n,Wait(60)",
    "conference": "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,ConfBridge(room)",
    "foreground": "exten => 100,1,Answer()\n same => n,Set(JITTERBUFFER(fixed)=default)\n same => n,AIConvAI(agent)",
}


JITTER_BUFFER_SECONDS = 0.2
"""Asterisk's default."""


@pytest.mark.fault("asterisk.jitter-buffer")
@pytest.mark.quiet
@pytest.mark.parametrize("where", JITTER_BUFFERS)
def test_behind_a_jitter_buffer_a_second_is_a_second(voice: Voice, where: str) -> None:
    call, conversation = begin(voice, JITTER_BUFFERS[where])
    # It is in place by then.
    conversation.wait_received(lambda record: len(record.uplink) > 50)
    began = time.monotonic()
    call.play(tone(CALLER_HZ, 2.0, 8000, LEVEL_DBFS)).wait()
    conversation.wait_received(lambda record: record.uplink[-1].time > began + 3.0)
    heard = agent_heard(conversation, began)
    took = conversation.record.uplink[-1].time - began
    assert len(heard) / 8000 == pytest.approx(took, abs=0.15)
    said = tone_in(heard, CALLER_HZ, 8000)
    assert said.seconds == pytest.approx(2.0, abs=0.06)
    call.hangup()


@pytest.mark.quiet
def test_a_jitter_buffer_that_a_subroutine_sets(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20, tool_buffer="gosub:buffer")
    voice.dialplan(
        "exten => 100,1,AIConvAI(agent)\n"
        "[buffer]\nexten => s,1,Set(JITTERBUFFER(fixed)=default)\n same => n,Wait(2)\n same => n,Return()"
    )
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.wait_received(lambda record: len(record.uplink) > 5)
    began = time.monotonic()
    conversation.start_tool("buffer")
    conversation.wait_received(lambda record: record.uplink[-1].time > began + 3.0, 10)
    took = conversation.record.uplink[-1].time - began
    # The buffer keeps so much back when it comes; where that takes a little longer silence stands in for it.
    heard = len(agent_heard(conversation, began)) / 8000
    assert took - JITTER_BUFFER_SECONDS - 0.15 < heard < took + 0.15
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()


@pytest.mark.parametrize("decibels", [-6, 6])
def test_the_volume_that_the_dialplan_sets_is_the_agents(voice: Voice, decibels: int) -> None:
    """VOLUME() counts in factors of two."""
    factor = round(10 ** (abs(decibels) / 20)) * (1 if decibels > 0 else -1)
    call, conversation = begin(
        voice, f"exten => 100,1,Answer()\n same => n,Set(VOLUME(RX)={factor})\n same => n,AIConvAI(agent)"
    )
    began = time.monotonic()
    call.play(tone(CALLER_HZ, 0.5, 8000, -24.0)).wait()
    conversation.wait_received(lambda record: record.uplink[-1].time > began + 1.0)
    said = tone_in(agent_heard(conversation, began), CALLER_HZ, 8000)
    assert said.level_dbfs == pytest.approx(-24.0 + decibels, abs=1.0)
    call.hangup()
