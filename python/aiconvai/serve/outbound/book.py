"""Who is to be called, and what came of it, in the store: so it is there after a restart."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from aiconvai.serve.outbound.numbers import comparable
from aiconvai.serve.outbound.outcome import GOING_ON, State
from aiconvai.serve.outbound.people import MOST_PEOPLE, Person
from aiconvai.serve.outbound.schedule import Candidate
from aiconvai.serve.store.store import Store
from aiconvai.serve.store.tables import Call, CallList, DoNotCall, OutboundCall

MOST_LISTS = 1000
LONGEST_PAGE = 1000
_INSERTED_AT_ONCE = 1000
_STEPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "start": (("ready",), "running"),
    "pause": (("running",), "paused"),
    "resume": (("paused",), "running"),
    "cancel": (("ready", "running", "paused"), "cancelled"),
}
"""What may be done with a list: in which states, and which it is in then."""


class BookError(ValueError):
    """What is asked cannot be; the message says why."""


class NotInBookError(BookError):
    """There is none of that number."""


@dataclass(frozen=True, slots=True)
class ListProgress:
    """A list, and how many of its people are in which state."""

    id: int
    name: str
    agent: str
    state: str
    created: float
    people: int
    states: Mapping[str, int]


class Book:
    """All of it. What changes is a transaction each."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # Lists

    async def create_list(
        self, name: str, agent: str, people: Sequence[Person], *, most_attempts: int, start: bool = False
    ) -> int:
        """Its number. Raises `BookError`."""
        now = time.time()
        async with self._store.writing() as session:
            if await session.scalar(select(CallList.id).where(CallList.name == name)) is not None:
                raise BookError(f"a list named {name!r} exists")
            if (await session.scalar(select(func.count()).select_from(CallList)) or 0) >= MOST_LISTS:
                raise BookError(f"there are {MOST_LISTS} lists already: delete some that are done")
            made = CallList(name=name, agent=agent, state="running" if start else "ready", created=now)
            session.add(made)
            await session.flush()
            await _insert(session, made, people, most_attempts, now)
            return made.id

    async def add_people(self, list_id: int, people: Sequence[Person], *, most_attempts: int) -> int:
        """To a list that is there; how many it has. Raises `BookError`."""
        async with self._store.writing() as session:
            made = await _list(session, list_id)
            if made.state == "cancelled":
                raise BookError("the list is cancelled")
            of_list = OutboundCall.list_id == list_id
            before = await session.scalar(select(func.count()).select_from(OutboundCall).where(of_list)) or 0
            if before + len(people) > MOST_PEOPLE:
                raise BookError(f"expected at most {MOST_PEOPLE} people in a list, got {before + len(people)}")
            await _insert(session, made, people, most_attempts, time.time())
            if made.state == "done":
                made.state = "running"
            return before + len(people)

    async def step(self, list_id: int, step: str) -> str:
        """`start`, `pause`, `resume` or `cancel`; the state it is in then. Calls that go on are let go on. Raises
        `BookError`.
        """
        states, then = _STEPS[step]
        async with self._store.writing() as session:
            made = await _list(session, list_id)
            if made.state not in states:
                raise BookError(f"the list is {made.state}: only one that is {' or '.join(states)} can {step}")
            made.state = then
            await session.flush()
            await _note_done(session, list_id)
        return then

    async def delete_list(self, list_id: int) -> None:
        """With all that came of it. Raises `BookError`."""
        async with self._store.writing() as session:
            made = await _list(session, list_id)
            going_on = (OutboundCall.list_id == list_id, OutboundCall.state.in_(GOING_ON))
            if made.state == "running" or await session.scalar(select(OutboundCall.id).where(*going_on).limit(1)):
                raise BookError("the list is running: cancel it first, and let its calls end")
            await session.delete(made)

    async def note_done(self) -> None:
        """Whatever list is done now: somebody of it may be forgotten."""
        async with self._store.writing() as session:
            await _note_done(session, None)

    async def lists(self, list_id: int | None = None) -> list[ListProgress]:
        """The newest first; or that one. Raises `BookError` where there is none."""
        query = select(CallList).order_by(CallList.id.desc())
        counted = select(OutboundCall.list_id, OutboundCall.state, func.count()).group_by(
            OutboundCall.list_id, OutboundCall.state
        )
        if list_id is not None:
            query, counted = query.where(CallList.id == list_id), counted.where(OutboundCall.list_id == list_id)
        async with self._store.reading() as session:
            found = list(await session.scalars(query))
            states: dict[int | None, dict[str, int]] = {}
            for of_list, state, count in await session.execute(counted):
                states.setdefault(of_list, {})[state] = count
        if list_id is not None and not found:
            raise NotInBookError(f"no list has the number {list_id}")
        return [
            ListProgress(
                one.id, one.name, one.agent, one.state, one.created,
                sum(states.get(one.id, {}).values()), states.get(one.id, {}),
            )
            for one in found
        ]  # fmt: skip

    # Calls

    async def add_call(self, agent: str, person: Person, *, most_waiting: int, **more: Any) -> OutboundCall:
        """One who is called singly. Raises `BookError`."""
        waiting = (OutboundCall.list_id.is_(None), OutboundCall.state == State.WAITING)
        async with self._store.writing() as session:
            if (await session.scalar(select(func.count()).where(*waiting)) or 0) >= most_waiting:
                raise BookError(f"{most_waiting} people wait to be called already (most_waiting)")
            made = OutboundCall(
                number=person.number, agent=agent, variables=dict(person.variables), created=time.time(),
                state=State.WAITING, **more,
            )  # fmt: skip
            session.add(made)
        return made

    async def call(self, call_id: int) -> OutboundCall:
        """Raises `BookError`."""
        async with self._store.reading() as session:
            found = await session.get(OutboundCall, call_id)
        if found is None:
            raise NotInBookError(f"no call that goes out has the number {call_id}")
        return found

    async def calls(
        self, *, list_id: int | None = None, state: str = "", after: int = 0, limit: int = 100
    ) -> list[OutboundCall]:
        """Of that list in its order, behind that one; or those that were asked for singly, the newest first."""
        query: Select[OutboundCall] = select(OutboundCall).where(OutboundCall.list_id == list_id)
        query = query.where(OutboundCall.id > after) if list_id is not None or after else query
        if state:
            query = query.where(OutboundCall.state == state)
        query = query.order_by(OutboundCall.id if list_id is not None else OutboundCall.id.desc())
        async with self._store.reading() as session:
            return list(await session.scalars(query.limit(min(limit, LONGEST_PAGE))))

    async def change(self, call_id: int, **values: Any) -> None:
        async with self._store.writing() as session:
            await session.execute(update(OutboundCall).where(OutboundCall.id == call_id).values(**values))

    async def settle(self, call_id: int, list_id: int | None, **values: Any) -> None:
        """Changes it, and its list where that is done now."""
        async with self._store.writing() as session:
            await session.execute(update(OutboundCall).where(OutboundCall.id == call_id).values(**values))
            if list_id is not None:
                await _note_done(session, list_id)

    async def note_conversation(self, channel_id: str, **told: str) -> None:
        """Of that channel, which nobody knew of: whoever was called is not called again."""
        which = (OutboundCall.channel_id == channel_id, OutboundCall.result == State.UNKNOWN)
        changed = update(OutboundCall).where(*which, OutboundCall.state.not_in(GOING_ON))
        async with self._store.writing() as session:
            await session.execute(changed.values(state=State.ENDED, result=State.ENDED, **told))

    async def take(self, call_id: int, **values: Any) -> bool:
        """Changes it where it waits; whether it did."""
        which = (OutboundCall.id == call_id, OutboundCall.state == State.WAITING)
        async with self._store.writing() as session:
            changed = update(OutboundCall).where(*which).values(**values).returning(OutboundCall.id)
            return await session.scalar(changed) is not None

    async def cancel_waiting(self, call_id: int) -> bool:
        """Whether it waited, and does not any more."""
        return await self.take(call_id, state=State.CANCELLED)

    async def going_on(self) -> list[OutboundCall]:
        """As they were when that was written last."""
        async with self._store.reading() as session:
            return list(await session.scalars(select(OutboundCall).where(OutboundCall.state.in_(GOING_ON))))

    async def candidates(self, *, any_hour: bool, without: Collection[str]) -> list[Candidate]:
        """The first who waits singly, and of each list that is running. `any_hour`: only who may be called at any
        hour; `without`: none with these numbers.
        """
        columns = (OutboundCall.id, OutboundCall.list_id, OutboundCall.due, OutboundCall.any_hour)
        query = select(*columns).where(OutboundCall.state == State.WAITING, OutboundCall.number.not_in(without))
        if any_hour:
            query = query.where(OutboundCall.any_hour)
        query = query.order_by(OutboundCall.due, OutboundCall.id).limit(1)
        async with self._store.reading() as session:
            running = list(await session.scalars(select(CallList.id).where(CallList.state == "running")))
            found: list[Candidate] = []
            for of_list in (None, *running):
                row = (await session.execute(query.where(OutboundCall.list_id == of_list))).first()
                if row is not None:
                    found.append(Candidate(*row))
            return found

    async def conversation(self, channel_id: str) -> Call | None:
        """That was had by that channel, as far as it was told."""
        query = select(Call).where(Call.unique_id == channel_id).order_by(Call.started.desc()).limit(1)
        async with self._store.reading() as session:
            return await session.scalar(query)

    # Who is not called

    async def is_not_called(self, number: str) -> bool:
        async with self._store.reading() as session:
            return await session.get(DoNotCall, comparable(number)) is not None

    async def do_not_call(self, number: str) -> None:
        """From now on."""
        async with self._store.writing() as session:
            await session.merge(DoNotCall(number=comparable(number), added=time.time()))

    async def may_be_called(self, number: str) -> bool:
        """Again; whether it was not."""
        gone = delete(DoNotCall).where(DoNotCall.number == comparable(number)).returning(DoNotCall.number)
        async with self._store.writing() as session:
            return await session.scalar(gone) is not None


