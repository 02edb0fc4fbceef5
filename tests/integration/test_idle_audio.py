"""The line never falls silent: what goes to the caller while nobody says anything, and to whom it gives way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from exchange import agent_hears, agent_says
from hearing import tone_in
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions
from aiconvai.mock.scenario import parse_scenario
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call, Caller
from aiconvai.rig.caller.codecs import PACKET_MS

__all__ = ["mock_options", "voice"]

AGENT_HZ = 900.0
OTHER_HZ = 440.0
PLAYBACK_HZ = 440.0
LEVEL_DBFS = -12.0
FOREGROUND = "exten => 100,1,AIConvAI(agent)"
BACKGROUND = "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Wait(60)"


def silent(voice: Voice, dialplan: str = FOREGROUND, **options: object) -> None:
    """An agent who says nothing by itself."""
    voice.agent("agent", audio_frames_buffer_ms=20, **{"idle_audio": None, **options})
    voice.dialplan(dialplan)
    voice.apply()


def check_whole(call: Call, spared: int = 3) -> None:
    """What was heard is one stream without a hole, as long as the time in which it was but for so many packets.

    A machine that has others to serve lets packets wait and sends them soon after: the least late one of the beginning
    and of the end say how long the stream is.
    """
    packets = call.heard
    late_ms = [one.time_ns / 1e6 - PACKET_MS * number for number, one in enumerate(packets)]
    third = len(packets) // 3
    assert call.lost() == 0
    assert min(late_ms[-third:]) - min(late_ms[:third]) == pytest.approx(0.0, abs=spared * PACKET_MS)
    steps = np.diff([packet.timestamp for packet in packets]) % 2**32
    assert np.median(steps) == call.codec.clock_rate * PACKET_MS // 1000
    assert np.median(call.heard_spacing_ms()) == pytest.approx(PACKET_MS, abs=0.5)


@pytest.mark.parametrize("dialplan", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("codec", ["ulaw", "alaw", "g722", "slin16"])
def test_silence_goes_out_from_the_answer_on(voice: Voice, dialplan: str, codec: str) -> None:
    silent(voice, dialplan)
    call = voice.call("100", codec)
    call.wait_heard(100)
    check_whole(call)
    assert call.answered is not None
    # 20 ms are asked for; the rest is a machine that has others to serve.
    assert call.heard[0].time_ns / 1e9 - call.answered < 0.06
    # -60 dBFS: a decoder of G.722 begins with a little more than nothing.
    assert np.abs(call.heard_samples().astype(np.int32)).max() <= 32
    shown = re.search(r"^Idle audio: +(\d+) frames", voice.asterisk.cli(f"aiconvai show call {voice.channel()}"), re.M)
    assert shown is not None
    assert int(shown.group(1)) >= 100
    call.hangup()


def test_a_caller_who_waits_for_our_first_packet_is_heard(asterisk: Asterisk, voice: Voice) -> None:
    """As a telephone behind a router does, that is found by what comes from it."""
    silent(voice)
    with Caller(asterisk.sip_port) as caller:
        call = caller.call("100", send_silence=False).wait_answered()
        call.wait_heard(1)
        conversation = voice.conversation()
        agent_hears(conversation, call, OTHER_HZ)
        call.hangup()


def test_turns_are_whole_and_the_stream_stays_as_long_as_real_time(voice: Voice) -> None:
    silent(voice)
    call = voice.call("100")
    conversation = voice.conversation()
    for turn in range(6):
        # Wherever in an idle frame a turn begins.
        time.sleep(0.3 + turn * 0.007)
        agent_says(conversation, AGENT_HZ, 0.5)
        heard = call.wait_for_sound(since=time.monotonic() - 0.3)
        call.wait_for_silence(since=heard, duration_ms=100)
    samples = call.heard_samples(fill_gaps=False)
    stretches = stretches_of(AGENT_HZ, samples)
    assert [end - begin for begin, end in stretches] == pytest.approx([0.5] * 6, abs=0.041)
    for begin, end in stretches:
        part = samples[round(begin * 8000) - 160 : round(end * 8000) + 160]
        assert tone_in(part, AGENT_HZ, 8000).purity_db > 25.0
    check_whole(call)
    call.hangup()


def test_comfort_noise_has_its_level(voice: Voice) -> None:
    silent(voice, idle_audio="comfort_noise", comfort_noise_dbfs=-50)
    call = voice.call("100", "slin16")
    call.wait_heard(100)
    check_whole(call)
    assert rms_dbfs(call.heard_samples()[1600:]) == pytest.approx(-50.0, abs=1.0)
    call.hangup()


def test_none_sends_nothing(voice: Voice) -> None:
    silent(voice, idle_audio="none")
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.wait_received(lambda record: len(record.uplink) > 50)
    assert call.heard == []
    agent_says(conversation, AGENT_HZ, 0.3)
    call.wait_for_silence(since=call.wait_for_sound())
    assert len(call.heard) == 15
    call.hangup()


def test_early_media_has_it_before_the_answer(voice: Voice) -> None:
    silent(voice, "exten => 100,1,Progress()\n same => n,AIConvAI(agent,n)")
    call = voice.caller.call("100").wait_early_media()
    call.wait_heard(50)
    assert call.answered is None
    check_whole(call)
    call.hangup()


def test_others_who_are_heard_are_left_alone(voice: Voice) -> None:
    """A file that the dialplan plays under an agent in the background: idle audio before and after it, none in it."""
    silent(
        voice,
        "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Wait(1)\n"
        " same => n,Playback(${SOUNDS}/tone)\n same => n,Wait(30)",
    )
    call = voice.call("100")
    call.wait_for_silence(since=call.wait_for_sound(), duration_ms=500)
    heard = call.heard_samples(fill_gaps=False)
    ((begin, end),) = stretches_of(PLAYBACK_HZ, heard)
    assert begin == pytest.approx(1.0, abs=0.15)
    assert tone_in(heard[round(begin * 8000) : round(end * 8000)], PLAYBACK_HZ, 8000).purity_db > 25.0
    # Who was heard is given time to go on.
    check_whole(call, spared=10)
    call.hangup()


@pytest.mark.parametrize("option", ["m(tone:ring)", "m(default)"])
def test_what_is_heard_while_the_caller_waits_is_left_alone(voice: Voice, option: str) -> None:
    scenario = parse_scenario("steps: [{wait: 1.5}, {tone: 0.5}, {wait: 30}]")
    voice.agent("agent", ElevenLabsAgent(scenario=scenario), idle_audio=None)
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,{option})")
    voice.apply()
    call = voice.call("100")
    begin = call.wait_for_sound()
    call.wait_heard(50, since=begin)
    heard = call.heard_samples(fill_gaps=False)[-4000:]
    # No frame of silence in it.
    assert min(rms_dbfs(heard[at : at + 160]) for at in range(0, len(heard), 160)) > -40
    call.hangup()


def test_a_supervisor_is_heard_while_the_agent_is_silent(
    make_asterisk: Callable[..., Asterisk], app_module: Path
) -> None:
    """Asterisk mixes what is whispered into what goes to the caller, and where nothing goes it is not heard."""
    with ElevenLabsMockThread(MockOptions()) as mock:
        asterisk = make_asterisk(module=app_module, module_config="[general]\n", modules=("app_chanspy.so",))
        with Caller(asterisk.sip_port) as caller:
            voice = Voice(asterisk, caller, mock)
            silent(voice, f"{FOREGROUND}\nexten => 200,1,Answer()\n same => n,ChanSpy(PJSIP/,qBES)")
            call = voice.call("100")
            conversation = voice.conversation()
            spy = voice.call("200")
            spy.wait_heard(10)
            spy.play(tone(OTHER_HZ, 1.0, 8000, LEVEL_DBFS)).wait()
            call.wait_for_silence(since=call.wait_for_sound(), duration_ms=200)
            heard = stretches_of(OTHER_HZ, call.heard_samples(fill_gaps=False))
            assert sum(end - begin for begin, end in heard) == pytest.approx(1.0, abs=0.1)
            agent_hears(conversation, call, OTHER_HZ)
            for one in (spy, call):
                one.hangup()
