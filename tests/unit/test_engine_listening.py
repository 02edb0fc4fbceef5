"""An agent that stays while the caller speaks with somebody whom it had rung."""

from __future__ import annotations

from typing import Any

import pytest
from engine_host import PUBLIC, Host, audio, tool_call
from test_engine_caller_idle import CHECK_IN, asked, caller_speaks

from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Interrupted, Listening, Status, ToolDone

TRANSFER = {"tool_transfer_call": "builtin", "transfer_to_desk": "keep:dial:PJSIP/200"}
OTHERS = {
    "tool_end_call": "builtin",
    "tool_collect_digits": "builtin",
    "tool_send_dtmf": "builtin",
    "tool_find": "gosub:find",
    "tool_look": "ami",
}
TAKEN = "desk has taken the call and speaks with the caller."
SPOKEN = "desk has spoken with the caller, and is gone. The caller is with you again."
ONLY = "You only listen now: that is not possible before the caller is with you again."


def listening(**options: Any) -> Host:
    host = Host(PUBLIC, runs_tools=True, audio_frames_buffer_ms=20, **TRANSFER, **options)
    host.start()
    host.say(tool_call("t1", "transfer_call", {"destination": "desk"}))
    assert host.conversation.listen("t1")
    host.pump()
    return host


def told(host: Host) -> list[str]:
    return [message["text"] for message in host.messages("user_message")]


def results(host: Host) -> list[tuple[str, bool]]:
    return [(one["result"], one["is_error"]) for one in host.messages("client_tool_result")]


def test_agent_is_told_and_asked_to_say_nothing() -> None:
    host = listening()
    ((result, is_error),) = results(host)
    assert result.startswith(TAKEN)
    assert not is_error
    assert host.told(ToolDone) == [ToolDone("t1")]
    assert host.told(Listening) == [Listening("desk", True, 0)]
    assert host.conversation.phase is Phase.ACTIVE


def test_only_an_open_transfer_is_listened_to() -> None:
    host = Host(PUBLIC, **TRANSFER, **OTHERS, runs_tools=True)
    host.start()
    host.say(tool_call("t1", "look"))
    assert not host.conversation.listen("t1")
    assert not host.conversation.listen("t2")
    host.say(tool_call("t2", "transfer_call", {"destination": "desk"}))
    assert host.conversation.listen("t2")
    assert not host.conversation.listen("t2")


def test_caller_is_with_the_agent_again() -> None:
    host = listening()
    host.wait(seconds=30)
    assert told(host) == []
    for _ in range(2):
        host.conversation.stop_listening()
        host.pump()
    assert told(host) == [SPOKEN]
    assert host.told(Listening) == [Listening("desk", True, 0), Listening("desk", False, 30_000)]
    # It may have somebody rung again.
    host.say(tool_call("t2", "transfer_call", {"destination": "desk"}))
    assert host.conversation.listen("t2")


def test_agent_hears_what_is_said() -> None:
    host = listening()
    before = len(b"".join(host.uplink()))
    caller_speaks(host, seconds=2.0)
    assert len(b"".join(host.uplink())) - before == pytest.approx(16000, abs=400)


def test_agent_is_not_heard_not_even_the_rest_of_an_answer() -> None:
    host = Host(PUBLIC, runs_tools=True, **TRANSFER)
    host.start()
    host.say(audio(1, bytes(8000)))
    host.hear(10)
    host.say(tool_call("t1", "transfer_call", {"destination": "desk"}))
    assert host.conversation.listen("t1")
    host.pump()
    assert [event.heard_ms for event in host.told(Interrupted)] == [200]
    host.say(audio(1, bytes(8000)))
    host.say(audio(2, bytes(8000)))
    assert host.play() == b""
    host.conversation.stop_listening()
    host.pump()
    host.say(audio(2, bytes(8000)))
    assert host.play() == b""
    host.say(audio(3, bytes(1600)))
    assert len(host.play()) == 1600


@pytest.mark.parametrize("name", ["end_call", "transfer_call", "collect_digits", "send_dtmf", "find"])
def test_a_tool_that_would_disturb_them_is_refused(name: str) -> None:
    host = listening(**OTHERS)
    host.say(tool_call("t2", name, {"destination": "desk", "digits": "1"}))
    assert results(host)[-1] == (ONLY, True)
    host.wait(seconds=60)
    assert host.conversation.phase is Phase.ACTIVE


def test_a_manager_may_answer_a_tool() -> None:
    host = listening(**OTHERS)
    host.say(tool_call("t2", "look"))
    assert host.conversation.tool_result("t2", "seen")
    host.pump()
    assert results(host)[-1] == ("seen", False)


def test_nobody_is_asked_whether_he_is_there() -> None:
    host = listening(no_input_seconds=10, no_input_message=CHECK_IN)
    host.wait(seconds=100)
    assert asked(host) == []
    host.conversation.stop_listening()
    host.wait(seconds=9.9)
    assert CHECK_IN not in asked(host)
    host.wait(seconds=0.2)
    assert CHECK_IN in asked(host)


def test_a_hold_meanwhile_counts_once() -> None:
    host = listening(no_input_seconds=10, no_input_message=CHECK_IN)
    host.wait(seconds=5)
    host.conversation.hold(True)
    host.wait(seconds=50)
    host.conversation.hold(False)
    host.wait(seconds=50)
    host.conversation.stop_listening()
    host.wait(seconds=9.9)
    assert CHECK_IN not in asked(host)
    host.wait(seconds=0.2)
    assert CHECK_IN in asked(host)


def test_keys_that_are_pressed_meanwhile_are_no_turn() -> None:
    host = listening(dtmf="turn")
    host.conversation.dtmf("7")
    host.wait(seconds=3)
    assert told(host) == []
    assert "7" in host.messages("contextual_update")[-1]["text"]


def test_conversation_may_end_meanwhile() -> None:
    host = listening()
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    host.conversation.stop_listening()
    host.pump()
    assert host.ended.status is Status.CALLER_HANGUP
    assert host.told(Listening) == [Listening("desk", True, 0)]
