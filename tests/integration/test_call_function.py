"""AICONVAI(): what a channel's conversation came to, while it runs, after it, and in the extension h; and conversations
that go on from one of before in the same call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from exchange import agent_hears, hears_agent
from voice import Voice, mock_options, voice

from aiconvai.mock import ALL_OVERRIDES, ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.mock.elevenlabs.messages import ContextualUpdate
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Caller

__all__ = ["mock_options", "voice"]

FIELDS = ("agent", "conversation_id", "phase", "status", "reason", "transfer", "said", "duration_ms", "transcripts")
TOLD = ",".join(f'"{field}: ${{AICONVAI({field})}}"' for field in FIELDS)
HUNG_UP = (
    "exten => h,1,UserEvent(Hung,Status: ${AICONVAI_STATUS},Reason: ${AICONVAI_REASON},"
    "Id: ${AICONVAI_CONVERSATION_ID},Function: ${AICONVAI(status)})"
)


def talk(conversation: ThreadedConversation, caller: str, agent: str) -> None:
    """The service writes down what both said."""
    conversation.send_raw(
        json.dumps({"type": "user_transcript", "user_transcription_event": {"user_transcript": caller}})
    )
    conversation.send_raw(json.dumps({"type": "agent_response", "agent_response_event": {"agent_response": agent}}))


def any_agent() -> ElevenLabsAgent:
    """One that may be told how to begin, and says nothing by itself."""
    return ElevenLabsAgent(scenario=load_scenario("silent"), allowed_overrides=ALL_OVERRIDES)


def begins_with(conversation: ThreadedConversation) -> str:
    """What the agent is told to say first."""
    override = conversation.wait_initiated().conversation_config_override.model_dump(exclude_none=True)
    return str(override["agent"]["first_message"])


def contexts(conversation: ThreadedConversation) -> list[str]:
    return [message.text for message in conversation.record.received_of(ContextualUpdate)]


def test_fields_tell_of_a_call_that_runs_and_of_one_that_is_over(voice: Voice) -> None:
    voice.agent("agent", tool_find="gosub:default,find,1")
    voice.dialplan(
        f"exten => 100,1,AIConvAI(agent,c)\n same => n,UserEvent(After,{TOLD})\n same => n,Wait(5)\n"
        f"exten => find,1,UserEvent(During,{TOLD})\n same => n,Return()"
    )
    voice.apply()
    voice.call("100")
    conversation = voice.conversation()
    talk(conversation, "I need a room.", "For how many nights?")
    voice.event("AIConvAITranscript", Role="agent")
    conversation.call_tool("find")
    during = voice.event("UserEvent", UserEvent="During")
    assert (during["agent"], during["phase"], during["status"]) == ("agent", "active", "")
    assert during["conversation_id"] == conversation.record.id
    assert "Caller: I need a room." in during["said"]
    conversation.close(1000)
    after = voice.event("UserEvent", UserEvent="After")
    assert (after["agent"], after["phase"], after["status"]) == ("agent", "ended", "COMPLETED")
    assert (after["conversation_id"], after["transfer"]) == (conversation.record.id, "")
    assert after["reason"] != ""
    assert after["transcripts"] == "2"
    assert int(after["duration_ms"]) >= int(during["duration_ms"]) > 0


def test_channel_without_a_conversation_has_empty_fields(voice: Voice) -> None:
    voice.dialplan(
        f"exten => 100,1,Answer()\n same => n,UserEvent(Never,{TOLD},Other: ${{AICONVAI(nonsense)}})\n"
        " same => n,Wait(5)"
    )
    voice.apply()
    voice.call("100")
    told = voice.event("UserEvent", UserEvent="Never")
    assert {told[field] for field in FIELDS} == {""}
    assert told["Other"] == ""
    voice.wait_for_log(r"AICONVAI\(nonsense\): expected one of agent, answer_ms, answers, conversation_id")


# The extension h


@pytest.mark.parametrize("meanwhile", ["Wait(30)", "MusicOnHold(default)"])
def test_a_hang_up_in_the_background_is_known_to_the_extension_h(voice: Voice, meanwhile: str) -> None:
    hung_up_during(voice, meanwhile)
    (told,) = voice.events("UserEvent")
    assert (told["Status"], told["Reason"]) == ("CALLER_HANGUP", "the caller hung up")


@pytest.mark.parametrize("meanwhile", ["Playback(/aiconvai/sounds/tone)\n same => n,Wait(30)", "Echo()"])
def test_what_writes_may_find_the_call_over_before_anybody_is_told(voice: Voice, meanwhile: str) -> None:
    """ast_write() fails then, and nobody reads that the caller has hung up: once in fifty times with a file."""
    hung_up_during(voice, meanwhile)
    (told,) = voice.events("UserEvent")
    assert told["Status"] in ("CALLER_HANGUP", "")


def hung_up_during(voice: Voice, meanwhile: str) -> None:
    """The function knows it in any case."""
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,b)\n same => n,{meanwhile}\n{HUNG_UP}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, 600.0)
    call.hangup()
    assert voice.event("UserEvent", UserEvent="Hung")["Function"] == "CALLER_HANGUP"
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"
    assert len(voice.events("AIConvAIEnd")) == 1


def test_a_hang_up_in_a_bridge_is_known_to_the_extension_h(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20)
    person = f"PJSIP/anonymous/sip:person@127.0.0.1:{voice.caller.port}"
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,b)\n same => n,Dial({person},20)\n{HUNG_UP}")
    voice.apply()
    call = voice.caller.call("100")
    other = voice.caller.wait_incoming()
    other.answer()
    call.wait_answered()
    # Answered is not yet bridged: only a bridge lets the one hear the other.
    other.wait_heard(1)
    conversation = voice.conversation()
    agent_hears(conversation, call, 600.0)
    call.hangup()
    assert voice.event("UserEvent", UserEvent="Hung")["Status"] == "CALLER_HANGUP"
    conversation.wait_closed()


def test_the_dialplan_may_hang_up_and_ask_the_function(voice: Voice) -> None:
    """Nobody reads the channel then, so nobody is told before h."""
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,b)\n same => n,Wait(1)\n same => n,Hangup()\n{HUNG_UP}")
    voice.apply()
    voice.call("100")
    conversation = voice.conversation()
    assert voice.event("UserEvent", UserEvent="Hung")["Function"] == "CALLER_HANGUP"
    conversation.wait_closed()


def test_a_conversation_in_the_background_that_ended_before_keeps_its_status(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,bc)\n same => n,Wait(30)\n{HUNG_UP}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.close(1000)
    voice.event("VarSet", Variable="AICONVAI_STATUS", Value="COMPLETED")
    call.hangup()
    told = voice.event("UserEvent", UserEvent="Hung")
    assert (told["Status"], told["Function"]) == ("COMPLETED", "COMPLETED")


def test_a_call_that_is_sent_elsewhere_in_the_background_is_not_over(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,b)\n same => n,Wait(30)\n{HUNG_UP}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    channel = voice.event("AIConvAIStart")["Channel"]
    voice.asterisk.ami.action("Redirect", Channel=channel, Context="default", Exten="wait", Priority=1)
    voice.event("Newexten", Extension="wait")
    hears_agent(call, conversation, 900.0)
    agent_hears(conversation, call, 600.0)
    assert voice.events("UserEvent") == []
    assert voice.events("AIConvAIEnd") == []


# Conversations that go on


@pytest.mark.parametrize("option", ["r", "rb"])
def test_another_agent_goes_on_with_what_was_said(voice: Voice, option: str) -> None:
    voice.agent("first", any_agent(), first_message="Hello.")
    voice.agent("second", any_agent(), first_message="Hello there.", resume_message="I have heard all about it.")
    voice.dialplan(f"exten => 100,1,AIConvAI(first,c)\n same => n,AIConvAI(second,{option})\n same => n,Wait(30)")
    voice.apply()
    voice.call("100")
    first = voice.conversation()
    assert contexts(first) == []
    talk(first, "I need a room.", "For how many nights?")
    voice.event("AIConvAITranscript", Role="agent")
    first.close(1000)
    second = voice.conversation()
    second.wait_received(lambda record: record.received_of(ContextualUpdate))
    (text,) = contexts(second)
    assert text.endswith("Caller: I need a room.\nAgent: For how many nights?\n")
    assert "this was said so far" in text
    assert (begins_with(first), begins_with(second)) == ("Hello.", "I have heard all about it.")


@pytest.mark.parametrize(("before", "option"), [("NoOp()", "r"), ("AIConvAI(first,c)", "")])
def test_a_conversation_begins_as_ever_where_none_goes_on(voice: Voice, before: str, option: str) -> None:
    voice.agent("first")
    voice.agent("second", any_agent(), first_message="Hello there.", resume_message="I have heard all about it.")
    voice.dialplan(f"exten => 100,1,{before}\n same => n,AIConvAI(second,{option})")
    voice.apply()
    voice.call("100")
    if before != "NoOp()":
        first = voice.conversation()
        talk(first, "I need a room.", "For how many nights?")
        voice.event("AIConvAITranscript", Role="agent")
        first.close(1000)
    second = voice.conversation()
    assert begins_with(second) == "Hello there."
    voice.event("AIConvAIReady", ConversationID=second.record.id)
    # Whatever is told at the beginning has been told by then.
    voice.asterisk.ami.action("AIConvAIContext", Channel=voice.channel(), Text="That is all.")
    second.wait_received(lambda record: record.received_of(ContextualUpdate))
    assert contexts(second) == ["That is all."]


# Call detail records

CDR_CONF = {"cdr.conf": "[general]\nenable=yes\nunanswered=yes\n"}


@pytest.mark.parametrize("application", ["AIConvAI(agent,c)", "AIConvAI(agent,bc)\n same => n,Wait(30)"])
@pytest.mark.parametrize("wanted", [True, False])
def test_the_call_detail_record_has_how_it_ended(
    make_asterisk: Callable[..., Asterisk], app_module: Path, application: str, wanted: bool
) -> None:
    asterisk = make_asterisk(
        module=app_module, module_config="[general]\n", modules=("func_cdr.so",), extra_files=CDR_CONF
    )
    names = ("agent", "status", "conversation_id", "seconds")
    told = ",".join(f'"{name}: ${{CDR(aiconvai_{name})}}"' for name in names)
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        voice = Voice(asterisk, caller, mock)
        voice.agent("agent", cdr_variables=wanted)
        voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(5)\nexten => told,1,UserEvent(Told,{told})")
        voice.apply()
        call = voice.call("100")
        conversation = voice.conversation()
        conversation.close(1000)
        channel = voice.event("VarSet", Variable="AICONVAI_STATUS", Value="COMPLETED")["Channel"]
        asterisk.ami.action("Redirect", Channel=channel, Context="default", Exten="told", Priority=1)
        event = voice.event("UserEvent", UserEvent="Told")
        found = tuple(event[name] for name in names[:3])
        assert found == (("agent", "COMPLETED", conversation.record.id) if wanted else ("", "", ""))
        assert (event["seconds"] != "") is wanted
        call.wait_ended()
