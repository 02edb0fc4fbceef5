"""Who is calling: what is found before the agent is called is among its variables, and nothing waits for ever."""

from __future__ import annotations

from engine_host import PUBLIC, Host, metadata

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Open, Status


def looking_up(**more: str) -> Host:
    return Host({**PUBLIC, "lookup": "ami", "lookup_ms": "300", **more})


def told(host: Host) -> dict[str, str]:
    """Among the variables, once the attempt has begun."""
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    message = host.messages("conversation_initiation_client_data")[-1]
    variables: dict[str, str] = message.get("dynamic_variables", {})
    return variables


def test_the_agent_is_called_once_it_is_known_who_is_calling() -> None:
    host = looking_up()
    assert host.tick() == []
    assert host.wait(ms=250) == []
    assert host.conversation.phase is Phase.WAITING
    assert host.conversation.found({"name": "Ada", "city": ""})
    (action,) = host.wait(ms=0)
    assert isinstance(action, Open)
    found = told(host)
    assert (found["name"], found["city"]) == ("Ada", "")
    assert host.errors == []


def test_what_is_found_is_in_what_the_agent_is_told() -> None:
    host = looking_up(dynamic_variable="name=nobody", first_message="Hello, {name}.", prompt="You talk with {name}.")
    host.conversation.found({"name": "Ada"})
    host.begin()
    told(host)
    override = host.messages("conversation_initiation_client_data")[0]["conversation_config_override"]["agent"]
    assert override == {"first_message": "Hello, Ada.", "prompt": {"prompt": "You talk with Ada."}}


def test_what_is_found_wins_over_what_was_there() -> None:
    host = looking_up(dynamic_variable="name=nobody")
    host.conversation.found({"name": "Ada"})
    host.begin()
    assert told(host)["name"] == "Ada"


def test_an_agent_that_waited_long_enough_does_without() -> None:
    host = looking_up(dynamic_variable="name=nobody")
    assert host.wait(ms=299) == []
    (action,) = host.wait(ms=2)
    assert isinstance(action, Open)
    assert not host.conversation.found({"name": "Ada"}), "too late"
    assert told(host)["name"] == "nobody"
    assert host.errors == ["nobody has answered the lookup in time: the agent does without"]


def test_it_is_answered_once() -> None:
    host = looking_up()
    assert host.conversation.found({})
    assert not host.conversation.found({"name": "Ada"})


def test_who_asks_nobody_does_not_wait() -> None:
    host = Host(PUBLIC)
    assert not host.conversation.found({"name": "Ada"})
    host.begin()


def test_a_caller_who_hangs_up_meanwhile_is_asked_of_no_service() -> None:
    host = looking_up()
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    assert not host.conversation.found({"name": "Ada"})
    assert host.wait(seconds=1) == []
    assert host.ended.status is Status.CALLER_HANGUP


def test_another_attempt_asks_nobody_again() -> None:
    host = looking_up(max_connection_attempts="2", retry_backoff_ms="100")
    host.conversation.found({"name": "Ada"})
    host.begin()
    host.conversation.request_failed(retry=True, text="refused")
    host.pump()
    (action,) = host.wait(ms=150)
    assert isinstance(action, Open)
    assert told(host)["name"] == "Ada"
