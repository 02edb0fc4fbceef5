"""Keeps what happens in calls, and finds it again.

A call comes event by event while somebody listens, and whole from the journal once it is over. Its record tells that
it is the same one: what the journal says takes the place of what was heard.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Select, delete, event, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from aiconvai.serve.costs import Prices, Span
from aiconvai.serve.events import (
    CallEvent,
    Ended,
    Failover,
    HandOver,
    Ready,
    Started,
    ToolCall,
    ToolCancelled,
    ToolDone,
    Transcript,
)
from aiconvai.serve.journal import JournalledCall, Position
from aiconvai.serve.outbound.outcome import CHANNEL_PREFIX
from aiconvai.serve.store.search import FORGOTTEN_ON_SQLITE, newest_with_words
from aiconvai.serve.store.tables import Call, JournalRead, Moment, OutboundCall, ToolUse, Turn

MIGRATIONS = Path(__file__).parent / "migrations"
LONGEST_PAGE = 1000
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_OF_TABLES_OF_THEIR_OWN = (Started, Ended, Transcript, ToolCall, ToolDone, ToolCancelled)
"""What happens besides is a moment."""
_HAND_OVERS = (HandOver.__name__, Failover.__name__)
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
    """Words, or their beginnings, in what was said."""
    since: float | None = None
    until: float | None = None
    direction: str = ""
    """inbound or outbound."""


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """A turn of an earlier call."""

    call: float
    """When that began."""
    role: str
    """caller, agent, or summary: of all that was said in it."""
    text: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A call that is in no table any more."""

    asterisk: str
    recording: str


