"""Calls that go out: who waits is called when it is time, and what comes of it is kept.

What is done is in the store before Asterisk is asked for it, so that nobody is called twice because this program ended
in between. What was going on then is asked of Asterisk, and of the store; where neither knows it is `unknown`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from aiconvai.serve.events import CallEvent, Ended, Ready, Started, ToolCall
from aiconvai.serve.manager import Act, ManagerError
from aiconvai.serve.outbound.book import Book, BookError
from aiconvai.serve.outbound.door import Door, DoorError, DoorRefusal, Event, News, Outgoing
from aiconvai.serve.outbound.going import GoingCall
from aiconvai.serve.outbound.numbers import DoNotCallFile
from aiconvai.serve.outbound.outcome import CHANNEL_PREFIX, State, is_outbound
from aiconvai.serve.outbound.people import Person
from aiconvai.serve.outbound.schedule import Candidate, Limits, after, choose, when_to_begin
from aiconvai.serve.settings import OutboundSettings
from aiconvai.serve.store.tables import OutboundCall
from aiconvai.serve.tasks import cancel_all, spawn
from aiconvai.serve.told import Told

MACHINE_TOOL = "answering_machine"
"""With machine = "agent": the tool that an agent calls where one has answered."""
LOOK_SECONDS = 1.0
"""Between two looks at what goes on, or at an Asterisk that is not there."""
GRACE_SECONDS = 10.0
"""More than a call may ring, after which Asterisk is asked about it; and between two such questions."""
HOLD_SECONDS = 15.0
"""In which nobody is called after Asterisk has refused to call."""
STOP_SECONDS = 5.0
"""In which what is being done is done when all of it ends."""
LONGEST_REST_SECONDS = 600.0
"""The clock may be set meanwhile."""
MOST_LATE = 10_000
_DATABASE_SECONDS = 5.0
_TOLD_AGENT = "Noted: an answering machine."

Count = Callable[[str, str], None]
"""Counts a call: takes the agent's name, and what came of it."""

_log = logging.getLogger(__name__)


