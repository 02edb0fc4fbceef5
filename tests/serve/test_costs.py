"""Agents that have cost enough for today take no new calls."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import ValidationError

from aiconvai.serve import costs as module
from aiconvai.serve.costs import DailyLimits, Prices
from aiconvai.serve.live import LiveCall
from aiconvai.serve.manager import Headers, ManagerError
from aiconvai.serve.settings import AgentSettings

AGENTS = {
    "sales": AgentSettings(price_minute=0.6, daily_limit=10.0),
    "support": AgentSettings(price_minute=0.6),
    "free": AgentSettings(),
}


class Day:
    """What was spent, who calls, and what Asterisks were told."""

    def __init__(self) -> None:
        self.amount = 0.0
        self.since = 0.0
        self.calls: list[LiveCall] = []
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    async def spent(self, agent: str, since: float) -> float:
        assert agent == "sales"
        self.since = since
        return self.amount

    async def act(self, asterisk: str, name: str, /, **headers: Any) -> Headers:
        self.asked.append((asterisk, name, headers))
        if asterisk == "other":
            raise ManagerError("No agent of that name is configured")
        return {}

    def limits(self) -> DailyLimits:
        return DailyLimits(AGENTS, "EUR", self, lambda: self.calls, lambda: ["pbx", "other"], self.act)


async def test_an_agent_that_has_reached_its_limit_is_closed_while_it_is_so() -> None:
    day = Day()
    limits = day.limits()
    now = time.time()
    day.amount = 9.99
    await limits.look(now)
    assert (day.asked, limits.reached) == ([], {})
    assert 0 <= now - day.since < 25 * 3600
    assert time.localtime(day.since)[3:6] == (0, 0, 0)
    day.amount = 10.0
    for _ in range(2):
        await limits.look(now)
    reason = "the limit of a day, 10 EUR, is reached"
    headers = {"Agent": "sales", "Seconds": "30", "Reason": reason}
    assert day.asked == [(name, "AIConvAICloseAgent", headers) for name in ("pbx", "other")] * 2
    assert limits.reached == {"sales": reason}
    day.amount = 0.0
    await limits.look(now)
    assert (len(day.asked), limits.reached) == (4, {}), "nobody says it any more"
    assert module.CLOSED_SECONDS > 2 * module.LOOK_SECONDS


async def test_calls_that_go_on_count() -> None:
    day = Day()
    day.amount = 9.0
    now = time.time()
    day.calls = [LiveCall("pbx", "1.1", now - 60.0, "sales"), LiveCall("pbx", "1.2", now - 6000.0, "support")]
    limits = day.limits()
    await limits.look(now)
    assert limits.reached == {}
    await limits.look(now + 41.0)
    assert "sales" in limits.reached


async def test_without_a_limit_nobody_looks() -> None:
    day = Day()
    limits = DailyLimits({"free": AgentSettings()}, "EUR", day, list, list, day.act)
    await limits.run()


def test_prices_of_agents_that_are_not_known_are_none() -> None:
    prices = Prices(AGENTS)
    assert prices.cost([("free", 60.0)]) is prices.cost([("nobody", 60.0)]) is None
    assert prices.cost([("nobody", 60.0), ("sales", 60.0)], 1_000_000) == pytest.approx(0.6)


def test_a_limit_needs_a_price() -> None:
    with pytest.raises(ValidationError, match="expected a price beside it"):
        AgentSettings(daily_limit=5.0)


async def test_an_agent_stays_closed_while_nobody_knows_better(monkeypatch: pytest.MonkeyPatch) -> None:
    day = Day()
    limits = day.limits()
    day.amount = 10.0
    await limits.look(time.time())

    async def fail(*_: object) -> float:
        raise OSError("the database is down")

    monkeypatch.setattr(day, "spent", fail)
    with pytest.raises(OSError, match="the database is down"):
        await limits.look(time.time())
    assert [asterisk for asterisk, _, _ in day.asked] == ["pbx", "other"] * 2
