"""How a conversation ends: by the service, by the agent, by the clock, and from this side in every phase."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from engine_host import (
    API_KEY,
    PRIVATE,
    PUBLIC,
    SIGNED_URL,
    Host,
    audio,
    end_call,
    metadata,
    service_error,
)

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import (
    Abort,
    Close,
    Ended,
    Open,
    Status,
)
from aiconvai.engine.library import load_library

# The end


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        (1000, Status.COMPLETED, "the agent ended the conversation"),
        (1001, Status.LOST, "the service went away"),
        (1002, Status.LOST, "the service could not go on"),
        (1006, Status.LOST, "the service closed the connection"),
        (1008, Status.LOST, "the service refused what it was sent"),
        (1009, Status.LOST, "the service refused a message that was too long"),
        (1011, Status.LOST, "the service failed internally"),
        (1012, Status.LOST, "the service restarts"),
        (1013, Status.LOST, "the service is overloaded"),
        (3000, Status.LOST, "the service refused the agent"),
        (3001, Status.LOST, "the service closed the connection"),
        (3008, Status.LOST, "the service's waiting queue timed out"),
        (4300, Status.LOST, "the service's waiting queue timed out"),
        (4999, Status.LOST, "the service closed the connection"),
        (None, Status.LOST, "the connection to the service broke"),
    ],
)
@pytest.mark.parametrize("reason", ["", "a reason"])
def test_close_codes_of_a_conversation(code: int | None, status: Status, sentence: str, reason: str) -> None:
    host = Host(reconnect_attempts=0)
    host.start()
    host.conversation.closed(code, reason)
    assert host.pump() == [], "there is nothing left to close"
    assert (host.ended.status, host.ended.close_code) == (status, code)
    assert host.ended.reason.startswith(sentence)
    assert (str(code) in host.ended.reason) == (code is not None)
    assert reason in host.ended.reason


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        (1000, False),
        (1001, True),
        (1002, True),
        (1006, True),
        (1008, False),
        (1009, False),
        (1011, True),
        (1012, True),
        (1013, True),
        (3000, False),
        (3001, True),
        (3008, False),
        (4300, False),
        (None, True),
    ],
)
def test_close_codes_before_the_conversation(code: int | None, retry: bool) -> None:
    host = Host()
    host.open()
    host.conversation.closed(code, "why")
    assert host.pump() == []
    if retry:
        assert host.conversation.phase is Phase.WAITING
        assert "why" in host.errors[0]
    else:
        assert host.ended.status is Status.UNAVAILABLE
        assert host.ended.close_code == code
        assert "why" in host.ended.reason


def test_an_error_is_told_and_explains_the_close(host: Host) -> None:
    host.say(service_error("llm took too long", 1002))
    assert host.errors == ["error 1002 override_error: llm took too long"]
    assert host.conversation.phase is Phase.ACTIVE
    host.conversation.closed(1002)
    host.pump()
    assert host.ended.status is Status.LOST
    assert host.ended.reason == (
        "the service could not go on (close code 1002) (error 1002 override_error: llm took too long)"
    )


@pytest.mark.parametrize("length", [100, 290, 1000])
def test_the_bracket_around_an_error_is_closed_however_long_it_is(host: Host, length: int) -> None:
    """An open one would change how a dialplan reads what follows."""
    host.say(service_error("m" * length, 1002))
    host.conversation.closed(1002)
    host.pump()
    assert host.ended.reason.startswith("the service could not go on (close code 1002) (error 1002 ")
    assert host.ended.reason.endswith("m)")
    assert len(host.ended.reason) < load_library().lib.AIC_REASON_MAX


@pytest.mark.parametrize(
    "event", [{}, {"code": "x"}, {"reason": "why"}, {"message": "m" * 5000, "error_type": "t" * 5000}]
)
def test_errors_with_odd_fields(host: Host, event: dict[str, Any]) -> None:
    host.say({"type": "error", "error_event": event})
    assert host.errors[0].startswith("error 0 ")
    host.conversation.closed(1008, "r" * 5000)
    host.pump()
    assert len(host.ended.reason.encode()) < load_library().lib.AIC_REASON_MAX


def test_a_waiting_queue_that_timed_out(host: Host) -> None:
    host.say({"type": "queue_status", "queue_status_event": {"status": "timed_out"}})
    host.conversation.closed(3008)
    host.pump()
    assert host.ended.reason.count("waiting queue timed out") == 2


@pytest.mark.parametrize("code", [1000, 1001, 1006, None])
@pytest.mark.parametrize("kind", ["agent_tool_response", "agent_tool_response_full_payload"])
def test_an_agent_that_hangs_up_ends_well_whatever_the_close(host: Host, kind: str, code: int | None) -> None:
    message = end_call()
    host.say({"type": kind, kind: message["agent_tool_response"]})
    assert host.conversation.phase is Phase.ACTIVE
    host.wait(seconds=2)
    host.conversation.closed(code)
    assert host.pump() == []
    assert host.ended == Ended(Status.COMPLETED, code, "the agent ended the conversation")


def test_an_agent_that_hangs_up_without_closing(host: Host) -> None:
    host.say(end_call())
    host.wait(seconds=3)
    host.conversation.caller_audio(b"\1" * 160)
    host.say(audio(9, b"\1" * 160))
    host.say(end_call())
    assert host.wait(seconds=1.999) == []
    (close,) = host.wait(ms=1)
    assert isinstance(close, Close)
    assert host.ended == Ended(Status.COMPLETED, None, "the agent ended the conversation")
    assert host.play() == b"\1" * 160, "what it said is still played"


def test_an_end_call_that_failed_is_no_end(host: Host) -> None:
    host.say(end_call(is_error=True))
    assert host.wait(seconds=20) == []
    host.conversation.closed(1006)
    host.pump()
    assert host.ended.status is Status.LOST


def test_the_limit_on_the_duration() -> None:
    host = Host(call_duration_limit_seconds=90)
    host.start()
    assert host.wait(seconds=89.999) == []
    (close,) = host.wait(ms=1)
    assert close == Close(1000, "User ended conversation")
    assert host.ended.status is Status.TIMEOUT
    assert "call_duration_limit_seconds (90 s)" in host.ended.reason


def test_the_limit_on_the_duration_counts_attempts_too() -> None:
    host = Host(call_duration_limit_seconds=15, connection_timeout_seconds=10)
    host.wait(seconds=15)
    assert host.ended.status is Status.TIMEOUT
    assert [type(action).__name__ for action in host.actions] == ["Open", "Abort", "Open", "Abort"]


def test_a_key_the_service_repeats_is_all_it_can_tell() -> None:
    """The service's own words are passed on, ours never hold a secret (the host checks after every step)."""
    host = Host({"agent_id": "a", "api_key": API_KEY, "signed_url_endpoint": "https://h/u"})
    host.start()
    for code in (1000, 1008, 1011, None):
        host.conversation.closed(code, "bye")
    host.pump()
    assert API_KEY not in host.ended.reason


