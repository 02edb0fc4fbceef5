"""From when on the agent hears the caller: at once, some time after its greeting, from his voice or a key on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_host import PUBLIC, ULAW, Host, audio
from test_engine_caller_idle import caller_speaks

from aiconvai.audio import decode
from aiconvai.engine.events import Ended, Keys, Pause, Status

SECOND = bytes(range(250)) * 32


def host_of(**options: Any) -> Host:
    host = Host(PUBLIC, line_format=ULAW, audio_frames_buffer_ms=20, **options)
    host.start()
    return host


def line_is_silent(host: Host, seconds: float) -> None:
    """As a line is: packets come."""
    for _ in range(round(seconds * 50)):
        host.conversation.caller_audio(b"\xff" * 160)
        host.wait(ms=20)


def heard_ms(host: Host) -> int:
    """How much of the caller's speech the service has got."""
    host.pump()
    samples = decode(b"".join(host.uplink()), "ulaw_8000").astype(int)
    frames = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(axis=1)
    return int(np.count_nonzero(frames > 500)) * 20


def sent_ms(host: Host) -> int:
    host.pump()
    return len(b"".join(host.uplink())) // 8


def greeted(seconds: int = 1, **options: Any) -> Host:
    """The agent greets, and is heard; the caller is silent."""
    host = host_of(**options)
    host.say(audio(1, SECOND * seconds))
    return host


def test_at_once_is_the_default() -> None:
    host = host_of()
    caller_speaks(host)
    assert heard_ms(host) == 200
    assert host.conversation.stats().hears_caller


def test_some_time_after_the_greeting() -> None:
    """500 ms of silence end it; what is said before is not heard, and the service's clock goes on."""
    host = greeted(activation="delay", activation_delay_ms=300)
    caller_speaks(host, seconds=1.0)
    assert heard_ms(host) == 0
    assert not host.conversation.stats().hears_caller
    line_is_silent(host, 0.78)
    caller_speaks(host, seconds=0.1)
    assert heard_ms(host) in (60, 80, 100)
    assert host.conversation.stats().hears_caller
    caller_speaks(host, seconds=0.5)
    assert heard_ms(host) >= 560
    assert sent_ms(host) == pytest.approx(2380, abs=40)


def test_an_agent_that_does_not_greet() -> None:
    host = host_of(activation="delay", activation_delay_ms=300)
    line_is_silent(host, 3.2)
    assert not host.conversation.stats().hears_caller
    line_is_silent(host, 0.2)
    assert host.conversation.stats().hears_caller


def test_the_callers_voice_with_its_first_word() -> None:
    host = host_of(activation="voice")
    line_is_silent(host, 1.0)
    assert heard_ms(host) == 0
    caller_speaks(host, seconds=0.4)
    assert heard_ms(host) == 400
    line_is_silent(host, 0.2)
    assert host.conversation.stats().hears_caller


def test_a_click_is_no_voice() -> None:
    host = host_of(activation="voice")
    caller_speaks(host, seconds=0.04)
    line_is_silent(host, 1.0)
    assert not host.conversation.stats().hears_caller


def test_not_before_some_time_has_passed_and_then_with_what_was_said() -> None:
    host = host_of(activation="voice", activation_delay_ms=2000)
    caller_speaks(host, seconds=0.4)
    assert heard_ms(host) == 0
    line_is_silent(host, 1.7)
    assert heard_ms(host) == 400


def test_what_is_kept_is_bounded() -> None:
    """The newest four seconds."""
    host = host_of(activation="voice", activation_delay_ms=10000)
    caller_speaks(host, seconds=11.0)
    assert heard_ms(host) == pytest.approx(5000, abs=40)
    assert sent_ms(host) == pytest.approx(11000, abs=40)


def test_what_was_said_during_the_greeting_counts_at_its_end() -> None:
    host = greeted(2, activation="after_prompt")
    line_is_silent(host, 0.4)
    caller_speaks(host, seconds=0.6)
    line_is_silent(host, 1.4)
    assert heard_ms(host) == 0
    line_is_silent(host, 0.2)
    assert heard_ms(host) == 600


def test_who_says_nothing_during_it_is_waited_for() -> None:
    host = greeted(activation="after_prompt", activation_wait_seconds=5)
    line_is_silent(host, 4.0)
    caller_speaks(host, seconds=0.4)
    assert heard_ms(host) == 400
    line_is_silent(host, 6.0)
    assert host.told(Ended) == []


@pytest.mark.parametrize("mode", ["voice", "after_prompt", "key"])
def test_but_not_for_ever(mode: str) -> None:
    host = greeted(activation=mode, activation_wait_seconds=5)
    line_is_silent(host, 6.4)
    assert host.told(Ended) == []
    line_is_silent(host, 0.2)
    (ended,) = host.told(Ended)
    assert ended.status is Status.TIMEOUT
    assert "activation_wait_seconds" in ended.reason


def test_a_key_which_nobody_is_told_of() -> None:
    host = greeted(activation="key", dtmf_interdigit_ms=0)
    caller_speaks(host, seconds=2.0)
    assert heard_ms(host) == 0
    host.conversation.dtmf("1")
    caller_speaks(host, seconds=0.4)
    assert heard_ms(host) == 400
    assert host.told(Keys) == []
    host.conversation.dtmf("2")
    host.wait(ms=20)
    assert [event.pressed for event in host.told(Keys)] == ["2"]


def test_a_hold_is_no_time_in_which_the_caller_could_speak() -> None:
    host = greeted(activation="after_prompt", activation_wait_seconds=5)
    line_is_silent(host, 2.0)
    host.conversation.hold(True)
    host.wait(seconds=60)
    host.conversation.hold(False)
    line_is_silent(host, 4.0)
    assert host.told(Ended) == []


def test_nobody_interrupts_an_agent_that_does_not_hear_him() -> None:
    host = greeted(4, activation="after_prompt", interruption="confirmed", echo_guard="gate")
    for _ in range(50):
        host.conversation.agent_heard(host.conversation.playout.take().audio)
        host.wait(ms=20)
    caller_speaks(host, seconds=1.0)
    assert host.told(Pause) == []
