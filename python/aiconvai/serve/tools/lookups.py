"""Who is calling? What is known of the caller is found before the agent is called, and told as variables.

What runs a lookup is what runs a tool (`lookup = https://URL`, `mcp:SERVER/TOOL`, `python:MODULE.FUNCTION`); its answer
is a JSON object. Where an agent is to remember its callers, `caller_memory` is one of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from aiconvai.serve.events import Ended, Lookup
from aiconvai.serve.manager import Act, ManagerError, whole_characters
from aiconvai.serve.tasks import cancel_all
from aiconvai.serve.told import Told
from aiconvai.serve.tools.tool import CallFacts, ToolError, ToolRequest, ToolRunner

LOOKUPS_AT_ONCE = 500
EARLIER_SECONDS = 0.02
"""Than the agent does without."""
MOST_VARIABLES = 60
LONGEST_VALUE = 8_000
"""Characters."""
MOST_BYTES = 40_000
"""Of all variables, and more than there are headers for in a message (manager.py)."""
MOST_LINES = 60
MEMORY = "caller_memory"

_log = logging.getLogger(__name__)


class Lookups:
    """All that go on. One event loop's."""

    def __init__(
        self,
        runners: Mapping[str, ToolRunner],
        facts_of: Callable[[Told], CallFacts],
        recalling: Callable[[tuple[str, str]], asyncio.Task[str] | None],
        act: Act,
    ) -> None:
        """`runners`: by what a place begins with, up to its colon. `recalling`: what was said before, if wanted."""
        self.answered = 0
        self.failed = 0
        """Of which nothing was found in time."""
        self._runners = runners
        self._facts_of = facts_of
        self._recalling = recalling
        self._act = act
        self._going_on: dict[tuple[str, str], asyncio.Task[None]] = {}

    def take(self, told: Told) -> None:
        """Of an event as it comes, with nothing taken out of it."""
        match told.event:
            case Lookup() as event if not told.is_replayed and len(self._going_on) < LOOKUPS_AT_ONCE:
                task = asyncio.create_task(self._look_up(told, event), name="lookup")
                self._going_on[told.call] = task
                task.add_done_callback(lambda _: self._going_on.pop(told.call, None))
            case Ended():
                if (going_on := self._going_on.get(told.call)) is not None:
                    going_on.cancel()
            case _:
                pass

    async def stop(self) -> None:
        """Nobody is told any more."""
        await cancel_all(self._going_on.values())

    async def _look_up(self, told: Told, event: Lookup) -> None:
        recalling = self._recalling(told.call)
        if not event.place and recalling is None:
            # Somebody else's.
            return
        call = self._facts_of(told)
        seconds = max(0.01, event.timeout_ms / 1000 - EARLIER_SECONDS)
        found, recalled = await asyncio.gather(self._found(event.place, call, seconds), _recalled(recalling, seconds))
        if recalling is not None:
            # Also where nothing was said: a placeholder without a value is read out.
            found[MEMORY] = recalled
        lines = list(_lines(found))
        if not _fit(lines):
            _log.warning("%s: the lookup has found too much; expected at most %d lines and %d bytes", call.unique_id,
                         MOST_LINES, MOST_BYTES)  # fmt: skip
            while not _fit(lines):
                lines.pop()
        try:
            await self._act(call.asterisk, "AIConvAIVariables", Channel=call.unique_id or call.channel, Variable=lines)
        except ManagerError as error:
            _log.warning("%s: the agent was not told who is calling: %s", call.unique_id, error)
        else:
            self.answered += 1

    async def _found(self, place: str, call: CallFacts, seconds: float) -> dict[str, str]:
        """Empty where nothing was."""
        if not place:
            return {}
        try:
            runner = self._runners.get(place.partition(":")[0])
            if runner is None:
                raise ToolError(f"nobody here runs {place}")
            async with asyncio.timeout(seconds):
                return variables(await runner.run(ToolRequest("lookup", "lookup", place, {}, call)))
        except TimeoutError:
            problem = f"no answer within {seconds:g} s"
        except ToolError as error:
            problem = str(error)
        self.failed += 1
        _log.warning("%s: lookup %s: %s", call.unique_id, place, problem)
        return {}


def variables(answer: str) -> dict[str, str]:
    """What an answer says: texts as they are, anything else as JSON. Raises `ToolError`."""
    try:
        given = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"expected a JSON object: {error}") from error
    if not isinstance(given, dict):
        raise ToolError(f"expected a JSON object, got {answer[:100]!r}")
    if len(given) > MOST_VARIABLES:
        raise ToolError(f"expected at most {MOST_VARIABLES} variables, got {len(given)}")
    return {
        _name(name): value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
        for name, value in given.items()
    }


def _name(name: str) -> str:
    if not name.isidentifier():
        raise ToolError(f"{name[:60]!r} is no name of a variable")
    return name


def _lines(found: Mapping[str, str]) -> Iterator[str]:
    """As the manager takes them: lines of one name after each other are those of its value."""
    for name, value in found.items():
        for line in whole_characters(value)[:LONGEST_VALUE].splitlines() or [""]:
            yield f"{name}={line}"


def _fit(lines: Sequence[str]) -> bool:
    return len(lines) <= MOST_LINES and sum(len(line.encode()) for line in lines) <= MOST_BYTES


async def _recalled(recalling: asyncio.Task[str] | None, seconds: float) -> str:
    if recalling is None:
        return ""
    try:
        return await asyncio.wait_for(recalling, seconds)
    except TimeoutError:
        _log.warning("what a caller said before was not found within %g s", seconds)
    except Exception as error:  # Whatever a database has for it.
        _log.warning("what a caller said before was not found: %s", error)
    return ""
