"""Callers are known."""

from __future__ import annotations

import asyncio

import pytest
from serve_events import a_start, again, an_end, said, told, until

from aiconvai.serve import caller_memory as module
from aiconvai.serve.caller_memory import LONGEST_TEXT, CallerMemory, written
from aiconvai.serve.manager import Headers, ManagerError
from aiconvai.serve.settings import AgentSettings
from aiconvai.serve.store.store import SaidBefore, Store
from aiconvai.serve.told import Told


class Asterisk:
    """Does what it is asked, unless it is gone."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, object]]] = []
        self.is_gone = False

    async def act(self, asterisk: str, name: str, /, **headers: object) -> Headers:
        if self.is_gone:
            raise ManagerError("gone")
        self.asked.append((asterisk, name, headers))
        return {}


async def keep(store: Store, *events: Told) -> None:
    await store.keep("pbx", [one.event for one in events])


def a_memory(store: Store, asterisk: Asterisk, turns: int = 20) -> CallerMemory:
    agents = {"sales": AgentSettings(remember="caller", remember_turns=turns)}
    return CallerMemory(store, agents, asterisk.act)


async def found(memory: CallerMemory) -> None:
    """What is looked for is, as it is long before a service is there."""
    await until(lambda: all(recalling.done() for _, recalling in memory._begun.values()))


def text_told(asterisk: Asterisk) -> list[str]:
    (asked,) = asterisk.asked
    lines = asked[2]["Text"]
    assert isinstance(lines, list)
    return lines


async def test_what_was_said_before_is_told_as_the_service_is_there(store: Store) -> None:
    await keep(store, a_start("1.1"), said("Where is it?", "1.1"), said("In Brno.", "1.1", "agent", 2), an_end("1.1"))
    await keep(store, a_start("1.2", CallerIDNum="+420999"), said("Somebody else", "1.2"))
    await keep(store, a_start("1.3"), said("Me again", "1.3"), an_end("1.3"))
    asterisk = Asterisk()
    memory = a_memory(store, asterisk)
    memory.take(a_start("1.4", Uniqueid="9.4"))
    await found(memory)
    assert asterisk.asked == []
    memory.take(told("Ready", "1.4", ReadyMs="100"))
    await until(lambda: memory.told == 1)
    assert asterisk.asked[0][:2] == ("pbx", "AIConvAIContext")
    assert asterisk.asked[0][2]["Channel"] == "9.4"
    heading, first, *lines = text_told(asterisk)
    assert "earlier calls" in heading
    assert first.startswith("1970-01-01 00:")
    assert [line for line in lines if not line.startswith("1970")] == [
        "Caller: Where is it?", "Agent: In Brno.", "Caller: Me again",
    ]  # fmt: skip


async def test_only_the_last_turns_are(store: Store) -> None:
    await keep(store, a_start("1.1"), *(said(str(number), "1.1", turn=number) for number in range(50)))
    asterisk = Asterisk()
    memory = a_memory(store, asterisk, turns=3)
    memory.take(a_start("1.2"))
    await found(memory)
    memory.take(told("Ready", "1.2", ReadyMs="1"))
    await until(lambda: memory.told == 1)
    assert text_told(asterisk)[2:] == ["Caller: 47", "Caller: 48", "Caller: 49"]


@pytest.mark.parametrize(
    "start", [a_start("1.2", Agent="support"), a_start("1.2", CallerIDNum=""), again(a_start("1.2"))]
)
async def test_nobody_is_told_who_is_not_to_be(store: Store, start: Told) -> None:
    await keep(store, a_start("1.1"), said("Hello", "1.1"))
    asterisk = Asterisk()
    memory = a_memory(store, asterisk)
    memory.take(start)
    memory.take(told("Ready", "1.2", ReadyMs="1"))
    await asyncio.sleep(0.1)
    assert asterisk.asked == []


async def test_what_is_not_found_in_time_is_not_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_SECONDS", 0.01)

    async def slow(*_: object, **__: object) -> list[SaidBefore]:
        await asyncio.sleep(5)
        return []

    monkeypatch.setattr(store, "said_before", slow)
    asterisk = Asterisk()
    memory = a_memory(store, asterisk)
    memory.take(a_start("1.1"))
    memory.take(told("Ready", "1.1", ReadyMs="1"))
    await until(lambda: memory.late == 1)
    assert asterisk.asked == []


async def test_a_call_that_ends_before_it_begins_leaves_nothing(store: Store) -> None:
    memory = a_memory(store, Asterisk())
    memory.take(a_start("1.1"))
    memory.take(an_end("1.1"))
    assert len(memory._begun) == 0


async def test_an_asterisk_that_is_gone_changes_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await keep(store, a_start("1.1"), said("Hello", "1.1"))
    asterisk = Asterisk()
    asterisk.is_gone = True
    memory = a_memory(store, asterisk)
    memory.take(a_start("1.2"))
    await found(memory)
    memory.take(told("Ready", "1.2", ReadyMs="1"))
    await until(lambda: "was not told what this caller said before: gone" in caplog.text)
    assert memory.told == 0


def test_a_text_has_a_bound_and_the_oldest_is_left_out() -> None:
    text = written([SaidBefore(float(number), "caller", f"{number} " + "x" * 500) for number in range(100)])
    assert len(text) < LONGEST_TEXT + 1000
    assert "Caller: 99 x" in text
    assert "Caller: 1 x" not in text
    assert written([]) == ""
