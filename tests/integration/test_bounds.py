"""A service that goes beyond all bounds: the agent, the caller or the log is told, and Asterisk goes on."""

from __future__ import annotations

import gc
import json
import re
from typing import Any

import pytest
from exchange import agent_hears, hears_agent
from hearing import check_pace
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, parse_scenario
from aiconvai.mock.scenario import Wire
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

AGENT_HZ, CALLER_HZ = 1000.0, 1700.0
ESCAPE = "\x1b[2J"

FIND = "exten => find,1,Set(TOOL_RESULT=found)\n same => n,Return()\n"
NEXT = "UserEvent(Next,Status: ${AICONVAI_STATUS},Reason: ${AICONVAI_REASON})"


def converse(voice: Voice, **options: object) -> tuple[Call, ThreadedConversation]:
    """A call with an agent that has tools of every kind; the dialplan tells how it went on."""
    tools = {"tool_find": "gosub:default,find", "tool_send_dtmf": "builtin", "tool_end_call": "builtin"}
    voice.agent("agent", **{"audio_frames_buffer_ms": 20, **tools, **options})
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,c)\n same => n,{NEXT}\n{FIND}")
    voice.apply()
    call = voice.call("100")
    return call, voice.conversation()


def said_to(answer: Any) -> str:
    """What the agent was told, whatever its service has for it."""
    return str(getattr(answer, "result", answer))


# Arguments


@pytest.mark.parametrize("provider", ["openai", "deepgram"])
@pytest.mark.parametrize(("tool", "depth"), [("find", 20_000), ("send_dtmf", 20_000), ("end_call", 300_000)])
@pytest.mark.fault("service.deep-json")
def test_arguments_nested_too_deeply_are_answered(voice: Voice, provider: str, tool: str, depth: int) -> None:
    voice.use(provider)
    call, conversation = converse(voice)
    for arguments in ("[" * depth + "]" * depth, "[" * depth, '{"a": ' * 10_000 + "1" + "}" * 10_000):
        answer = said_to(conversation.call_tool(tool, arguments=arguments))
        assert ("longer than 65536 bytes" if len(arguments) > 65536 else "nested too deeply") in answer
    assert "not valid JSON" in said_to(conversation.call_tool(tool, arguments='{"a":'))
    assert "must be a JSON object" in said_to(conversation.call_tool(tool, arguments="[1]"))
    assert "found" in said_to(conversation.call_tool("find", arguments='{"number": "7"}'))
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    voice.event("AIConvAIToolCall")
    assert len(voice.events("AIConvAIToolCall")) == 1, "what is refused is nobody's to run"


def test_values_of_arguments_are_lines_in_the_dialplan(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20, tool_show="gosub:default,show")
    voice.dialplan(
        "exten => 100,1,AIConvAI(agent,c)\n"
        "exten => show,1,Verbose(0,shown ${TOOL_ARG_name}.)\n"
        " same => n,Set(TOOL_RESULT=${TOOL_ARG_name})\n same => n,Return()\n"
    )
    voice.apply()
    voice.call("100")
    answer = voice.conversation().call_tool("show", {"name": f"Ada\r\nERROR[1] forged.c: x{ESCAPE}\u202e"})
    assert answer.result == "Ada  ERROR[1] forged.c: x [2J "
    voice.wait_for_log(r"shown Ada  ERROR\[1\] forged\.c: x \[2J \.")
    assert ESCAPE not in voice.log()


# Texts


@pytest.mark.fault("service.texts-of-megabytes")
def test_texts_of_megabytes_are_cut_or_refused(voice: Voice) -> None:
    call, conversation = converse(voice, max_message_kb=16384, answer_timeout_ms=0)
    conversation.send(
        {"type": "user_transcript", "user_transcription_event": {"user_transcript": "ž" * (9 << 19), "event_id": 1}}
    )
    told = voice.event("AIConvAITranscript")["Text"]
    assert told == "ž" * 8192
    conversation.send(
        {"type": "agent_response", "agent_response_event": {"agent_response": "x" * 100_000, "event_id": 2}}
    )
    assert voice.event("AIConvAITranscript", Role="agent")["Text"] == "x" * 16384
    for name, parameters in (("x" * (9 << 20), {}), ("find", {"a": "x" * (9 << 20)}), ("nobody", {"a": "x" * 65_536})):
        answer = conversation.call_tool(name, parameters)
        assert answer.is_error
        assert "longer than" in answer.result
    assert re.search(r"Texts cut, refused: 5\b", voice.asterisk.cli(f"aiconvai show call {voice.channel()}"))
    assert conversation.call_tool("find", {"number": "7"}).result == "found"
    # Managers are told in order: all that is told of what was refused comes before this.
    voice.event("AIConvAIToolCall")
    assert len(voice.events("AIConvAIToolCall")) == 1, "what is refused is nobody's to run"
    assert len(voice.events("AIConvAIError")) == 3, "each kind is said once"
    # The caller is in this process, which stands still while it collects what those texts have left.
    gc.collect()
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)


