"""Events go to everything that does something with them, and what is down holds up nobody and misses nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from serve_events import an_end, said, until

from aiconvai.serve import hub as module
from aiconvai.serve.events import Transcript
from aiconvai.serve.hub import Hub
from aiconvai.serve.spool import Spool
from aiconvai.serve.told import Told


class Taker:
    """A sink that is down at times."""

    name = "taker"

    def __init__(self) -> None:
        self.is_down = False
        self.taken: list[Told] = []
        self.tries = 0

    async def take(self, batch: Sequence[Told]) -> None:
        self.tries += 1
        if self.is_down:
            raise OSError("gone")
        self.taken += batch

    @property
    def texts(self) -> list[str]:
        return [told.event.text for told in self.taken if isinstance(told.event, Transcript)]


def numbers(count: int, begin: int = 0) -> list[str]:
    return [str(number) for number in range(begin, begin + count)]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._WAIT, "initial", 0.01)
    monkeypatch.setattr(module._WAIT, "max", 0.05)
    monkeypatch.setattr(module, "STOP_SECONDS", 0.5)


async def test_all_of_them_get_all_of_it_in_its_order() -> None:
    hub, takers = Hub(), [Taker(), Taker()]
    for taker in takers:
        hub.add(taker)
    at_once: list[Told] = []
    hub.add_at_once(at_once.append)
    for text in numbers(1000):
        hub.publish(said(text))
    assert len(at_once) == 1000
    await hub.stop()
    assert all(taker.texts == numbers(1000) for taker in takers)


@pytest.mark.fault("beside.sink-down")
async def test_one_that_is_down_holds_up_no_other_and_catches_up(tmp_path: Path) -> None:
    hub, down, well = Hub(), Taker(), Taker()
    down.is_down = True
    queue = hub.add(down, Spool(tmp_path / "waiting.db", 1 << 20))
    hub.add(well)
    for text in numbers(500):
        hub.publish(said(text))
    await until(lambda: len(well.taken) == 500 and down.tries > 2)
    assert queue.problem == "OSError: gone"
    assert queue.waiting == 500
    for text in numbers(500, 500):
        hub.publish(said(text))
    down.is_down = False
    # The disk has nothing more a moment before the sink is known to be well.
    await until(lambda: queue.waiting == 0 and not queue.problem)
    assert down.texts == numbers(1000)
    assert queue.lost == 0
    await hub.stop()


async def test_what_waits_when_all_of_it_ends_is_there_the_next_time(tmp_path: Path) -> None:
    taker = Taker()
    taker.is_down = True
    hub = Hub()
    hub.add(taker, Spool(tmp_path / "waiting.db", 1 << 20))
    for text in numbers(300):
        hub.publish(said(text))
    await hub.stop()
    taker.is_down = False
    hub = Hub()
    hub.add(taker, Spool(tmp_path / "waiting.db", 1 << 20))
    hub.publish(said("300"))
    await until(lambda: len(taker.taken) == 301)
    assert taker.texts == numbers(301)
    await hub.stop()


async def test_without_a_spool_the_oldest_is_lost_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_LENGTH", 100)
    hub, taker = Hub(), Taker()
    taker.is_down = True
    queue = hub.add(taker)
    for text in numbers(150):
        hub.publish(said(text))
    await until(lambda: taker.tries > 1)
    assert queue.lost == 50
    taker.is_down = False
    await until(lambda: len(taker.taken) == 100)
    assert taker.texts == numbers(100, 50)
    await hub.stop()


async def test_a_spool_has_a_bound_and_what_is_beyond_is_counted(tmp_path: Path) -> None:
    hub, taker = Hub(), Taker()
    taker.is_down = True
    queue = hub.add(taker, Spool(tmp_path / "waiting.db", 10_000))
    for text in numbers(1000):
        hub.publish(said(text))
    await until(lambda: taker.tries > 1 and queue.lost > 0 and queue.waiting + queue.lost == 1000)
    assert 20 < queue.waiting < 100
    await hub.stop()


@pytest.mark.fault("beside.sink-down")
async def test_a_disk_that_takes_nothing_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, taker = Hub(), Taker()
    taker.is_down = True
    spool = Spool(tmp_path / "waiting.db", 1 << 20)

    def full(_texts: Sequence[str]) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(spool, "put", full)
    hub.add(taker, spool)
    for text in numbers(100):
        hub.publish(said(text))
    await until(lambda: taker.tries > 3)
    taker.is_down = False
    await until(lambda: len(taker.taken) == 100)
    assert taker.texts == numbers(100)
    await hub.stop()


async def test_the_end_of_a_call_is_told_once_whoever_tells_it() -> None:
    hub, taker = Hub(), Taker()
    hub.add(taker)
    for record in ("1.1", "1.2", "1.1"):
        hub.publish(an_end(record))
    await hub.stop()
    assert [told.event.record for told in taker.taken] == ["1.1", "1.2"]


def test_a_spool_is_first_in_first_out_and_survives(tmp_path: Path) -> None:
    path = tmp_path / "waiting.db"
    with Spool(path, 1000) as spool:
        assert spool.put(["a", "b", "c"]) == 0
        texts, mark = spool.first(2)
        assert texts == ["a", "b"]
        assert spool.first(2)[0] == ["a", "b"]
        spool.drop(mark)
        assert len(spool) == 1
    with Spool(path, 1000) as spool:
        assert len(spool) == 1
        assert spool.put(["d" * 999, "e"]) == 1
        assert spool.first(10)[0] == ["c", "d" * 999]
