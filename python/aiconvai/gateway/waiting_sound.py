"""What a caller hears while the agent makes it wait: while a tool runs (`tool_wait_sound`), and where an answer takes
long (`thinking_sound`). One event loop's.
"""

from __future__ import annotations

import asyncio

from aiconvai.engine.events import Ended, Event, Thinking, ToolCall, ToolDone
from aiconvai.engine.settings import Settings
from aiconvai.gateway.way import Way
from aiconvai.serve.tasks import cancel_all


class WaitingSound:
    """Of one call."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._settings: Settings | None = None
        self._open_tools: set[str] = set()
        self._is_thinking = self._agent_is_heard = self._has_ended = False
        self._playing = ""
        self._failed: set[str] = set()
        """Those that cannot be played: not tried again."""
        self._task: asyncio.Task[None] | None = None

    def take(self, event: Event, settings: Settings) -> None:
        """Of the conversation; `settings`: of the agent that has the call."""
        match event:
            case ToolCall():
                self._open_tools.add(event.id)
            case ToolDone():
                self._open_tools.discard(event.id)
            case Thinking():
                self._is_thinking = event.is_on
            case Ended():
                self._has_ended = True
            case _:
                return
        self._settings = settings
        self._attend()

    def heard(self, is_on: bool) -> None:
        """The agent is, from now on or not any more."""
        self._agent_is_heard = is_on
        self._attend()

    async def stop(self) -> None:
        if self._task is not None:
            await cancel_all([self._task])

    def _wanted(self) -> str:
        """Empty: nothing."""
        if self._has_ended or self._agent_is_heard or self._settings is None:
            return ""
        sound = ""
        if self._open_tools:
            sound = str(self._settings["tool_wait_sound"] or "")
        if not sound and self._is_thinking:
            sound = str(self._settings["thinking_sound"] or "")
        return "" if sound in self._failed else sound

    def _attend(self) -> None:
        if self._wanted() != self._playing and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._follow(), name="waiting sound")

    async def _follow(self) -> None:
        while (wanted := self._wanted()) != self._playing:
            if self._playing:
                await self._way.stop_playing()
                self._playing = ""
            elif await self._way.play(wanted):
                self._playing = wanted
            else:
                self._failed.add(wanted)
