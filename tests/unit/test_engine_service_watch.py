"""A service that says nothing: it is asked for a sign of life, and given up where none comes."""

from __future__ import annotations

import pytest
from engine_host import PUBLIC, ULAW, Host, audio, end_call, metadata

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Abort, Error, Open, Ping, Send, Status

FRAME = bytes([0x35]) * 160
SILENT = "https://api.example.com has sent nothing for 10 s"


def watched_host(**options: object) -> Host:
    """In a conversation with a service that answers no ping."""
    host = Host(PUBLIC, line_format=ULAW, **options)
    host.answers_pings = False
    host.start()
    return host


def pings(host: Host) -> int:
    return sum(isinstance(action, Ping) for action in host.actions)


def test_service_is_asked_and_then_given_up() -> None:
    host = watched_host(service_silence_seconds=10)
    assert host.wait(seconds=4.9) == []
    assert host.wait(seconds=0.2) == [Ping()]
    assert host.wait(seconds=4.8) == []
    assert [type(action) for action in host.wait(seconds=0.2)] == [Abort, Open]
    (error,) = host.errors
    assert error == (
        "the connection is opened again: wss://api.example.com has sent nothing for 10 s, nor answered a ping "
        "(service_silence_seconds)"
    )


def test_conversation_goes_on_with_the_next_connection() -> None:
    host = watched_host()
    host.wait(seconds=10.1)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE
    assert host.conversation.stats().reopenings == 1
    # It is watched like the first.
    assert host.wait(seconds=4.9) == []
    assert host.wait(seconds=0.2) == [Ping()]


def test_conversation_is_lost_where_no_more_is_to_be_opened() -> None:
    host = watched_host(reconnect_attempts=0)
    host.wait(seconds=10.1)
    assert isinstance(host.actions[-1], Abort)
    assert host.ended.status is Status.LOST
    assert "service_silence_seconds" in host.ended.reason


@pytest.mark.parametrize("answer", ["pong", "message", "piece"])
def test_whatever_comes_is_a_sign_of_life(answer: str) -> None:
    host = watched_host()
    for _ in range(20):
        host.wait(seconds=9)
        if answer == "pong":
            host.conversation.service_heard()
        elif answer == "message":
            host.say(audio(1, FRAME))
        else:
            host.conversation.message(b" ", complete=False)
    assert pings(host) == 20
    assert not host.errors
    assert host.conversation.phase is Phase.ACTIVE


def test_service_that_sends_is_not_asked() -> None:
    host = watched_host()
    for number in range(40):
        host.wait(seconds=4)
        host.say(audio(number, FRAME))
    assert pings(host) == 0


def test_answers_may_be_late_where_the_option_says_so() -> None:
    host = watched_host(service_silence_seconds=30)
    for _ in range(10):
        assert host.wait(seconds=15.1) == [Ping()]
        host.wait(seconds=12)
        host.conversation.service_heard()
    assert not host.errors


def test_bytes_the_host_hears_of_late_count_from_when_they_came() -> None:
    host = watched_host()
    host.wait(seconds=8)
    host.conversation.service_heard(host.clock.now_us - 2_000_000)
    host.wait(seconds=7.8)
    assert not host.errors
    assert [type(action) for action in host.wait(seconds=0.3)] == [Abort, Open]


def test_answer_just_before_the_question_by_a_coarse_clock_is_an_answer() -> None:
    host = watched_host()
    assert host.wait(seconds=5) == [Ping()]
    host.conversation.service_heard(host.clock.now_us - 9_000)
    assert host.wait(seconds=5.1) == [Ping()], "asked again, and not given up"


def test_host_that_stood_still_asks_before_it_gives_up() -> None:
    host = watched_host()
    host.clock.advance(seconds=60)
    assert Ping() in host.tick()
    host.wait(seconds=4.8)
    assert not host.errors
    host.wait(seconds=0.3)
    assert len(host.errors) == 1


def test_host_is_told_when_it_is_to_look_for_bytes() -> None:
    host = watched_host()
    host.wait(seconds=4.9)
    assert not host.conversation.doubts_service
    host.clock.advance(seconds=0.2)
    assert host.conversation.doubts_service
    host.conversation.service_heard()
    assert not host.conversation.doubts_service
    assert Ping() not in host.tick()


def test_service_may_be_silent_for_ever_with_0() -> None:
    host = watched_host(service_silence_seconds=0)
    host.wait(seconds=600)
    assert pings(host) == 0
    assert host.conversation.phase is Phase.ACTIVE


def test_defaults() -> None:
    assert Host(PUBLIC).settings.c_settings.service_silence_seconds == 10
    gemini = {"provider": "gemini", "api_key": "k"}
    assert Host(gemini).settings.c_settings.service_silence_seconds == 30


def test_set_up_has_limits_of_its_own() -> None:
    host = Host(PUBLIC, handshake_timeout_seconds=60, service_silence_seconds=2)
    host.reach(Phase.STARTING)
    host.wait(seconds=59)
    assert host.conversation.phase is Phase.STARTING
    assert pings(host) == 0


def test_ping_goes_before_what_waits_and_waits_for_the_socket() -> None:
    host = watched_host(audio_frames_buffer_ms=20)
    host.writable = False
    host.wait(seconds=5.1)
    host.conversation.caller_audio(FRAME)
    assert host.conversation.wants_to_send
    assert pings(host) == 0
    host.writable = True
    first, *rest = host.pump()
    assert first == Ping()
    assert all(isinstance(action, Send) for action in rest)


def test_socket_that_takes_nothing_is_no_excuse() -> None:
    host = watched_host()
    host.writable = False
    for _ in range(510):
        host.conversation.caller_audio(FRAME)
        host.wait(ms=20)
    assert [type(action) for action in host.actions[-2:]] == [Abort, Open]
    told = [event.message for event in host.told(Error)]
    assert told[0].startswith("audio of the caller is being dropped")
    assert SILENT.removeprefix("https://") in told[1]
    assert host.conversation.stats().uplink_bytes_waiting <= 8000 * 6


def test_loss_of_caller_audio_is_told_once_a_connection() -> None:
    host = Host(PUBLIC, line_format=ULAW)
    host.start()
    host.writable = False
    for _ in range(2000):
        host.conversation.caller_audio(FRAME)
        host.conversation.service_heard()
        host.wait(ms=20)
    assert len(host.errors) == 1
    host.writable = True
    host.conversation.closed(None)
    host.pump()
    host.open()
    host.say(metadata())
    host.writable = False
    for _ in range(2000):
        host.conversation.caller_audio(FRAME)
        host.conversation.service_heard()
        host.wait(ms=20)
    assert [error[:12] for error in host.errors] == ["audio of the", "the connecti", "audio of the"]


def test_agent_that_was_leaving_has_left() -> None:
    host = watched_host(service_silence_seconds=1)
    host.say(end_call())
    host.wait(seconds=1.1)
    assert isinstance(host.actions[-1], Abort)
    assert host.ended.status is Status.COMPLETED
