"""A caller who has spoken is never left in silence: something is heard, the agent is asked, another session takes over,
and in the end the dialplan has the call.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from exchange import hears_agent
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import Scenario, parse_scenario

__all__ = ["mock_options", "voice"]

AGENT_HZ, RIG_HZ = 900.0, 440.0
SILENT = 'steps: [{user_transcript: {text: "Hello?"}}, {wait: 60}]'
WITH_WORDS = ["elevenlabs", "openai", "openai_live", "gemini", "deepgram", "websocket"]


def _apply(voice: Voice, provider: str = "elevenlabs", **options: object) -> None:
    if provider != "elevenlabs":
        voice.use(provider)
    agent = voice.mock.agent_class(scenario=parse_scenario(SILENT))
    voice.agent("sales", agent, audio_frames_buffer_ms=20, **options)
    voice.dialplan("exten => 100,1,AIConvAI(sales)\n same => n,UserEvent(Next,Status: ${AICONVAI_STATUS})\n"
                   " same => n,Wait(10)")  # fmt: skip
    voice.apply()


@pytest.mark.parametrize("provider", WITH_WORDS)
@pytest.mark.fault("service.answers-nothing")
def test_session_that_does_not_answer_is_left_for_another(voice: Voice, provider: str) -> None:
    _apply(voice, provider, thinking_ms=300, thinking_sound="sound:/aiconvai/sounds/tone", answer_timeout_ms=1000)
    call = voice.call()
    first = voice.conversation()
    agent = voice.mock.agents["id_sales"]
    voice.mock.agents["id_sales"] = replace(agent, scenario=Scenario())
    call.wait_for_sound(timeout=2.0)
    second = voice.mock.next_conversation(timeout=10)
    second.wait_started()
    first.wait_closed()
    assert 1.8 < second.record.begun - first.record.begun < 3.5
    call.wait_for_silence(duration_ms=200)
    hears_agent(call, second, AGENT_HZ)
    assert not first.record.violations
    assert not second.record.violations
    call.hangup()
    end = voice.event("AIConvAIEnd")
    assert (end["Status"], end["AnswersMissed"]) == ("CALLER_HANGUP", "2")
    messages = [event["Message"] for event in voice.events("AIConvAIError")]
    assert any("has not answered the caller within 1000 ms" in message for message in messages)


def test_caller_hears_something_until_the_agent_speaks(voice: Voice) -> None:
    _apply(voice, thinking_ms=300, thinking_sound="tone:ring", answer_timeout_ms=0)
    call = voice.call()
    conversation = voice.conversation()
    call.wait_for_sound(timeout=3.0)
    call.wait_heard(15)
    conversation.send_audio(tone(AGENT_HZ, 0.5, conversation.record.downlink_rate), 1)
    call.wait_for_silence(duration_ms=200, since=time.monotonic())
    heard = call.heard_samples(fill_gaps=False)
    ((begins, ends),) = stretches_of(AGENT_HZ, heard)
    assert ends - begins == pytest.approx(0.5, abs=0.05)
    waiting = stretches_of(RIG_HZ, heard)
    assert waiting[0][0] < 0.1
    assert waiting[-1][1] <= begins + 0.04, "not once the agent speaks"


def test_agent_that_never_answers_loses_the_call(voice: Voice) -> None:
    _apply(voice, answer_timeout_ms=600, reconnect_attempts=1)
    call = voice.call()
    voice.conversation()
    told = voice.event("UserEvent", UserEvent="Next")
    assert told["Status"] == "LOST"
    assert "has not answered the caller within 600 ms" in voice.event("AIConvAIEnd")["Reason"]
    assert call.alive


def test_how_long_an_answer_took_is_told(voice: Voice) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    call = voice.call()
    conversation = voice.conversation()
    call.play(tone(600.0, 0.5, 8000, -12.0)).wait()
    ended = time.monotonic()
    time.sleep(0.4)
    conversation.send_audio(tone(AGENT_HZ, 0.3, conversation.record.downlink_rate), 1)
    call.wait_for_sound(since=ended)
    heard = next(packet.time_ns for packet in call.heard if packet.time_ns > ended * 1e9)
    assert heard
    told = int(voice.event("AIConvAIAnswer")["LatencyMs"])
    # Whoever sleeps may be woken late.
    took_ms = (conversation.record.downlink[0].time - ended) * 1000
    assert told == pytest.approx(took_ms, abs=60)
    assert "Answers:            1; after" in voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
