"""Nothing that a service sends decides how much memory or time is used, or what is run: bounds, and what is said of
them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import test_provider_deepgram as deepgram
import test_provider_gemini as gemini
import test_provider_openai as openai
from engine_host import PUBLIC, Host, audio, metadata, tool_call, transcript
from engine_memory import allocated_bytes

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Error, Failover, StateEntered, Status, ToolCall, ToolDone, Transcript
from aiconvai.engine.library import load_library
from aiconvai.engine.settings import PromptSettings, Settings

LIB = load_library().lib
ESCAPE, CSI, OVERRIDE = "\x1b[2J", "\x9b31m", "\u202etxt\u2066"


def answers(host: Host) -> list[tuple[str, str, bool]]:
    given = host.messages("client_tool_result")
    return [(one["tool_call_id"], one["result"], one["is_error"]) for one in given]


# Transcripts


@pytest.mark.parametrize("character", ["x", "ž", "漢", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("offset", range(4))
def test_transcript_is_cut_where_a_character_ends(host: Host, character: str, offset: int) -> None:
    text = "a" * offset + character * LIB.AIC_TRANSCRIPT_MAX
    host.say(transcript(text))
    (told,) = host.told(Transcript)
    length = len(told.text.encode())
    assert text.startswith(told.text)
    assert LIB.AIC_TRANSCRIPT_MAX - len(character.encode()) < length <= LIB.AIC_TRANSCRIPT_MAX


def test_transcript_of_the_greatest_length_is_told_whole(host: Host) -> None:
    text = "x" * LIB.AIC_TRANSCRIPT_MAX
    host.say(transcript(text))
    assert [one.text for one in host.told(Transcript)] == [text]
    assert host.errors == []
    assert host.conversation.stats().texts_refused == 0


def test_what_is_too_long_is_counted_each_time_and_said_once(host: Host) -> None:
    for _ in range(5):
        host.say(transcript("x" * 3_000_000))
    assert host.conversation.stats().texts_refused == 5
    assert len(host.errors) == 1
    assert "transcript that is too long" in host.errors[0]


def test_transcript_is_one_line_and_whole_apart_from_that(host: Host) -> None:
    host.say(transcript(f"first\r\nEvent: Fake\r\n{ESCAPE}{CSI}{OVERRIDE}\x7f\u2028" + "ž" * 1000))
    (told,) = host.told(Transcript)
    assert told.text == "first  Event: Fake   [2J 31m txt   " + "ž" * 1000


# Tools


@pytest.mark.parametrize("run", [{}, {"tool_find": "gosub:crm"}, {"tool_find": "ami"}])
def test_arguments_that_are_too_long_are_answered_and_not_run(run: dict[str, str]) -> None:
    host = Host(PUBLIC, runs_tools=True, **run)
    host.start()
    fitting = {"a": "x" * (LIB.AIC_PARAMETERS_MAX - len('{"a":""}'))}
    host.say(tool_call("t1", "find", fitting))
    host.say(tool_call("t2", "find", {"a": fitting["a"] + "x"}))
    host.say(tool_call("t3", "find", {"a": "x" * 3_000_000}))
    assert [one.id for one in host.told(ToolCall)] == ["t1"]
    assert [(call_id, is_error) for call_id, _, is_error in answers(host)] == [("t2", True), ("t3", True)]
    assert all("longer than 65536 bytes" in text for _, text, _ in answers(host))
    assert len(host.errors) == 1
    assert host.conversation.stats().texts_refused == 2
    assert host.conversation.stats().open_tool_calls == 1


def test_name_or_id_that_is_too_long_is_answered_and_not_run() -> None:
    host = Host(PUBLIC, tool_end_call="builtin")
    host.start()
    host.say(tool_call("t1", "end_call" + "x" * 300, {}))
    host.say(tool_call("t2" * 200, "end_call", {}))
    host.say(tool_call("t3", "e" * 256, {}))
    assert [(call_id, "longer than 256 bytes" in text, is_error) for call_id, text, is_error in answers(host)] == [
        ("t1", True, True),
        ("t2" * 200, True, True),
    ]
    assert [one.name for one in host.told(ToolCall)] == ["e" * 256]
    host.wait(seconds=5)
    assert host.conversation.phase is Phase.ACTIVE


def test_what_a_tool_answered_is_told_as_a_line_and_handed_on_as_it_is(host: Host) -> None:
    host.say(tool_call("t1", "find"))
    answer = f"one\r\nEvent: Fake\r\n{ESCAPE}{OVERRIDE}" + "x" * (LIB.AIC_PARAMETERS_MAX + 1)
    assert host.conversation.tool_result("t1", answer)
    host.pump()
    (done,) = host.told(ToolDone)
    assert done.result is not None
    assert done.result.startswith("one  Event: Fake   [2J txt ")
    assert len(done.result) == LIB.AIC_PARAMETERS_MAX
    assert answers(host) == [("t1", answer, False)]


def test_name_and_id_are_told_as_lines_and_answered_by_what_was_told(host: Host) -> None:
    host.say(tool_call(f"id{ESCAPE}\n", f"find{CSI}", {"a": OVERRIDE}))
    (call,) = host.told(ToolCall)
    assert (call.id, call.name, call.parameters) == ("id [2J ", "find 31m", '{"a":" txt "}')
    assert host.conversation.tool_result(call.id, "found")
    host.pump()
    assert answers(host) == [(f"id{ESCAPE}\n", "found", False)]
    assert host.told(ToolDone) == [ToolDone(call.id)]


DEEP = ["[" * 20_000 + "]" * 20_000, "[" * 60_000, '{"a":' * 10_000 + "1" + "}" * 10_000]


def deepgram_call(arguments: str) -> dict[str, Any]:
    call = {"id": "t1", "name": "find", "arguments": arguments, "client_side": True}
    return {"type": "FunctionCallRequest", "functions": [call]}


def openai_call(arguments: str) -> dict[str, Any]:
    item = {"type": "function_call", "status": "completed", "call_id": "t1", "name": "find", "arguments": arguments}
    return {"type": "response.output_item.done", "response_id": "r", "item": item}


@pytest.mark.parametrize("arguments", [*DEEP, '{"a":', "no", '{"a":1}}', "\x01"])
@pytest.mark.parametrize("run", ["gosub:crm", "ami"])
@pytest.mark.parametrize("service", ["openai", "deepgram"])
def test_arguments_that_are_no_json_are_answered_and_not_run(service: str, run: str, arguments: str) -> None:
    agent, start, call = {
        "openai": (openai.AGENT, openai.start, openai_call),
        "deepgram": (deepgram.AGENT, deepgram.start, deepgram_call),
    }[service]
    host = Host({**agent, "tool_find": run}, runs_tools=True)
    start(host)
    host.say(call(arguments))
    told = [json.dumps(message) for message in host.sent if "The arguments" in json.dumps(message)]
    assert len(told) == 1
    assert ("nested too deeply" if arguments in DEEP else "not valid JSON") in told[0]
    assert host.told(ToolCall) == []
    assert len(host.errors) == 1
    host.say(call('{"a": 1}'))
    assert [one.parameters for one in host.told(ToolCall)] == ['{"a": 1}']


# What the service gives to be kept


def test_handle_that_is_too_long_is_not_kept() -> None:
    host = Host(gemini.AGENT)
    gemini.start(host)
    update = {"newHandle": "h" * LIB.AIC_KEPT_MAX, "resumable": True}
    host.say({"sessionResumptionUpdate": update})
    assert host.errors == []
    host.say({"sessionResumptionUpdate": {**update, "newHandle": "h" * (LIB.AIC_KEPT_MAX + 1)}})
    assert ["handle" in error for error in host.errors] == [True]
    assert host.conversation.stats().texts_refused == 1


def test_conversation_id_that_is_too_long_is_cut_and_said() -> None:
    host = Host()
    host.open()
    message = metadata()
    message["conversation_initiation_metadata_event"]["conversation_id"] = "ž" * 1000
    host.say(message)
    assert host.conversation.stats().conversation_id == "ž" * 63
    assert ["id that is too long" in error for error in host.errors] == [True]


# States


def prompts_host(**prompts: str) -> Host:
    section = {f"state_{name}": text for name, text in prompts.items()}
    return Host(PUBLIC, prompts=PromptSettings("prompt-p", section), tool_enter_state="builtin")


def test_values_that_the_agent_gives_are_bounded_each_and_all_together() -> None:
    host = prompts_host(greeting="Hello.", long="{who} " * 200)
    host.start()
    host.say(tool_call("t1", "enter_state", {"state": "long", "who": "ž" * 10_000}))
    ((_, text, is_error),) = answers(host)
    assert not is_error
    assert len(text.encode()) <= LIB.AIC_FILLED_MAX + 2000
    assert "ž" * (LIB.AIC_VARIABLE_MAX // 2) + " " in text
    assert "ž" * (LIB.AIC_VARIABLE_MAX // 2 + 1) not in text
    assert "{who}" in text, "what does not fit is left as it is"
    assert [("placeholder" in error) for error in host.errors] == [True, True]


def test_agent_cannot_add_values_without_end() -> None:
    host = prompts_host(greeting="Hello.", next="{v1}")
    host.start()
    before = allocated_bytes()
    for round_ in range(40):
        values = {f"v{round_}_{at}": "x" * 100 for at in range(100)}
        host.say(tool_call(f"t{round_}", "enter_state", {"state": "next", **values}))
    host.events = [one for one in host.events if isinstance(one, Error)]
    host.actions, host.sent = [], []
    assert allocated_bytes() - before < 200_000
    assert ["there were too many" in error for error in host.errors] == [True]


# Failover


def test_reason_of_a_failover_is_one_line() -> None:
    host = Host(PUBLIC, failover=[Settings.read_agent("other", PUBLIC)], max_connection_attempts=1)
    host.begin()
    reason = f"HTTP 503\r\n[2026-01-01] ERROR[1] forged.c: all is lost{ESCAPE}{CSI}{OVERRIDE}"
    host.conversation.request_failed(reason, retry=True)
    host.pump()
    (told,) = host.told(Failover)
    assert told.reason == "HTTP 503  [2026-01-01] ERROR[1] forged.c: all is lost [2J 31m txt "


# The longest message


@pytest.mark.parametrize("piece", [4096, 100_000, 5_000_000])
@pytest.mark.parametrize("binary", [False, True])
def test_message_that_is_too_long_ends_the_conversation(piece: int, binary: bool) -> None:
    host = Host(PUBLIC, max_message_kb=64)
    host.start()
    send = host.conversation.binary_message if binary else host.conversation.message
    message = b'{"type":"x","text":"' + b"x" * 65_536 + b'"}'
    for at in range(0, len(message), piece):
        send(message[at : at + piece], complete=at + piece >= len(message))
    host.pump()
    assert host.ended.status is Status.LOST
    assert host.ended.reason == "the service sent a message longer than max_message_kb (64 KiB)"


def test_messages_up_to_the_limit_are_taken_one_after_the_other() -> None:
    host = Host(PUBLIC, max_message_kb=64)
    host.start()
    text = json.dumps(transcript("")).encode()
    for _ in range(3):
        message = text.replace(b'""', b'"' + b"x" * (65_536 - len(text)) + b'"')
        assert len(message) == 65_536
        for at in range(0, len(message), 4096):
            host.conversation.message(message[at : at + 4096], complete=at + 4096 >= len(message))
        host.pump()
    assert len(host.told(Transcript)) == 3
    assert host.conversation.phase is Phase.ACTIVE


def test_message_that_is_too_long_before_the_announcement_ends_the_attempt() -> None:
    host = Host(PUBLIC, max_message_kb=64, failover=[Settings.read_agent("other", PUBLIC)])
    host.open()
    host.conversation.message(b"x" * 65_537, complete=False)
    host.pump()
    assert ["max_message_kb" in one.reason for one in host.told(Failover)] == [True]


# Errors


def test_errors_without_end_are_counted_and_told_now_and_then(host: Host) -> None:
    for _ in range(1000):
        host.say("no object", pump=False)
        host.conversation.message(b"{")
    host.pump()
    assert host.conversation.stats().errors == 1000
    assert len(host.errors) == 51
    assert "too many errors" in host.errors[-1]
    host.wait(seconds=10)
    host.conversation.message(b"{")
    host.pump()
    assert "is not valid JSON" in host.errors[-1]


# Memory


def test_memory_of_a_large_message_does_not_stay(host: Host) -> None:
    host.say(transcript("x"))
    host.say(audio(1, bytes(160)))
    before = allocated_bytes()
    host.conversation.message(json.dumps(transcript("y" * 4_000_000)).encode())
    host.pump()
    host.events.clear()
    host.conversation.message(b'{"type":"unknown","x":' + b"[[1],[2]]," * 1 + b"1}")
    host.pump()
    assert allocated_bytes() - before < 400_000


def test_a_list_and_an_object_take_memory_as_their_bytes() -> None:
    host = Host(gemini.AGENT)
    gemini.start(host)
    before = allocated_bytes()
    host.conversation.message(b'{"toolCall":{"functionCalls":[' + b"[]," * 1_000_000 + b"1]}}")
    host.pump()
    assert ["a list in it is too long" in error for error in host.errors] == [True]
    assert host.conversation.stats().malformed_messages == 1
    assert allocated_bytes() - before < 400_000


def test_answers_that_nobody_reads_are_bounded_in_bytes(host: Host) -> None:
    host.writable = False
    host.pump()
    before = allocated_bytes()
    for _ in range(200):
        host.say(tool_call("t" * 50_000, "find", {}))
    held = allocated_bytes() - before
    assert held < LIB.AIC_OUTBOX_BYTES_MAX * 1.5
    assert any("a message to the service was lost" in error for error in host.errors)


def test_audio_beyond_the_playout_limit_is_counted_and_said_once() -> None:
    host = Host(PUBLIC, playout_limit_seconds=10)
    host.start()
    for _ in range(15):
        host.say(audio(1, bytes(8000)))
    assert host.conversation.playout.stats().bytes_overflow == 5 * 8000
    assert ["playout_limit_seconds" in error for error in host.errors] == [True]
    assert host.conversation.stats().texts_refused == 0
    assert len(host.play()) == 10 * 8000


def test_minutes_of_audio_in_one_message_are_converted_as_far_as_they_fit() -> None:
    host = Host(PUBLIC, line_format=AudioFormat(Encoding.PCM16, 48000), playout_limit_seconds=10)
    host.start("ulaw_8000")
    before = allocated_bytes()
    host.say(audio(1, b"\xff" * 8000 * 200))
    stats = host.conversation.playout.stats()
    assert stats.queued_bytes == 10 * 96_000
    assert stats.bytes_overflow == pytest.approx(190 * 96_000, rel=0.01)
    # The queue's ring is a power of two.
    assert allocated_bytes() - before < 3_000_000
    assert len(host.errors) == 1
    assert host.told(StateEntered) == []
