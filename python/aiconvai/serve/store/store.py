"""Keeps what happens in calls, and finds it again.

A call comes event by event while somebody listens, and whole from the journal once it is over. Its record tells that
it is the same one: what the journal says takes the place of what was heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Select, delete, event, or_, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from aiconvai.serve.events import CallEvent, Ended, Started, ToolCall, ToolCancelled, ToolDone, Transcript
from aiconvai.serve.journal import JournalledCall, Position
from aiconvai.serve.store.tables import Call, JournalRead, Moment, ToolUse, Turn

MIGRATIONS = Path(__file__).parent / "migrations"
LONGEST_PAGE = 1000
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_COLUMNS = ("unique_id", "linked_id", "channel", "caller_number", "caller_name", "extension")


class StoreError(RuntimeError):
    """The database cannot be used; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; what is None or empty does not matter."""

    agent: str = ""
    caller_number: str = ""
    status: str = ""
    text: str = ""
    """In what was said."""
    since: float | None = None
    until: float | None = None


class Store:
    """One database. Everything it does is a transaction."""

    def __init__(self, url: str) -> None:
        """`url`: sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME."""
        parsed = make_url(url)
        driver = _DRIVERS.get(parsed.drivername)
        if driver is None:
            raise StoreError(f"{parsed.drivername}: no such database; expected {' or '.join(_DRIVERS)}")
        self.shown_url = parsed.render_as_string(hide_password=True)
        self._engine: AsyncEngine = create_async_engine(parsed.set(drivername=driver))
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._ids: dict[tuple[str, str], int] = {}
        """Of calls that go on."""
        self._writing = asyncio.Lock()
        if driver.startswith("sqlite"):
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)

    async def open(self) -> None:
        """Brings the tables to what this program expects. Raises `StoreError`."""
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(_migrate)
        except Exception as error:  # Whatever a driver has for it.
            raise StoreError(f"{self.shown_url}: cannot be opened: {error}") from error

    async def close(self) -> None:
        await self._engine.dispose()

    # Keeping -----------------------------------------------------------------------------------------------

    async def keep(self, asterisk: str, events: Iterable[CallEvent]) -> None:
        """What was heard, in its order. An event that is known already changes nothing."""
        async with self._writing, self._sessions.begin() as session:
            for one in events:
                call_id = await self._call_id(session, asterisk, one)
                if call_id is not None:
                    await _apply(session, call_id, one)
                if isinstance(one, Ended):
                    self._ids.pop((asterisk, one.record), None)

    async def keep_journalled(self, asterisk: str, calls: Sequence[JournalledCall], position: Position) -> None:
        """Whole calls, and how far the journal was read with them: both or neither."""
        async with self._writing, self._sessions.begin() as session:
            for journalled in calls:
                await self._keep_whole(session, asterisk, journalled)
            place = JournalRead(asterisk=asterisk, inode=position.inode, offset=position.offset)
            await session.merge(place)

    async def position(self, asterisk: str) -> Position | None:
        """How far that one's journal was read."""
        async with self._sessions() as session:
            read = await session.get(JournalRead, asterisk)
            return None if read is None else Position(read.inode, read.offset)

    async def _keep_whole(self, session: AsyncSession, asterisk: str, journalled: JournalledCall) -> None:
        if not journalled.events:
            return
        first = journalled.events[0]
        call = await _find_or_begin(session, asterisk, first)
        if call.is_whole:
            return
        for table in (Turn, ToolUse, Moment):
            await session.execute(delete(table).where(table.call_id == call.id))
        for one in journalled.events:
            await _apply(session, call.id, one)
        await _change(session, call.id, is_whole=True)
        self._ids.pop((asterisk, first.record), None)

    async def _call_id(self, session: AsyncSession, asterisk: str, one: CallEvent) -> int | None:
        """None where all is known of it."""
        key = (asterisk, one.record)
        if key in self._ids:
            return self._ids[key]
        call = await _find_or_begin(session, asterisk, one)
        if call.is_whole:
            return None
        self._ids[key] = call.id
        return call.id

    # Finding -----------------------------------------------------------------------------------------------

    async def calls(self, wanted: Wanted, limit: int = 50, before: float | None = None) -> list[Call]:
        """The newest first, `limit` at the most, of those that began before `before`."""
        query = _select(wanted).order_by(Call.started.desc(), Call.id.desc()).limit(min(limit, LONGEST_PAGE))
        if before is not None:
            query = query.where(Call.started < before)
        async with self._sessions() as session:
            return list(await session.scalars(query))

    async def call(self, call_id: int) -> Call | None:
        """With all that happened in it."""
        parts = (selectinload(Call.turns), selectinload(Call.tools), selectinload(Call.moments))
        async with self._sessions() as session:
            return await session.scalar(select(Call).where(Call.id == call_id).options(*parts))

    # Forgetting --------------------------------------------------------------------------------------------

    async def forget_caller(self, number: str) -> int:
        """All calls of that number; how many they were."""
        return await self._forget(Call.caller_number == number)

    async def forget_before(self, time: float) -> int:
        """All calls that began before; how many they were."""
        return await self._forget(Call.started < time)

    async def _forget(self, which: Any) -> int:
        async with self._writing, self._sessions.begin() as session:
            # What happened in them goes with them: the tables say so.
            gone = set(await session.scalars(delete(Call).where(which).returning(Call.id)))
        self._ids = {key: call_id for key, call_id in self._ids.items() if call_id not in gone}
        return len(gone)


