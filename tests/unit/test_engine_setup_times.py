"""How long the parts of setting up a conversation took: what the host measured, and what the engine adds."""

from __future__ import annotations

import json

from engine_host import PRIVATE, SIGNED_URL, Host, metadata

from aiconvai.engine.conversation import OpenTimes, Phase, SetupTimes

NOTHING = OpenTimes()
HTTP = OpenTimes(dns_us=1, tcp_us=2, tls_us=3, reply_us=4, tls_resumed=False)
WEBSOCKET = OpenTimes(dns_us=0, tcp_us=5, tls_us=6, reply_us=7, tls_resumed=True)
REPLY = json.dumps({"signed_url": SIGNED_URL}).encode()


def _setup(host: Host) -> SetupTimes:
    return host.conversation.stats().setup


def test_nothing_was_measured_before_the_first_attempt() -> None:
    assert _setup(Host()) == SetupTimes(NOTHING, NOTHING, 0)


def test_a_public_agent_needs_one_connection() -> None:
    host = Host()
    host.begin()
    host.conversation.connected(WEBSOCKET)
    host.pump()
    assert _setup(host) == SetupTimes(NOTHING, WEBSOCKET, 0)
    host.clock.advance(ms=12)
    host.say(metadata())
    assert _setup(host) == SetupTimes(NOTHING, WEBSOCKET, 12_000)


def test_a_private_agents_signed_url_is_told_apart() -> None:
    host = Host(PRIVATE)
    host.begin()
    host.conversation.http_reply(200, REPLY, HTTP)
    host.pump()
    assert _setup(host) == SetupTimes(HTTP, NOTHING, 0)
    host.conversation.connected(WEBSOCKET)
    host.pump()
    assert _setup(host) == SetupTimes(HTTP, WEBSOCKET, 0)


def test_an_attempt_begins_with_nothing_of_the_one_before() -> None:
    host = Host(PRIVATE)
    host.begin()
    host.conversation.http_reply(200, REPLY, HTTP)
    host.pump()
    host.conversation.request_failed("refused", retry=True)
    assert _setup(host) == SetupTimes(HTTP, NOTHING, 0)
    host.wait(ms=250)
    assert host.conversation.phase is Phase.FETCHING
    assert _setup(host) == SetupTimes(NOTHING, NOTHING, 0)


def test_what_comes_too_late_is_not_counted() -> None:
    host = Host(PRIVATE)
    host.begin()
    host.conversation.connected(WEBSOCKET)
    assert _setup(host) == SetupTimes(NOTHING, NOTHING, 0)
