"""Calls that come by AudioSocket: who it is was told by the dialplan, and what becomes of the channel goes by AMI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from aiconvai.gateway.calls import Calls
from aiconvai.gateway.media import Arrived, Media
from aiconvai.gateway.registrations import Caller, Registrations
from aiconvai.gateway.way import PlainWay
from aiconvai.serve.manager import Act, ManagerError
from aiconvai.serve.settings import AudioSocketSettings
from aiconvai.serve.tasks import cancel_all

_PORT_SECONDS = 0.1
"""That a call is waited for to be told who it is, where the port has an agent without that."""

_log = logging.getLogger(__name__)


class ManagerWay(PlainWay):
    """By AMI, where it is known which channel it is."""

    def __init__(self, media: Media, number: int, caller: Caller, act: Act) -> None:
        self._media = media
        self._number = number
        self._caller = caller
        self._act = act
        is_known = caller.asterisk and caller.channel
        self.no_transfer = "" if is_known else "The caller cannot be sent anywhere: nobody said which channel it is."

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        if self.no_transfer:
            return
        channel = self._caller.channel
        for name, value in variables.items():
            try:
                await self._act(self._caller.asterisk, "Setvar", Channel=channel, Variable=name, Value=value)
            except ManagerError as error:
                _log.warning("%s: %s is not set: %s", channel, name, error)
                return

    async def send_to(self, context: str, extension: str, priority: str) -> bool:
        where = {"Context": context, "Exten": extension, "Priority": priority}
        try:
            await self._act(self._caller.asterisk, "Redirect", Channel=self._caller.channel, **where)
        except ManagerError as error:
            _log.warning("%s: the caller is not sent to %s: %s", self._caller.channel, extension, error)
            return False
        return True

    async def press(self, key: str, ms: int) -> bool:
        if self.no_transfer:
            return False
        given = {"Channel": self._caller.channel, "Digit": key, "Duration": str(ms)}
        try:
            await self._act(self._caller.asterisk, "PlayDTMF", **given)
        except ManagerError as error:
            _log.warning("%s: a key is not pressed: %s", self._caller.channel, error)
            return False
        return True

    async def go_on(self) -> None:
        self._media.hang_up(self._number)

    async def over(self) -> None:
        """The connection is gone already."""


class AudioSocketDoor:
    """Answers what arrives."""

    def __init__(
        self,
        media: Media,
        ports: Mapping[int, AudioSocketSettings],
        registrations: Registrations,
        registration_ms: int,
        calls: Calls,
        act: Act,
    ) -> None:
        """`ports`: those that are listened at."""
        self.refused = 0
        self._media = media
        self._ports = ports
        self._registrations = registrations
        self._registration_ms = registration_ms
        self._calls = calls
        self._act = act
        self._arriving: dict[int, asyncio.Task[None]] = {}

    def arrived(self, number: int, arrived: Arrived) -> None:
        task = asyncio.create_task(self._answer(number, arrived), name=f"call {arrived.uuid}")
        self._arriving[number] = task
        task.add_done_callback(lambda _: self._arriving.pop(number, None))

    def over(self, number: int) -> None:
        """The connection is."""
        if (arriving := self._arriving.get(number)) is not None:
            arriving.cancel()

    async def stop(self) -> None:
        await cancel_all(self._arriving.values())

    async def _answer(self, number: int, arrived: Arrived) -> None:
        """Finds out who it is, and has an agent answer; or hangs up."""
        port = self._ports.get(arrived.port)
        own_agent = port.agent if port is not None else ""
        seconds = _PORT_SECONDS if own_agent else self._registration_ms / 1000
        caller = await self._registrations.find(arrived.uuid, seconds)
        if caller is None and not own_agent:
            self._refuse(
                number, arrived, "nobody said which call it is: see UserEvent(AIConvAICall) in docs/gateway.md"
            )
            return
        caller = caller or Caller("")
        way = ManagerWay(self._media, number, caller, self._act)
        names = {
            "unique_id": caller.unique_id or arrived.uuid,
            "channel": caller.channel or f"AudioSocket/{arrived.uuid}",
        }
        refusal = self._calls.begin(number, caller, way, agent=caller.agent or own_agent, **names)
        if refusal is not None:
            status, reason = refusal
            await way.set_variables({"AICONVAI_REASON": reason, "AICONVAI_STATUS": status.value})
            self._refuse(number, arrived, reason)

    def _refuse(self, number: int, arrived: Arrived, why: str) -> None:
        self.refused += 1
        _log.warning("the call %s from %s is refused: %s", arrived.uuid, arrived.peer, why)
        self._media.hang_up(number)
