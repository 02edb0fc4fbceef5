"""Prompts with states: entered from the dialplan, over AMI and by the agent, on a real channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from voice import Voice, mock_options, voice

from aiconvai.mock import PROVIDERS, ElevenLabsAgent
from aiconvai.mock.elevenlabs.agent import ALL_OVERRIDES
from aiconvai.mock.elevenlabs.messages import ContextualUpdate
from aiconvai.mock.record import ConversationRecord
from aiconvai.mock.threaded import ThreadedConversation

__all__ = ["mock_options", "voice"]

PROMPTS = {
    "system_instruction": "You are the desk of {company}.",
    "state_greeting": "Greet the caller.",
    "state_confirmation": "Repeat {reason} to {caller_number}.",
}
CONFIRMED = "Repeat tooth ache to 5000."
BACKGROUND = "exten => 100,1,AIConvAI(agent,bv(company=ACME))\n same => n,Wait(30)"
with_prompts = pytest.mark.parametrize("provider", [each for each in PROVIDERS if each != "twilio"])
only_on_22 = pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")


def _converse(voice: Voice, dialplan: str, **options: object) -> ThreadedConversation:
    # At ElevenLabs an agent's prompt is changed only where it allows that.
    agent = ElevenLabsAgent(allowed_overrides=ALL_OVERRIDES) if voice.mock.agent_class is ElevenLabsAgent else None
    voice.agent("agent", agent, prompts="desk", dynamic_variable="caller_number=5000", **options)
    voice.sections["prompt-desk"] = PROMPTS
    voice.dialplan(dialplan)
    voice.apply()
    voice.call("100")
    return voice.conversation()


def _was_told(conversation: ThreadedConversation, text: str) -> None:
    """The service was sent a message with that in it, and nothing that is against its rules."""

    def told(record: ConversationRecord) -> bool:
        return any(text in one.text for one in record.received)

    conversation.wait_received(told)
    assert conversation.record.violations == []


def _enter(voice: Voice, state: str, **values: str) -> None:
    """Over AMI."""
    variables = [f"{name}={value}" for name, value in values.items()]
    voice.asterisk.ami.action("AIConvAIState", Channel=voice.channel(), State=state, Variable=variables)


@only_on_22
@with_prompts
def test_every_service_is_told_of_a_state(voice: Voice, provider: str) -> None:
    voice.use(provider)
    conversation = _converse(voice, BACKGROUND)
    _was_told(conversation, "You are the desk of ACME.\\n\\nGreet the caller.")
    _enter(voice, "confirmation", reason="tooth ache")
    _was_told(conversation, CONFIRMED)
    assert voice.event("AIConvAIState")["State"] == "confirmation"
    assert "State of prompts:   confirmation" in voice.asterisk.cli(f"aiconvai show call {voice.channel()}")


def test_dialplan_enters_a_state(voice: Voice) -> None:
    conversation = _converse(
        voice,
        "exten => 100,1,AIConvAI(agent,bv(company=ACME))\n same => n,Wait(0.3)\n"
        " same => n,AIConvAIState(confirmation,reason=tooth ache)\n"
        " same => n,UserEvent(A,Is: ${AICONVAI_STATE_STATUS})\n"
        " same => n,AIConvAIState(nowhere)\n same => n,UserEvent(B,Is: ${AICONVAI_STATE_STATUS})\n"
        " same => n,AIConvAIState()\n same => n,AIConvAIState(greeting,reason)\n same => n,Wait(30)",
    )
    _was_told(conversation, CONFIRMED)
    assert voice.event("UserEvent", UserEvent="A")["Is"] == "ENTERED"
    assert voice.event("UserEvent", UserEvent="B")["Is"] == "FAILED"
    voice.wait_for_log(r"AIConvAIState\(nowhere\): The agent's prompts have no state of that name")
    voice.wait_for_log(r"AIConvAIState\(\): Expected the name of a state")
    voice.wait_for_log(r"AIConvAIState\(greeting,reason\): Expected name=value&name=value")


def test_call_without_a_conversation_enters_no_state(voice: Voice) -> None:
    voice.dialplan(
        "exten => 100,1,Answer()\n same => n,AIConvAIState(greeting)\n"
        " same => n,UserEvent(A,Is: ${AICONVAI_STATE_STATUS})"
    )
    voice.apply()
    voice.call("100")
    assert voice.event("UserEvent", UserEvent="A")["Is"] == "FAILED"
    voice.wait_for_log("No conversation runs on this channel")


def test_subroutine_of_a_tool_enters_a_state(voice: Voice) -> None:
    conversation = _converse(
        voice,
        "exten => 100,1,AIConvAI(agent,v(company=ACME))\n"
        "exten => book,1,AIConvAIState(confirmation,reason=${TOOL_ARG_reason})\n same => n,Set(TOOL_RESULT=booked)\n"
        " same => n,Return()",
        tool_book="gosub:default,book",
    )
    assert conversation.call_tool("book", {"reason": "tooth ache"}).result == "booked"
    assert [one.text.endswith(CONFIRMED) for one in conversation.record.received_of(ContextualUpdate)] == [True]


def test_agent_enters_a_state(voice: Voice) -> None:
    conversation = _converse(voice, "exten => 100,1,AIConvAI(agent,v(company=ACME))", tool_enter_state="builtin")
    answer = conversation.call_tool("enter_state", {"state": "confirmation", "reason": "tooth ache"})
    assert answer.result.endswith(CONFIRMED)
    assert voice.event("AIConvAIState")["State"] == "confirmation"


@pytest.mark.parametrize(
    ("state", "message"),
    [("nowhere", "The agent's prompts have no state of that name."), ("", "State is missing")],
)
def test_state_that_cannot_be_entered_is_an_error(voice: Voice, state: str, message: str) -> None:
    _converse(voice, BACKGROUND)
    with pytest.raises(Exception, match=message):
        _enter(voice, state)


# In files of their own


def _write(voice: Voice, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    voice.asterisk.write_config("desk.json", text)


def test_prompts_may_be_in_a_file(voice: Voice) -> None:
    _write(voice, {"system_instruction": "You are\nthe desk.", "states": {"greeting": "Greet the caller."}})
    voice.agent("agent", ElevenLabsAgent(allowed_overrides=ALL_OVERRIDES), prompts="desk")
    voice.sections["prompt-desk"] = {"file": "desk.json", "state_fallback": "Offer to call back."}
    voice.dialplan(BACKGROUND)
    voice.apply()
    voice.call("100")
    conversation = voice.conversation()
    _was_told(conversation, "You are\\nthe desk.\\n\\nGreet the caller.")
    _enter(voice, "fallback")
    _was_told(conversation, "Offer to call back.")


@only_on_22
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, 'expected {"system_instruction": TEXT, "states": {NAME: TEXT}}'),
        ("{", 'expected {"system_instruction": TEXT, "states": {NAME: TEXT}}'),
        ([], 'expected {"system_instruction": TEXT, "states": {NAME: TEXT}}'),
        ({"states": []}, "states: expected an object with a text for each state"),
        ({"states": {"greeting": 1}}, "greeting: expected a text; put it in quotation marks"),
        ({"states": {"a b": "x"}}, "expected name=value, the name made of letters, digits and _"),
        ({"system_instruction": ""}, "expected a value, it has none"),
        ({"instruction": "x"}, "instruction: expected system_instruction or states"),
    ],
)
def test_file_with_a_mistake_is_told_and_changes_nothing(voice: Voice, content: object, problem: str) -> None:
    (Path(voice.asterisk.directory) / "etc" / "desk.json").unlink(missing_ok=True)
    if content is not None:
        _write(voice, content)
    voice.agent("agent", prompts="desk")
    voice.sections["prompt-desk"] = {"file": "desk.json"}
    voice.asterisk.write_config("aiconvai.conf", voice.configuration())
    answer = voice.asterisk.cli("aiconvai reload")
    assert "desk.json" in answer
    assert problem in answer
    assert "The configuration was not changed" in answer


@only_on_22
@pytest.mark.parametrize(
    ("section", "options", "problem"),
    [
        ("agent", {"prompts": "nobody"}, "[agent] prompts = nobody: expected the NAME of a section [prompt-NAME]"),
        ("agent", {"tool_enter_state": "builtin"}, "expected prompts beside it, with states"),
        (
            "agent",
            {"uninterruptible_states": "a, b"},
            "uninterruptible_states = a: expected the name of a state of its",
        ),
        ("agent", {"tool_transfer_call": "builtin"}, "expected transfer_to_NAME beside it"),
        ("tool-find", {"agent_id": "x"}, "expected in an agent's section"),
        ("prompt-desk", {"state_": "x"}, "expected"),
    ],
)
def test_reference_that_leads_nowhere_is_told(
    voice: Voice, section: str, options: dict[str, str], problem: str
) -> None:
    voice.agent("agent")
    voice.sections.setdefault(section, {}).update(options)
    voice.asterisk.write_config("aiconvai.conf", voice.configuration())
    assert problem in voice.asterisk.cli("aiconvai reload")
