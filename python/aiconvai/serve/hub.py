"""From those who tell of calls to those who do something with it.

Publishing never waits. Each sink has a queue and a task of its own, so that one that is slow or down holds up nobody. A
sink that must not miss anything has a spool on disk behind its queue; what another one has no room for is dropped, the
oldest first. Both are counted. One event loop's; nothing here is for another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

from aiconvai.serve.events import Ended
from aiconvai.serve.recent import Recent
from aiconvai.serve.redaction import RedactionKind, redacted
from aiconvai.serve.retrying import failure_of
from aiconvai.serve.spool import Spool
from aiconvai.serve.told import Told, from_json, to_json

QUEUE_LENGTH = 10_000
"""Events that wait for a sink in memory."""
BATCH = 200
"""Events that a sink is given at once."""
LONGEST_WAIT_SECONDS = 10.0
"""Between two tries of a sink that is down."""
STOP_SECONDS = 5.0
"""In which sinks may take what still waits when all of it ends."""
ENDS_KNOWN = 20_000
"""Calls of which it is remembered that their end was told."""

_log = logging.getLogger(__name__)
_WAIT = wait_exponential_jitter(initial=0.2, max=LONGEST_WAIT_SECONDS, jitter=0.2)


class Sink(Protocol):
    """Does something with what happens."""

    name: str

    async def take(self, batch: Sequence[Told]) -> None:
        """All of it, in its order. Whatever it raises, it is given the same again later, and may know some of it."""


class SinkQueue:
    """What waits for a sink, and the task that gives it."""

    def __init__(self, sink: Sink, spool: Spool | None, gather_seconds: float = 0.0) -> None:
        """`gather_seconds`: for which what comes waits for more of it."""
        self.sink = sink
        self.lost = 0
        """Events that there was no room for."""
        self.problem = ""
        """Why the sink does not take anything at present; empty: it does."""
        self._spool = spool
        self._waiting: deque[Told] = deque()
        self._in_hand = 0
        """Events from memory that the sink, or the disk, is being given."""
        self._news = asyncio.Event()
        self._gather_seconds = gather_seconds
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"sink {sink.name}")

    @property
    def waiting(self) -> int:
        """Events, in memory and on disk."""
        return len(self._waiting) + self._in_hand + (len(self._spool) if self._spool is not None else 0)

    def put(self, told: Told) -> None:
        if len(self._waiting) >= QUEUE_LENGTH:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(told)
        self._news.set()

    async def stop(self) -> None:
        """The sink is given what waits, while there is time; what is left stays on disk, where there is a spool."""
        self._stopping.set()
        self._news.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.shield(self._task)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._spool is not None:
            await self._to_disk(self._spool)
            self._spool.close()
        self.lost += len(self._waiting)

    async def _run(self) -> None:
        retrying = AsyncRetrying(wait=_WAIT, before_sleep=self._note_problem)
        while await self._something_waits():
            await self._gather()
            await retrying(self._give)

    async def _something_waits(self) -> bool:
        """Once it does; False where nothing does, and nothing more comes."""
        while not self.waiting and not self._stopping.is_set():
            self._news.clear()
            await self._news.wait()
        return bool(self.waiting)

    async def _gather(self) -> None:
        """Many at once cost a database little more than one."""
        if self._gather_seconds and self.waiting < BATCH:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._gather_seconds):
                    await self._stopping.wait()

    async def _give(self) -> None:
        """What has waited longest. Raises what the sink raises; nothing is lost by that."""
        if self._spool is not None and len(self._spool):
            # What is in memory is younger.
            await self._to_disk(self._spool)
            texts, mark = await asyncio.to_thread(self._spool.first, BATCH)
            await self.sink.take([told for text in texts if (told := self._read(text)) is not None])
            await asyncio.to_thread(self._spool.drop, mark)
        else:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._in_hand = len(batch)
            try:
                await self.sink.take(batch)
            except BaseException:
                self._waiting.extendleft(reversed(batch))
                raise
            finally:
                self._in_hand = 0
        if self.problem:
            _log.warning("%s takes events again; %d wait for it", self.sink.name, self.waiting)
            self.problem = ""

    async def _note_problem(self, state: RetryCallState) -> None:
        error = failure_of(state)
        if not self.problem:
            _log.warning("%s takes nothing, and is tried again: %s: %s", self.sink.name, type(error).__name__, error)
        self.problem = f"{type(error).__name__}: {error}"
        if self._spool is not None:
            await self._to_disk(self._spool)

    async def _to_disk(self, spool: Spool) -> None:
        """What is in memory; it stays there where the disk does not take it."""
        batch = list(self._waiting)
        self._waiting.clear()
        if not batch:
            return
        self._in_hand = len(batch)
        try:
            self.lost += await asyncio.to_thread(spool.put, [to_json(told) for told in batch])
        except sqlite3.Error as error:
            self._waiting.extendleft(reversed(batch))
            _log.error("what waits for %s cannot be put on disk: %s", self.sink.name, error)
        finally:
            self._in_hand = 0

    def _read(self, text: str) -> Told | None:
        try:
            return from_json(text)
        except ValueError as error:
            self.lost += 1
            _log.error("%s: an event on disk cannot be read: %s", self.sink.name, error)
            return None


class Hub:
    """Where events go in, once each."""

    def __init__(self, redact: Collection[RedactionKind] = ()) -> None:
        """`redact`: what is taken out of everything that goes in."""
        self.queues: list[SinkQueue] = []
        self._redact = redact
        self._at_once: list[Callable[[Told], None]] = []
        self._unredacted: list[Callable[[Told], None]] = []
        self._ended: Recent[tuple[str, str]] = Recent(ENDS_KNOWN)

    def add(self, sink: Sink, spool: Spool | None = None, *, gather_seconds: float = 0.0) -> SinkQueue:
        """Within a running event loop. `gather_seconds`: for which what comes waits for more of it."""
        queue = SinkQueue(sink, spool, gather_seconds)
        self.queues.append(queue)
        return queue

    def add_at_once(self, take: Callable[[Told], None]) -> None:
        """Something that takes an event in no time, and never fails."""
        self._at_once.append(take)

    def add_unredacted(self, take: Callable[[Told], None]) -> None:
        """The same, with nothing taken out: for what acts in the call itself, and keeps nothing."""
        self._unredacted.append(take)

    def knows_end(self, call: tuple[str, str]) -> bool:
        """Whether that call's end was told."""
        return call in self._ended

    def publish(self, told: Told) -> None:
        """To all of them. The end of a call is told once, whoever tells it first."""
        if isinstance(told.event, Ended):
            if told.call in self._ended:
                return
            self._ended.add(told.call)
        for take in self._unredacted:
            take(told)
        if self._redact:
            told = replace(told, event=redacted(told.event, self._redact))
        for take in self._at_once:
            take(told)
        for queue in self.queues:
            queue.put(told)

    async def stop(self) -> None:
        """Sinks take what they can; nothing may be published any more."""
        await asyncio.gather(*(queue.stop() for queue in self.queues))
