"""Calls of tools that name what runs them (`Runner` in AIConvAIToolCall) are run, and the agent is told the answer.

Each call is a task of its own with a time limit, the module's: a slow tool holds up nobody. What was told before this
program was there is not run: whoever was there may have.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from aiconvai.serve.events import ToolCall, ToolCancelled
from aiconvai.serve.live import LiveCall
from aiconvai.serve.manager import Act, ManagerError, text_lines, whole_characters
from aiconvai.serve.tasks import cancel_all
from aiconvai.serve.told import Told
from aiconvai.serve.tools.tool import CallFacts, ToolError, ToolRequest, ToolRunner

RUNS_AT_ONCE = 500
LONGEST_RESULT = 20_000
"""Characters that an agent is told; the manager takes a text in so many lines (manager.py)."""
EARLIER_SECONDS = 0.2
"""Than the module says that the tool did not answer, so that the agent is told why."""

_log = logging.getLogger(__name__)


class ToolRuns:
    """All that run. One event loop's."""

    def __init__(
        self,
        runners: Mapping[str, ToolRunner],
        facts_of: Callable[[Told], CallFacts],
        act: Act,
    ) -> None:
        """`runners`: by what a tool's place begins with, up to its colon."""
        self.answered = 0
        self.failed = 0
        """Of which the agent was told that it failed."""
        self._runners = runners
        self._facts_of = facts_of
        self._act = act
        self._running: dict[tuple[str, str, str], asyncio.Task[None]] = {}

    def take(self, told: Told) -> None:
        """Of an event as it comes, with nothing taken out of it."""
        match told.event:
            case ToolCall(place=place) as event if place and not told.is_replayed:
                self._begin(told, event)
            case ToolCancelled() as event:
                if (task := self._running.get((*told.call, event.id))) is not None:
                    task.cancel()
            case _:
                pass

    async def stop(self) -> None:
        """Nobody is told any more."""
        await cancel_all(self._running.values())

    def _begin(self, told: Told, event: ToolCall) -> None:
        key = (*told.call, event.id)
        if key in self._running:
            return
        has_room = len(self._running) < RUNS_AT_ONCE
        task = asyncio.create_task(self._run(told, event, has_room=has_room), name=f"tool {event.name}")
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))

    async def _run(self, told: Told, event: ToolCall, *, has_room: bool) -> None:
        call = self._facts_of(told)
        try:
            if not has_room:
                raise ToolError("Too many tools run at once. Try again later.")
            result, is_error = await self._answer(event, call), False
        except ToolError as error:
            result, is_error = str(error), True
            _log.warning("%s: tool %s (%s): %s", call.unique_id, event.name, event.place, error)
        await self._tell(event, call, result, is_error=is_error)

    async def _answer(self, event: ToolCall, call: CallFacts) -> str:
        runner = self._runners.get(event.place.partition(":")[0])
        if runner is None:
            raise ToolError(f"Nobody here runs {event.place}.")
        seconds = max(0.05, event.timeout_ms / 1000 - EARLIER_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                # A pattern may take as long as it likes.
                arguments = await asyncio.to_thread(_judge_arguments, event)
                return await runner.run(ToolRequest(event.id, event.name, event.place, arguments, call))
        except TimeoutError:
            raise ToolError(f"The tool did not answer within {seconds:g} s.") from None
        except ToolError:
            raise
        except Exception as error:
            # A mistake in a runner is not to leave an agent without an answer.
            _log.exception("tool %s (%s)", event.name, event.place)
            raise ToolError("The tool failed.") from error

    async def _tell(self, event: ToolCall, call: CallFacts, result: str, *, is_error: bool) -> None:
        lines = text_lines(_bounded(result)) or ["(nothing)"]
        headers = {"Channel": call.unique_id or call.channel, "ToolCallID": event.id, "Result": lines}
        try:
            await self._act(call.asterisk, "AIConvAIToolResult", **headers, IsError="yes" if is_error else "no")
        except ManagerError as error:
            _log.warning("%s: the agent was not told what tool %s answered: %s", call.unique_id, event.name, error)
        else:
            self.failed += is_error
            self.answered += not is_error


def facts_of(told: Told, known: LiveCall | None) -> CallFacts:
    """In which call it happened; `known`: as far as that is."""
    event = told.event
    # Managers are told of the channel with every event.
    headers: dict[str, Any] = event.model_extra or {}
    return CallFacts(
        told.asterisk,
        event.record,
        event.agent,
        event.conversation_id,
        headers.get("Uniqueid") or (known.unique_id if known else ""),
        headers.get("Channel") or (known.channel if known else ""),
        headers.get("CallerIDNum") or (known.caller_number if known else ""),
        headers.get("CallerIDName") or (known.caller_name if known else ""),
        headers.get("Exten") or (known.extension if known else ""),
    )


def _judge_arguments(event: ToolCall) -> dict[str, Any]:
    """In a thread. Raises `ToolError`."""
    # Whose library takes long to load: with the first tool that is called, and not before a program is there.
    from aiconvai.serve.tools.arguments import checked_arguments

    return checked_arguments(event.parameters, event.schema_text)


def _bounded(text: str) -> str:
    text = whole_characters(text)
    if len(text) <= LONGEST_RESULT:
        return text
    return f"{text[:LONGEST_RESULT]} (The rest, {len(text) - LONGEST_RESULT} characters, is left out.)"
