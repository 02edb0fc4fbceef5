"""Calls that go out, with a door that does what a test says: who is called, and what is kept of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from serve_events import a_start, an_end, told, until

from aiconvai.serve.events import Ended
from aiconvai.serve.outbound import going, outbound
from aiconvai.serve.outbound.book import Book, BookError
from aiconvai.serve.outbound.door import DoorError, DoorRefusal, Event, News, Outgoing
from aiconvai.serve.outbound.outbound import Outbound
from aiconvai.serve.outbound.outcome import State
from aiconvai.serve.outbound.people import Person
from aiconvai.serve.settings import OutboundSettings
from aiconvai.serve.store.store import Store
from aiconvai.serve.store.tables import OutboundCall

ADA, BOB, EVE = Person("1001", {"name": "Ada"}), Person("1002"), Person("1003")


class FakeDoor:
    """An Asterisk that calls nobody."""

    name = "pbx"

    def __init__(self) -> None:
        self.needs_us = False
        self.there_since: float | None = 1.0
        self.begun: list[Outgoing] = []
        self.up: dict[str, bool] = {}
        """Channels that there are, and whether they are answered."""
        self.hung_up: list[str] = []
        self.fails: DoorError | None = None

    async def begin(self, call: Outgoing) -> None:
        self.begun.append(call)
        if self.fails is not None:
            raise self.fails
        self.up[call.channel_id] = False

    async def is_up(self, channel_id: str) -> bool | None:
        return self.up.get(channel_id)

    async def hang_up(self, channel_id: str) -> None:
        self.hung_up.append(channel_id)
        self.up.pop(channel_id, None)


class Rig:
    """All that there is, and what came of it."""

    def __init__(self, store: Store, **settings: Any) -> None:
        self.book = Book(store)
        self.door = FakeDoor()
        self.counted: list[tuple[str, str]] = []
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        given = {"dial": "PJSIP/{number}@trunk", "per_second": 50, **settings}
        count = lambda agent, result: self.counted.append((agent, str(result)))  # noqa: E731
        self.outbound = Outbound(OutboundSettings.model_validate(given), self.book, self._act, count)
        self.outbound.door = self.door

    async def _act(self, asterisk: str, name: str, /, **headers: Any) -> dict[str, str]:
        self.asked.append((asterisk, name, headers))
        return {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.outbound.recover()
        task = asyncio.create_task(self.outbound.run())
        try:
            yield
        finally:
            await self.outbound.stop(task)

    async def begun(self, count: int) -> Outgoing:
        """The last of so many calls, once there are."""
        await until(lambda: len(self.door.begun) >= count)
        assert len(self.door.begun) == count
        return self.door.begun[-1]

    def news(self, call: Outgoing, event: Event, **more: Any) -> None:
        self.outbound.take_news(News(call.channel_id, event, **more))

    def not_reached(self, call: Outgoing, cause: int = 17) -> None:
        del self.door.up[call.channel_id]
        self.news(call, Event.REFUSED, reason=5)
        self.news(call, Event.GONE, cause=cause, cause_text="as it was")

    def converse(self, call: Outgoing, **end: str) -> None:
        self.outbound.take(a_start(Uniqueid=call.channel_id))
        self.outbound.take(told("Ready", ReadyMs="300", ConversationID="conv_1", Uniqueid=call.channel_id))
        self.news(call, Event.GONE, cause=16)
        self.outbound.take(an_end(Uniqueid=call.channel_id, ConversationID="conv_1", **end))

    async def state(self, number: int, *wanted: State) -> OutboundCall:
        async with asyncio.timeout(10):
            while (found := await self.book.call(number)).state not in wanted:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.01)
        return found

    async def counts(self, *calls: tuple[str, str]) -> None:
        """These: a moment after the store has them."""
        await until(lambda: len(self.counted) >= len(calls))
        assert self.counted == list(calls)

    async def a_list(self, *people: Person, **more: Any) -> int:
        given = {"most_attempts": self.outbound.settings.attempts, "start": True, **more}
        made = await self.book.create_list("all", "sales", people, **given)
        self.outbound.wake()
        return made

    async def people(self, list_id: int) -> list[tuple[str, str]]:
        return [(one.number, one.state) for one in await self.book.calls(list_id=list_id)]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(going, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(going, "MISSED_SECONDS", 0.05)
    monkeypatch.setattr(outbound, "LOOK_SECONDS", 0.02)


async def test_a_call_from_its_beginning_to_its_end(store: Store) -> None:
    rig = Rig(store, caller_id="+420555", caller_name="Shop", ring_seconds=20)
    async with rig.running():
        made = await rig.outbound.call("sales", ADA)
        call = await rig.begun(1)
        assert (call.number, call.agent, call.ring_seconds) == ("1001", "sales", 20)
        assert (call.caller_id, call.caller_name, call.variables) == ("+420555", "Shop", {"name": "Ada"})
        assert rig.outbound.told_of(call.channel_id) == {"name": "Ada", "dialed_number": "1001"}
        assert rig.outbound.told_of("another") == {}
        assert (await rig.book.call(made.id)).state == State.CALLING, "in the store before Asterisk is asked"
        rig.news(call, Event.RINGING)
        await rig.state(made.id, State.RINGING)
        rig.news(call, Event.ANSWERED)
        assert (await rig.state(made.id, State.ANSWERED)).answered == pytest.approx(time.time(), abs=5)
        rig.converse(call)
        over = await rig.state(made.id, State.ENDED)
        assert (over.status, over.conversation_id, over.record, over.attempts) == ("COMPLETED", "conv_1", "1.1", 1)
        assert over.ended is not None
        await rig.counts(("sales", "ended"))


async def test_who_was_not_reached_is_called_again_until_it_is_enough(store: Store) -> None:
    rig = Rig(store, attempts=2, again={"busy": 60, "no_answer": 60})
    async with rig.running():
        number = await rig.a_list(ADA)
        rig.not_reached(await rig.begun(1))
        (one,) = await rig.book.calls(list_id=number)
        waits = await rig.state(one.id, State.WAITING)
        assert (waits.result, waits.attempts, waits.reason) == ("busy", 1, "as it was")
        assert waits.due == pytest.approx(time.time() + 60, abs=5)
        await rig.book.change(one.id, due=0.0)
        rig.outbound.wake()
        second = await rig.begun(2)
        assert second.channel_id != rig.door.begun[0].channel_id
        rig.not_reached(second, cause=19)
        gave_up = await rig.state(one.id, State.GAVE_UP)
        assert (gave_up.result, gave_up.attempts) == ("no_answer", 2)
        (progress,) = await rig.book.lists(number)
        assert (progress.state, progress.states) == ("done", {"gave_up": 1})


async def test_so_many_at_once_and_each_number_once(store: Store) -> None:
    rig = Rig(store, at_once=2)
    async with rig.running():
        number = await rig.a_list(ADA, ADA, BOB, EVE)
        await rig.begun(2)
        assert [one.number for one in rig.door.begun] == ["1001", "1002"]
        rig.not_reached(rig.door.begun[1])
        assert (await rig.begun(3)).number == "1003"
        rig.not_reached(rig.door.begun[0])
        assert (await rig.begun(4)).number == "1001"
        assert (await rig.book.lists(number))[0].states[State.CALLING] == 2


async def test_who_is_not_to_be_called_is_not(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "never"
    path.write_text("1001\n")
    rig = Rig(store, do_not_call=path)
    async with rig.running():
        await rig.book.do_not_call("001002")
        assert await rig.book.is_not_called("+1002")
        number = await rig.a_list(ADA, Person("+1002"), EVE)
        rig.not_reached(await rig.begun(1), cause=1)
        assert rig.door.begun[0].number == "1003"
        await until(lambda: bool(rig.counted))
        assert await rig.people(number) == [("1001", "skipped"), ("+1002", "skipped"), ("1003", "failed")]
        with pytest.raises(BookError, match="1001 is not to be called"):
            await rig.outbound.call("sales", ADA)
        assert await rig.book.may_be_called("1002")
        path.unlink()
        with pytest.raises(BookError, match=r"never: .*No such file"):
            await rig.outbound.call("sales", ADA)
        await rig.book.add_people(number, [EVE], most_attempts=1)
        rig.outbound.wake()
        await until(lambda: "never" in rig.outbound.problem)
        assert len(rig.door.begun) == 1, "nobody is called while it is not known whom not to call"


async def test_nobody_is_called_outside_of_the_hours(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(store, hours=["mon 09:00-10:00"], time_zone="Europe/Prague")
    monkeypatch.setattr(rig.outbound._hours, "are_open", lambda _: False)
    async with rig.running():
        number = await rig.a_list(ADA)
        with pytest.raises(BookError, match="at this hour"):
            await rig.outbound.call("sales", BOB)
        await rig.outbound.call("sales", BOB, anyway=True)
        assert (await rig.begun(1)).number == "1002"
        assert await rig.people(number) == [("1001", "waiting")]


async def test_what_asterisk_refuses_is_nobodys_attempt(store: Store) -> None:
    rig = Rig(store)
    rig.door.fails = DoorRefusal("pbx: Originate: Permission denied")
    async with rig.running():
        number = await rig.a_list(ADA)
        await until(lambda: "Permission denied" in rig.outbound.problem)
        (one,) = await rig.book.calls(list_id=number)
        assert (one.state, one.attempts) == (State.WAITING, 0)
        assert len(rig.door.begun) == 1, "it is not asked again at once"
    rig = Rig(store)
    rig.door.fails = DoorRefusal("pbx: Originate: Permission denied")
    async with rig.running():
        single = await rig.outbound.call("sales", BOB)
        assert "Permission denied" in (await rig.state(single.id, State.FAILED)).reason
        await rig.counts(("sales", "failed"))


async def test_an_asterisk_that_is_away_is_waited_for(store: Store) -> None:
    rig = Rig(store)
    rig.door.there_since = None
    async with rig.running():
        await rig.a_list(ADA)
        await until(lambda: rig.outbound.problem == "pbx is not there")
        assert not rig.door.begun
        rig.door.there_since = time.time()
        await rig.begun(1)
        assert rig.outbound.problem == ""


async def test_what_ended_while_the_connection_was_lost_is_asked_for(store: Store) -> None:
    rig = Rig(store)
    async with rig.running():
        first = await rig.outbound.call("sales", ADA)
        second = await rig.outbound.call("sales", BOB)
        await rig.begun(2)
        gone, there = rig.door.begun
        rig.door.there_since = None
        del rig.door.up[gone.channel_id]
        rig.door.up[there.channel_id] = True
        rig.door.there_since = time.time() + 1
        assert (await rig.state(first.id, State.UNKNOWN)).reason.endswith("nobody knows what came of it")
        assert (await rig.state(second.id, State.ANSWERED)).attempts == 1


async def test_a_call_of_which_asterisk_says_nothing_was_not_lost(store: Store) -> None:
    rig = Rig(store)
    rig.door.fails = DoorError("pbx: Originate: no response within 10 s")
    async with rig.running():
        made = await rig.outbound.call("sales", ADA)
        assert (await rig.state(made.id, State.UNKNOWN)).attempts == 1


async def test_nothing_is_lost_or_done_twice_where_the_program_was_killed(store: Store) -> None:
    rig = Rig(store, at_once=4)
    async with rig.running():
        number = await rig.a_list(ADA, BOB, EVE, Person("1004"))
        await rig.begun(4)
    talks, talked, unknown, rings = rig.door.begun
    # The conversation of one was told before the other program ended, or is read in the journal.
    await store.keep("pbx", [a_start("7.7", Uniqueid=talked.channel_id).event, _end_of("7.7", talked)])
    again = Rig(store, at_once=4)
    again.door.up = {talks.channel_id: True, rings.channel_id: False}
    async with again.running():
        ids = {one.number: one.id for one in await again.book.calls(list_id=number)}
        over = await again.state(ids[talked.number], State.ENDED)
        assert (over.status, over.record) == ("COMPLETED", "7.7")
        await again.state(ids[unknown.number], State.UNKNOWN)
        await again.state(ids[talks.number], State.ANSWERED)
        again.converse(talks)
        again.not_reached(rings)
        await again.state(ids[talks.number], State.ENDED)
        await again.state(ids[rings.number], State.WAITING)
        assert again.door.begun == []


def _end_of(record: str, call: Outgoing) -> Ended:
    event = an_end(record, Uniqueid=call.channel_id).event
    assert isinstance(event, Ended)
    return event


async def test_a_journal_that_is_read_late_says_what_was_unknown(store: Store) -> None:
    rig = Rig(store)
    async with rig.running():
        number = await rig.a_list(ADA)
        call = await rig.begun(1)
    again = Rig(store, again={"unknown": 60})
    async with again.running():
        (one,) = await again.book.calls(list_id=number)
        await again.state(one.id, State.WAITING)
        again.outbound.take(an_end("7.7", Uniqueid=call.channel_id))
        over = await again.state(one.id, State.ENDED)
        assert (over.status, over.record) == ("COMPLETED", "7.7")


async def test_what_is_unknown_is_called_again_only_where_it_is_said(store: Store) -> None:
    rig = Rig(store)
    async with rig.running():
        number = await rig.a_list(ADA)
        await rig.begun(1)
    again = Rig(store, again={"unknown": 60})
    async with again.running():
        (one,) = await again.book.calls(list_id=number)
        assert (await again.state(one.id, State.WAITING)).result == "unknown"


async def test_a_machine_is_known_by_the_dialplan_and_by_the_agent(store: Store) -> None:
    rig = Rig(store, machine="agent")
    async with rig.running():
        first = await rig.outbound.call("sales", ADA)
        call = await rig.begun(1)
        rig.outbound.take(a_start(Uniqueid=call.channel_id))
        rig.outbound.take(
            told("ToolCall", ToolCallID="t1", ToolName="answering_machine", Run="ami", Uniqueid=call.channel_id)
        )
        await until(lambda: bool(rig.asked))
        _, name, headers = rig.asked[0]
        assert (name, headers["Channel"], headers["ToolCallID"]) == ("AIConvAIToolResult", call.channel_id, "t1")
        rig.converse(call)
        assert (await rig.state(first.id, State.MACHINE)).status == "COMPLETED"
        second = await rig.outbound.call("sales", BOB)
        call = await rig.begun(2)
        rig.news(call, Event.MACHINE)
        rig.news(call, Event.GONE, cause=16)
        await rig.state(second.id, State.MACHINE)
        third = await rig.outbound.call("sales", EVE)
        rig.converse(await rig.begun(3), Reason="a machine answered")
        await rig.state(third.id, State.MACHINE)


async def test_an_answer_without_an_agent_is_a_failure(store: Store) -> None:
    rig = Rig(store)
    async with rig.running():
        made = await rig.outbound.call("sales", ADA)
        call = await rig.begun(1)
        rig.news(call, Event.ANSWERED)
        rig.news(call, Event.GONE, cause=16)
        assert "no conversation began" in (await rig.state(made.id, State.FAILED)).reason


async def test_calls_are_cancelled(store: Store) -> None:
    rig = Rig(store, at_once=1)
    async with rig.running():
        first = await rig.outbound.call("sales", ADA)
        second = await rig.outbound.call("sales", BOB)
        call = await rig.begun(1)
        await rig.outbound.cancel(second.id)
        await rig.state(second.id, State.CANCELLED)
        await rig.outbound.cancel(first.id)
        assert rig.door.hung_up == [call.channel_id]
        rig.news(call, Event.GONE, cause=0)
        await rig.state(first.id, State.CANCELLED)
        with pytest.raises(BookError, match="the call is over"):
            await rig.outbound.cancel(first.id)
        with pytest.raises(BookError, match="no call"):
            await rig.outbound.cancel(99)
        assert len(rig.door.begun) == 1


async def test_what_would_come_to_nothing_is_hung_up_at_the_end(store: Store) -> None:
    rig = Rig(store)
    rig.door.needs_us = True
    async with rig.running():
        number = await rig.a_list(ADA)
        call = await rig.begun(1)
    assert rig.door.hung_up == [call.channel_id]
    (one,) = await rig.book.calls(list_id=number)
    assert (one.state, one.result, one.attempts) == (State.WAITING, "no_answer", 1)


async def test_lists_are_steered(store: Store) -> None:
    rig = Rig(store, at_once=1)
    async with rig.running():
        number = await rig.a_list(ADA, BOB, EVE, start=False)
        with pytest.raises(BookError, match="exists"):
            await rig.a_list(ADA)
        with pytest.raises(BookError, match="the list is ready: only one that is running can pause"):
            await rig.book.step(number, "pause")
        assert await rig.book.step(number, "start") == "running"
        rig.outbound.wake()
        call = await rig.begun(1)
        await rig.book.step(number, "pause")
        rig.not_reached(call, cause=1)
        await until(lambda: bool(rig.counted))
        assert await rig.people(number) == [("1001", "failed"), ("1002", "waiting"), ("1003", "waiting")]
        await rig.book.step(number, "resume")
        rig.outbound.wake()
        call = await rig.begun(2)
        with pytest.raises(BookError, match="the list is running"):
            await rig.book.delete_list(number)
        assert await rig.book.step(number, "cancel") == "cancelled"
        assert (await rig.people(number))[2] == ("1003", "cancelled")
        rig.not_reached(call)
        await until(lambda: len(rig.counted) == 2)
        assert (await rig.people(number))[1] == ("1002", "cancelled"), "busy, and not called again"
        await rig.book.delete_list(number)
        assert await rig.book.lists() == []
        with pytest.raises(BookError, match="no list"):
            await rig.book.step(number, "start")


async def test_so_many_wait_at_the_most(store: Store) -> None:
    rig = Rig(store, most_waiting=2)
    for person in (ADA, BOB):
        await rig.outbound.call("sales", person)
    with pytest.raises(BookError, match="2 people wait"):
        await rig.outbound.call("sales", EVE)


async def test_who_is_forgotten_is_in_no_list(store: Store) -> None:
    rig = Rig(store)
    number = await rig.a_list(ADA, BOB, start=False)
    await store.forget_caller("1001")
    assert await rig.people(number) == [("1002", "waiting")]
    (one,) = await rig.book.calls(list_id=number)
    await rig.book.change(one.id, state=State.ENDED, ended=1000.0)
    await store.forget_before(2000.0)
    assert await rig.people(number) == []
