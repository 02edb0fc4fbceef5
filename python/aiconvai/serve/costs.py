"""What calls cost, by the prices in serve.toml; and agents that have cost enough for today.

An agent whose limit of a day is reached takes no new calls (the action AIConvAICloseAgent): they go on in the dialplan
as BUSY, with the reason. Calls that go on are let be, so that it may become a little more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from aiconvai.serve.live import LiveCall
from aiconvai.serve.manager import Act, ManagerError
from aiconvai.serve.settings import AgentSettings

LOOK_SECONDS = 10.0
"""Between two looks at what agents have cost today."""
CLOSED_SECONDS = 30
"""It is said again while it is so; when nobody says it any more the agent takes calls."""
_SECONDS_A_MINUTE = 60.0
_MILLION = 1e6

_log = logging.getLogger(__name__)

Span = tuple[str, float]
"""An agent, and for how many seconds it had a call."""


class Prices:
    """Of the agents in serve.toml."""

    def __init__(self, agents: Mapping[str, AgentSettings]) -> None:
        self._agents = agents

    def cost(self, spans: Sequence[Span], input_tokens: int = 0, output_tokens: int = 0) -> float | None:
        """Of a call that these agents had, one after the other; tokens are the last one's. None: none has a price."""
        prices = [(self._agents.get(agent), seconds) for agent, seconds in spans]
        known = [(one, seconds) for one, seconds in prices if one is not None and one.has_price]
        if not known:
            return None
        cost = sum(one.price_call + one.price_minute * seconds / _SECONDS_A_MINUTE for one, seconds in known)
        if (last := prices[-1][0]) is not None:
            tokens = input_tokens * last.price_million_input_tokens + output_tokens * last.price_million_output_tokens
            cost += tokens / _MILLION
        return cost


class Ledger(Protocol):
    """Knows what was paid."""

    async def spent(self, agent: str, since: float) -> float:
        """For calls of that agent that began since."""


class DailyLimits:
    """Of agents that have one. One event loop's."""

    def __init__(
        self,
        agents: Mapping[str, AgentSettings],
        currency: str,
        ledger: Ledger,
        going_on: Callable[[], Iterable[LiveCall]],
        asterisks: Callable[[], Iterable[str]],
        act: Act,
    ) -> None:
        """`asterisks`: the names of those that can be asked now."""
        self.reached: dict[str, str] = {}
        """Agents that have cost enough for today, and a sentence about it."""
        self._limits = {name: one.daily_limit for name, one in agents.items() if one.daily_limit is not None}
        self._prices = Prices(agents)
        self._currency = currency
        self._ledger = ledger
        self._going_on = going_on
        self._asterisks = asterisks
        self._act = act

    async def run(self) -> None:
        """Does not return, unless there is no limit."""
        while self._limits:
            try:
                await self.look(time.time())
            except Exception as error:  # Whatever a database has for it: the next time.
                _log.warning("what agents have cost today is not known: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, now: float) -> None:
        """Closes those that have reached their limit. Raises what a database raises."""
        try:
            for agent, limit in self._limits.items():
                await self._look_at(agent, limit, now)
        finally:
            # Also while it is not known any better.
            await asyncio.gather(
                *(self._close(one, agent, why) for one in self._asterisks() for agent, why in self.reached.items())
            )

    async def _look_at(self, agent: str, limit: float, now: float) -> None:
        spent = await self._ledger.spent(agent, _midnight(now)) + self._running(agent, now)
        if spent < limit:
            self.reached.pop(agent, None)
            return
        reason = f"the limit of a day, {limit:g} {self._currency}, is reached"
        if agent not in self.reached:
            _log.warning("agent %s: %s: it takes no new calls", agent, reason)
        self.reached[agent] = reason

    def _running(self, agent: str, now: float) -> float:
        """What calls that go on have cost so far."""
        seconds = (max(0.0, now - call.started) for call in self._going_on() if call.agent == agent)
        return sum(self._prices.cost([(agent, one)]) or 0.0 for one in seconds)

    async def _close(self, asterisk: str, agent: str, reason: str) -> None:
        try:
            await self._act(
                asterisk, "AIConvAICloseAgent", Agent=agent, Seconds=str(CLOSED_SECONDS), Reason=reason
            )
        except ManagerError as error:
            # Not every Asterisk has every agent.
            _log.debug("%s: agent %s is not closed: %s", asterisk, agent, error)


def _midnight(now: float) -> float:
    """The last one, by this machine's clock."""
    return datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
