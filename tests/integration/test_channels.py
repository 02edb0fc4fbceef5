"""An agent on every kind of channel, and on channels that change while it is on them."""

from __future__ import annotations

import time

import pytest
from exchange import LEVEL_DBFS, agent_hears, hears_agent
from hearing import agent_audio, level_at, sounding, tone_in, wait_until_agent_heard, wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import read_wav, tone

__all__ = ["mock_options", "voice"]

RIG_TONE_HZ = 440.0
"""Of the rig's sound `tone`, 2 s at -20 dBFS."""


def _setup(voice: Voice, dialplan: str = "exten => 100,1,AIConvAI(agent)") -> None:
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(dialplan)
    voice.apply()


@pytest.mark.fault("asterisk.local-optimised")
def test_an_agent_behind_a_local_channel(voice: Voice) -> None:
    _setup(voice, "exten => 100,1,AIConvAI(agent)\nexten => 200,1,Dial(Local/100@default)")
    call = voice.call("200")
    conversation = voice.conversation()
    # Answered is not yet bridged, and what is said before is heard by nobody.
    voice.event("BridgeEnter", BridgeNumChannels="2")
    agent_hears(conversation, call, 600.0)
    hears_agent(call, conversation, 900.0)
    call.hangup()
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


@pytest.mark.fault("asterisk.local-kept")
def test_an_agent_listens_to_a_recording_and_is_recorded(voice: Voice) -> None:
    """An originated Local channel without a caller: its other half plays a file, then records what the agent says."""
    _setup(
        voice,
        "exten => 100,1,AIConvAI(agent)\n"
        "exten => 300,1,Playback(${SOUNDS}/tone)\n"
        " same => n,Record(/aiconvai/spool/agent.wav,0,1,q)\n"
        " same => n,Hangup()",
    )
    voice.asterisk.ami.action(
        "Originate", Channel="Local/100@default/n", Context="default", Exten="300", Priority=1, Async="true"
    )
    conversation = voice.conversation()
    voice.event("Newexten", Application="Record")
    conversation.send_audio(tone(900.0, 0.5, 8000, LEVEL_DBFS), event_id=1)
    conversation.wait_closed()
    got = tone_in(conversation.record.uplink_samples(), RIG_TONE_HZ, 8000)
    assert got.seconds == pytest.approx(2.0, abs=0.03)
    assert got.level_dbfs == pytest.approx(-20.0, abs=0.5)
    recorded, rate = read_wav(voice.asterisk.directory / "spool" / "agent.wav")
    said = tone_in(recorded, 900.0, rate)
    assert said.seconds == pytest.approx(0.5, abs=0.03)
    assert said.level_dbfs == pytest.approx(LEVEL_DBFS, abs=0.5)


@pytest.mark.fault("asterisk.reinvite-codec")
def test_the_codec_may_change_in_the_middle_of_a_call(voice: Voice) -> None:
    _setup(voice)
    call = voice.call("100", "ulaw")
    conversation = voice.conversation()
    agent_hears(conversation, call, 600.0)
    hears_agent(call, conversation, 900.0)
    for codec in ("alaw", "g722"):
        call.reinvite(codec)
        agent_hears(conversation, call, 600.0)
        hears_agent(call, conversation, 900.0)
    assert {packet.payload_type for packet in call.heard} == {0, 8, 9}


def test_a_caller_who_comes_back_from_hold_is_with_the_agent(voice: Voice) -> None:
    _setup(voice)
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, 600.0)
    call.hold()
    call.unhold()
    agent_hears(conversation, call, 700.0)
    hears_agent(call, conversation, 900.0)


def test_a_recording_holds_both_sides(voice: Voice) -> None:
    _setup(
        voice,
        "exten => 100,1,Set(DIR=/aiconvai/spool)\n"
        " same => n,MixMonitor(${DIR}/both.wav,r(${DIR}/caller.wav)t(${DIR}/spoken.wav))\n"
        " same => n,AIConvAI(agent)",
    )
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, 600.0)
    hears_agent(call, conversation, 900.0)
    call.hangup()
    voice.wait_for_log("End MixMonitor Recording")
    recordings = {
        name: read_wav(voice.asterisk.directory / "spool" / f"{name}.wav") for name in ("caller", "spoken", "both")
    }
    for name, hz in (("caller", 600.0), ("spoken", 900.0)):
        samples, rate = recordings[name]
        one = tone_in(samples, hz, rate)
        assert one.seconds == pytest.approx(0.3, abs=0.05), name
        assert one.level_dbfs == pytest.approx(LEVEL_DBFS, abs=0.5), name
    mixed, rate = recordings["both"]
    both = sounding(mixed, rate)
    assert level_at(both, 600.0, rate) > LEVEL_DBFS - 15.0
    assert level_at(both, 900.0, rate) > LEVEL_DBFS - 15.0


def test_calls_of_different_agents_do_not_mix(voice: Voice) -> None:
    """Eight callers talk to eight agents at once; each hears its own tone and only that."""
    pitches = {f"agent{number}": 500.0 + 230.0 * number for number in range(8)}
    for name in pitches:
        voice.agent(name, audio_frames_buffer_ms=20)
        voice.dialplan(f"exten => {name},1,AIConvAI({name})")
    voice.apply()
    calls = {name: voice.caller.call(name) for name in pitches}
    conversations = {voice.conversation() for _ in pitches}
    by_agent = {conversation.record.agent_id.removeprefix("id_"): conversation for conversation in conversations}
    began = time.monotonic()
    for name, hz in pitches.items():
        calls[name].wait_answered()
        by_agent[name].send_audio(tone(hz, 0.5, 8000, LEVEL_DBFS), event_id=1)
        calls[name].play(tone(hz + 115.0, 0.5, 8000, LEVEL_DBFS))
    for name, hz in pitches.items():
        call, conversation = calls[name], by_agent[name]
        wait_until_all_is_heard(call, 0.5)
        wait_until_agent_heard(conversation, began)
        heard = tone_in(agent_audio(call), hz, 8000)
        assert heard.purity_db > 30.0, name
        assert heard.seconds == pytest.approx(0.5, abs=0.02), name
        got = tone_in(conversation.record.uplink_samples(), hz + 115.0, 8000)
        assert got.purity_db > 30.0, name
        assert got.seconds == pytest.approx(0.5, abs=0.02), name
