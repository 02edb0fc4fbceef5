"""What is kept of calls: as it was, once, whichever way and however often it came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from aiconvai.serve.events import CallEvent, read_event
from aiconvai.serve.journal import JournalledCall, Position
from aiconvai.serve.store.store import Store, StoreError, Wanted
from aiconvai.serve.store.tables import Base

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


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    one = Store(f"sqlite:///{tmp_path}/calls.db")
    await one.open()
    yield one
    await one.close()


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


async def test_whatever_comes_twice_is_there_once(store: Store) -> None:
    await store.keep("pbx", a_call())
    once = seen(await kept(store))
    await store.keep("pbx", a_call())
    await store.keep_journalled("pbx", [JournalledCall(tuple(a_call()), 0)] * 2, PLACE)
    await store.keep("pbx", a_call())
    assert len(await store.calls(Wanted())) == 1
    assert seen(await kept(store)) == once


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
    assert await store.forget_caller("+421") == 1
    assert [call.caller_number for call in await store.calls(Wanted(text="parcel"))] == ["+422"]
    assert await store.forget_before(5000.0) == 1
    assert await store.calls(Wanted()) == []


async def test_many_at_once(store: Store) -> None:
    await asyncio.gather(*(store.keep("pbx", a_call(f"1.{number}", 1000.0 + number)) for number in range(40)))
    calls = await store.calls(Wanted())
    assert len(calls) == 40
    assert all(call.status == "COMPLETED" for call in calls)


async def test_it_is_there_the_next_time(tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(f"sqlite:///{tmp_path}/calls.db")
        await store.open()
        await store.keep("pbx", a_call())
        assert len(await store.calls(Wanted())) == 1
        await store.close()


async def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/calls.db")
    await store.open()
    await store.close()
    with create_engine(f"sqlite:///{tmp_path}/calls.db").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


async def test_a_database_that_cannot_be_used_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match="mysql: no such database; expected sqlite"):
        Store("mysql://root:secret@host/calls")
    store = Store("sqlite:////nowhere/at/all/calls.db")
    with pytest.raises(StoreError, match=r"sqlite:////nowhere/at/all/calls.db: cannot be opened"):
        await store.open()
    assert "secret" not in Store("postgresql://me:secret@127.0.0.1:1/calls").shown_url
