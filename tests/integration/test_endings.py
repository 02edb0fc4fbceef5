"""The end of a conversation by the service: every close code, every error, and what is still heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import numpy as np
import pytest
from hearing import noise
from outcome import REPORT, Outcome, outcome
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, Scenario
from aiconvai.mock.elevenlabs.messages import ERROR_CLOSE_CODES
from aiconvai.mock.errors import ErrorType
from aiconvai.mock.scenario import Close, Error, Handshake, Step, Tone
from aiconvai.rig.asterisk import AsteriskVersion, Message
from aiconvai.rig.caller import find

__all__ = ["mock_options", "voice"]

FINAL_CLOSES = {
    1000: "the agent ended the conversation",
    1008: "the service refused what it was sent: check the agent's settings, its overrides and dynamic variables",
    1009: "the service refused a message that was too long",
    3000: "the service refused the agent: check agent_id, api_key and the signed URL",
    3008: "the service's waiting queue timed out",
    4300: "the service's waiting queue timed out",
}
"""Closes that say the next attempt would end like this one, and what the dialplan is told."""

PASSING_CLOSES = {
    1001: "the service went away",
    1002: "the service could not go on",
    1011: "the service failed internally",
    1012: "the service restarts",
    1013: "the service is overloaded",
    4000: "the service closed the connection",
}
"""Closes after which another attempt may succeed; 4000 stands for all codes nobody knows."""

CLOSES = FINAL_CLOSES | PASSING_CLOSES


def _call_all(voice: Voice, agents: Mapping[str, ElevenLabsAgent], **options: object) -> dict[str, Outcome]:
    """Call all these agents at once; what the dialplan is told about each, which it is because it goes on."""
    for name, agent in agents.items():
        voice.agent(name, agent, **options)
        voice.dialplan(f"exten => {name},1,Answer()\n same => n,AIConvAI({name},c)\n same => n,{REPORT}")
    voice.apply()
    calls = [voice.caller.call(name) for name in agents]
    for call in calls:
        call.wait_answered().wait_ended()
    return {name: outcome(voice, Exten=name) for name in agents}


def _ends(voice: Voice) -> dict[str, Message]:
    return {event["Agent"]: event for event in voice.events("AIConvAIEnd")}


def _told(code: int, version: AsteriskVersion, *, was_active: bool = False) -> str:
    """What the dialplan is told of a close with that code and the reason `its own words`: what to check only where
    nothing has worked yet.
    """
    if version == 16 and code in (1012, 1013):
        # Debian 11's libwebsockets, beside Asterisk 16, takes codes that are younger than RFC 6455 for this one.
        code = 1002
    sentence = CLOSES[code].partition(": check")[0] if was_active else CLOSES[code]
    return f"{sentence} (close code {code}: its own words)"


def _scenario(*steps: Step, handshake: Handshake | None = None) -> ElevenLabsAgent:
    return ElevenLabsAgent(scenario=Scenario(steps=steps, handshake=handshake or Handshake()))


@pytest.mark.fault("service.close-codes")
def test_every_close_code_after_the_start_has_a_status_and_a_sentence(
    voice: Voice, asterisk_version: AsteriskVersion
) -> None:
    agents = {f"c{code}": _scenario(Step(close=Close(code=code, reason="its own words"))) for code in CLOSES}
    found = _call_all(voice, agents, reconnect_attempts=0)
    assert found == {
        f"c{code}": Outcome(
            "COMPLETED" if code == 1000 else "LOST",
            _told(code, asterisk_version, was_active=True),
            found[f"c{code}"].conversation_id,
        )
        for code in CLOSES
    }
    assert sorted(each.conversation_id for each in found.values()) == sorted(
        conversation.record.id for conversation in voice.mock.conversations
    )
    codes = {name: int(end["CloseCode"]) for name, end in _ends(voice).items()}
    assert all(f"close code {codes[name]}:" in each.reason for name, each in found.items())


@pytest.mark.fault("service.close-codes-before")
def test_every_close_code_before_the_start_has_a_sentence_and_is_tried_again_or_not(
    voice: Voice, asterisk_version: AsteriskVersion
) -> None:
    agents = {
        f"c{code}": _scenario(handshake=Handshake(close_before_metadata=Close(code=code, reason="its own words")))
        for code in CLOSES
    }
    found = _call_all(voice, agents, max_connection_attempts=2, retry_backoff_ms=10)
    assert found == {f"c{code}": Outcome("UNAVAILABLE", _told(code, asterisk_version), "") for code in CLOSES}
    attempts = {name: int(end["Attempts"]) for name, end in _ends(voice).items()}
    assert attempts == {f"c{code}": 1 if code in FINAL_CLOSES else 2 for code in CLOSES}


@pytest.mark.fault("service.vanishes")
def test_a_connection_that_breaks_has_a_status_and_a_sentence(voice: Voice) -> None:
    agents = {
        "after": _scenario(Step(drop=True)),
        "before": _scenario(handshake=Handshake(drop_before_metadata=True)),
    }
    found = _call_all(voice, agents, max_connection_attempts=2, retry_backoff_ms=10, reconnect_attempts=0)
    assert {name: (each.status, each.reason) for name, each in found.items()} == {
        "after": ("LOST", "the connection to the service broke"),
        "before": ("UNAVAILABLE", "the connection to the service broke"),
    }
    assert {name: end["Attempts"] for name, end in _ends(voice).items()} == {"after": "1", "before": "2"}


@pytest.mark.fault("service.errors")
def test_every_error_after_the_start_is_named_with_its_message(voice: Voice) -> None:
    kinds: tuple[ErrorType, ...] = get_args(ErrorType)
    agents = {
        kind.replace("_", "-"): _scenario(Step(error=Error(error_type=kind, message=f"the words of {kind}")))
        for kind in kinds
    }
    found = _call_all(voice, agents)
    for kind in kinds:
        code = ERROR_CLOSE_CODES[kind]
        each = found[kind.replace("_", "-")]
        assert each.status == ("COMPLETED" if code == 1000 else "LOST"), kind
        assert f"(close code {code}" in each.reason
        assert each.reason.endswith(f"(error {code} {kind}: the words of {kind})")


def test_an_error_the_agent_hides_is_told_by_its_close_code(voice: Voice) -> None:
    error = Error(error_type="llm_timeout", message="nobody is told", announce=False)
    found = _call_all(voice, {"sales": _scenario(Step(error=error))})
    assert found["sales"].status == "LOST"
    assert found["sales"].reason.startswith("the service could not go on (close code 1002")


def test_an_override_the_agent_does_not_allow_is_named(voice: Voice) -> None:
    found = _call_all(voice, {"sales": ElevenLabsAgent()}, prompt="Be brief.", first_message="Hello")
    assert found["sales"].status == "UNAVAILABLE"
    assert "close code 1008" in found["sales"].reason
    assert "error 1008 override_error" in found["sales"].reason
    assert "agent.prompt.prompt" in found["sales"].reason
    assert len(voice.mock.requests) == 1


def test_a_dynamic_variable_the_agent_misses_is_named(voice: Voice) -> None:
    found = _call_all(voice, {"sales": ElevenLabsAgent(required_variables=frozenset({"customer_name"}))})
    assert found["sales"].status == "UNAVAILABLE"
    assert "close code 1008" in found["sales"].reason
    assert "error 1008 missing_dynamic_variable" in found["sales"].reason
    assert "customer_name" in found["sales"].reason
    assert len(voice.mock.requests) == 1


def test_an_error_that_does_not_end_the_conversation_does_not_end_it(voice: Voice) -> None:
    error = Error(error_type="mcp_tool_error", message="the tool is away", close=False)
    voice.agent(
        "sales", _scenario(Step(error=error), Step(tone=Tone(seconds=0.2)), Step(wait=0.2), Step(close=Close()))
    )
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,c)\n same => n,{REPORT}")
    voice.apply()
    call = voice.call("100")
    assert "the tool is away" in voice.event("AIConvAIError")["Message"]
    call.wait_for_sound()
    assert outcome(voice).status == "COMPLETED"


@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)"])
def test_what_the_agent_said_last_is_heard_to_its_end(voice: Voice, application: str) -> None:
    voice.agent("sales")
    voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    said = noise(1.5, 8000, seed=1)
    conversation.play(said)
    conversation.close(1000)
    conversation.wait_closed()
    closed = conversation.record.closed
    assert call.wait_ended().by == "remote"
    assert closed is not None
    assert call.ended is not None
    # The service was gone long before.
    assert call.ended - closed > 1.0
    heard = call.heard_samples()
    place = find(conversation.record.downlink_samples(), heard)
    begin = round(place.position)
    assert np.array_equal(heard[begin : begin + len(said)], conversation.record.downlink_samples())


def test_the_dialplan_goes_on_only_when_the_agent_was_heard_to_its_end(voice: Voice) -> None:
    voice.agent("sales")
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,c)\n same => n,{REPORT}\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.play(noise(0.8, 8000, seed=2))
    conversation.close(1000)
    assert outcome(voice).status == "COMPLETED"
    call.wait_heard(39)
    reported = voice.event("UserEvent").received
    # The last frame is on its way when the application returns.
    assert call.heard[38].time_ns / 1e9 < reported + 0.1
    assert len(call.heard) <= 41
    call.hangup()
