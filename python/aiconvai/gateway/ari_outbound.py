"""Calls that go out by ARI: a channel that is made, and comes into the Stasis application once it is answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiconvai.gateway.ari import Ari, AriError, segment
from aiconvai.serve.outbound.dialplan import APP_VARIABLE
from aiconvai.serve.outbound.door import DoorError, DoorRefusal, Event, News, Outgoing, Tell, channel_variables
from aiconvai.serve.outbound.manager_door import AGENT_VARIABLE, MESSAGE_VARIABLE, USER_EVENT
from aiconvai.serve.outbound.outcome import is_outbound
from aiconvai.serve.settings import AriSettings, OutboundSettings
from aiconvai.serve.tasks import cancel_all, spawn

_NOT_FOUND = 404

_log = logging.getLogger(__name__)


class AriOutbound:
    """Of one door, which gives it what its Asterisk tells."""

    needs_us = True

    def __init__(self, name: str, ari_settings: AriSettings, settings: OutboundSettings, tell: Tell) -> None:
        self.name = f"ari.{name}"
        self.ari: Ari | None = None
        """By which it asks; None: not yet."""
        self.there_since: float | None = None
        """That events come."""
        self._app = next(iter(ari_settings.apps))
        self._settings = settings
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """What is being done is done no more."""
        await cancel_all(self._tasks)

    async def begin(self, call: Outgoing) -> None:
        variables = channel_variables(call)
        if self._settings.to_context:
            variables |= {
                AGENT_VARIABLE: call.agent, MESSAGE_VARIABLE: self._settings.message, APP_VARIABLE: self._app,
            }  # fmt: skip
        how = {
            "endpoint": self._settings.dial.format(number=call.number), "app": self._app, "appArgs": call.agent,
            "timeout": str(call.ring_seconds),
        }  # fmt: skip
        path = f"/channels/{segment(call.channel_id)}"
        await self._asked(lambda ari: ari.post(path, {"variables": variables}, **how))

    async def is_up(self, channel_id: str) -> bool | None:
        found = await self._ask_for_channel("GET", channel_id)
        return None if found is None else found.get("state") == "Up"

    async def hang_up(self, channel_id: str) -> None:
        await self._ask_for_channel("DELETE", channel_id)

    async def is_stray(self, channel_id: str) -> bool:
        """Of a channel of the application that nobody here has: whether nobody is going to. Raises `AriError`."""
        if not is_outbound(channel_id):
            return True
        try:
            found = await self._ask_for_channel("GET", channel_id)
        except DoorError as error:
            raise AriError(str(error)) from error
        return found is not None and found.get("state") == "Up" and not self._is_in_context(found)

    async def _ask_for_channel(self, method: str, channel_id: str) -> Mapping[str, Any] | None:
        """What is answered; None: there is no such channel."""
        try:
            return dict(await self._ask(method, f"/channels/{segment(channel_id)}") or {})
        except DoorError as error:
            if isinstance(error.__cause__, AriError) and error.__cause__.status == _NOT_FOUND:
                return None
            raise

    async def _ask(self, method: str, path: str, **parameters: str) -> Any:
        return await self._asked(lambda ari: ari.ask(method, path, **parameters))

    async def _asked(self, ask: Callable[[Ari], Awaitable[Any]]) -> Any:
        """Raises `DoorError`."""
        if self.ari is None:
            raise DoorRefusal(f"{self.name}: not connected yet")
        try:
            return await ask(self.ari)
        except AriError as error:
            # Without an answer it may have been done.
            raise (DoorRefusal if error.status else DoorError)(f"{self.name}: {error}") from error

    def take(self, channel_id: str, event: Mapping[str, Any]) -> bool:
        """What is told of a channel that was made here. Returns whether it is nobody else's business."""
        channel = event.get("channel") or {}
        match event.get("type"):
            case "ChannelStateChange" if channel.get("state") == "Ringing":
                self._tell(News(channel_id, Event.RINGING))
            case "ChannelUserevent" if event.get("eventname") == USER_EVENT:
                self._tell(News(channel_id, Event.MACHINE))
            case "ChannelDestroyed":
                text = str(event.get("cause_txt", ""))
                self._tell(News(channel_id, Event.GONE, int(event.get("cause", 0)), text))
            case "StasisStart":
                self._tell(News(channel_id, Event.ANSWERED))
                return self._send_to_context(channel_id, channel)
            case _:
                pass
        return False

    def _send_to_context(self, channel_id: str, channel: Mapping[str, Any]) -> bool:
        """Where there is one, and it was not there yet. From there it comes again."""
        context = self._settings.to_context
        if not context or self._is_in_context(channel):
            return False
        spawn(self._tasks, self._continue(channel_id, context), f"{self.name} {channel_id}")
        return True

    def _is_in_context(self, channel: Mapping[str, Any]) -> bool:
        context = self._settings.to_context
        return bool(context) and (channel.get("dialplan") or {}).get("context") == context

    async def _continue(self, channel_id: str, context: str) -> None:
        try:
            path = f"/channels/{segment(channel_id)}"
            await self._ask("POST", f"{path}/continue", context=context, extension="s", priority="1")
        except DoorError as error:
            _log.warning("%s: the call does not go to %s, and is hung up: %s", self.name, context, error)
            try:
                await self.hang_up(channel_id)
            except DoorError as again:
                _log.warning("%s: %s is not hung up: %s", self.name, channel_id, again)
