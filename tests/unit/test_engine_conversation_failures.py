"""Every way in which it does not come to a conversation."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from engine_host import (
    API_KEY,
    FIXED,
    PRIVATE,
    PUBLIC,
    SIGNATURE,
    SIGNED_URL,
    Host,
    audio,
    metadata,
    service_error,
)

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import (
    Abort,
    Ended,
    Open,
    RequestKind,
    Status,
)


@pytest.mark.parametrize(
    ("status", "retry", "hint"),
    [
        (401, False, "check api_key"),
        (403, False, "check api_key"),
        (404, False, "check agent_id and signed_url_endpoint"),
        (422, False, "check agent_id and signed_url_endpoint"),
        (400, False, "answered HTTP 400"),
        (301, False, "answered HTTP 301"),
        (204, False, "answered HTTP 204"),
        (408, True, "answered HTTP 408"),
        (429, True, "answered HTTP 429"),
        (500, True, "answered HTTP 500"),
        (503, True, "answered HTTP 503"),
    ],
)
def test_http_status(status: int, retry: bool, hint: str) -> None:
    host = Host(PRIVATE)
    host.begin()
    host.conversation.http_reply(status, f'{{"detail":"{API_KEY}"}}'.encode())
    assert host.pump() == []
    if retry:
        assert host.conversation.phase is Phase.WAITING
        (text,) = host.errors
        assert text.startswith("attempt 1 of 3 failed: https://api.example.com answered HTTP ")
    else:
        text = host.ended.reason
        assert (host.ended.status, host.ended.close_code) == (Status.UNAVAILABLE, None)
    assert hint in text


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b'{"signed_url":null}', b'{"signed_url":7}', b'{"url":"wss://h"}', b'{"signed_url":"wss://h"',
     b"\xff" * 100, b'{"signed_url":""}', b'{"signed_url":"https://h/x"}', b'{"signed_url":"ws:"}',
     b'{"signed_url":"wss://h\\r\\nHost: x/"}', b'{"signed_url":"wss://u:p@h/"}', b'["wss://h"]'],
)  # fmt: skip
def test_a_reply_without_a_signed_url(body: bytes) -> None:
    host = Host(PRIVATE, max_connection_attempts=1)
    host.begin()
    host.conversation.http_reply(200, body)
    assert host.pump() == []
    assert host.ended.status is Status.UNAVAILABLE
    assert "check signed_url_endpoint" in host.ended.reason



@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ws://api.example.com/v1", "is ws://, though signed_url_endpoint is https://"),
        ("wss://127.0.0.1:6379/", "leads to an address"),
        ("wss://169.254.169.254/latest", "leads to an address"),
        ("wss://2130706433/", "leads to an address"),
        ("wss://0x7f000001/", "leads to an address"),
        ("wss://127.1/", "leads to an address"),
        ("wss://[::1]:5038/", "leads to an address"),
        ("wss://localhost/", "leads to an address"),
        ("wss://a.LOCALHOST/", "leads to an address"),
    ],
)
def test_a_reply_leads_nowhere_inside(url: str, reason: str) -> None:
    """Whoever answers in the service's place has nothing on this network asked, and no conversation in the open."""
    host = Host(PRIVATE, max_connection_attempts=1)
    host.begin()
    host.conversation.http_reply(200, json.dumps({"signed_url": url}).encode())
    host.pump()
    assert reason in host.ended.reason


def test_a_reply_may_lead_to_another_name_or_to_the_same_address() -> None:
    for endpoint, url in (
        ("https://api.example.com/u", "wss://eu.api.example.com/v1"),
        ("https://10.0.0.5/u", "wss://10.0.0.5:444/v1"),
        ("http://localhost:1/u", "ws://localhost:2/v1"),
    ):
        host = Host({**PRIVATE, "signed_url_endpoint": endpoint})
        host.begin()
        host.conversation.http_reply(200, json.dumps({"signed_url": url}).encode())
        host.pump()
        assert host.conversation.phase is Phase.CONNECTING, url


def test_garbage_is_worth_another_attempt() -> None:
    host = Host(PRIVATE)
    host.begin()
    host.conversation.http_reply(200, b"<html>maintenance")
    host.pump()
    assert host.conversation.phase is Phase.WAITING


def test_key_that_the_service_refuses_is_to_be_checked() -> None:
    host = Host()
    host.begin()
    host.conversation.request_failed("it answered HTTP 401 to the WebSocket upgrade", retry=False, http_status=401)
    host.pump()
    assert host.ended.reason == "it answered HTTP 401 to the WebSocket upgrade: check api_key"


def test_a_failure_the_host_saw() -> None:
    host = Host()
    host.begin()
    host.conversation.request_failed("no such host", retry=False)
    host.pump()
    assert host.ended == Ended(Status.UNAVAILABLE, None, "no such host")


@pytest.mark.parametrize(
    ("phase", "agent", "text"),
    [
        (Phase.FETCHING, PRIVATE, "https://api.example.com did not give a signed URL within 4 s"),
        (Phase.CONNECTING, PRIVATE, "wss://api.example.com did not accept the connection within 4 s"),
        (Phase.CONNECTING, FIXED, "wss://api.example.com did not accept the connection within 4 s"),
        (Phase.STARTING, PUBLIC, "wss://api.example.com did not announce the conversation within 7 s"),
    ],
)
def test_every_phase_has_a_time_limit(phase: Phase, agent: Mapping[str, str], text: str) -> None:
    host = Host(agent, connection_timeout_seconds=4, handshake_timeout_seconds=7, max_connection_attempts=2)
    host.reach(phase)
    limit = 7.0 if phase is Phase.STARTING else 4.0
    assert host.conversation.deadline_us == host.clock.now_us + limit * 1_000_000
    host.wait(seconds=limit - 0.001)
    assert host.conversation.phase is phase
    assert host.wait(ms=1) == [Abort()]
    assert host.conversation.phase is Phase.WAITING
    assert host.errors == [f"attempt 1 of 2 failed: {text}"]
    host.wait(ms=250)
    host.reach(Phase.WAITING)
    assert host.conversation.stats().attempts == 2
    host.wait(seconds=20)
    assert host.ended.status is Status.UNAVAILABLE
    assert isinstance(host.actions[-1], Abort)


