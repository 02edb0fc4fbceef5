"""Prompts with states: what an agent is told, as a whole and in each state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from engine_host import FIXED, PUBLIC, SIGNED_URL, Host, metadata, tool_call

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import StateEntered, Status
from aiconvai.engine.library import load_library
from aiconvai.engine.settings import PromptSettings, Settings

GREETING = "Greet the caller and ask what they need."
CONFIRM = "Repeat {reason} to {caller_number} and ask whether that is right."
CONFIRMED = "Repeat toothache to 123 and ask whether that is right."
PROMPTS = PromptSettings(
    "prompt-desk",
    {
        "system_instruction": "You are the desk of {company}.",
        "state_greeting": GREETING,
        "state_confirmation": CONFIRM,
        "state_fallback": "Offer to call back.",
    },
)
VARIABLES = {"company": "ACME", "caller_number": "123"}
INSTRUCTION = "You are the desk of ACME."
TOLD = (
    "The conversation is in the state confirmation now; what you were told for another one holds no more.\n" + CONFIRMED
)
REASON = {"reason": "toothache"}


def host_with_prompts(agent: Mapping[str, str] = PUBLIC, **options: Any) -> Host:
    return Host(agent, prompts=PROMPTS, variables=VARIABLES, **options)


def elevenlabs_prompt(host: Host) -> str:
    host.start()
    (initiation,) = host.messages("conversation_initiation_client_data")
    return str(initiation["conversation_config_override"]["agent"]["prompt"]["prompt"])


# The beginning


@pytest.mark.parametrize(
    ("options", "prompt", "state"),
    [
        ({"first_state": "fallback"}, f"{INSTRUCTION}\n\nOffer to call back.", "fallback"),
        ({"first_state": "nowhere"}, INSTRUCTION, ""),
        ({"prompt": "Be brief."}, f"Be brief.\n\n{INSTRUCTION}\n\n{GREETING}", "greeting"),
    ],
)
def test_what_the_agent_begins_with_is_configured(options: dict[str, str], prompt: str, state: str) -> None:
    host = host_with_prompts(**options)
    assert elevenlabs_prompt(host) == prompt
    assert host.conversation.stats().state == state


def test_prompts_may_have_states_only() -> None:
    prompts = PromptSettings("prompt-x", {"state_greeting": GREETING})
    assert elevenlabs_prompt(Host(PUBLIC, prompts=prompts)) == GREETING


# From one state to another


def test_another_state_is_told() -> None:
    host = host_with_prompts()
    host.start()
    assert host.conversation.enter_state("confirmation", REASON) is None
    host.pump()
    assert host.messages("contextual_update") == [{"type": "contextual_update", "text": TOLD}]
    assert host.told(StateEntered) == [StateEntered("confirmation")]
    assert host.conversation.stats().state == "confirmation"


def test_values_last_for_the_states_that_follow() -> None:
    host = host_with_prompts()
    host.start()
    host.conversation.enter_state("greeting", REASON | {"caller_number": "456"})
    host.conversation.enter_state("CONFIRMATION")
    host.pump()
    assert host.messages("contextual_update")[-1]["text"].endswith(
        "Repeat toothache to 456 and ask whether that is right."
    )


@pytest.mark.parametrize(
    ("agent", "name", "problem"),
    [
        ({}, "nowhere", "The agent's prompts have no state of that name."),
        ({}, "", "The agent's prompts have no state of that name."),
        ({}, "confirmation=Repeat", "The agent's prompts have no state of that name."),
    ],
)
def test_state_that_there_is_not_changes_nothing(agent: dict[str, str], name: str, problem: str) -> None:
    host = host_with_prompts(**agent)
    host.start()
    sent = len(host.sent)
    assert host.conversation.enter_state(name, REASON) == problem
    host.pump()
    assert len(host.sent) == sent
    assert host.conversation.stats().state == "greeting"
    host.conversation.enter_state("confirmation")
    host.pump()
    assert "{reason}" in host.messages("contextual_update")[-1]["text"], "its values were not taken"


def test_agent_without_prompts_has_no_states() -> None:
    host = Host(PUBLIC)
    host.start()
    assert host.conversation.enter_state("greeting") == "The agent has no prompts with states (option prompts)."


def test_conversation_that_is_over_enters_no_state() -> None:
    host = host_with_prompts()
    host.start()
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    assert host.conversation.enter_state("fallback") == "The conversation is over."


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.FETCHING, Phase.CONNECTING, Phase.STARTING])
def test_state_that_is_entered_before_the_service_listens_is_not_lost(phase: Phase) -> None:
    agent = (
        {"agent_id": "a", "api_key": "sk-1", "signed_url_endpoint": "https://h/u"} if phase is Phase.FETCHING else FIXED
    )
    host = host_with_prompts(agent)
    host.reach(phase)
    assert host.conversation.enter_state("confirmation", REASON) is None
    host.pump()
    if phase is Phase.FETCHING:
        host.conversation.http_reply(200, f'{{"signed_url":"{SIGNED_URL}"}}'.encode())
    elif phase is Phase.WAITING:
        host.begin()
    if phase is not Phase.STARTING:
        host.conversation.connected()
    host.pump()
    host.say(metadata())
    (initiation,) = host.messages("conversation_initiation_client_data")
    begun_with = initiation["conversation_config_override"]["agent"]["prompt"]["prompt"]
    told = [message["text"] for message in host.messages("contextual_update")]
    if phase is Phase.STARTING:
        assert begun_with.endswith(GREETING)
        assert told == [TOLD]
    else:
        assert begun_with.endswith(CONFIRMED)
        assert told == []


def test_session_that_takes_over_is_in_the_same_state() -> None:
    host = host_with_prompts()
    host.start()
    host.conversation.enter_state("confirmation", REASON)
    host.conversation.closed(None, "")
    host.pump()
    host.open()
    host.say(metadata())
    again = host.messages("conversation_initiation_client_data")[-1]
    assert again["conversation_config_override"]["agent"]["prompt"]["prompt"].endswith(CONFIRMED)


def test_agent_that_takes_the_call_has_its_own_prompts() -> None:
    other = Settings.read_agent("other", {"agent_id": "b"})
    host = host_with_prompts(failover=[other], max_connection_attempts=1)
    host.begin()
    host.conversation.request_failed("it answered HTTP 401", retry=False)
    host.pump()
    host.open()
    host.say(metadata())
    assert host.conversation.stats().state == ""
    assert host.conversation.enter_state("greeting") is not None


# By a tool


def agent_enters(host: Host, parameters: object) -> tuple[str, bool]:
    """The agent calls the tool; what it is answered."""
    host.say(tool_call("t1", "enter_state", parameters))
    (answer,) = host.messages("client_tool_result")
    return answer["result"], answer["is_error"]


def test_agent_enters_a_state_and_is_told_by_the_answer() -> None:
    host = host_with_prompts(tool_enter_state="builtin")
    host.start()
    assert agent_enters(host, {"state": "confirmation", "reason": "toothache"}) == (TOLD, False)
    assert host.messages("contextual_update") == [], "it is told once"
    assert host.told(StateEntered) == [StateEntered("confirmation")]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"state": "nowhere"}, "no state of that name"),
        ({}, "The argument state is missing."),
        ({"state": {"name": "fallback"}}, "The argument state is missing."),
    ],
)
def test_agent_that_enters_no_state_is_told_so(parameters: object, expected: str) -> None:
    host = host_with_prompts(tool_enter_state="builtin")
    host.start()
    answer, is_error = agent_enters(host, parameters)
    assert expected in answer
    assert is_error


# Placeholders


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("{a} and {b_2}{c}", ["a", "b_2", "c"]),
        ("{{a}} {b", []),
        ("{} { a} {a-b} {é}", []),
        ("{" + "x" * 63 + "}{" + "y" * 64 + "}", ["x" * 63]),
        ("{a}}{b}", ["a", "b"]),
    ],
)
def test_names_of_placeholders(text: str, names: list[str]) -> None:
    library = load_library()
    name = library.ffi.new("char[64]")
    at = whole = library.c_text(text)
    found = []
    while (at := library.lib.aic_placeholder_next(at, name)) != library.ffi.NULL:
        found.append(library.text(name))
    assert found == names
    assert whole is not None
