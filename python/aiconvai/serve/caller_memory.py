"""Callers are known: what was said in a number's earlier calls is told to the agent as a call begins.

It is looked for as soon as the call is there, and told as soon as the service is. What is not found by then, and 50 ms
after, is not told: the agent has begun to speak. Agents that have a lookup get it with what that finds (lookups.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from aiconvai.serve.events import Ended, Ready, Started
from aiconvai.serve.manager import Act, ManagerError, text_lines
from aiconvai.serve.settings import AgentSettings
from aiconvai.serve.store.store import SaidBefore, Store
from aiconvai.serve.tasks import spawn
from aiconvai.serve.told import Told

LATE_SECONDS = 0.05
CALLS_AT_ONCE = 1_000
"""That begin; of more nothing is looked for."""
LONGEST_TEXT = 8_000
"""Characters; what is older is left out."""
_HEADING = "What was said in earlier calls from this caller's number, the latest last:"

_log = logging.getLogger(__name__)


class CallerMemory:
    """Of the agents that are to have it. One event loop's."""

    def __init__(self, store: Store, agents: Mapping[str, AgentSettings], act: Act) -> None:
        """`act`: takes an Asterisk's name, an action's, and its headers. May raise `ManagerError`."""
        self.told = 0
        """Calls whose agent was told something."""
        self.late = 0
        """Calls for which it came too late."""
        self._store = store
        self._agents = agents
        self._act = act
        self._begun: OrderedDict[tuple[str, str], tuple[str, asyncio.Task[str]]] = OrderedDict()
        self._telling: set[asyncio.Task[None]] = set()

    def take(self, told: Told) -> None:
        """Of an event as it comes."""
        if told.is_replayed:
            return
        match told.event:
            case Started() as start:
                agent = self._agents.get(start.agent)
                if agent is not None and agent.remember == "caller" and start.caller_number:
                    self._begin(told, start, agent)
            case Ready():
                if (begun := self._begun.pop(told.call, None)) is not None:
                    spawn(self._telling, self._tell(told.asterisk, *begun), "caller memory")
            case Ended():
                if (begun := self._begun.pop(told.call, None)) is not None:
                    begun[1].cancel()
            case _:
                pass

    def _begin(self, told: Told, start: Started, agent: AgentSettings) -> None:
        if len(self._begun) < CALLS_AT_ONCE:
            task = asyncio.create_task(self._recall(start.caller_number, start.time, agent))
            self._begun[told.call] = start.unique_id, task

    def recalling(self, call: tuple[str, str]) -> asyncio.Task[str] | None:
        """What is looked for, for a lookup that tells it: it is not told otherwise. None: nothing is."""
        begun = self._begun.pop(call, None)
        return begun[1] if begun is not None else None

    async def _recall(self, number: str, before: float, agent: AgentSettings) -> str:
        """Empty where nothing was said."""
        said = await self._store.said_before(
            number, before, agent.remember_turns, with_summaries=agent.remember_summaries
        )
        return written(said)

    async def _tell(self, asterisk: str, unique_id: str, recalling: asyncio.Task[str]) -> None:
        try:
            text = await asyncio.wait_for(recalling, LATE_SECONDS)
            if text:
                await self._act(asterisk, "AIConvAIContext", Channel=unique_id, Text=text_lines(text))
                self.told += 1
        except TimeoutError:
            self.late += 1
            _log.warning("%s: what this caller said before was not found within %g s", unique_id, LATE_SECONDS)
        except ManagerError as error:
            _log.warning("%s: the agent was not told what this caller said before: %s", unique_id, error)
        except Exception as error:  # Whatever a database has for it: the call goes on without.
            _log.warning("%s: what this caller said before was not found: %s", unique_id, error)


def written(said: Sequence[SaidBefore]) -> str:
    """For an agent; `said` is in its order. The oldest is left out where it is too much."""
    lines: list[str] = []
    length, call = len(_HEADING), None
    for one in reversed(said):
        line = f"{one.role.capitalize()}: {one.text}"
        length += len(line) + 1
        if length > LONGEST_TEXT:
            break
        if call is not None and one.call != call:
            lines.append(_day(call))
        call = one.call
        lines.append(line)
    if call is not None:
        lines.append(_day(call))
    return "\n".join([_HEADING, *reversed(lines)]) if lines else ""


def _day(started: float) -> str:
    return datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d %H:%M UTC:")
