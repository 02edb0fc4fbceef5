"""What is kept of calls: as it was, once, whichever way and however often it came."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from aiconvai.serve.events import CallEvent, read_event
from aiconvai.serve.journal import JournalledCall, Position
from aiconvai.serve.store import search
from aiconvai.serve.store.store import Store, StoreError, Wanted
from aiconvai.serve.store.tables import Base, Turn

CHANNEL = {"Channel": "PJSIP/trunk-1", "Uniqueid": "1.1", "Linkedid": "1.0", "CallerIDNum": "+4212", "Exten": "100"}
PLACE = Position(7, 100)
PARTS = ("turns", "tools", "moments")


def told(record: str, time: float, kind: str, **headers: str) -> CallEvent:
    common = {"Agent": "sales", "ConversationID": "", "Record": record, "Time": str(time)}
    event = read_event({"Event": f"AIConvAI{kind}", **common, **headers})
    assert event is not None
    return event


def said(record: str, time: float, role: str, text: str, turn: int, **more: str) -> CallEvent:
    usual = {"Final": "yes", "Correction": "no", "Turn": str(turn), "SpokenMs": str(turn * 1000)}
    return told(record, time, "Transcript", Role=role, Text=text, **{**usual, **more})


def a_call(record: str = "100.1", start: float = 1000.0, number: str = "+4212") -> list[CallEvent]:
    end = {"Status": "COMPLETED", "DurationMs": "9000", "Interruptions": "1", "AnswerMs": "600", "Underruns": "3"}
    return [
        told(record, start, "Start", **{**CHANNEL, "CallerIDNum": number}, LineFormat="ulaw_8000"),
        told(record, start + 1, "Ready", ReadyMs="310", ConversationID="conv_1"),
        said(record, start + 2, "agent", "Hello, how can I help you with that?", 1),
        said(record, start + 2.5, "agent", "Hello, how can", 1, Correction="yes"),
        told(record, start + 2.5, "Interruption", HeardMs="800"),
        said(record, start + 3, "caller", "Where is my par", 2, Final="no"),
        said(record, start + 4, "caller", "Where is my parcel?", 2),
        told(record, start + 4.1, "ToolCall", ToolCallID="c1", ToolName="look", Parameters='{"n": 1}', Run="ami"),
        told(record, start + 4.9, "ToolDone", ToolCallID="c1", ToolName="look", Error="no", Result="on its way"),
        told(record, start + 5, "Answer", LatencyMs="612"),
        told(record, start + 9, "End", **{**CHANNEL, "CallerIDNum": number}, **end, ConversationID="conv_1"),
    ]


async def kept(store: Store, number: int = 0) -> Any:
    """That call, the oldest first, with all there is of it."""
    calls = await store.calls(Wanted())
    return await store.call(calls[len(calls) - 1 - number].id)


def seen(call: Any) -> dict[str, Any]:
    """All of it but what the database calls it."""
    parts = {part: [_columns(row, "id", "call_id") for row in getattr(call, part)] for part in PARTS}
    return {**_columns(call, "id", "is_whole"), **parts}


def _columns(row: Any, *without: str) -> dict[str, Any]:
    keys = [column.key for column in row.__table__.columns]
    return {key: getattr(row, key) for key in keys if key not in without}


async def test_a_call_is_what_was_told_of_it(store: Store) -> None:
    await store.keep("pbx", a_call())
    call = await kept(store)
    assert (call.asterisk, call.record, call.agent, call.conversation_id) == ("pbx", "100.1", "sales", "conv_1")
    assert (call.caller_number, call.channel, call.extension) == ("+4212", "PJSIP/trunk-1", "100")
    assert (call.started, call.ended, call.status, call.duration_ms) == (1000.0, 1009.0, "COMPLETED", 9000)
    assert (call.answer_ms, call.interruptions, call.figures["Underruns"]) == (600, 1, "3")
    assert [(turn.role, turn.text, turn.whole_text) for turn in call.turns] == [
        ("agent", "Hello, how can", "Hello, how can I help you with that?"),
        ("caller", "Where is my parcel?", None),
    ]
    (tool,) = call.tools
    assert (tool.name, tool.parameters, tool.result, tool.outcome) == ("look", '{"n": 1}', "on its way", "done")
    assert tool.answered - tool.called == pytest.approx(0.8)
    assert [(moment.kind, moment.data) for moment in call.moments] == [
        ("Ready", {"ready_ms": 310.0}),
        ("Interruption", {"heard_ms": 800}),
        ("Answer", {"latency_ms": 612}),
    ]


async def test_a_call_that_goes_on_is_there_already(store: Store) -> None:
    await store.keep("pbx", a_call()[:4])
    call = await kept(store)
    assert (call.ended, call.status, len(call.turns)) == (None, "", 1)


@pytest.mark.fault("beside.told-twice")
async def test_whatever_comes_twice_is_there_once(store: Store) -> None:
    await store.keep("pbx", a_call())
    once = seen(await kept(store))
    await store.keep("pbx", a_call())
    await store.keep_journalled("pbx", [JournalledCall(tuple(a_call()), 0)] * 2, PLACE)
    await store.keep("pbx", a_call())
    assert len(await store.calls(Wanted())) == 1
    assert seen(await kept(store)) == once


@pytest.mark.fault("beside.told-twice")
async def test_what_was_missed_comes_from_the_journal(store: Store) -> None:
    events = a_call()
    await store.keep("pbx", events[:3] + events[8:9])
    await store.keep_journalled("pbx", [JournalledCall(tuple(events), 0)], PLACE)
    missed = seen(await kept(store))
    other = a_call("200.1", 2000.0)
    await store.keep("pbx", other)
    heard = seen(await kept(store, 1))
    assert [turn["text"] for turn in missed["turns"]] == [turn["text"] for turn in heard["turns"]]
    assert [tool["outcome"] for tool in missed["tools"]] == ["done"]
    assert missed["status"] == "COMPLETED"


async def test_the_same_record_of_two_asterisks_are_two_calls(store: Store) -> None:
    await store.keep("one", a_call())
    await store.keep("two", a_call())
    assert {call.asterisk for call in await store.calls(Wanted())} == {"one", "two"}


async def test_how_far_a_journal_was_read_is_kept_with_its_calls(store: Store) -> None:
    assert await store.position("pbx") is None
    await store.keep_journalled("pbx", [JournalledCall(tuple(a_call()), 0)], PLACE)
    await store.keep_journalled("pbx", [], Position(7, 250))
    assert await store.position("pbx") == Position(7, 250)
    assert await store.position("other") is None


async def test_calls_are_found_by_what_is_known_of_them(store: Store) -> None:
    for number in range(5):
        await store.keep("pbx", a_call(f"100.{number}", 1000.0 + 100 * number, f"+42{number % 2}"))

    async def found(**wanted: Any) -> list[float]:
        return [call.started for call in await store.calls(Wanted(**wanted))]

    assert await found() == [1400.0, 1300.0, 1200.0, 1100.0, 1000.0]
    assert await found(caller_number="+421") == [1300.0, 1100.0]
    assert await found(since=1100.0, until=1300.0) == [1200.0, 1100.0]
    assert await found(text="PARCEL") == await found()
    assert await found(text="help you") == await found(), "what the agent was to say is found, too"
    assert await found(text="100%") == []
    assert await found(agent="nobody") == []
    assert await found(status="COMPLETED", agent="sales") == await found()
    pages = [call.started for call in await store.calls(Wanted(), limit=2, before=1300.0)]
    assert pages == [1200.0, 1100.0]


async def test_a_caller_is_forgotten_with_all_that_was_said(store: Store) -> None:
    await store.keep("pbx", a_call("100.1", 1000.0, "+421"))
    await store.keep("pbx", a_call("100.2", 2000.0, "+422"))
    assert len(await store.forget_caller("+421")) == 1
    assert [call.caller_number for call in await store.calls(Wanted(text="parcel"))] == ["+422"]
    assert len(await store.forget_before(5000.0)) == 1
    assert await store.calls(Wanted()) == []


async def test_many_at_once(store: Store) -> None:
    await asyncio.gather(*(store.keep("pbx", a_call(f"1.{number}", 1000.0 + number)) for number in range(40)))
    calls = await store.calls(Wanted())
    assert len(calls) == 40
    assert all(call.status == "COMPLETED" for call in calls)


async def test_it_is_there_the_next_time(url: str) -> None:
    for _ in range(2):
        store = Store(url)
        await store.open()
        await store.keep("pbx", a_call())
        assert len(await store.calls(Wanted())) == 1
        await store.close()


async def test_the_migrations_make_the_tables(store: Store) -> None:
    def compare(connection: Connection) -> list[Any]:
        # What words are found by is none of the tables that programs read.
        options = {"include_name": lambda name, *_: "turn_words" not in (name or "")}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))

    async with store.reading() as session:
        assert await (await session.connection()).run_sync(compare) == []


async def test_words_are_found_by_their_beginnings_whatever_becomes_of_them(store: Store) -> None:
    await store.keep("pbx", a_call())

    async def found(words: str) -> int:
        return len(await store.calls(Wanted(text=words)))

    for words in ("parcel", "PARC", "(parcel)", "is where", "where is my parcel?", "Hello, how can", "help you with"):
        assert await found(words) == 1, words
    for words in ("arcel", "parcel help", "nothing", "%", "", '"', "par*l", "x OR parcel", "&|!", "NOT"):
        assert await found(words) == (1 if not words else 0), words
    await store.keep("pbx", [said("100.1", 1006.0, "caller", "Příliš žluťoučký kůň", 3)])
    assert await found("žluť") == await found("KŮŇ") == 1
    await store.keep("pbx", [said("100.1", 1007.0, "caller", "something else", 3, Correction="yes")])
    assert await found("something els") == 1
    await store.forget_caller("+4212")
    await store.keep("pbx", a_call("100.2"))
    assert await found("something") == 0


async def test_whatever_somebody_looks_for_is_words_or_none(store: Store) -> None:
    """Each letter and digit there is, in the middle of a word: to the database it is one word, too."""
    letters = [char for char in map(chr, range(0x110000)) if char.isalnum() or char == "_"]
    for at in range(0, len(letters), 500):
        text = " ".join(f"a{letter}b" for letter in letters[at : at + 500])
        assert await store.calls(Wanted(text=text)) == []


async def test_words_that_are_said_all_the_time_are_found_as_well(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MANY", 3)
    monkeypatch.setattr(search, "LEAST_CALLS", 2)
    for number in range(10):
        words = "rare word" if number == 4 else "word"
        await store.keep("pbx", [said(f"1.{number}", 1000.0 + number, "caller", words, 1)])
    assert [call.started for call in await store.calls(Wanted(text="word"), limit=3)] == [1009.0, 1008.0, 1007.0]
    assert [call.started for call in await store.calls(Wanted(text="word"), limit=50)] == [
        1009.0 - number for number in range(10)
    ]
    assert [call.started for call in await store.calls(Wanted(text="word"), limit=2, before=1002.0)] == [1001.0, 1000.0]
    assert [call.started for call in await store.calls(Wanted(text="word rare"))] == [1004.0]


async def test_calls_that_began_at_once_and_were_told_late_are_found_in_their_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MANY", 3)
    monkeypatch.setattr(search, "LEAST_CALLS", 2)
    for number, began in enumerate((1005.0, 1001.0, 1005.0, 1003.0, 1005.0, 1002.0)):
        await store.keep("pbx", [said(f"1.{number}", began, "caller", "word", 1)])
        await store.keep("pbx", [said(f"1.{number}", began + 9.0, "agent", "other" if number % 2 else "word", 2)])
    assert [call.record for call in await store.calls(Wanted(text="word"))] == [
        call.record for call in await store.calls(Wanted())
    ]
    assert [call.record for call in await store.calls(Wanted(text="other"))] == ["1.3", "1.5", "1.1"]


# What it cost


def of_agents(record: str, *changes: tuple[float, str], **end: str) -> list[CallEvent]:
    """Begun by the agent sales, ended after 100 s; the others had it from that second on."""
    start = told(record, 1000.0, "Start", **CHANNEL, LineFormat="ulaw_8000")
    moves = [told(record, 1000.0 + after, "HandOver", NextAgent=agent) for after, agent in changes]
    last = changes[-1][1] if changes else "sales"
    ended = told(record, 1100.0, "End", **CHANNEL, Status="COMPLETED", DurationMs="100000", Agent=last, **end)
    return [start, *moves, ended]


async def test_a_call_costs_what_its_agents_cost(store: Store) -> None:
    await store.keep("pbx", of_agents("1.1"))
    await store.keep("pbx", of_agents("1.2", OutputTokens="20000", InputTokens="1000000"))
    await store.keep("pbx", of_agents("1.3", (40.0, "free")))
    back_again = of_agents("1.4", (40.0, "free"), (70.0, "sales"))
    await store.keep_journalled("pbx", [JournalledCall(tuple(back_again), 0)], PLACE)
    calls = {call.record: call for call in await store.calls(Wanted())}
    expected = {"1.1": 0.01 + 1.0, "1.2": 0.01 + 1.0 + 0.2, "1.3": 0.01 + 0.4, "1.4": 2 * 0.01 + 0.4 + 0.3}
    assert {record: call.cost for record, call in calls.items()} == pytest.approx(expected)
    assert await store.spent("sales", 999.0) == pytest.approx(expected["1.1"] + expected["1.2"] + expected["1.4"])
    assert await store.spent("sales", 1000.5) == 0


async def test_an_agent_without_a_price_costs_nobody_knows_what(store: Store) -> None:
    await store.keep("pbx", [told("1.1", 1000.0, "End", Agent="free", Status="COMPLETED", DurationMs="1000")])
    (call,) = await store.calls(Wanted())
    assert call.cost is None


async def test_a_database_that_cannot_be_used_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match="mysql: no such database; expected sqlite"):
        Store("mysql://root:secret@host/calls")
    store = Store("sqlite:////nowhere/at/all/calls.db")
    with pytest.raises(StoreError, match=r"sqlite:////nowhere/at/all/calls.db: cannot be opened"):
        await store.open()
    assert "secret" not in Store("postgresql://me:secret@127.0.0.1:1/calls").shown_url


async def test_a_transaction_that_fails_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle of a call: it is all there once there is room again."""
    events = a_call()
    whole = store._apply

    async def fail(*given: Any) -> None:
        await whole(*given)
        if given[2] is events[2]:
            raise OSError("the disk is full")

    monkeypatch.setattr(store, "_apply", fail)
    with pytest.raises(OSError, match="the disk is full"):
        await store.keep("pbx", events)
    monkeypatch.setattr(store, "_apply", whole)
    await store.keep("pbx", a_call("200.1", 2000.0))
    await store.keep("pbx", events)
    calls = await store.calls(Wanted())
    assert [(call.record, call.caller_number) for call in calls] == [("200.1", "+4212"), ("100.1", "+4212")]
    assert [len(seen(await store.call(call.id))["turns"]) for call in calls] == [2, 2]