# Messages


@pytest.mark.parametrize("kilobytes", [None, 64])
@pytest.mark.fault("service.message-too-long")
def test_message_that_is_too_long_ends_the_conversation(voice: Voice, kilobytes: int | None) -> None:
    _, conversation = converse(voice, max_message_kb=kilobytes)
    limit = (kilobytes or 4096) << 10
    conversation.send_raw('{"type":"x","x":"' + "x" * (limit - 100) + '"}')
    conversation.ping()
    conversation.send_raw('{"type":"x","x":"' + "x" * limit + '"}')
    told = voice.event("UserEvent", UserEvent="Next")
    reason = f"the service sent a message longer than max_message_kb ({limit >> 10} KiB)"
    assert (told["Status"], told["Reason"]) == ("LOST", reason)
    assert voice.event("AIConvAIEnd")["Reason"] == reason
    conversation.wait_closed()


@pytest.mark.fault("service.fragments")
def test_message_of_many_pieces_keeps_nobody_waiting(voice: Voice) -> None:
    """Two agents share the network thread: one sends 4 MB in small pieces, the other is answered, and heard, meanwhile.

    What is heard comes from Asterisk, at times that the kernel takes: the mock that sends so much is in this process.
    """
    voice.general["network_threads"] = "1"
    for name in ("flood", "other"):
        voice.agent(name, audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(flood)\nexten => 200,1,AIConvAI(other)")
    voice.apply()
    voice.call("100")
    flood = voice.conversation()
    call = voice.call("200")
    other = voice.conversation()
    other.send_audio(tone(AGENT_HZ, 10.0, other.record.downlink_rate), event_id=1)
    flood.shape(Wire(frame_sizes=(1024,)))
    slowest = 0.0
    for _ in range(3):
        flood.send_raw('{"type":"user_transcript","x":"' + "x:" * 2_000_000 + '"}')
        for _ in range(20):
            slowest = max(slowest, other.ping())
    flood.ping(timeout=10.0)
    assert slowest < 0.5
    check_pace(call.heard_spacing_ms())


# The log


def test_reason_of_a_failover_is_one_line_in_the_log(voice: Voice) -> None:
    forged = f"no\r\n[Jan  1 00:00:00] ERROR[1] forged.c: x{ESCAPE}\x9b\u202e"
    scenario = parse_scenario(
        f"handshake: {{close_before_metadata: {{code: 1008, reason: {json.dumps(forged)}}}}}\nsteps: []"
    )
    voice.agent("first", ElevenLabsAgent(scenario=scenario), max_connection_attempts=1, failover="second")
    voice.agent("second", audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(first)")
    voice.apply()
    voice.call("100")
    harmless = "no  [Jan  1 00:00:00] ERROR[1] forged.c: x [2J  "
    assert harmless in voice.event("AIConvAIFailover")["Reason"]
    line = voice.wait_for_log("agent first cannot have the call, second takes it: .*").group()
    assert harmless in line
    assert not set(voice.log()) & {"\x1b", "\x9b", "\u202e"}
    assert "\n[Jan  1" not in voice.log()


# The request before the conversation


@pytest.mark.fault("service.texts-of-megabytes")
def test_reply_that_is_too_long_is_said(voice: Voice) -> None:
    scenario = parse_scenario(f"handshake: {{signed_url: {{body: {'x' * 70_000}}}}}\nsteps: []")
    voice.agent("agent", ElevenLabsAgent(private=True, scenario=scenario))
    voice.dialplan(f"exten => 100,1,AIConvAI(agent)\n same => n,{NEXT}")
    voice.apply()
    voice.call("100")
    told = voice.event("UserEvent", UserEvent="Next")
    assert told["Status"] == "UNAVAILABLE"
    assert "its reply is longer than 65536 bytes" in told["Reason"]
