"""The way to the service is dead for a while, long, or loses packets: the caller hears all of it, later."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from cable import Cable
from hearing import agent_audio, agent_heard, seconds_of, wait_until_agent_heard, wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, load_scenario, parse_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

DEAD_SECONDS = 5.0


@contextmanager
def talk(voice: Voice, cable: Cable, agent: ElevenLabsAgent) -> Iterator[tuple[Call, ThreadedConversation]]:
    """A call whose service is at the other end of the cable."""
    voice.agent("far", agent)
    endpoint = voice.sections["far"]["conversation_endpoint"]
    voice.sections["far"]["conversation_endpoint"] = re.sub(r":\d+", f":{cable.port}", endpoint)
    voice.dialplan("exten => 100,1,AIConvAI(far)")
    voice.apply()
    call = voice.call("100")
    yield call, voice.conversation()
    call.hangup()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


@pytest.mark.fault("service.link-down")
def test_a_link_that_is_dead_for_a_while_loses_nothing(voice: Voice) -> None:
    with (
        Cable(voice.mock.port) as cable,
        talk(voice, cable, ElevenLabsAgent(scenario=parse_scenario("steps: []"))) as (call, conversation),
    ):
        conversation.send_audio(tone(500.0, 1.0, 8000), event_id=1)
        wait_until_all_is_heard(call, 1.0)
        cable.die()
        died = time.monotonic()
        call.play(tone(1700.0, 2.0, 8000))
        conversation.send_audio(tone(1100.0, 2.0, 8000), event_id=2)
        time.sleep(DEAD_SECONDS)
        assert seconds_of(agent_audio(call), 1100.0, 8000) == 0.0
        cable.revive()
        wait_until_all_is_heard(call, 3.0)
        assert seconds_of(agent_audio(call), 1100.0, 8000) == pytest.approx(2.0, abs=0.03)
        wait_until_agent_heard(conversation, died)
        assert seconds_of(agent_heard(conversation, died), 1700.0, 8000) == pytest.approx(2.0, abs=0.05)


@pytest.mark.fault("service.link-long")
def test_a_long_link_that_loses_packets_costs_time_alone(voice: Voice) -> None:
    with (
        Cable(voice.mock.port, delay_seconds=0.15, loss=0.05) as cable,
        talk(voice, cable, ElevenLabsAgent(scenario=load_scenario("echo"))) as (call, conversation),
    ):
        said = tone(700.0, 3.0, 8000)
        call.play(said).wait()
        call.wait_for_silence(since=call.wait_for_sound(), duration_ms=1500)
        assert seconds_of(conversation.record.uplink_samples(), 700.0, 8000) == pytest.approx(3.0, abs=0.05)
        assert seconds_of(agent_audio(call), 700.0, 8000) == pytest.approx(3.0, abs=0.05)


@pytest.mark.fault("service.ten-minutes-at-once")
def test_ten_minutes_of_audio_at_once(voice: Voice) -> None:
    """As much as `playout_limit_seconds` waits, and goes with an interruption."""
    voice.agent("much", ElevenLabsAgent(scenario=parse_scenario("steps: []")))
    voice.dialplan("exten => 100,1,AIConvAI(much)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    minute = tone(500.0, 60.0, 8000)
    for number in range(10):
        conversation.send_audio(minute, event_id=number + 1, chunk_ms=10_000)
    call.wait_heard(50)
    conversation.interrupt(10)
    conversation.send_audio(tone(1100.0, 1.0, 8000), event_id=11)
    voice.event("AIConvAIInterruption")
    wait_until_all_is_heard(call, 1.0)
    heard = agent_audio(call)
    assert seconds_of(heard, 1100.0, 8000) == pytest.approx(1.0, abs=0.03)
    assert seconds_of(heard[-8000:], 500.0, 8000) == 0.0
    assert np.abs(heard).max() > 0
    call.hangup()