async def test_what_a_failure_says_has_nothing_of_what_was_said(store: Store) -> None:
    await store.keep("pbx", a_call()[:2])
    with pytest.raises(Exception, match="turns") as failed:
        async with store.writing() as session:
            session.add(Turn(call_id=99, turn=1, role="caller", text="my card is 4111", time=1.0, spoken_ms=1))
    assert "4111" not in str(failed.value)


async def test_a_journal_that_was_cut_takes_nothing_away(store: Store) -> None:
    await store.keep("pbx", a_call())
    heard = seen(await kept(store))
    cut = [a_call()[0], a_call()[-1]]
    await store.keep_journalled("pbx", [JournalledCall(tuple(cut), 9)], PLACE)
    assert seen(await kept(store)) == heard


async def test_names_may_be_as_long_as_a_service_makes_them(store: Store) -> None:
    long = "x" * 256
    call = {"ToolCallID": long, "ToolName": long}
    await store.keep("pbx", [
        told("1.1", 1000.0, "ToolCall", Parameters="{}", Run="ami", **call),
        told("1.1", 1001.0, "ToolDone", Result="", Error="no", **call),
        told("1.1", 1002.0, "End", Status="COMPLETED", DurationMs="1", Transfer=long),
    ])  # fmt: skip
    found = await kept(store)
    assert (found.tools[0].name, found.tools[0].outcome, found.transfer) == (long, "done", long)


def owners_in(folder: Path) -> set[tuple[int, int]]:
    return {(one.stat().st_uid, one.stat().st_gid) for one in folder.iterdir()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can begin files for others")
async def test_what_root_begins_in_a_folder_is_its_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 12_345, 12_346)
    store = Store(f"sqlite:///{tmp_path}/calls.db")
    await store.open()
    assert owners_in(tmp_path) == {(12_345, 12_346)}
    await store.close()
