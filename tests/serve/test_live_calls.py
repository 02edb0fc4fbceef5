"""Calls as they are now."""

from __future__ import annotations

import pytest
from serve_events import a_start, again, an_end, said, told

from aiconvai.serve import live as module
from aiconvai.serve.live import LiveCall, LiveCalls
from aiconvai.serve.told import Told


def after(*events: Told) -> LiveCall:
    calls = LiveCalls()
    for event in events:
        calls.take(event)
    (call,) = calls.calls.values()
    return call


def test_a_call_from_its_beginning_to_its_end() -> None:
    call = after(a_start())
    assert (call.phase, call.caller_number, call.agent) == ("connecting", "+420123", "sales")
    call = after(a_start(), told("Ready", ReadyMs="12", ConversationID="conv_1"))
    assert (call.phase, call.ready_ms, call.conversation_id) == ("talking", 12.0, "conv_1")
    call = after(a_start(), told("Hold", Hold="begun"))
    assert call.phase == "on hold"
    call = after(a_start(), told("Hold", Hold="begun"), told("Hold", Hold="ended", LastedMs="5"))
    assert call.phase == "talking"
    call = after(a_start(), told("Answer", LatencyMs="640"), told("State", State="billing"))
    assert (call.answer_ms, call.prompt_state, call.speaks) == (640, "billing", "agent")
    call = after(a_start(), an_end(Reason="the caller hung up"))
    assert (call.phase, call.status, call.reason) == ("ended", "COMPLETED", "the caller hung up")
    assert call.ended is not None


def test_words_come_as_they_are_spoken() -> None:
    call = after(said("Where", final=False), said("Where is", final=False), said("Where is it?"))
    assert [(line.text, line.is_final) for line in call.lines] == [("Where is it?", True)]
    call = after(said("Where is it?"), said("Tell me."))
    assert [line.text for line in call.lines] == ["Where is it? Tell me."]
    call = after(said("On its way.", role="agent", turn=2), said("Where is it?", turn=1))
    assert [line.text for line in call.lines] == ["Where is it?", "On its way."]


def test_what_is_told_again_is_known() -> None:
    one = said("Where is it?")
    call = after(one, one)
    assert [line.text for line in call.lines] == ["Where is it?"]


def test_a_call_that_is_told_again_from_its_beginning_is_as_before() -> None:
    events = [a_start(), said("Hello"), told("Interruption", HeardMs="1"), told("Keys", Keys="1", Secret="no")]
    once, twice = after(*events), after(*events, *map(again, events))
    assert (twice.keys, twice.interruptions, twice.lines) == (once.keys, once.interruptions, once.lines)
    assert twice.version > once.version


def test_what_the_agent_got_to_say() -> None:
    headers = {"Role": "agent", "Turn": "1", "SpokenMs": "0", "Final": "yes", "Correction": "yes", "Text": "It is"}
    whole, cut = said("It is on its way.", role="agent"), told("Transcript", **headers)
    call = after(whole, told("Interruption", HeardMs="300"), cut)
    assert [(line.text, line.is_cut) for line in call.lines] == [("It is", True)]
    assert call.interruptions == 1


def test_tools_and_what_they_answered() -> None:
    asked = told("ToolCall", ToolCallID="c1", ToolName="look", Parameters='{"a": 1}', Run="ami")
    call = after(asked, told("ToolDone", ToolCallID="c1", ToolName="look", Result="there", Error="no"))
    assert [(tool.name, tool.outcome, tool.result) for tool in call.tools.values()] == [("look", "done", "there")]
    call = after(asked, told("ToolCancelled", ToolCallID="c1", ToolName="look"))
    assert [tool.outcome for tool in call.tools.values()] == ["cancelled"]


def test_keys_that_are_secret_are_not_shown() -> None:
    call = after(told("Keys", Keys="12", Secret="no"), told("Keys", Keys="4711", Secret="yes"))
    assert call.keys == "12*"


def test_nothing_grows_without_end() -> None:
    calls = LiveCalls()
    for number in range(1000):
        calls.take(said("x", turn=number))
        calls.take(told("ToolCall", ToolCallID=str(number), ToolName="look"))
        calls.take(told("Error", Message="no"))
        calls.take(told("Keys", Keys="1", Secret="no"))
    (call,) = calls.calls.values()
    assert len(call.lines) == module.TURNS_SHOWN
    assert len(call.tools) == module.TOOLS_SHOWN
    assert len(call.problems) == module.PROBLEMS_SHOWN
    assert len(call.keys) == module.KEYS_SHOWN


def test_of_too_many_calls_one_that_has_ended_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLS_SHOWN", 3)
    calls = LiveCalls()
    for record in ("1", "2", "3"):
        calls.take(a_start(record))
    calls.take(an_end("2"))
    calls.take(a_start("4"))
    assert [record for _, record in calls.calls] == ["1", "3", "4"]
    calls.take(a_start("5"))
    assert [record for _, record in calls.calls] == ["3", "4", "5"]


def test_calls_that_an_asterisk_does_not_know_any_more_are_over() -> None:
    calls = LiveCalls()
    for record in ("1", "2"):
        calls.take(a_start(record))
    (gone,) = calls.forget_others("pbx", {"2"})
    assert (gone.record, gone.phase) == ("1", "ended")
    assert [call.record for call in calls.going_on()] == ["2"]
    assert calls.forget_others("another", set()) == []


def test_a_call_of_which_nothing_is_known_but_that_it_goes_on() -> None:
    calls = LiveCalls()
    listed = {"Record": "1", "Agent": "sales", "Uniqueid": "9.1", "State": "active", "DurationMs": "5000"}
    calls.take_listed("pbx", listed, 1000.0)
    (call,) = calls.going_on()
    assert (call.record, call.agent, call.unique_id, call.phase) == ("1", "sales", "9.1", "talking")
    assert call.started == 995.0
    calls.take(said("Hello", "1"))
    calls.take_listed("pbx", {**listed, "Agent": "another"}, 2000.0)
    assert ([line.text for line in call.lines], call.agent) == (["Hello"], "sales")
    calls.take_listed("pbx", {"Record": "2", "DurationMs": "x"}, 1000.0)
    assert calls.calls["pbx", "2"].started == 1000.0


def test_who_has_ended_is_shown_for_a_while() -> None:
    calls = LiveCalls()
    calls.take(a_start())
    calls.take(an_end())
    (call,) = calls.calls.values()
    assert call.ended is not None
    calls.drop_ended(call.ended + 59)
    assert len(calls.calls) == 1
    calls.drop_ended(call.ended + 61)
    assert len(calls.calls) == 0


def test_a_call_that_was_heard_of_in_passing_gets_its_channel() -> None:
    live = LiveCalls()
    live.take(told("Answer", "5.5", LatencyMs="1"))
    assert live.calls["pbx", "5.5"].channel == ""
    live.take_listed("pbx", {"Record": "5.5", "Channel": "PJSIP/y-1", "Uniqueid": "9.5"}, 1000.0)
    assert (live.calls["pbx", "5.5"].channel, live.calls["pbx", "5.5"].unique_id) == ("PJSIP/y-1", "9.5")
    live.take(told("Answer", "6.6", LatencyMs="1", Channel="PJSIP/z-1", Uniqueid="9.6"))
    assert live.calls["pbx", "6.6"].channel == "PJSIP/z-1"
