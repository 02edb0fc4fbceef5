"""A sound that goes on under the call, and the agent's level, as the caller hears them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from exchange import agent_says
from hearing import level_at
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone

__all__ = ["mock_options", "voice"]

SOUND = "/aiconvai/sounds/tone.wav"
SOUND_HZ = 440.0
AGENT_HZ = 1300.0


def _begin(voice: Voice, **options: object) -> None:
    voice.agent("agent", **{"idle_audio": None, **options})
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()


@pytest.mark.parametrize("codec", ["ulaw", "g722", "slin16"])
def test_it_is_heard_at_its_level_and_lower_under_the_agent(voice: Voice, codec: str) -> None:
    _begin(voice, ambience=SOUND, ambience_dbfs=-32, idle_audio="none")
    call = voice.call("100", codec)
    conversation = voice.conversation()
    call.wait_heard(150)
    rate = call.codec.rate
    alone = call.heard_samples()[rate:]
    assert level_at(alone, SOUND_HZ, rate) == pytest.approx(-32.0, abs=1.5)
    assert rms_dbfs(alone) == pytest.approx(-32.0, abs=1.5)
    agent_says(conversation, AGENT_HZ, 2.0)
    call.wait_heard(300)
    with_agent = call.heard_samples()[-round(rate * 3.5) :]
    frames = with_agent[: with_agent.size // (rate // 5) * (rate // 5)].reshape(-1, rate // 5)
    under = [frame for frame in frames if level_at(frame, AGENT_HZ, rate) > -20.0][2:-1]
    assert len(under) >= 5
    for frame in under:
        assert level_at(frame, SOUND_HZ, rate) == pytest.approx(-38.0, abs=2.0)
    call.hangup()


def test_the_agents_audio_is_what_it_was(voice: Voice) -> None:
    _begin(voice, ambience=SOUND, ambience_dbfs=-50)
    call = voice.call("100", "slin16")
    conversation = voice.conversation()
    call.wait_heard(50)
    agent_says(conversation, AGENT_HZ, 1.0)
    call.wait_for_silence(since=call.wait_for_sound(-30.0), level_dbfs=-30.0)
    heard = call.heard_samples()
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 3000)
    assert (loud[-1] - loud[0]) / 16000 == pytest.approx(1.0, abs=0.03)
    call.hangup()


@pytest.mark.parametrize(
    ("file", "problem"),
    [("/aiconvai/sounds/nowhere.wav", "cannot be opened"), ("/aiconvai/sounds/tone", "cannot be opened")],
    ids=["missing", "no-extension"],
)
def test_a_file_that_cannot_be_read_costs_no_call(voice: Voice, file: str, problem: str) -> None:
    _begin(voice, ambience=file)
    call = voice.call("100")
    call.wait_heard(50)
    assert np.abs(call.heard_samples().astype(int)).max() == 0
    voice.wait_for_log(re.escape(f"agent agent: ambience: '{file}' {problem}"))
    call.hangup()


def test_a_reload_does_not_take_it_from_a_call(voice: Voice) -> None:
    _begin(voice, ambience=SOUND, ambience_dbfs=-32)
    call = voice.call("100")
    call.wait_heard(50)
    voice.apply()
    voice.apply()
    before = len(call.heard)
    call.wait_heard(before + 75)
    assert rms_dbfs(call.heard_samples()[-8000:]) == pytest.approx(-32.0, abs=1.5)
    call.hangup()


def test_a_soft_agent_is_made_as_loud_as_the_line(voice: Voice) -> None:
    _begin(voice, agent_level_dbfs=-18)
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.send_audio(tone(AGENT_HZ, 1.0, conversation.record.downlink_rate, -34.0), 1)
    call.wait_for_silence(since=call.wait_for_sound())
    heard = call.heard_samples()
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 1000)
    assert rms_dbfs(heard[loud[0] : loud[-1]]) == pytest.approx(-18.0, abs=1.0)
    call.hangup()
