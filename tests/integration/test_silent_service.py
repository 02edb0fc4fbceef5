"""A service that answers no ping, or hangs: audio is a sign of life, and silence is noticed."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from exchange import hears_agent
from voice import Voice, mock_options, voice

from aiconvai.mock import Scenario, parse_scenario
from aiconvai.mock.elevenlabs import ElevenLabsAgent

__all__ = ["mock_options", "voice"]


def _agent(text: str) -> ElevenLabsAgent:
    return ElevenLabsAgent(scenario=parse_scenario(text))


def _apply(voice: Voice) -> None:
    voice.dialplan("exten => 100,1,AIConvAI(sales)\n same => n,Wait(30)")
    voice.apply()


@pytest.mark.long
@pytest.mark.fault("service.no-pongs")
def test_service_that_answers_no_ping_keeps_the_call_while_it_speaks(voice: Voice) -> None:
    """libwebsockets by itself would give it up after half a minute."""
    voice.agent("sales", _agent("wire: {answers_pings: false}\nsteps: [{echo: {}}]"), audio_frames_buffer_ms=20)
    _apply(voice)
    call = voice.call()
    conversation = voice.conversation()
    time.sleep(32)
    assert not conversation.record.closed_by
    assert voice.events("AIConvAIError") == []
    hears_agent(call, conversation, 900.0)
    assert len(voice.mock.conversations) == 1


@pytest.mark.fault("service.no-pongs")
def test_service_may_answer_pings_late(voice: Voice) -> None:
    """And says nothing while nobody speaks to it."""
    voice.agent("sales", _agent("wire: {pong_delay: 1.5}\nsteps: [{wait: 60}]"), service_silence_seconds=4)
    _apply(voice)
    call = voice.call()
    conversation = voice.conversation()
    time.sleep(9)
    assert voice.events("AIConvAIError") == []
    hears_agent(call, conversation, 900.0)
    assert len(voice.mock.conversations) == 1


@pytest.mark.parametrize("provider", ["elevenlabs", "gemini", "websocket"])
@pytest.mark.fault("service.hangs")
def test_service_that_hangs_is_left_for_another_connection(voice: Voice, provider: str) -> None:
    hanging = parse_scenario("steps: [{tone: 0.5}, {fall_silent: true}, {wait: 60}]")
    if provider != "elevenlabs":
        voice.use(provider)
    voice.agent("sales", voice.mock.agent_class(scenario=hanging), service_silence_seconds=2)
    _apply(voice)
    call = voice.call()
    first = voice.conversation()
    agent = voice.mock.agents["id_sales"]
    voice.mock.agents["id_sales"] = replace(agent, scenario=Scenario())
    second = voice.mock.next_conversation(timeout=10)
    second.wait_started()
    hears_agent(call, second, 900.0)
    message = voice.event("AIConvAIError")["Message"]
    assert "has sent nothing for 2 s, nor answered a ping (service_silence_seconds)" in message
    silence = second.record.begun - first.record.downlink[-1].time
    assert 1.9 < silence < 3.5
    first.wait_closed()
    assert first.record.closed_by == "lost"
    call.hangup()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


@pytest.mark.fault("service.hangs-for-good")
def test_service_that_hangs_for_good_loses_the_call(voice: Voice) -> None:
    text = "steps: [{tone: 0.5}, {fall_silent: true}, {wait: 60}]"
    voice.agent("sales", _agent(text), service_silence_seconds=1, reconnect_attempts=1)
    _apply(voice)
    voice.call()
    event = voice.event("AIConvAIEnd")
    assert event["Status"] == "LOST"
    assert "service_silence_seconds" in event["Reason"]
    assert len(voice.mock.conversations) == 2