class Outbound:
    """All of them. One event loop's. Set `door`, `recover`, give it what is told, `run` and `stop` it."""

    def __init__(self, settings: OutboundSettings, book: Book, act: Act, count: Count) -> None:
        """`act` asks an Asterisk for something, and `count` counts what came of a call."""
        self.settings = settings
        self.book = book
        self.door: Door | None = None
        self.knows_agent: Callable[[str], bool] = lambda _: True
        """Whether there is an agent of that name, as far as it is known here."""
        self.problem = ""
        """Why nobody is called at present; empty: whoever waits is."""
        self._act = act
        self._count = count
        self._hours = settings.read_hours()
        self._limits = Limits(settings.at_once, settings.per_second)
        self._file = DoNotCallFile(settings.do_not_call) if settings.do_not_call is not None else None
        self._going: dict[str, GoingCall] = {}
        """By their channels."""
        self._late: deque[Told] = deque(maxlen=MOST_LATE)
        """Ends of conversations of calls that do not go on here."""
        self._last_begun = 0.0
        self._hold_until = 0.0
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    # What is told

    def take_news(self, news: News) -> None:
        """Of a channel, by the door."""
        if (call := self._going.get(news.channel_id)) is not None:
            call.take_news(news, time.time())
            self._news.set()

    def take(self, told: Told) -> None:
        """An event of a conversation, as it comes."""
        if not isinstance(told.event, Started | Ready | Ended | ToolCall):
            return
        call = self._going.get(_unique_id(told.event))
        if call is None:
            self._take_late(told)
        elif isinstance(told.event, ToolCall):
            self._take_tool(call, told, told.event)
        else:
            call.take_event(told.asterisk, told.event, time.time())
            self._news.set()

    def _take_late(self, told: Told) -> None:
        """A journal may be read later than what it tells of was given up."""
        if isinstance(told.event, Ended) and is_outbound(told.event.unique_id):
            self._late.append(told)
            self._news.set()

    def _take_tool(self, call: GoingCall, told: Told, event: ToolCall) -> None:
        if self.settings.machine != "agent" or event.name != MACHINE_TOOL or event.place or told.is_replayed:
            return
        call.note_machine()
        spawn(self._tasks, self._answer_tool(call, told, event), f"tool {MACHINE_TOOL}")

    async def _answer_tool(self, call: GoingCall, told: Told, event: ToolCall) -> None:
        headers = {"Channel": call.channel_id, "ToolCallID": event.id, "Result": _TOLD_AGENT}
        try:
            await self._act(told.asterisk, "AIConvAIToolResult", **headers)
        except ManagerError as error:
            _log.warning("%s: the agent was not told that its machine is noted: %s", call.number, error)

    def told_of(self, unique_id: str) -> Mapping[str, str]:
        """Variables for the agent of that call, where it was made here."""
        call = self._going.get(unique_id)
        return {} if call is None else {**call.variables, "dialed_number": call.number}

    # What is asked

    def wake(self) -> None:
        """Somebody waits who did not before."""
        self._news.set()

    async def call(
        self,
        agent: str,
        person: Person,
        *,
        caller_id: str = "",
        ring_seconds: int | None = None,
        attempts: int = 1,
        anyway: bool = False,
    ) -> OutboundCall:
        """Somebody is called singly, as soon as there is room. `anyway`: at whatever hour. Raises `BookError`."""
        self.check_agent(agent)
        if not anyway and not self._hours.are_open(time.time()):
            raise BookError("nobody is called at this hour (hours of [outbound]); ask for it anyway, or wait")
        if await self._is_not_called(person.number):
            raise BookError(f"{person.number} is not to be called")
        made = await self.book.add_call(
            agent, person, most_waiting=self.settings.most_waiting, caller_id=caller_id, ring_seconds=ring_seconds,
            most_attempts=attempts, any_hour=anyway,
        )  # fmt: skip
        self.wake()
        return made

    def check_agent(self, name: str) -> None:
        """Raises `BookError`."""
        if not self.knows_agent(name):
            raise BookError(f"there is no agent {name!r} in aiconvai.conf")

    async def cancel(self, call_id: int) -> None:
        """Who waits is not called, and a call that goes on is hung up. Raises `BookError`, and `DoorError`."""
        if await self.book.cancel_waiting(call_id):
            return
        call = next((one for one in self._going.values() if one.id == call_id), None)
        if call is None or self.door is None:
            found = await self.book.call(call_id)
            raise BookError(f"the call is over: {found.state}")
        call.is_cancelled = True
        try:
            await self.door.hang_up(call.channel_id)
        except DoorError:
            call.is_cancelled = False
            raise

    # Running

    async def recover(self) -> None:
        """What went on when this program ended, before anything is told. Asterisk is asked about it as soon as it is
        there.
        """
        for row in await self.book.going_on():
            call = self._of_row(row, row.channel_id, row.attempts, row.begun or 0.0)
            call.state, call.answered = State(row.state), row.answered
            self._going[call.channel_id] = call
        await self.book.note_done()

    async def run(self) -> None:
        """Until it is told to `stop`."""
        assert self.door is not None
        while not self._is_stopping:
            try:
                rest = await self._step(self.door)
            except Exception as error:  # Whatever a database has for it: what is known here is written later.
                _log.warning("calls that go out wait: %s: %s", type(error).__name__, error)
                self.problem = f"{type(error).__name__}: {error}"
                rest = _DATABASE_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._news.wait()
            self._news.clear()

    async def stop(self, running: asyncio.Task[None]) -> None:
        """What is being done is done, and `running` ends. What rings and would come to nothing is hung up; all else
        goes on without this program.
        """
        self._is_stopping = True
        self._news.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.shield(running)
        await cancel_all([running])
        await cancel_all(self._tasks)
        if self.door is None or not self.door.needs_us:
            return
        for call in list(self._going.values()):
            if call.answered is None:
                try:
                    await self.door.hang_up(call.channel_id)
                    call.take_news(News(call.channel_id, Event.GONE, 0, "aiconvai has ended"), time.time())
                    await self._settle(call)
                except Exception as error:  # It is looked for when this program is back.
                    _log.warning("%s: it is not known what comes of it: %s", call.number, error)

    def _of_row(self, row: OutboundCall, channel_id: str, attempts: int, begun: float) -> GoingCall:
        return GoingCall(
            row.id, row.list_id, row.number, row.agent, row.variables, channel_id, attempts, row.most_attempts, begun,
            row.ring_seconds or self.settings.ring_seconds,
        )  # fmt: skip

    async def _step(self, door: Door) -> float | None:
        """For so many seconds nothing is to be done if nothing is told; None: until then."""
        for call in list(self._going.values()):
            await self._look_after(door, call, time.time())
        while self._late:
            await self._note_late(self._late[0])
            self._late.popleft()
        rest = await self._begin_those_due(door)
        if self._going:
            moments = [one.settle_at for one in self._going.values() if one.settle_at is not None]
            look = min([LOOK_SECONDS, *(max(0.0, one - time.time()) for one in moments)])
            rest = look if rest is None else min(look, rest)
        return rest

    async def _look_after(self, door: Door, call: GoingCall, now: float) -> None:
        if not call.is_gone and _is_in_doubt(door, call, now):
            await self._ask(door, call, now)
        if call.settle_at is not None and call.settle_at <= now:
            await self._settle(call)
        elif call.is_changed:
            call.is_changed = False
            await self.book.change(call.id, **call.columns())

    async def _ask(self, door: Door, call: GoingCall, now: float) -> None:
        try:
            is_up = await door.is_up(call.channel_id)
        except DoorError as error:
            _log.warning("%s: %s", call.number, error)
            return
        call.asked = now
        if is_up is None:
            call.note_missed(now)
        elif is_up:
            call.take_news(News(call.channel_id, Event.ANSWERED), now)

    async def _settle(self, call: GoingCall) -> None:
        """It is over: what came of it is kept, and whether there is another attempt."""
        may_have_talked = call.is_missed or call.answered is not None
        if may_have_talked and not call.has_conversation:
            await self._look_in_history(call)
        result, reason = call.result()
        now = time.time()
        again = after(result, call.attempts, most_attempts=call.most_attempts, again=self.settings.again, now=now)
        values = {**call.columns(), "state": again.state, "due": again.due, "result": result, "reason": reason}
        await self.book.settle(call.id, call.list_id, **values, ended=now)
        del self._going[call.channel_id]
        self._count(call.agent, result)
        _log.info("%s: %s%s", call.number, result, f": {reason}" if reason else "")

    async def _look_in_history(self, call: GoingCall) -> None:
        """Its conversation may have been told, or be in a journal, while this call was not followed."""
        found = await self.book.conversation(call.channel_id)
        if found is not None:
            call.note_conversation(
                asterisk=found.asterisk, record=found.record, conversation_id=found.conversation_id,
                status=found.status or "LOST", reason=found.reason,
            )  # fmt: skip

    async def _note_late(self, told: Told) -> None:
        event = told.event
        assert isinstance(event, Ended)
        known = {"asterisk": told.asterisk, "record": event.record, "conversation_id": event.conversation_id}
        await self.book.note_conversation(event.unique_id, status=event.status, reason=event.reason, **known)

    # Beginning

    async def _begin_those_due(self, door: Door) -> float | None:
        """For so many seconds nobody else is to be called; None: until something changes."""
        while self._limits.have_room(len(self._going)):
            now = time.time()
            is_open = self._hours.are_open(now)
            numbers = {one.number for one in self._going.values()}
            candidates = await self.book.candidates(any_hour=not is_open, without=numbers)
            chosen = choose(candidates, Counter(one.list_id for one in self._going.values()), now)
            if chosen is None:
                self.problem = ""
                return None if is_open else min(LONGEST_REST_SECONDS, self._hours.next_opening(now) - now)
            moment = when_to_begin(self._limits, self._hours, chosen, last_begun=self._last_begun, now=now)
            if moment > now:
                return min(LONGEST_REST_SECONDS, moment - now)
            if door.there_since is None:
                self.problem = f"{door.name} is not there"
                return LOOK_SECONDS
            if chosen.list_id is not None and self._hold_until > now:
                return self._hold_until - now
            self.problem = ""
            await self._begin(door, chosen)
        return None

    async def _begin(self, door: Door, chosen: Candidate) -> None:
        row, now = await self.book.call(chosen.id), time.time()
        try:
            is_not_called = await self._is_not_called(row.number)
        except BookError as error:
            await self._take_back(row, str(error), now)
            return
        if is_not_called:
            reason = "the number is not to be called"
            await self.book.settle(row.id, row.list_id, state=State.SKIPPED, reason=reason)
            return
        call = self._of_row(row, f"{CHANNEL_PREFIX}{uuid.uuid4().hex}", row.attempts + 1, now)
        call.asked = now
        attempt = {"channel_id": call.channel_id, "attempts": call.attempts, "begun": now, **_NOTHING_KNOWN}
        if not await self.book.take(row.id, state=State.CALLING, **attempt):
            return
        self._going[call.channel_id] = call
        self._last_begun = now
        try:
            await door.begin(self._outgoing(row, call))
        except DoorRefusal as error:
            del self._going[call.channel_id]
            await self._take_back(row, str(error), now)
        except DoorError as error:
            _log.warning("%s: %s", call.number, error)
            call.asked = 0.0

    def _outgoing(self, row: OutboundCall, call: GoingCall) -> Outgoing:
        name = "" if row.caller_id else self.settings.caller_name
        caller_id = row.caller_id or self.settings.caller_id
        return Outgoing(call.channel_id, call.number, call.agent, call.ring_seconds, caller_id, name, call.variables)

    async def _take_back(self, row: OutboundCall, problem: str, now: float) -> None:
        """It was not called. Somebody of a list waits on: what Asterisk refuses is not the number's fault."""
        if row.list_id is None:
            await self.book.change(row.id, state=State.FAILED, result=State.FAILED, reason=problem, ended=now)
            self._count(row.agent, State.FAILED)
        else:
            await self.book.change(row.id, state=State.WAITING, attempts=row.attempts, reason=problem)
            self._hold(problem, now)

    def _hold(self, problem: str, now: float) -> None:
        _log.warning("nobody is called for %g s: %s", HOLD_SECONDS, problem)
        self.problem, self._hold_until = problem, now + HOLD_SECONDS

    async def _is_not_called(self, number: str) -> bool:
        """Raises `BookError` where a list of such numbers cannot be read."""
        if self._file is not None:
            try:
                if await asyncio.to_thread(self._file.has, number):
                    return True
            except (OSError, ValueError) as error:
                raise BookError(f"do_not_call: {self.settings.do_not_call}: {error}") from error
        return await self.book.is_not_called(number)


_NOTHING_KNOWN: dict[str, Any] = {
    "answered": None, "ended": None, "asterisk": "", "record": "", "conversation_id": "", "status": "", "reason": "",
}  # fmt: skip


def _is_in_doubt(door: Door, call: GoingCall, now: float) -> bool:
    """Whether something may have happened to it that was not told: the door was away, or it rings for too long."""
    if door.there_since is None:
        return False
    rings_too_long = call.answered is None and now > call.begun + call.ring_seconds + GRACE_SECONDS
    return door.there_since > call.asked or (rings_too_long and now > call.asked + GRACE_SECONDS)


def _unique_id(event: CallEvent) -> str:
    """Of its channel, which managers are told with every event."""
    if isinstance(event, Started | Ended):
        return event.unique_id
    return str((event.model_extra or {}).get("Uniqueid", ""))
