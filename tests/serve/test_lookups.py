"""Who is calling is found before the agent is called, within its time, whatever does not answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from serve_events import a_start, again, an_end, said, told, until

from aiconvai.serve.caller_memory import CallerMemory
from aiconvai.serve.live import LiveCalls
from aiconvai.serve.manager import Headers
from aiconvai.serve.settings import AgentSettings
from aiconvai.serve.store.store import Store
from aiconvai.serve.told import Told
from aiconvai.serve.tools.lookups import MOST_LINES, Lookups, variables
from aiconvai.serve.tools.tool import ToolError, ToolRequest
from aiconvai.serve.tools.tool_runs import facts_of


class Asterisk:
    """What it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def act(self, _: str, name: str, /, **headers: Any) -> Headers:
        self.told.append((name, headers))
        return {}

    def variables(self) -> dict[str, str]:
        ((name, headers),) = self.told
        assert name == "AIConvAIVariables"
        found: dict[str, str] = {}
        for line in headers["Variable"]:
            key, _, value = line.partition("=")
            found[key] = f"{found[key]}\n{value}" if key in found else value
        return found


class Runner:
    """Answers with what a function has for it."""

    def __init__(self, answer: Callable[[ToolRequest], Any]) -> None:
        self._answer = answer

    async def run(self, request: ToolRequest) -> str:
        result = self._answer(request)
        return str(await result if asyncio.iscoroutine(result) else result)


@pytest.fixture
def asterisk() -> Asterisk:
    return Asterisk()


def some_lookups(
    asterisk: Asterisk, answer: Callable[[ToolRequest], Any], memory: CallerMemory | None = None
) -> Lookups:
    live = LiveCalls()
    live.take(a_start("1.1", Uniqueid="9.1"))
    recalling = memory.recalling if memory is not None else lambda _: None
    runners = {"test": Runner(answer)}
    return Lookups(runners, lambda one: facts_of(one, live.calls.get(one.call)), recalling, asterisk.act)


def a_lookup(place: str = "test:x", timeout: int = 5000) -> Told:
    return told("Lookup", "1.1", TimeoutMs=str(timeout), **({"Runner": place} if place else {}))


async def test_what_is_found_is_told(asterisk: Asterisk) -> None:
    lookups = some_lookups(asterisk, lambda request: json.dumps({"name": "Ada", "of": request.call.caller_number}))
    lookups.take(a_lookup())
    await until(lambda: lookups.answered == 1)
    assert asterisk.variables() == {"name": "Ada", "of": "+420123"}
    assert asterisk.told[0][1]["Channel"] == "9.1"


async def test_what_is_not_for_us_is_let_be(asterisk: Asterisk) -> None:
    lookups = some_lookups(asterisk, lambda _: "{}")
    lookups.take(a_lookup(place=""))
    lookups.take(again(a_lookup()))
    await asyncio.sleep(0.05)
    assert asterisk.told == []


def fail(_: ToolRequest) -> str:
    raise ToolError("the shop is closed")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (fail, "the shop is closed"),
        (lambda _: "no JSON", "expected a JSON object"),
        (lambda _: "[1]", "expected a JSON object, got '.1.'"),
        (lambda _: '{"a b": 1}', "is no name of a variable"),
        (lambda _: asyncio.sleep(5), "no answer within 0.08 s"),
    ],
)
@pytest.mark.fault("beside.lookup-dead")
async def test_an_agent_does_not_wait_for_what_cannot_be_found(
    asterisk: Asterisk, answer: Callable[[ToolRequest], Any], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    lookups = some_lookups(asterisk, answer)
    lookups.take(a_lookup(timeout=100))
    await until(lambda: lookups.answered == 1)
    assert asterisk.variables() == {}
    assert lookups.failed == 1
    assert problem.replace(".1.", "[1]") in caplog.text


def test_values_are_texts() -> None:
    given = '{"a": "x", "b": 7, "c": null, "d": {"e": [1]}}'
    assert variables(given) == {"a": "x", "b": "7", "c": "", "d": '{"e": [1]}'}
    with pytest.raises(ToolError, match="at most 60 variables"):
        variables(json.dumps({f"v{number}": 1 for number in range(61)}))


async def test_long_values_have_lines_and_an_end(asterisk: Asterisk) -> None:
    lookups = some_lookups(asterisk, lambda _: json.dumps({"a": "word " * 1000, "b": "line\n" * 500}))
    lookups.take(a_lookup())
    await until(lambda: lookups.answered == 1)
    assert len(asterisk.told[0][1]["Variable"]) == MOST_LINES
    assert asterisk.variables()["a"] == "word " * 1000


async def test_what_was_said_before_is_a_variable(asterisk: Asterisk, store: Store) -> None:
    await store.keep("pbx", [one.event for one in (a_start("0.1"), said("Where is it?", "0.1"), an_end("0.1"))])
    memory = CallerMemory(store, {"sales": AgentSettings(remember="caller")}, asterisk.act)
    lookups = some_lookups(asterisk, lambda _: "{}", memory)
    memory.take(a_start("1.1"))
    lookups.take(a_lookup(place=""))
    await until(lambda: lookups.answered == 1)
    assert "Caller: Where is it?" in asterisk.variables()["caller_memory"]
    memory.take(told("Ready", "1.1", ReadyMs="1"))
    await asyncio.sleep(0.1)
    assert len(asterisk.told) == 1, "it is not told twice"


async def test_who_has_never_called_has_no_memory(asterisk: Asterisk, store: Store) -> None:
    memory = CallerMemory(store, {"sales": AgentSettings(remember="caller")}, asterisk.act)
    lookups = some_lookups(asterisk, lambda _: '{"name": "Ada"}', memory)
    memory.take(a_start("1.1"))
    lookups.take(a_lookup())
    await until(lambda: lookups.answered == 1)
    assert asterisk.variables() == {"name": "Ada", "caller_memory": ""}


async def test_a_call_that_is_over_is_told_nothing(asterisk: Asterisk) -> None:
    lookups = some_lookups(asterisk, lambda _: asyncio.sleep(5))
    lookups.take(a_lookup(timeout=5000))
    await asyncio.sleep(0.02)
    lookups.take(an_end("1.1"))
    await until(lambda: not lookups._going_on)
    assert asterisk.told == []
    lookups.take(a_lookup(timeout=5000))
    await lookups.stop()
    assert not lookups._going_on