class Store:
    """One database. Everything it does is a transaction."""

    def __init__(self, url: str, prices: Prices | None = None) -> None:
        """`url`: sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME. `prices`: of calls that end from now on."""
        parsed = make_url(url)
        driver = _DRIVERS.get(parsed.drivername)
        if driver is None:
            raise StoreError(f"{parsed.drivername}: no such database; expected {' or '.join(_DRIVERS)}")
        self.shown_url = parsed.render_as_string(hide_password=True)
        self._engine: AsyncEngine = create_async_engine(
            # What was said is not to be in what is told of a failure.
            parsed.set(drivername=driver),
            hide_parameters=True,
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._ids: dict[tuple[str, str], int] = {}
        """Of calls that go on."""
        self._writing = asyncio.Lock()
        self._prices = prices
        self._file = Path(parsed.database) if driver.startswith("sqlite") and parsed.database else None
        if driver.startswith("sqlite"):
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)

    async def open(self) -> None:
        """Brings the tables to what this program expects. Raises `StoreError`."""
        try:
            if self._file is not None:
                _begin_as_its_owner(self._file)
            async with self._engine.begin() as connection:
                await connection.run_sync(_migrate)
        except Exception as error:  # Whatever a driver has for it.
            raise StoreError(f"{self.shown_url}: cannot be opened: {error}") from error

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction, one at a time."""
        async with self._writing, self._sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """What is in it does not change meanwhile."""
        async with self._sessions() as session:
            yield session

    # Keeping -----------------------------------------------------------------------------------------------

    async def keep(self, asterisk: str, events: Iterable[CallEvent]) -> None:
        """What was heard, in its order. An event that is known already changes nothing."""
        kept = [one for one in events if not isinstance(one, Transcript) or one.final]
        if not kept:
            return
        try:
            async with self.writing() as session:
                moments: list[dict[str, Any]] = []
                for one in kept:
                    call_id = await self._call_id(session, asterisk, one)
                    if call_id is not None:
                        await self._apply(session, call_id, one, moments)
                    if isinstance(one, Ended):
                        self._ids.pop((asterisk, one.record), None)
                await _add_moments(session, moments)
        except BaseException:
            # What was begun in it is not there.
            self._ids.clear()
            raise

    async def keep_journalled(self, asterisk: str, calls: Sequence[JournalledCall], position: Position) -> None:
        """Whole calls, and how far the journal was read with them: both or neither."""
        async with self.writing() as session:
            for journalled in calls:
                await self._keep_whole(session, asterisk, journalled)
            place = JournalRead(asterisk=asterisk, inode=position.inode, offset=position.offset)
            await session.merge(place)

    async def position(self, asterisk: str) -> Position | None:
        """How far that one's journal was read."""
        async with self.reading() as session:
            read = await session.get(JournalRead, asterisk)
            return None if read is None else Position(read.inode, read.offset)

    async def _keep_whole(self, session: AsyncSession, asterisk: str, journalled: JournalledCall) -> None:
        if not journalled.events:
            return
        first = journalled.events[0]
        call = await _find_or_begin(session, asterisk, first)
        if call.is_whole:
            return
        if not journalled.left_out:
            # It has all; of a call whose journal was cut what was heard stays.
            for table in (Turn, ToolUse, Moment):
                await session.execute(delete(table).where(table.call_id == call.id))
        moments: list[dict[str, Any]] = []
        for one in journalled.events:
            await self._apply(session, call.id, one, moments)
        await _add_moments(session, moments)
        await _change(session, call.id, is_whole=True)
        self._ids.pop((asterisk, first.record), None)

    async def _apply(self, session: AsyncSession, call_id: int, one: CallEvent, moments: list[dict[str, Any]]) -> None:
        """What is a moment is put to those that are to be added, all at once."""
        if isinstance(one, _OF_TABLES_OF_THEIR_OWN):
            await self._apply_at_once(session, call_id, one, moments)
            return
        moments.append(_moment(call_id, one))
        if isinstance(one, Ready):
            await _change(session, call_id, conversation_id=one.conversation_id)

    async def _apply_at_once(
        self, session: AsyncSession, call_id: int, one: CallEvent, moments: list[dict[str, Any]]
    ) -> None:
        if isinstance(one, Ended) and self._prices is not None:
            await _add_moments(session, moments)
            # As long as it is known which agent was the first.
            await _change(session, call_id, cost=self._prices.cost(await _spans(session, call_id, one), *_tokens(one)))
        await _apply(session, call_id, one)

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
        query = _select(wanted).order_by(Call.started.desc(), Call.id.desc())
        limit = min(limit, LONGEST_PAGE)
        if before is not None:
            query = query.where(Call.started < before)
        async with self.reading() as session:
            if wanted.text:
                return await newest_with_words(session, query, wanted.text, limit)
            return list(await session.scalars(query.limit(limit)))

    async def call(self, call_id: int) -> Call | None:
        """With all that happened in it."""
        parts = (selectinload(Call.turns), selectinload(Call.tools), selectinload(Call.moments))
        async with self.reading() as session:
            return await session.scalar(select(Call).where(Call.id == call_id).options(*parts))

    async def said_before(
        self, number: str, before: float, limit: int, *, with_summaries: bool = False
    ) -> list[SaidBefore]:
        """The last that was said in calls of that number which began before, in its order. With summaries those take
        the place of what was said, where there are some.
        """
        query = (
            select(Call.started, Turn.role, Turn.text, Call.summary)
            .join(Turn, Turn.call_id == Call.id)
            .where(Call.caller_number == number, Call.started < before)
            .order_by(Call.started.desc(), Turn.turn.desc(), Turn.id.desc())
            .limit(limit)
        )
        async with self.reading() as session:
            rows = list(await session.execute(query))[::-1]
        said: dict[tuple[float, int], SaidBefore] = {}
        for number_of_row, (started, role, text_said, summary) in enumerate(rows):
            if with_summaries and summary:
                said[started, 0] = SaidBefore(started, "summary", summary)
            else:
                said[started, number_of_row + 1] = SaidBefore(started, role, text_said)
        return list(said.values())

    async def spent(self, agent: str, since: float) -> float:
        """For calls that agent ended with, and that began since."""
        query = select(func.sum(Call.cost)).where(Call.agent == agent, Call.started >= since)
        async with self.reading() as session:
            return await session.scalar(query) or 0.0

    async def to_summarise(self, since: float) -> Call | None:
        """The oldest call that began since, is over and has no summary, though something was said; with what was."""
        said = select(Turn.id).where(Turn.call_id == Call.id)
        query = (
            select(Call)
            .where(Call.started >= since, Call.ended.is_not(None), Call.summary.is_(None), said.exists())
            .order_by(Call.started)
            .limit(1)
        )
        async with self.reading() as session:
            return await session.scalar(query.options(selectinload(Call.turns)))

    async def keep_summary(self, call_id: int, summary: str) -> None:
        async with self.writing() as session:
            await _change(session, call_id, summary=summary)

    # Forgetting --------------------------------------------------------------------------------------------

    async def forget_caller(self, number: str) -> list[Forgotten]:
        """All calls of that number, also what lists have of it. With many calls that takes a while."""
        async with self.writing() as session:
            await session.execute(delete(OutboundCall).where(OutboundCall.number == number))
        return await self._forget(Call.caller_number == number)

    async def forget_before(self, time: float) -> list[Forgotten]:
        """All calls that began before."""
        async with self.writing() as session:
            await session.execute(delete(OutboundCall).where(OutboundCall.ended < time, OutboundCall.due < time))
        return await self._forget(Call.started < time)

    async def _forget(self, which: Any) -> list[Forgotten]:
        async with self.writing() as session:
            # What happened in them goes with them: the tables say so.
            query = delete(Call).where(which).returning(Call.id, Call.asterisk, Call.recording)
            rows = list(await session.execute(query))
        if rows and self._engine.dialect.name == "sqlite":
            async with self.writing() as session:
                await session.execute(text(FORGOTTEN_ON_SQLITE))
        gone = {row.id for row in rows}
        self._ids = {key: call_id for key, call_id in self._ids.items() if call_id not in gone}
        return [Forgotten(row.asterisk, row.recording) for row in rows]


