"""A transfer to somebody who is rung while the conversation goes on. One event loop's."""

from __future__ import annotations

import asyncio
import contextlib

from aiconvai.gateway.media import Media
from aiconvai.gateway.ringing import WITH_YOU, NotTakenError, Person, Place
from aiconvai.gateway.way import Way
from aiconvai.serve.tasks import cancel_all


class DialledTransfer:
    """One of a call's, from the agent's request on: it rings, and the agent goes, or listens, or is told why not."""

    def __init__(self, media: Media, number: int, way: Way, tool_id: str, place: Place) -> None:
        """It begins. `number`: what media calls the call."""
        self.tool_id = tool_id
        self.taken: Person | None = None
        """Who has taken the call: speaks with the caller, or is to once the conversation is over."""
        self._media = media
        self._number = number
        self._way = way
        self._place = place
        self._task = asyncio.create_task(self._run(), name=f"transfer of call {number}")

    @property
    def is_open(self) -> bool:
        """Somebody is rung, or the agent listens: there may be no other one."""
        return not self._task.done()

    async def _run(self) -> None:
        try:
            self.taken = await self._way.ring(self._place)
        except NotTakenError as refusal:
            self._media.tool_result(self._number, self.tool_id, f"{refusal} {WITH_YOU}", is_error=True)
            return
        if self._place.keeps_agent:
            await self._let_listen(self.taken)
        elif not self._media.transfer(self._number, self.tool_id, at_once=True):
            await self._let_go()

    async def _let_listen(self, person: Person) -> None:
        if not self._media.let_listen(self._number, self.tool_id):
            await self._let_go()
            return
        if await self._way.join(person):
            await person.gone()
            self.taken = None
        else:
            await self._let_go()
        self._media.stop_listening(self._number)

    async def _let_go(self) -> None:
        person, self.taken = self.taken, None
        if person is not None:
            await person.let_go()

    def stop_ringing(self) -> None:
        """Nobody waits for it any more. Who has taken the call stays."""
        self._task.cancel()

    async def over(self) -> None:
        """The caller is gone, or with somebody else: so is whom it was not connected with."""
        await cancel_all([self._task])
        await self._let_go()

    async def connect(self) -> bool:
        """The conversation is over: the two have each other. False: they do not."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([self._task])
        person = self.taken
        if person is None or not await self._way.connect(person):
            return False
        self.taken = None
        return True
