"""An agent that cannot be reached leaves the call to another."""

from __future__ import annotations

from collections.abc import Callable

from engine_host import API_KEY, PUBLIC, ULAW, Host, metadata

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Error, Failover, Open, Status
from aiconvai.engine.settings import Line, Settings

OPENAI = Settings.read_agent(
    "openai", [Line("provider", "openai"), Line("api_key", API_KEY), Line("prompt", "Be brief.")]
)
OTHER = Settings.read_agent("other", [Line("agent_id", "agent_2"), Line("tls_ca_file", "/ca.pem")])


def failing_host(*failover: Settings, may_take: Callable[[int], str | None] | None = None, **options: object) -> Host:
    """One whose first agent has just failed for good."""
    host = Host(PUBLIC, line_format=ULAW, failover=failover, may_take=may_take, max_connection_attempts=1, **options)
    host.begin()
    host.conversation.request_failed("it answered HTTP 401", retry=False)
    host.pump()
    return host


def test_next_agent_takes_the_call() -> None:
    host = failing_host(OTHER)
    assert host.told(Failover) == [Failover(0, "it answered HTTP 401")]
    request = host.begin().request
    assert request.url.endswith("agent_id=agent_2")
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE
    assert host.conversation.stats().attempts == 1


def test_next_agent_may_be_of_another_service() -> None:
    host = failing_host(OPENAI)
    host.open()
    host.say({"type": "session.created", "session": {"type": "realtime", "id": "s"}})
    (update,) = host.messages("session.update")
    assert update["session"]["instructions"] == "Be brief."
    host.say({"type": "session.updated", "session": {"type": "realtime", "id": "s"}})
    assert host.conversation.phase is Phase.ACTIVE


def test_agents_are_tried_one_after_the_other() -> None:
    host = failing_host(OPENAI, OTHER)
    for number in range(2):
        assert [event.other for event in host.told(Failover)] == list(range(number + 1))
        while host.conversation.phase is not Phase.ENDED and len(host.told(Failover)) == number + 1:
            if host.conversation.phase is Phase.WAITING:
                host.wait(seconds=1)
            host.conversation.request_failed("down", retry=True)
            host.pump()
    assert host.ended.status is Status.UNAVAILABLE
    assert host.ended.reason == "down"


def test_what_the_caller_said_meanwhile_is_heard_by_the_next_agent() -> None:
    host = Host(PUBLIC, line_format=ULAW, failover=[OTHER], max_connection_attempts=1, audio_frames_buffer_ms=20)
    host.begin()
    said = bytes(range(160)) * 12
    host.conversation.caller_audio(said)
    host.conversation.request_failed("down", retry=False)
    host.pump()
    host.open()
    host.say(metadata())
    assert b"".join(host.uplink()) == said[: len(said) // 1920 * 1920]


def test_service_that_refuses_the_agent_in_its_own_words_is_left_too() -> None:
    """The provider is in the middle of a message when it gives up."""
    host = Host(PUBLIC, line_format=ULAW, failover=[OPENAI])
    host.open()
    host.say(metadata("pcm_7000"))
    assert len(host.told(Failover)) == 1
    assert any(isinstance(action, Open) for action in host.wait(ms=1))


def test_conversation_that_was_lost_stays_with_its_agent() -> None:
    host = Host(PUBLIC, line_format=ULAW, failover=[OTHER], reconnect_attempts=0)
    host.start()
    host.conversation.closed(None, "")
    host.pump()
    assert host.ended.status is Status.LOST
    assert host.told(Failover) == []


def test_agent_that_may_not_take_the_call_is_passed_over() -> None:
    asked: list[int] = []

    def may_take(other: int) -> str | None:
        asked.append(other)
        return "agent openai is full" if other == 0 else None

    host = failing_host(OPENAI, OTHER, may_take=may_take)
    assert asked == [0, 1]
    assert host.told(Failover) == [Failover(1, "it answered HTTP 401")]
    assert host.told(Error) == [Error("agent openai is full")]
    assert host.begin().request.url.endswith("agent_id=agent_2")


def test_agents_are_asked_for_one_at_a_time() -> None:
    """Who is not needed has no place taken from it."""
    asked: list[int] = []
    host = failing_host(OTHER, OTHER, may_take=asked.append)
    assert asked == [0]
    host.begin()
    host.conversation.request_failed("down", retry=False)
    host.pump()
    assert asked == [0, 1]


def test_end_says_who_was_passed_over() -> None:
    host = failing_host(OPENAI, OTHER, OTHER, may_take=lambda other: None if other == 1 else f"agent {other} is full")
    host.begin()
    host.conversation.request_failed("no route", retry=False)
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE
    assert host.ended.reason == "no route; agent 0 is full; agent 2 is full"


def test_reasons_without_end_are_cut() -> None:
    host = failing_host(*[OTHER] * 8, may_take=lambda _other: "full " * 60)
    assert host.ended.reason.startswith("it answered HTTP 401; full full")
    assert len(host.ended.reason) < 320


def test_agent_that_fails_while_it_reads_a_message_asks_who_may_take_the_call() -> None:
    host = Host(PUBLIC, line_format=ULAW, failover=[OPENAI, OTHER], may_take=lambda other: None if other else "full")
    host.open()
    host.say(metadata("pcm_7000"))
    assert [event.other for event in host.told(Failover)] == [1]
    assert any(isinstance(action, Open) for action in host.wait(ms=1))


def test_lost_conversation_asks_nobody() -> None:
    asked: list[int] = []
    host = Host(PUBLIC, line_format=ULAW, failover=[OTHER], may_take=asked.append, max_connection_attempts=1)
    host.start()
    host.conversation.closed(None, "")
    host.pump()
    host.begin()
    host.conversation.request_failed("down", retry=True)
    host.pump()
    assert host.ended.status is Status.LOST
    assert asked == []