# The call's side, in every phase


@pytest.mark.parametrize(
    ("phase", "agent", "expected"),
    [
        (Phase.WAITING, PUBLIC, []),
        (Phase.FETCHING, PRIVATE, [Abort()]),
        (Phase.CONNECTING, PRIVATE, [Abort()]),
        (Phase.CONNECTING, PUBLIC, [Abort()]),
        (Phase.STARTING, PUBLIC, [Close(1000, "User ended conversation")]),
        (Phase.ACTIVE, PUBLIC, [Close(1000, "User ended conversation")]),
    ],
)
@pytest.mark.parametrize("status", list(Status))
def test_the_end_from_this_side(phase: Phase, agent: Mapping[str, str], expected: list[Any], status: Status) -> None:
    host = Host(agent)
    host.reach(phase)
    host.conversation.end(status, "the caller hung up")
    assert host.pump() == expected
    assert host.ended == Ended(status, None, "the caller hung up")
    assert host.conversation.deadline_us is None


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.FETCHING, Phase.CONNECTING, Phase.STARTING, Phase.ACTIVE])
def test_nothing_happens_after_the_end(phase: Phase) -> None:
    host = Host(PRIVATE)
    host.reach(phase)
    conversation = host.conversation
    conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    inputs: list[Callable[[], object]] = [
        lambda: conversation.caller_audio(bytes(16000)),
        lambda: conversation.dtmf("5"),
        lambda: conversation.http_reply(200, json.dumps({"signed_url": SIGNED_URL}).encode()),
        lambda: conversation.request_failed("late", retry=True),
        conversation.connected,
        lambda: conversation.message(json.dumps(metadata())),
        lambda: conversation.message(json.dumps(audio(1, bytes(160)))),
        lambda: conversation.message(b"{", complete=False),
        lambda: conversation.closed(1006),
        lambda: conversation.closed(None),
        conversation.tick,
        lambda: conversation.end(Status.LOST, "again"),
    ]
    for give in inputs:
        give()
        assert host.pump() == []
    assert not conversation.context("x")
    assert not conversation.user_message("x")
    assert not conversation.tool_result("x", "y")
    assert not conversation.wants_to_send
    host.wait(seconds=100)
    assert host.ended.status is Status.CALLER_HANGUP
    assert conversation.playout.is_empty()


def test_the_end_before_the_request_was_started() -> None:
    host = Host()
    host.conversation.tick()
    host.conversation.end(Status.CALLER_HANGUP, "gone")
    assert not any(isinstance(action, Open) for action in host.pump())


def test_the_end_while_waiting_for_another_attempt_drops_what_was_open() -> None:
    host = Host()
    host.begin()
    host.clock.advance(seconds=10)
    host.conversation.tick()
    host.conversation.end(Status.CALLER_HANGUP, "gone")
    assert host.pump() == [Abort()]


def test_an_abort_comes_before_the_next_request() -> None:
    host = Host(retry_backoff_ms=0)
    host.begin()
    host.clock.advance(seconds=10)
    host.conversation.tick()
    host.conversation.tick()
    abort, request = host.pump()
    assert isinstance(abort, Abort)
    assert isinstance(request, Open)


def test_what_the_agent_said_last_is_heard_within_the_time_limit() -> None:
    host = Host(PUBLIC, call_duration_limit_seconds=10)
    host.start()
    host.wait(seconds=7)
    host.say(audio(1, bytes(8000 * 5)))
    host.conversation.closed(1000, "")
    host.pump()
    assert len(host.play()) == 8000 * 3
    assert host.ended.status is Status.COMPLETED
    assert host.errors == ["what the agent said last is not heard to its end: call_duration_limit_seconds (10 s)"]


def test_what_the_agent_said_last_is_heard_whole_where_there_is_time() -> None:
    host = Host(PUBLIC, call_duration_limit_seconds=10)
    host.start()
    host.say(audio(1, bytes(8000 * 5)))
    host.conversation.closed(1000, "")
    host.pump()
    assert len(host.play()) == 8000 * 5
    assert host.errors == []
