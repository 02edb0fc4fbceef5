"""An agent that cannot be reached leaves the call to another one, without a word from the dialplan."""

from __future__ import annotations

import pytest
from exchange import agent_hears, hears_agent
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent

__all__ = ["mock_options", "voice"]

NOBODY = "ws://127.0.0.1:1/"


@pytest.mark.parametrize("application", ["AIConvAI(first)", "AIConvAI(first,b)"])
def test_caller_talks_with_the_next_agent(voice: Voice, application: str) -> None:
    voice.agent(
        "first",
        ElevenLabsAgent(),
        conversation_endpoint=NOBODY,
        max_connection_attempts=2,
        retry_backoff_ms=10,
        failover="second",
    )
    voice.agent(
        "second",
        ElevenLabsAgent(private=True, api_key="other"),
        api_key="wrong",
        max_connection_attempts=1,
        failover="third",
    )
    voice.agent("third", ElevenLabsAgent(), audio_frames_buffer_ms=20)
    voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    hears_agent(call, conversation, 900.0)
    agent_hears(conversation, call, 700.0)
    assert [(event["Agent"], event["NextAgent"]) for event in voice.events("AIConvAIFailover")] == [
        ("first", "second"),
        ("second", "third"),
    ]
    assert voice.event("AIConvAIReady")["Agent"] == "third"
    assert " third " in voice.asterisk.cli("aiconvai show calls")
    call.hangup()
    assert voice.event("AIConvAIEnd")["Agent"] == "third"


def test_agents_that_point_at_each_other_are_tried_once(voice: Voice) -> None:
    for name, other in (("first", "second"), ("second", "first")):
        voice.agent(name, ElevenLabsAgent(), conversation_endpoint=NOBODY, max_connection_attempts=1, failover=other)
    voice.dialplan("exten => 100,1,AIConvAI(first)\n same => n,UserEvent(Next,Status: ${AICONVAI_STATUS})")
    voice.apply()
    voice.call("100")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "UNAVAILABLE"
    assert len(voice.events("AIConvAIFailover")) == 1


def test_failover_to_nobody_is_told_at_the_reload(voice: Voice) -> None:
    voice.agent("first", ElevenLabsAgent(), failover="nobody")
    voice.asterisk.write_config("aiconvai.conf", voice.configuration())
    answer = voice.asterisk.cli("aiconvai reload")
    assert "[first] failover = nobody: expected the name of another agent" in answer
    assert "not changed" in answer