def _select(wanted: Wanted) -> Select[Call]:
    query = select(Call)
    if wanted.agent:
        query = query.where(Call.agent == wanted.agent)
    if wanted.caller_number:
        query = query.where(Call.caller_number == wanted.caller_number)
    if wanted.status:
        query = query.where(Call.status == wanted.status)
    if wanted.direction:
        is_outbound = Call.unique_id.startswith(CHANNEL_PREFIX)
        query = query.where(is_outbound if wanted.direction == "outbound" else ~is_outbound)
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


def _begin_as_its_owner(file: Path) -> None:
    """What root begins in a folder of somebody else's is theirs; SQLite has it so for its other files."""
    if os.geteuid() == 0 and not file.exists():
        owner = file.parent.stat()
        file.touch(mode=0o600)
        os.chown(file, owner.st_uid, owner.st_gid)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Who reads does not wait for who writes; and what refers to a call goes with it.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    # What is forgotten is not left in pages that are free.
    cursor.execute("PRAGMA secure_delete=ON")
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
            recorded = {"recording": one.recording, "recorded_ms": one.recorded_ms}
            await _change(session, call_id, started=one.time, agent=one.agent, **recorded, **_channel(one))
        case Ended():
            await _apply_end(session, call_id, one)
        case _:
            raise AssertionError(one)


def _channel(one: Started | Ended) -> dict[str, Any]:
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


async def _spans(session: AsyncSession, call_id: int, end: Ended) -> list[Span]:
    """Which agents had the call, each for how long."""
    begun = (await session.execute(select(Call.started, Call.agent).where(Call.id == call_id))).one()
    moments = select(Moment.time, Moment.data).where(Moment.call_id == call_id, Moment.kind.in_(_HAND_OVERS))
    changes = [(time, data["next_agent"]) for time, data in await session.execute(moments.order_by(Moment.time))]
    steps = [tuple(begun), *changes]
    ends = [time for time, _ in steps[1:]] + [end.time]
    return [(agent, max(0.0, until - since)) for (since, agent), until in zip(steps, ends, strict=True)]


def _tokens(end: Ended) -> tuple[int, int]:
    figures = end.model_extra or {}
    given = (str(figures.get(name, "0")) for name in ("InputTokens", "OutputTokens"))
    first, second = (int(one) if one.isdecimal() else 0 for one in given)
    return first, second


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


def _moment(call_id: int, one: CallEvent) -> dict[str, Any]:
    """As a row."""
    data = one.model_dump(exclude={"record", "time", "agent", "conversation_id"})
    return {"call_id": call_id, "time": one.time, "kind": type(one).__name__, "data": data}


async def _add_moments(session: AsyncSession, moments: list[dict[str, Any]]) -> None:
    """Those that are not there yet; the list is empty afterwards."""
    if moments:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        added = sqlite.insert(Moment) if is_sqlite else postgresql.insert(Moment)
        await session.execute(added.on_conflict_do_nothing(), moments)
        moments.clear()
