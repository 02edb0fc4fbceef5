"""Tools that the configuration declares: who answers the agent's calls of them, and what that does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from engine_host import PUBLIC, Host, audio, tool_call
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.events import Close, Ended, Error, Keys, Open, Recording, Status, ToolCall, ToolDone, ToolRun
from aiconvai.engine.library import load_library
from aiconvai.engine.settings import Settings, ToolSettings

SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
DECLARED = {"find": ToolSettings("tool-find", {"description": "Finds a customer.", "parameters": json.dumps(SCHEMA)})}
TRANSFERS = {"tool_transfer_call": "builtin", "transfer_to_sales": "queues,sales,1", "transfer_to_desk": "desk"}


def tools_host(agent: Mapping[str, str] = PUBLIC, **options: Any) -> Host:
    return Host({**agent, "tool_find": "ami", "tool_end_call": "builtin"}, tools=DECLARED, **options)


def call(host: Host, name: str, parameters: object = None, call_id: str = "t1") -> None:
    host.say(tool_call(call_id, name, parameters))


def answers(host: Host) -> list[tuple[str, str, bool]]:
    """What the agent was told of its calls."""
    given = host.messages("client_tool_result")
    return [(one["tool_call_id"], one["result"], one["is_error"]) for one in given]


# What an agent has


def test_agent_with_a_tool_that_cannot_be_is_refused() -> None:
    assert len(Settings.read_agent("sales", {"agent_id": "a", "tool_guess": "builtin"}).problems) == 1


# Who answers


def test_call_of_a_tool_is_told_with_who_runs_it() -> None:
    host = Host(PUBLIC, tool_find="gosub:crm,find", tools=DECLARED, runs_tools=True)
    host.start()
    call(host, "find", {"number": "7"})
    call(host, "unknown", call_id="t2")
    assert host.told(ToolCall) == [
        ToolCall("t1", "find", '{"number":"7"}', ToolRun.GOSUB, "crm,find", json.dumps(SCHEMA)),
        ToolCall("t2", "unknown", "null", ToolRun.AMI),
    ]
    assert answers(host) == []
    assert host.conversation.tool_result("t1", "Ada")
    host.pump()
    assert answers(host) == [("t1", "Ada", False)]
    assert host.told(ToolDone) == [ToolDone("t1")]


@pytest.mark.parametrize(
    "place", ["https://crm.example/find", "http:https://crm.example/find", "mcp:crm/find", "python:crm.find"]
)
def test_call_of_a_tool_that_a_program_runs_is_told_with_what_runs_it(place: str) -> None:
    host = Host(PUBLIC, tool_find=place, tools=DECLARED)
    host.start()
    call(host, "find", {"number": "7"})
    assert host.told(ToolCall) == [
        ToolCall("t1", "find", '{"number":"7"}', ToolRun.AMI, place, json.dumps(SCHEMA)),
    ]
    assert host.conversation.tool_result("t1", "Ada")
    host.pump()
    assert answers(host) == [("t1", "Ada", False)]


@pytest.mark.parametrize("how", ["", "http:", "ftp://crm.example", "crm", "AMI"])
def test_nobody_else_runs_a_tool(how: str) -> None:
    read = Settings.read_agent("sales", {"agent_id": "a", "tool_find": how})
    assert len(read.problems) == 1


@pytest.mark.parametrize("how", [{"tool_find": "gosub:crm"}, {"tool_send_dtmf": "builtin"}])
def test_host_that_runs_no_tools_has_the_agent_told_so(how: dict[str, str]) -> None:
    host = Host(PUBLIC, **how)
    host.start()
    call(host, next(iter(how)).removeprefix("tool_"), {"digits": "1"})
    assert answers(host) == [("t1", "This tool cannot be run in this call.", True)]
    assert host.told(ToolDone) == [ToolDone("t1")]


def test_every_call_is_done_at_some_time() -> None:
    host = Host(PUBLIC, tool_timeout_ms=1000)
    host.start()
    call(host, "slow")
    host.wait(seconds=1.1)
    call(host, "open", call_id="t2")
    assert host.told(ToolDone) == [ToolDone("t1")]
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    assert host.told(ToolDone) == [ToolDone("t1"), ToolDone("t2")]
    assert isinstance(host.events[-1], Ended), "nothing comes after the end"


def test_calls_of_a_connection_that_broke_are_done() -> None:
    host = Host(PUBLIC)
    host.start()
    call(host, "slow")
    host.conversation.closed(None, "")
    host.pump()
    assert host.told(ToolDone) == [ToolDone("t1")]


@pytest.mark.parametrize("how", ["end", "break"])
def test_calls_that_nobody_answered_are_withdrawn(how: str) -> None:
    host = Host(PUBLIC)
    host.start()
    call(host, "answered", call_id="t1")
    call(host, "slow", call_id="t2")
    host.conversation.tool_result("t1", "Done.")
    if how == "end":
        host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    else:
        host.conversation.closed(None, "")
    host.pump()
    assert [(one.id, one.name, one.withdrawn) for one in host.told(ToolDone)] == [
        ("t1", "answered", False),
        ("t2", "slow", True),
    ]


def test_recording_is_paused_by_who_records() -> None:
    host = Host(PUBLIC, tool_pause_recording="builtin", tool_resume_recording="builtin")
    host.start()
    call(host, "pause_recording")
    call(host, "resume_recording", call_id="t2")
    assert [one.run for one in host.told(ToolCall)] == [ToolRun.PAUSE_RECORDING, ToolRun.RESUME_RECORDING]
    assert host.told(Recording) == [Recording(True), Recording(False)]
    assert answers(host) == [("t1", "The recording is paused.", False), ("t2", "The recording goes on.", False)]


# The end


def test_agent_ends_the_call_once_its_goodbye_was_said() -> None:
    host = tools_host()
    host.start()
    host.say(audio(1, bytes(8000)))
    call(host, "end_call")
    host.wait(seconds=0.9)
    host.say(audio(2, bytes(8000)))
    assert host.wait(seconds=1.65) == [], "one second, a pause in which no more comes"
    actions = host.wait(ms=200)
    assert any(isinstance(action, Close) for action in actions)
    assert host.ended == Ended(Status.COMPLETED, None, "the agent ended the conversation")
    assert answers(host) == [], "the agent would say something about it"


def test_agent_that_talks_without_end_is_not_waited_for_for_ever() -> None:
    host = tools_host()
    host.start()
    call(host, "end_call")
    for _ in range(30):
        if host.told(Ended):
            break
        host.say(audio(1, bytes(8000)))
        host.wait(seconds=1)
    assert host.ended.status is Status.COMPLETED


def test_service_that_closes_after_the_goodbye_ends_it_sooner() -> None:
    host = tools_host(**TRANSFERS)
    host.start()
    call(host, "transfer_call", {"destination": "sales"})
    assert host.conversation.transfer("t1")
    host.conversation.closed(1000, "")
    host.pump()
    assert host.ended.status is Status.COMPLETED
    assert host.ended.transfer == ("sales", "queues,sales,1")


@pytest.mark.parametrize("how", ["breaks", "fails", "says that it failed", "vanishes"])
@pytest.mark.parametrize("place", [None, ("sales", "queues,sales,1")], ids=["end_call", "transfer_call"])
def test_a_connection_that_is_lost_after_the_goodbye_does_not_take_it_back(
    how: str, place: tuple[str, str] | None
) -> None:
    """Nobody is called back, and the dialplan is not told that the conversation was lost."""
    agent = {"provider": "websocket", "conversation_url": "ws://127.0.0.1/"}
    host = tools_host(agent, **TRANSFERS, interruption="confirmed", service_silence_seconds=4)
    host.open()
    host.say({"type": "session_started", "session_id": "s"})
    host.say({"type": "audio_delta", "audio": "AAAA" * 8000, "event_id": 1})
    name, parameters = ("transfer_call", {"destination": "sales"}) if place else ("end_call", {})
    host.say({"type": "tool_call", "id": "t1", "name": name, "parameters": parameters})
    if place:
        assert host.conversation.transfer("t1")
    if how == "vanishes":
        host.answers_pings = False
        # Otherwise it would be over before.
        host.conversation.hold(True)
        host.wait(seconds=5)
    elif how == "says that it failed":
        host.say({"type": "error", "message": "out of order", "fatal": True})
    else:
        host.conversation.closed(1011 if how == "fails" else None, "")
    host.pump()
    assert host.ended.status is Status.COMPLETED
    assert host.ended.transfer == place
    assert not any(isinstance(action, Open) for action in host.actions[1:])
    assert host.told(Error) == []


@pytest.mark.parametrize("how", ["hold", "pause"])
def test_a_goodbye_waits_for_a_caller_who_does_not_hear_it(how: str) -> None:
    host = tools_host(interruption="confirmed", interruption_decision_ms=5000)
    host.start()
    host.say(audio(1, bytes(8000)))
    call(host, "end_call")
    if how == "hold":
        host.conversation.hold(True)
    else:
        host.say({"type": "interruption", "interruption_event": {"event_id": 1}})
    host.wait(seconds=4.9)
    assert host.told(Ended) == []
    if how == "hold":
        host.conversation.hold(False)
    else:
        host.wait(seconds=0.1)
    host.wait(seconds=1.6)
    assert host.told(Ended) == []
    host.wait(seconds=0.6)
    assert host.ended.status is Status.COMPLETED


def test_a_goodbye_does_not_wait_without_end_for_a_caller_on_hold() -> None:
    host = tools_host()
    host.start()
    host.say(audio(1, bytes(8000)))
    host.conversation.hold(True)
    call(host, "end_call")
    host.wait(seconds=19.9)
    assert host.told(Ended) == []
    host.wait(seconds=0.2)
    assert host.ended.status is Status.COMPLETED


def test_an_agent_that_has_ended_the_call_is_not_asked_about_keys() -> None:
    host = tools_host(dtmf="turn", dtmf_interdigit_ms=0)
    host.start()
    call(host, "end_call")
    host.conversation.dtmf("5")
    host.pump()
    assert host.told(Keys) == [Keys("5")]
    assert host.messages("user_message") == []


def test_agent_transfers_the_call_to_an_allowed_place() -> None:
    host = tools_host(**TRANSFERS)
    host.start()
    call(host, "transfer_call", {"destination": "desk"})
    assert host.told(ToolCall)[-1].place == "desk=desk"
    assert host.conversation.transfer("t1")
    assert not host.conversation.transfer("t1")
    host.wait(seconds=1)
    assert host.ended.status is Status.COMPLETED
    assert host.ended.reason == "the agent transferred the call to desk"
    assert host.ended.transfer == ("desk", "desk")


def test_call_is_transferred_at_once() -> None:
    """Somebody has answered: what the agent still has to say would keep two people waiting."""
    host = tools_host(**TRANSFERS)
    host.start()
    host.say(audio(1, bytes(8000)))
    call(host, "transfer_call", {"destination": "sales"})
    assert host.conversation.transfer("t1", at_once=True)
    host.pump()
    assert host.ended.status is Status.COMPLETED
    assert host.ended.transfer == ("sales", "queues,sales,1")


def test_conversation_goes_on_where_a_transfer_fails() -> None:
    host = tools_host(**TRANSFERS, tool_timeout_ms=100)
    host.start()
    call(host, "transfer_call", {"destination": "sales"})
    host.wait(seconds=30)
    assert answers(host) == [], "somebody may be rung for longer than any other tool may take"
    assert host.conversation.waits_for_tool("t1")
    assert host.conversation.tool_result("t1", "Nobody is there.", is_error=True)
    host.wait(seconds=5)
    assert answers(host) == [("t1", "Nobody is there.", True)]
    assert not host.conversation.waits_for_tool("t1")
    assert not host.conversation.transfer("t1")
    assert host.told(Ended) == []


def test_host_that_forgets_a_transfer_does_not_keep_the_agent_waiting_for_ever() -> None:
    host = tools_host(**TRANSFERS)
    host.start()
    call(host, "transfer_call", {"destination": "sales"})
    host.wait(seconds=301)
    ((_, answer, is_error),) = answers(host)
    assert "did not answer within 300000 ms" in answer
    assert is_error


@pytest.mark.parametrize(
    "parameters",
    [{"destination": "boss"}, {"destination": "Sales"}, {"destination": ["sales"]}, {}, {"destination": ""}],
)
def test_agent_transfers_the_call_nowhere_else(parameters: object) -> None:
    host = tools_host(**TRANSFERS)
    host.start()
    call(host, "transfer_call", parameters)
    ((_, answer, is_error),) = answers(host)
    assert "no such destination" in answer
    assert is_error
    host.wait(seconds=5)
    assert host.told(Ended) == []


def test_other_tools_are_answered_while_the_agent_says_goodbye() -> None:
    host = tools_host(tool_timeout_ms=100)
    host.start()
    call(host, "find", {"number": "1"})
    call(host, "end_call", call_id="t2")
    host.wait(ms=200)
    assert [one[0] for one in answers(host)] == ["t1"]
    assert len(host.told(Error)) == 1


# Arguments


def members(text: str) -> list[tuple[str, str]]:
    """The arguments in a text. Raises `ValueError` with what the agent is told."""
    library = load_library()
    read = library.ffi.new("struct aic_json_members *")
    problem = library.ffi.new("char[]", library.lib.AIC_JSON_PROBLEM_MAX)
    result = library.lib.aic_json_members_read(read, library.c_text(text), problem)
    found = [(library.text(read.items[at].name), library.text(read.items[at].value)) for at in range(read.count)]
    library.lib.aic_json_members_free(read)
    if result:
        assert result == -1
        raise ValueError(library.text(problem))
    return found


def test_arguments_are_read_as_texts() -> None:
    text = '{"a":"x\\ny","b":1.50,"c":true,"d":false,"e":null,"f":[1],"g":{"h":1},"":"z"}'
    assert members(text) == [("a", "x\ny"), ("b", "1.50"), ("c", "true"), ("d", "false"), ("", "z")]


@pytest.mark.parametrize("text", ["", " ", "null", "{}", " {} "])
def test_no_arguments(text: str) -> None:
    assert members(text) == []


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "true", '[{"a":1}]'])
def test_arguments_must_be_an_object(text: str) -> None:
    with pytest.raises(ValueError, match="must be a JSON object"):
        members(text)


@pytest.mark.parametrize("text", ["{", '{"a":}', "nul", "{'a':1}", '{"a":1} x', "x" * 1000, '{"a":"' + "x" * 1000])
def test_arguments_that_are_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="not valid JSON"):
        members(text)


@pytest.mark.parametrize("depth", [65, 20_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"a":[', "]}")])
def test_arguments_nested_too_deeply(depth: int, opening: str, closing: str) -> None:
    for text in (opening * depth, opening * depth + "1" + closing * depth, '{"x":' + opening * depth):
        with pytest.raises(ValueError, match="nested too deeply"):
            members(text)


def test_arguments_that_are_too_many() -> None:
    most = load_library().lib.AIC_MEMBERS_MAX
    arguments = {f"a{at}": at for at in range(most)}
    assert members(json.dumps(arguments)) == [(name, str(value)) for name, value in arguments.items()]
    with pytest.raises(ValueError, match="too many members"):
        members(json.dumps({**arguments, "one": "more"}))


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.text() | st.integers()
    )
)
def test_any_arguments(arguments: dict[str, str | int]) -> None:
    told = json.dumps(arguments)
    if "\\u0000" not in told and "\\ud" not in told:
        assert members(told) == [(name, str(value)) for name, value in arguments.items()]


# The caller's audio meanwhile


def heard_during_a_tool(**options: Any) -> tuple[bytes, bytes, bytes]:
    """What the service hears while a tool runs, once it has answered, and of what was said after that."""
    host = Host(PUBLIC, audio_frames_buffer_ms=20, **options)
    host.start()
    call(host, "slow")
    heard: list[bytes] = []
    for said in (0x10, 0x20):
        before = len(host.uplink())
        for _ in range(25):
            host.conversation.caller_audio(bytes([said]) * 160)
            host.wait(ms=20)
        heard.append(b"".join(host.uplink()[before:]))
        if said == 0x10:
            before = len(host.uplink())
            host.conversation.tool_result("t1", "Done.")
            host.pump()
            heard.append(b"".join(host.uplink()[before:]))
    return heard[0], heard[1], heard[2]


def test_the_caller_is_heard_while_a_tool_runs() -> None:
    assert heard_during_a_tool() == (b"\x10" * 4000, b"", b"\x20" * 4000)


def test_what_the_caller_says_while_a_tool_runs_may_wait() -> None:
    assert heard_during_a_tool(audio_during_tools="wait") == (b"", b"\x10" * 4000, b"\x20" * 4000)


def test_the_caller_may_be_silent_while_a_tool_runs() -> None:
    during, then, after = heard_during_a_tool(audio_during_tools="silence")
    assert set(during) == {0xFF}
    assert then == b""
    assert after.endswith(b"\x20" * 3800)
    assert 0x10 not in after


def test_the_answer_comes_before_what_waited() -> None:
    host = Host(PUBLIC, audio_frames_buffer_ms=20, audio_during_tools="wait")
    host.start()
    call(host, "slow")
    host.conversation.caller_audio(bytes(160))
    assert not host.conversation.wants_to_send
    before = len(host.sent)
    host.conversation.tool_result("t1", "Done.")
    host.pump()
    assert ["user_audio_chunk" in one for one in host.sent[before:]] == [False, True]
