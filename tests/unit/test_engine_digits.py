"""Digits that the agent has the caller press, which may be secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_host import PUBLIC, Host, tool_call

from aiconvai.audio import tone, ulaw_encode
from aiconvai.engine.events import Keys, Secret, Status, ToolDone

CARD = "4111111111111111"


def collecting_host(**options: Any) -> Host:
    host = Host(PUBLIC, tool_collect_digits="builtin", audio_frames_buffer_ms=20, **options)
    host.start()
    return host


def collect(host: Host, count: object = None, call_id: str = "t1") -> None:
    host.say(tool_call(call_id, "collect_digits", {} if count is None else {"count": count}))


def press(host: Host, keys: str) -> None:
    for key in keys:
        host.conversation.dtmf(key)
        host.wait(ms=300)


def answers(host: Host) -> list[tuple[str, bool]]:
    return [(one["result"], one["is_error"]) for one in host.messages("client_tool_result")]


@pytest.mark.parametrize(("count", "keys"), [(None, "1234#"), (4, "1234"), ("4", "1234"), (10, "1234#")])
def test_the_agent_is_told_what_was_pressed(count: object, keys: str) -> None:
    host = collecting_host()
    collect(host, count)
    host.wait(seconds=5)
    press(host, keys)
    assert answers(host) == [("The caller pressed 1234.", False)]
    assert [(one.pressed, one.collected, one.secret) for one in host.told(Keys)] == [("1234", True, False)]
    assert host.messages("contextual_update") == [], "and not a second time"
    press(host, "5#")
    assert len(host.told(Keys)) == 2, "keys are what they were again"
    assert not host.told(Keys)[1].collected


def test_a_caller_who_stops_is_not_waited_for_for_ever() -> None:
    host = collecting_host(collect_digits_seconds=3, tool_timeout_ms=1000)
    collect(host, 8)
    host.wait(seconds=2)
    press(host, "12")
    host.wait(seconds=2.6)
    assert answers(host) == []
    host.wait(ms=200)
    assert answers(host) == [("The caller pressed 12.", False)]


@pytest.mark.parametrize("keys", ["", "#"])
def test_no_key_is_an_error(keys: str) -> None:
    host = collecting_host(collect_digits_seconds=3)
    collect(host)
    press(host, keys)
    host.wait(seconds=3.1)
    ((text, is_error),) = answers(host)
    assert (text, is_error) == ("The caller pressed no key within 3 seconds.", True)
    assert host.told(Keys) == []


def test_secret_digits_are_told_to_the_host_alone() -> None:
    host = collecting_host(collect_digits_secret=True)
    collect(host, 16)
    press(host, CARD)
    assert answers(host) == [("The caller pressed 16 keys. They are secret: you are not told which.", False)]
    assert [(one.pressed, one.secret) for one in host.told(Keys)] == [(CARD, True)]
    sent = json.dumps(host.sent)
    assert CARD not in sent
    assert "4111" not in sent
    assert host.conversation.said() == ""


def test_the_caller_is_not_heard_while_secret_digits_are_pressed() -> None:
    host = collecting_host(collect_digits_secret=True)
    loud = ulaw_encode(tone(697.0, 0.02, 8000, -10.0))
    collect(host, 2)
    before = len(host.uplink())
    for number in range(40):
        host.conversation.caller_audio(loud)
        host.pump()
        if number == 20:
            host.conversation.dtmf("1")
        host.wait(ms=20)
    heard = b"".join(host.uplink()[before:])
    assert loud not in heard
    host.conversation.dtmf("2")
    host.pump()
    before = len(host.uplink())
    host.conversation.caller_audio(loud)
    host.pump()
    assert loud in b"".join(host.uplink()[before:])


def test_who_records_the_call_is_told_when_not_to() -> None:
    host = collecting_host(collect_digits_secret=True)
    collect(host, 2)
    collect(host, 2, call_id="t2")
    assert host.told(Secret) == [Secret(True)], "one that is refused changes nothing"
    press(host, "12")
    assert host.told(Secret) == [Secret(True), Secret(False)]
    collect(host, 1, call_id="t3")
    host.wait(seconds=60)
    assert host.told(Secret)[2:] == [Secret(True), Secret(False)]


def test_digits_that_are_not_secret_are_recorded() -> None:
    host = collecting_host()
    collect(host, 2)
    press(host, "12")
    assert host.told(Secret) == []


def test_the_service_gets_silence_meanwhile() -> None:
    host = collecting_host(collect_digits_secret=True)
    collect(host, 2)
    before = len(host.uplink())
    for _ in range(100):
        host.conversation.caller_audio(bytes([0x10]) * 160)
        host.wait(ms=20)
    heard = b"".join(host.uplink()[before:])
    assert len(heard) > 8000
    assert set(heard) == {0xFF}


def test_two_numbers_are_taken_one_after_the_other() -> None:
    host = collecting_host()
    collect(host, 4)
    collect(host, 4, call_id="t2")
    assert answers(host) == [("Keys are being collected already. Wait for them.", True)]
    press(host, "1234")
    assert answers(host)[1] == ("The caller pressed 1234.", False)


@pytest.mark.parametrize("count", [0, 65, -1, "many"])
def test_a_number_of_keys_must_be_possible(count: object) -> None:
    host = collecting_host()
    collect(host, count)
    ((text, is_error),) = answers(host)
    assert "must be a number of keys, 1 to 64" in text
    assert is_error


def test_as_many_as_there_may_be_are_taken() -> None:
    host = collecting_host(dtmf_terminator="none")
    collect(host)
    press(host, "1" * 64)
    assert answers(host) == [(f"The caller pressed {'1' * 64}.", False)]


@pytest.mark.parametrize("how", ["end", "break"])
def test_nothing_is_kept_of_a_call_that_is_withdrawn(how: str) -> None:
    host = collecting_host(collect_digits_secret=True)
    collect(host, 16)
    press(host, "4111")
    if how == "end":
        host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    else:
        host.conversation.closed(None, "")
    host.pump()
    assert host.told(ToolDone) == [ToolDone("t1")]
    assert host.told(Keys) == []
    assert host.told(Secret) == [Secret(True), Secret(False)]
    if how == "break":
        host.reach(host.conversation.phase.__class__.ACTIVE)
        press(host, "5#")
        assert [one.pressed for one in host.told(Keys)] == ["5"]
