"""Keys that the caller presses: numbers, not turns."""

from __future__ import annotations

from typing import Any

import pytest
import test_provider_gemini as gemini
from engine_host import Host, metadata

from aiconvai.engine.events import Keys, Status

ENTERED = "The caller entered {} on the telephone keypad."
PRESSED = "The caller pressed the key {} on the telephone keypad."


def host_of(**options: Any) -> Host:
    host = Host(**options)
    host.start()
    return host


def press(host: Host, keys: str, pause_ms: float = 250) -> None:
    for key in keys:
        host.conversation.dtmf(key)
        host.pump()
        host.wait(ms=pause_ms)


def told(host: Host) -> list[str]:
    return [message["text"] for message in host.messages("contextual_update") + host.messages("user_message")]


def test_a_number_is_one_message() -> None:
    host = host_of()
    press(host, "12345678#")
    assert told(host) == [ENTERED.format("12345678")]
    assert host.told(Keys) == [Keys("12345678")]
    assert host.conversation.stats().dtmf_digits == 9
    host.wait(seconds=10)
    assert len(told(host)) == 1


def test_a_pause_ends_a_number() -> None:
    host = host_of()
    press(host, "12", pause_ms=1400)
    assert told(host) == []
    host.wait(ms=100)
    assert told(host) == [ENTERED.format("12")]
    press(host, "3", pause_ms=1490)
    assert len(told(host)) == 1
    host.wait(ms=20)
    assert told(host)[1:] == [PRESSED.format("3")]


def test_so_many_keys_are_a_number() -> None:
    host = host_of(dtmf_max_digits=4)
    press(host, "12345678", pause_ms=0)
    assert told(host) == [ENTERED.format("1234"), ENTERED.format("5678")]


@pytest.mark.parametrize(("terminator", "keys", "numbers"), [("*", "1#2*", ["1#2"]), ("none", "12#", ["12#"])])
def test_which_key_ends_a_number(terminator: str, keys: str, numbers: list[str]) -> None:
    host = host_of(dtmf_terminator=terminator)
    press(host, keys)
    host.wait(seconds=2)
    assert [event.pressed for event in host.told(Keys)] == numbers


def test_the_terminator_alone_is_a_key() -> None:
    host = host_of()
    press(host, "##")
    assert told(host) == [PRESSED.format("#")] * 2


def test_without_a_pause_each_key_is_told_by_itself() -> None:
    host = host_of(dtmf_interdigit_ms=0)
    press(host, "12", pause_ms=0)
    assert told(host) == [PRESSED.format("1"), PRESSED.format("2")]


def test_more_keys_than_are_kept_are_told_apart() -> None:
    host = host_of(dtmf_max_digits=64)
    press(host, "1" * 70, pause_ms=10)
    host.wait(seconds=2)
    assert [len(event.pressed) for event in host.told(Keys)] == [64, 6]


def test_numbers_before_the_conversation_are_told_when_it_begins() -> None:
    host = Host()
    for key in "12#":
        host.conversation.dtmf(key)
    host.open()
    for key in "3456":
        host.conversation.dtmf(key)
    assert host.told(Keys) == []
    host.say(metadata())
    host.wait(seconds=2)
    assert told(host) == [ENTERED.format("12"), ENTERED.format("3456")]


@pytest.mark.parametrize(
    ("dtmf", "kinds"), [("turn", ["user_message"]), ("context", ["contextual_update"]), ("event", []), ("off", [])]
)
def test_what_becomes_of_them(dtmf: str, kinds: list[str]) -> None:
    host = host_of(dtmf=dtmf)
    press(host, "12#")
    assert [kind for kind in ("user_message", "contextual_update") if host.messages(kind)] == kinds
    assert len(host.told(Keys)) == (dtmf != "off")


def test_where_a_key_would_be_a_turn_a_number_is_one() -> None:
    host = Host({**gemini.AGENT, "dtmf_interdigit_ms": "1500"})
    gemini.start(host)
    before = len(gemini.of(host, "clientContent")) + len(gemini.of(host, "realtimeInput"))
    press(host, "12345678#", pause_ms=0)
    after = len(gemini.of(host, "clientContent")) + len(gemini.of(host, "realtimeInput"))
    assert after - before == 1


def test_keys_at_the_end_are_nobodys() -> None:
    host = host_of()
    press(host, "12")
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    press(host, "3")
    host.wait(seconds=5)
    assert host.told(Keys) == []
