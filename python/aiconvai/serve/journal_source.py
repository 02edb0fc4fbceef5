"""Reads an Asterisk's journal as it grows, so that no call is missed, whoever was there to hear of it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

from aiconvai.serve.events import Ended
from aiconvai.serve.hub import Hub
from aiconvai.serve.journal import JournalledCall, Position, Read, read_journal
from aiconvai.serve.redaction import RedactionKind, redacted
from aiconvai.serve.retrying import failure_of
from aiconvai.serve.store.store import Store
from aiconvai.serve.told import Told

POLL_SECONDS = 1.0
CALLS_AT_ONCE = 100
_BYTES_AT_ONCE = 16 << 20
LONGEST_WAIT_SECONDS = 15.0

_log = logging.getLogger(__name__)


class JournalSource:
    """One journal. What was read, and how far, are kept together: killed at any time, it misses nothing."""

    def __init__(
        self, asterisk: str, path: Path, store: Store, hub: Hub, redact: Collection[RedactionKind] = ()
    ) -> None:
        """`redact`: what is not to be kept of it."""
        self.path = path
        self.problem = ""
        """Why nothing is read at present; empty: it is."""
        self.unreadable = 0
        """Things in it that are none of a journal's."""
        self._asterisk = asterisk
        self._store = store
        self._hub = hub
        self._redact = redact

    async def run(self) -> None:
        """Does not return. What goes wrong is in `problem`, and tried again."""
        retrying = AsyncRetrying(
            wait=wait_exponential_jitter(initial=0.5, max=LONGEST_WAIT_SECONDS), before_sleep=self._note
        )
        while True:
            await retrying(self.read_on)
            self.problem = ""
            await asyncio.sleep(POLL_SECONDS)

    async def read_on(self) -> None:
        """All that is new. Raises `OSError`, and what a database raises."""
        position = await self._store.position(self._asterisk)
        # What a journal has from before this program was there is history, and nobody's news.
        is_first = position is None
        while batch := await asyncio.to_thread(self._batch, position):
            position = batch[-1].position
            calls = [self._redacted(one.call) for one in batch if one.call is not None]
            await self._store.keep_journalled(self._asterisk, calls, position)
            self._tell(batch, are_news=not is_first)

    def _redacted(self, call: JournalledCall) -> JournalledCall:
        return replace(call, events=tuple(redacted(event, self._redact) for event in call.events))

    def _batch(self, position: Position | None) -> list[Read]:
        batch: list[Read] = []
        begun = position.offset if position is not None else 0
        for one in itertools.islice(read_journal(self.path, position), CALLS_AT_ONCE):
            batch.append(one)
            if one.position.offset - begun > _BYTES_AT_ONCE:
                break
        return batch

    def _tell(self, batch: list[Read], *, are_news: bool) -> None:
        for one in batch:
            self.unreadable += len(one.problems)
            for problem in one.problems:
                _log.error("%s", problem)
            if are_news and one.call is not None:
                self._tell_call(one.call)

    def _tell_call(self, call: JournalledCall) -> None:
        """Of a call whose end nobody here has heard, all that happened in it."""
        if any(self._hub.knows_end((self._asterisk, event.record)) for event in call.events):
            return
        for event in call.events:
            self._hub.publish(Told(self._asterisk, event, is_replayed=not isinstance(event, Ended)))

    def _note(self, state: RetryCallState) -> None:
        error = failure_of(state)
        problem = f"{self.path}: {error}"
        if problem != self.problem:
            _log.warning("%s", problem)
        self.problem = problem
