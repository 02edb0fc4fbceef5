"""The pings of a conversation that wait for their pong."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiconvai.mock.futures import give_up


@dataclass(frozen=True)
class _Open:
    sent: float
    answer: asyncio.Future[float]
    timer: asyncio.TimerHandle


class Pings:
    """Every ping is answered once, in time; `expired(event_id, limit)` is called for one that is not."""

    def __init__(self, expired: Callable[[int, float], None]) -> None:
        self.round_trip_ms: int | None = None
        """Of the last answered ping."""
        self._expired = expired
        self._ids = itertools.count(1)
        self._open: dict[int, _Open] = {}
        self._late: set[int] = set()

    def open(self, limit: float) -> tuple[int, asyncio.Future[float]]:
        """The id of a new ping and the seconds until its pong, still to come; `limit` is in seconds."""
        event_id = next(self._ids)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(limit, self._expire, event_id, limit)
        answer: asyncio.Future[float] = loop.create_future()
        self._open[event_id] = _Open(time.monotonic(), answer, timer)
        return event_id, answer

    def answered(self, event_id: int, now: float) -> bool:
        """Takes a pong; False if no ping has that id. A late pong is no second offence."""
        if event_id in self._late:
            self._late.remove(event_id)
            return True
        ping = self._open.pop(event_id, None)
        if ping is None:
            return False
        ping.timer.cancel()
        self.round_trip_ms = round((now - ping.sent) * 1000)
        if not ping.answer.done():
            ping.answer.set_result(now - ping.sent)
        return True

    def give_up(self, error: Exception) -> None:
        """Ends every wait with `error`."""
        for ping in self._open.values():
            ping.timer.cancel()
            give_up(ping.answer, error)
        self._open.clear()

    def _expire(self, event_id: int, limit: float) -> None:
        ping = self._open.pop(event_id)
        self._late.add(event_id)
        self._expired(event_id, limit)
        give_up(ping.answer, TimeoutError(f"ping {event_id} was not answered within {limit:g} s"))
