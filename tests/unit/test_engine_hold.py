"""A caller on hold: neither hears nor is heard, and nobody's time runs out meanwhile."""

from __future__ import annotations

import pytest
from engine_host import PUBLIC, ULAW, Host, audio
from test_engine_caller_idle import CHECK_IN, asked, caller_speaks

from aiconvai.engine.events import Hold, Status

ON, OVER = "(The caller is on hold.)", "(The caller is back.)"


def host_of(**options: object) -> Host:
    host = Host(PUBLIC, line_format=ULAW, audio_frames_buffer_ms=20, **options)
    host.start()
    return host


def told_context(host: Host) -> list[str]:
    return [message["text"] for message in host.messages("contextual_update")]


def test_begin_and_end_are_told() -> None:
    host = host_of()
    for _ in range(2):
        host.conversation.hold(True)
        host.pump()
    assert host.told(Hold) == [Hold(True, 0)]
    host.wait(seconds=12.5)
    for _ in range(2):
        host.conversation.hold(False)
        host.pump()
    assert host.told(Hold) == [Hold(True, 0), Hold(False, 12_500)]
    stats = host.conversation.stats()
    assert (stats.holds, stats.held_ms) == (1, 12_500)
    assert told_context(host) == []


def test_the_agent_is_told_in_words_that_are_configured() -> None:
    host = host_of(hold_message=ON, hold_end_message=OVER)
    host.conversation.hold(True)
    host.wait(seconds=1)
    assert told_context(host) == [ON]
    host.conversation.hold(False)
    host.pump()
    assert told_context(host) == [ON, OVER]


def test_the_service_hears_silence_for_as_long() -> None:
    """Whether music comes meanwhile or nothing at all."""
    host = host_of()
    caller_speaks(host, seconds=0.5)
    before = len(b"".join(host.uplink()))
    host.conversation.hold(True)
    caller_speaks(host, seconds=5.0)
    host.wait(seconds=5.0)
    during = b"".join(host.uplink())[before:]
    assert set(during) == {0xFF}
    assert len(during) == pytest.approx(10 * 8000, abs=2400)
    host.conversation.hold(False)
    caller_speaks(host, seconds=0.5)
    after = b"".join(host.uplink())[before + len(during) :]
    assert set(after[-1600:]) != {0xFF}
    assert host.conversation.stats().uplink_bytes == 8000


def test_a_caller_on_hold_is_not_asked_whether_anybody_is_there() -> None:
    host = host_of(no_input_seconds=10, no_input_message=CHECK_IN)
    host.wait(seconds=6)
    host.conversation.hold(True)
    host.wait(seconds=100)
    assert asked(host) == []
    host.conversation.hold(False)
    host.wait(seconds=3.9)
    assert asked(host) == []
    host.wait(seconds=0.2)
    assert asked(host) == [CHECK_IN]


def test_what_the_agent_says_meanwhile_is_heard_after_the_hold_and_waited_for() -> None:
    host = host_of(no_input_seconds=10, no_input_message=CHECK_IN)
    host.conversation.hold(True)
    host.wait(seconds=30)
    # 5 s of it, as it comes.
    host.say(audio(1, bytes(5 * 8000)))
    host.wait(seconds=30)
    host.conversation.hold(False)
    host.wait(seconds=14.9)
    assert asked(host) == []
    host.wait(seconds=0.2)
    assert asked(host) == [CHECK_IN]


def test_a_conversation_may_end_during_a_hold() -> None:
    host = host_of(hold_end_message=OVER)
    host.conversation.hold(True)
    host.pump()
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    host.conversation.hold(False)
    assert host.ended.status is Status.CALLER_HANGUP
    assert [event.is_on for event in host.told(Hold)] == [True]


def test_a_hold_before_the_conversation_began() -> None:
    host = Host(PUBLIC, no_input_seconds=10, no_input_message=CHECK_IN)
    host.conversation.hold(True)
    host.wait(seconds=1)
    assert host.told(Hold) == [Hold(True, 0)]
    host.conversation.hold(False)
    host.pump()
    assert host.told(Hold)[-1] == Hold(False, 1000)