async def _list(session: AsyncSession, list_id: int) -> CallList:
    found = await session.get(CallList, list_id)
    if found is None:
        raise NotInBookError(f"no list has the number {list_id}")
    return found


async def _note_done(session: AsyncSession, list_id: int | None) -> None:
    """That list, or any, of which nobody waits, and no call goes on. Of one that is cancelled nobody waits."""
    left = select(OutboundCall.id).where(
        OutboundCall.list_id == CallList.id, OutboundCall.state.in_((State.WAITING, *GOING_ON))
    )
    of_those = true() if list_id is None else CallList.id == list_id
    which = (of_those, CallList.state == "running", ~left.exists())
    await session.execute(update(CallList).where(*which).values(state="done"))
    cancelled = select(CallList.id).where(of_those, CallList.state == "cancelled")
    waiting = (OutboundCall.list_id.in_(cancelled), OutboundCall.state == State.WAITING)
    await session.execute(update(OutboundCall).where(*waiting).values(state=State.CANCELLED))


async def _insert(
    session: AsyncSession, made: CallList, people: Sequence[Person], most_attempts: int, now: float
) -> None:
    for at in range(0, len(people), _INSERTED_AT_ONCE):
        rows = [
            {
                "list_id": made.id, "number": one.number, "agent": made.agent, "variables": dict(one.variables),
                "state": State.WAITING, "created": now, "most_attempts": most_attempts,
            }
            for one in people[at : at + _INSERTED_AT_ONCE]
        ]  # fmt: skip
        await session.execute(insert(OutboundCall), rows)