def test_what_hangs_in_the_air_after_a_time_limit_is_ignored() -> None:
    host = Host(PRIVATE)
    host.begin()
    assert host.wait(seconds=10) == [Abort()]
    host.conversation.http_reply(200, json.dumps({"signed_url": SIGNED_URL}).encode())
    host.conversation.connected()
    host.conversation.message(json.dumps(metadata()))
    host.conversation.closed(1000)
    host.conversation.request_failed("late", retry=False)
    assert host.pump() == []
    assert host.conversation.phase is Phase.WAITING


def test_attempts_are_further_and_further_apart() -> None:
    host = Host(max_connection_attempts=6, retry_backoff_ms=100)
    times = []
    start = host.clock.now_us
    for attempt in range(1, 7):
        while not (host.tick()):
            host.clock.now_us = host.conversation.deadline_us or pytest.fail("no deadline")
        times.append((host.clock.now_us - start) // 1000)
        host.conversation.request_failed(f"refused {attempt}", retry=True)
        host.pump()
    assert times == [0, 100, 300, 700, 1500, 3100]
    assert host.ended == Ended(Status.UNAVAILABLE, None, "refused 6")
    assert host.errors == [f"attempt {attempt} of 6 failed: refused {attempt}" for attempt in range(1, 6)]


def test_no_backoff() -> None:
    host = Host(retry_backoff_ms=0, max_connection_attempts=2)
    host.begin()
    host.conversation.request_failed("refused", retry=True)
    host.pump()
    host.begin()


def test_the_longest_backoff() -> None:
    host = Host(retry_backoff_ms=10_000, max_connection_attempts=10)
    for attempt in range(1, 10):
        host.begin()
        host.conversation.request_failed("refused", retry=True)
        host.pump()
        wait_us = (host.conversation.deadline_us or 0) - host.clock.now_us
        assert wait_us == 10_000_000 * 2 ** (attempt - 1)
        host.clock.now_us += wait_us


def test_a_failure_after_the_first_request_begins_with_it_again() -> None:
    """A signed URL may be good for one connection only."""
    host = Host(PRIVATE)
    host.reach(Phase.CONNECTING)
    host.conversation.request_failed("refused", retry=True)
    (action,) = host.wait(ms=250)
    assert isinstance(action, Open)
    assert action.request.kind is RequestKind.HTTP_GET


def test_half_a_message_of_a_lost_connection_does_not_spoil_the_next() -> None:
    host = Host()
    host.open()
    host.conversation.message(b'{"type":"conversation_initiation_meta', complete=False)
    host.conversation.closed(None)
    host.wait(ms=250)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE
    assert host.conversation.stats().malformed_messages == 0


def test_half_a_malformed_message_of_a_lost_connection_does_not_spoil_the_next() -> None:
    host = Host()
    host.open()
    host.conversation.message(b"}}}", complete=False)
    host.conversation.closed(None)
    host.wait(ms=250)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE


def test_a_second_attempt_sends_the_initiation_data_again() -> None:
    host = Host()
    host.writable = False
    host.open()
    host.conversation.closed(1011)
    host.wait(ms=250)
    host.writable = True
    host.conversation.connected()
    host.pump()
    assert len(host.messages("conversation_initiation_client_data")) == 1


def test_an_error_explains_the_close_that_follows() -> None:
    host = Host()
    host.open()
    host.say(service_error("Override for field 'prompt' is not allowed"))
    host.conversation.closed(1008, "policy")
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE
    assert host.ended.close_code == 1008
    assert "close code 1008: policy" in host.ended.reason
    assert "Override for field 'prompt' is not allowed" in host.ended.reason


def test_an_error_of_one_attempt_does_not_explain_the_next() -> None:
    host = Host(max_connection_attempts=2)
    host.open()
    host.say(service_error("first"))
    host.conversation.closed(1011)
    host.wait(ms=250)
    host.conversation.connected()
    host.conversation.closed(1011)
    host.pump()
    assert "first" not in host.ended.reason


def test_what_the_service_sends_before_it_announces_the_conversation() -> None:
    host = Host()
    host.open()
    host.say(audio(1, bytes(160)))
    assert "before it announced" in host.errors[0]
    assert host.conversation.playout.is_empty()
    host.say({"type": "ping", "ping_event": {"event_id": 1}})
    assert host.messages("pong") == [{"type": "pong", "event_id": 1}]
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE


def test_a_call_that_ends_before_it_was_announced_did_not_take_place() -> None:
    host = Host(max_connection_attempts=1)
    host.open()
    host.say({"type": "agent_tool_response", "agent_tool_response": {"tool_name": "end_call", "is_error": False}})
    host.conversation.closed(1000)
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE


def test_the_password_in_a_configured_url_is_not_told() -> None:
    host = Host({"conversation_url": f"wss://user:{SIGNATURE}@h/x"}, max_connection_attempts=1)
    host.begin()
    host.wait(seconds=10)
    assert "h did not accept the connection" in host.ended.reason
