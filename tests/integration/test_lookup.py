"""Somebody beside Asterisk is asked who is calling, before the agent is called."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from voice import Voice, mock_options, voice

from aiconvai.mock import ALL_OVERRIDES, ElevenLabsAgent, load_scenario
from aiconvai.rig.asterisk.ami import ManagerError
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

NOBODY_WAITS = "Nobody waits for it"


def _ring(voice: Voice, **options: Any) -> Call:
    agent = ElevenLabsAgent(scenario=load_scenario("silent"), allowed_overrides=ALL_OVERRIDES)
    options = {"lookup": "ami", "lookup_ms": 3000, "dynamic_variable": "name=somebody new", **options}
    voice.agent("sales", agent, **options)
    voice.dialplan("exten => 100,1,AIConvAI(sales)\nsame => n,Hangup()")
    voice.apply()
    return voice.call()


def _answer(voice: Voice, *variables: str, more: Sequence[str] = ()) -> None:
    """`more`: of the last of them."""
    channel = voice.event("AIConvAILookup")["Uniqueid"]
    fields = {"Channel": channel, "Variable": variables, "Variable+": more}
    voice.asterisk.ami.action("AIConvAIVariables", **fields)


def _told(voice: Voice) -> dict[str, Any]:
    initiation = voice.conversation().record.initiation
    assert initiation is not None
    return dict(initiation.dynamic_variables)


def test_what_is_known_of_the_caller_is_told_to_the_agent(voice: Voice) -> None:
    _ring(voice, first_message="Good morning, {name}.")
    asked = voice.event("AIConvAILookup")
    assert (asked["Runner"], asked["TimeoutMs"], asked["Agent"]) == ("", "3000", "sales")
    assert voice.mock.requests == [], "the service is called once it is known"
    _answer(voice, "name=Ada", "note=one", "note=two = three", "long=", more=[" and", " four"])
    conversation = voice.conversation()
    initiation = conversation.record.initiation
    assert initiation is not None
    told = dict(initiation.dynamic_variables)
    assert {name: told[name] for name in ("name", "note", "long")} == {
        "name": "Ada",
        "note": "one\ntwo = three",
        "long": " and four",
    }
    assert initiation.conversation_config_override.agent.first_message == "Good morning, Ada."
    assert not conversation.record.violations


@pytest.mark.fault("beside.lookup-dead")
def test_an_agent_whose_lookup_nobody_answers_does_without(voice: Voice) -> None:
    _ring(voice, lookup_ms=200)
    begun = time.monotonic()
    assert _told(voice)["name"] == "somebody new"
    assert time.monotonic() - begun < 2
    assert "nobody has answered the lookup in time" in voice.event("AIConvAIError")["Message"]
    with pytest.raises(ManagerError, match=NOBODY_WAITS):
        _answer(voice, "name=Ada")


def test_a_caller_who_hangs_up_meanwhile_leaves_nothing(voice: Voice) -> None:
    call = _ring(voice)
    voice.event("AIConvAILookup")
    call.hangup()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"
    assert voice.mock.requests == []


def test_what_is_no_variable_is_refused_and_the_rest_waits(voice: Voice) -> None:
    _ring(voice)
    for wrong, problem in ((["Ada"], "NAME=VALUE"), (["=x"], "NAME=VALUE"), ([f"v{n}=1" for n in range(65)], "64")):
        with pytest.raises(ManagerError, match=problem):
            _answer(voice, *wrong)
    _answer(voice, "name=Ada")
    assert _told(voice)["name"] == "Ada"
    with pytest.raises(ManagerError, match=NOBODY_WAITS):
        _answer(voice, "name=Eve")


def test_the_agent_that_takes_over_knows_what_was_found(voice: Voice) -> None:
    voice.agent("spare", ElevenLabsAgent(scenario=load_scenario("silent")), lookup="https://crm.example/caller")
    _ring(voice, failover="spare", agent_id="nobody", max_connection_attempts=1)
    _answer(voice, "name=Ada")
    assert _told(voice)["name"] == "Ada"
    assert [event["Agent"] for event in voice.events("AIConvAILookup")] == ["sales"]