def _select(wanted: Wanted) -> Select[Call]:
    query = select(Call)
    if wanted.agent:
        query = query.where(Call.agent == wanted.agent)
    if wanted.caller_number:
        query = query.where(Call.caller_number == wanted.caller_number)
    if wanted.status:
        query = query.where(Call.status == wanted.status)
    if wanted.text:
        said = Turn.text.icontains(wanted.text, autoescape=True)
        cut = Turn.whole_text.icontains(wanted.text, autoescape=True)
        query = query.where(Call.id.in_(select(Turn.call_id).where(or_(said, cut))))
    if wanted.since is not None:
        query = query.where(Call.started >= wanted.since)
    if wanted.until is not None:
        query = query.where(Call.started < wanted.until)
    return query


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Who reads does not wait for who writes; and what refers to a call goes with it.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


# What an event changes -------------------------------------------------------------------------------------


async def _find_or_begin(session: AsyncSession, asterisk: str, one: CallEvent) -> Call:
    """The call of that event, which may be the first that is known of it."""
    call = await session.scalar(select(Call).where(Call.asterisk == asterisk, Call.record == one.record))
    if call is None:
        call = Call(asterisk=asterisk, record=one.record, started=one.time, agent=one.agent, is_whole=False)
        session.add(call)
        await session.flush()
    return call


async def _apply(session: AsyncSession, call_id: int, one: CallEvent) -> None:
    match one:
        case Transcript():
            await _apply_transcript(session, call_id, one)
        case ToolCall():
            await _apply_tool_call(session, call_id, one)
        case ToolDone():
            outcome = "error" if one.error else "done"
            await _answer(session, call_id, one.id, outcome=outcome, result=one.result, answered=one.time)
        case ToolCancelled():
            await _answer(session, call_id, one.id, outcome="cancelled", answered=one.time)
        case Started():
            await _change(session, call_id, started=one.time, agent=one.agent, **_channel(one))
        case Ended():
            await _apply_end(session, call_id, one)
        case _:
            await _apply_moment(session, call_id, one)


def _channel(one: Started | Ended) -> dict[str, str]:
    told = {name: str(getattr(one, name)) for name in _COLUMNS}
    return {name: value for name, value in told.items() if value}


async def _change(session: AsyncSession, call_id: int, **values: Any) -> None:
    await session.execute(update(Call).where(Call.id == call_id).values(**values))


async def _apply_transcript(session: AsyncSession, call_id: int, one: Transcript) -> None:
    if not one.final:
        return
    where = (Turn.call_id == call_id, Turn.turn == one.turn, Turn.role == one.role)
    turn = await session.scalar(select(Turn).where(*where))
    if turn is None:
        session.add(
            Turn(call_id=call_id, turn=one.turn, role=one.role, text=one.text, time=one.time, spoken_ms=one.spoken_ms)
        )
    elif one.correction:
        turn.whole_text = turn.whole_text or turn.text
        turn.text = one.text
    elif turn.time < one.time:
        # A turn that is told in parts.
        turn.text = f"{turn.text} {one.text}"
        turn.time = one.time
    await session.flush()


async def _apply_tool_call(session: AsyncSession, call_id: int, one: ToolCall) -> None:
    where = (ToolUse.call_id == call_id, ToolUse.tool_call_id == one.id, ToolUse.called == one.time)
    if await session.scalar(select(ToolUse.id).where(*where)) is None:
        use = ToolUse(call_id=call_id, tool_call_id=one.id, name=one.name, parameters=one.parameters, called=one.time)
        session.add(use)
        await session.flush()


async def _answer(session: AsyncSession, call_id: int, tool_call_id: str, **values: Any) -> None:
    where = (ToolUse.call_id == call_id, ToolUse.tool_call_id == tool_call_id, ToolUse.outcome == "open")
    await session.execute(update(ToolUse).where(*where).values(**values))


async def _apply_end(session: AsyncSession, call_id: int, one: Ended) -> None:
    fields = ("status", "reason", "transfer", "duration_ms", "first_audio_ms", "answer_ms", "slowest_answer_ms")
    values = {name: getattr(one, name) for name in fields}
    await _change(
        session,
        call_id,
        ended=one.time,
        agent=one.agent,
        conversation_id=one.conversation_id,
        interruptions=one.interruptions,
        figures=one.model_extra or {},
        **values,
        **_channel(one),
    )


async def _apply_moment(session: AsyncSession, call_id: int, one: CallEvent) -> None:
    kind = type(one).__name__
    known = select(Moment.id).where(Moment.call_id == call_id, Moment.time == one.time, Moment.kind == kind)
    if await session.scalar(known) is None:
        beginning = {"record", "time", "agent", "conversation_id"}
        data = one.model_dump(exclude=beginning)
        session.add(Moment(call_id=call_id, time=one.time, kind=kind, data=data))
        await session.flush()
    if one.conversation_id:
        await _change(session, call_id, conversation_id=one.conversation_id)
