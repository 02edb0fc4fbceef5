"""An agent that cannot be reached leaves the call to another one, without a word from the dialplan."""

from __future__ import annotations

import pytest
from exchange import agent_hears, hears_agent
from outcome import REPORT, outcome
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent

__all__ = ["mock_options", "voice"]

NOBODY = "ws://127.0.0.1:1/"


@pytest.mark.parametrize("application", ["AIConvAI(first)", "AIConvAI(first,b)"])
@pytest.mark.fault("service.failover")
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
    # Comes behind what was told before.
    assert voice.event("AIConvAIReady")["Agent"] == "third"
    assert [(event["Agent"], event["NextAgent"]) for event in voice.events("AIConvAIFailover")] == [
        ("first", "second"),
        ("second", "third"),
    ]
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


def _agents(voice: Voice, **first: object) -> None:
    """Three in a row; the first cannot be reached, unless it is said otherwise."""
    for name, more in (("first", first), ("second", {"max_concurrent_calls": 1}), ("third", {})):
        options: dict[str, object] = {"max_connection_attempts": 1, "audio_frames_buffer_ms": 20}
        next_one = {"first": "second", "second": "third"}.get(name)
        voice.agent(name, ElevenLabsAgent(), **{**options, "failover": next_one, **more})
        voice.dialplan(
            f"exten => {name},1,Answer()\n same => n,AIConvAI({name},c)\n same => n,{REPORT}\n same => n,Hangup()"
        )


def _calls(voice: Voice) -> dict[str, int]:
    """How many calls each agent has."""
    lines = [line.split() for line in voice.asterisk.cli("aiconvai show agents").splitlines()[1:-1]]
    return {line[0]: int(line[5]) for line in lines}


@pytest.mark.parametrize("application", ["", ",b"])
def test_agent_that_is_full_is_passed_over(voice: Voice, application: str) -> None:
    _agents(voice, conversation_endpoint=NOBODY)
    voice.dialplan(f"exten => 100,1,AIConvAI(first{application})\n same => n,Wait(30)")
    voice.apply()
    holder = voice.call("second")
    assert voice.conversation().record.agent_id == "id_second"
    call = voice.call("100")
    conversation = voice.conversation()
    assert conversation.record.agent_id == "id_third"
    hears_agent(call, conversation, 900.0)
    failover = voice.event("AIConvAIFailover")
    assert (failover["Agent"], failover["NextAgent"]) == ("first", "third")
    told = voice.event("AIConvAIError", Agent="first")
    assert told["Message"] == "max_concurrent_calls of agent second (1) is reached"
    assert _calls(voice) == {"first": 0, "second": 1, "third": 1}
    holder.hangup()


def test_place_of_the_agent_that_failed_is_free(voice: Voice) -> None:
    """Nor does the agent that takes over have more calls than it may have."""
    _agents(voice, conversation_endpoint=NOBODY, max_concurrent_calls=1)
    voice.apply()
    voice.call("first")
    assert voice.conversation().record.agent_id == "id_second"
    voice.call("first")
    assert voice.conversation().record.agent_id == "id_third"
    assert _calls(voice) == {"first": 0, "second": 1, "third": 1}
    voice.call("second").wait_ended()
    found = outcome(voice)
    assert (found.status, found.reason) == ("BUSY", "max_concurrent_calls of agent second (1) is reached")


def test_end_says_which_agents_were_full(voice: Voice) -> None:
    _agents(voice, conversation_endpoint=NOBODY)
    voice.sections["third"]["conversation_endpoint"] = NOBODY
    voice.apply()
    voice.call("second")
    voice.conversation()
    voice.call("first").wait_ended()
    found = outcome(voice)
    assert found.status == "UNAVAILABLE"
    assert found.reason.endswith("; max_concurrent_calls of agent second (1) is reached")
    assert found.reason.startswith("127.0.0.1:1: the connection could not be made")


def test_busy_agent_leaves_the_call_to_another_where_that_is_wanted(voice: Voice) -> None:
    _agents(voice, max_concurrent_calls=1, failover_when_busy=True)
    voice.sections["third"]["max_concurrent_calls"] = "1"
    voice.apply()
    first = voice.call("first")
    assert voice.conversation().record.agent_id == "id_first"
    second = voice.call("first")
    conversation = voice.conversation()
    assert conversation.record.agent_id == "id_second"
    hears_agent(second, conversation, 900.0)
    failover = voice.event("AIConvAIFailover")
    assert (failover["Agent"], failover["NextAgent"]) == ("first", "second")
    assert failover["Reason"] == "max_concurrent_calls of agent first (1) is reached"
    third = voice.call("first")
    assert voice.conversation().record.agent_id == "id_third"
    assert _calls(voice) == {"first": 1, "second": 1, "third": 1}
    voice.call("first").wait_ended()
    found = outcome(voice)
    assert found.status == "BUSY"
    assert found.reason == "; ".join(
        f"max_concurrent_calls of agent {name} (1) is reached" for name in ("first", "second", "third")
    )
    for call in (first, second, third):
        assert call.alive


def test_agent_that_took_a_busy_ones_call_leaves_it_to_the_next_where_it_fails(voice: Voice) -> None:
    _agents(voice, max_concurrent_calls=1, failover_when_busy=True)
    voice.sections["second"]["conversation_endpoint"] = NOBODY
    voice.apply()
    voice.call("first")
    voice.conversation()
    voice.call("first")
    assert voice.conversation().record.agent_id == "id_third"
    voice.event("AIConvAIReady", Agent="third")
    assert [(event["Agent"], event["NextAgent"]) for event in voice.events("AIConvAIFailover")] == [
        ("first", "second"),
        ("second", "third"),
    ]
    assert _calls(voice) == {"first": 1, "second": 0, "third": 1}


@pytest.mark.parametrize("wanted", [None, True])
def test_busy_stays_busy(voice: Voice, wanted: bool | None) -> None:
    """Where it is not wanted otherwise, and where it is the limit on all agents that is reached."""
    _agents(voice, max_concurrent_calls=1, failover_when_busy=wanted)
    if wanted:
        voice.general["max_concurrent_calls"] = "1"
    voice.apply()
    voice.call("first")
    voice.conversation()
    voice.call("first").wait_ended()
    limit = "[general]" if wanted else "agent first"
    found = outcome(voice)
    assert (found.status, found.reason) == ("BUSY", f"max_concurrent_calls of {limit} (1) is reached")
    assert voice.events("AIConvAIFailover") == []
