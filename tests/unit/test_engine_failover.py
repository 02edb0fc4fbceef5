"""An agent that cannot be reached leaves the call to another."""

from __future__ import annotations

from engine_host import API_KEY, PUBLIC, ULAW, Host, metadata

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Failover, Open, Status
from aiconvai.engine.settings import Line, Settings

OPENAI = Settings.read_agent(
    "openai", [Line("provider", "openai"), Line("api_key", API_KEY), Line("prompt", "Be brief.")]
)
OTHER = Settings.read_agent("other", [Line("agent_id", "agent_2"), Line("tls_ca_file", "/ca.pem")])


def failing_host(*failover: Settings, **options: object) -> Host:
    """One whose first agent has just failed for good."""
    host = Host(PUBLIC, line_format=ULAW, failover=failover, max_connection_attempts=1, **options)
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
