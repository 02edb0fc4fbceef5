"""A conversation that one agent hands over to another, on a real channel."""

from __future__ import annotations

import json
from typing import Any

import pytest
from exchange import agent_hears, hears_agent
from voice import Voice, mock_options, voice

from aiconvai.mock import ALL_OVERRIDES, ElevenLabsAgent, load_scenario
from aiconvai.mock.elevenlabs.messages import ContextualUpdate
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

AGENT_HZ, CALLER_HZ = 900.0, 600.0


def converse(voice: Voice, application: str = "AIConvAI(first)", **options: Any) -> tuple[Call, ThreadedConversation]:
    """A call with `first`, which may hand it over to `second`."""
    silent = ElevenLabsAgent(scenario=load_scenario("silent"), allowed_overrides=ALL_OVERRIDES)
    voice.agent("first", silent, audio_frames_buffer_ms=20, tool_transfer_to_agent="builtin", hand_over_to="second")
    other = ElevenLabsAgent(scenario=load_scenario("silent"), allowed_overrides=ALL_OVERRIDES)
    voice.agent("second", other, **{"audio_frames_buffer_ms": 20, "resume_message": "Here I am.", **options})
    voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(30)")
    voice.apply()
    return voice.call("100"), voice.conversation()


@pytest.mark.parametrize("application", ["AIConvAI(first)", "AIConvAI(first,b)"], ids=["foreground", "background"])
def test_another_agent_takes_over(voice: Voice, application: str) -> None:
    call, first = converse(voice, application)
    agent_hears(first, call, CALLER_HZ)
    first.send_raw(json.dumps({"type": "user_transcript", "user_transcription_event": {"user_transcript": "A room."}}))
    voice.event("AIConvAITranscript")
    first.start_tool("transfer_to_agent", {"agent": "second"})
    second = voice.conversation()
    first.wait_closed()
    assert first.record.close_code == 1000
    hears_agent(call, second, AGENT_HZ)
    agent_hears(second, call, CALLER_HZ)
    (text,) = [message.text for message in second.record.received_of(ContextualUpdate)]
    assert text.endswith("Caller: A room.\n")
    override = second.wait_initiated().conversation_config_override.model_dump(exclude_none=True)
    assert override["agent"]["first_message"] == "Here I am."
    event = voice.event("AIConvAIHandOver")
    assert (event["Agent"], event["NextAgent"]) == ("first", "second")
    assert " second " in voice.asterisk.cli("aiconvai show calls")
    assert voice.events("AIConvAIError") == []
    call.hangup()
    end = voice.event("AIConvAIEnd")
    assert (end["Agent"], end["Status"], end["ConversationID"]) == ("second", "CALLER_HANGUP", second.record.id)


def test_an_agent_that_has_no_room_is_told_of(voice: Voice) -> None:
    call, first = converse(voice, max_concurrent_calls=1)
    voice.dialplan("exten => 200,1,AIConvAI(second)")
    voice.apply()
    other = voice.call("200")
    voice.conversation()
    answer = first.call_tool("transfer_to_agent", {"agent": "second"})
    assert answer.is_error
    assert "max_concurrent_calls of agent second (1) is reached" in answer.result
    hears_agent(call, first, AGENT_HZ)
    other.hangup()


def test_agents_may_hand_over_to_and_fro(voice: Voice) -> None:
    call, conversation = converse(voice, tool_transfer_to_agent="builtin", hand_over_to="first")
    for name in ("second", "first", "second", "first"):
        conversation.start_tool("transfer_to_agent", {"agent": name})
        before, conversation = conversation, voice.conversation()
        before.wait_closed()
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()
    voice.event("AIConvAIEnd")
    assert [event["NextAgent"] for event in voice.events("AIConvAIHandOver")] == ["second", "first"] * 2


def test_an_agent_that_is_not_there_is_named_at_reload(voice: Voice) -> None:
    voice.agent("first", tool_transfer_to_agent="builtin", hand_over_to="nobody")
    voice.asterisk.write_config("aiconvai.conf", voice.configuration())
    answer = voice.asterisk.cli("aiconvai reload")
    assert "hand_over_to = nobody: expected the name of another agent" in answer
