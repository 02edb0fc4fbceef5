"""What is done with a caller who came by ARI: requests to his channel and to the bridge he is in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiconvai.gateway.ari import Ari, AriError, go_on, segment, send_to
from aiconvai.gateway.ari_people import AriPerson
from aiconvai.gateway.registrations import Caller
from aiconvai.gateway.ringing import Person, Place

if TYPE_CHECKING:
    from aiconvai.gateway.ari_door import AriDoor

_log = logging.getLogger(__name__)


class AriWay:
    """By requests to the caller's channel."""

    no_transfer = ""

    def __init__(self, door: AriDoor, ari: Ari, app: str, name: str, caller: Caller) -> None:
        """`name`: with what the names begin of what was made for the call. One that went out is in no dialplan: it is
        hung up where others go on.
        """
        self.channel = caller.unique_id
        self.bridge = f"{name}-bridge"
        self.media = ""
        """The channel that brings audio; empty: there is none."""
        self._door = door
        self._ari = ari
        self._app = app
        self.name = name
        self._caller = caller
        self._path = f"/channels/{segment(self.channel)}"
        self._sound = ""
        """A path that is deleted to end what is played; empty: nothing is."""
        self._is_shared = False
        """The bridge is other people's now."""

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            try:
                await self._ari.ask("POST", f"{self._path}/variable", variable=name, value=value)
            except AriError as error:
                _log.warning("ari.%s: %s is not set: %s", self._door.name, name, error)
                return

    async def send_to(self, context: str, extension: str, priority: str) -> bool:
        return await send_to(self._ari, self.channel, context=context, extension=extension, priority=priority)

    async def go_on(self) -> None:
        await go_on(self._ari, self.channel)

    async def over(self) -> None:
        # Neither ends the other, nor with the caller.
        if self.media:
            await self._ari.drop(f"/channels/{segment(self.media)}")
        if self._door.let_go(self.channel) and not self._is_shared:
            # Its audio has ended, and not the caller.
            await self.go_on()
        if not self._is_shared:
            await self._ari.drop(f"/bridges/{self.bridge}")

    async def play(self, sound: str) -> bool:
        playback = f"{self.name}-sound"
        path, ends, given = f"{self._path}/moh", f"{self._path}/moh", {"mohClass": sound}
        if sound.startswith(("tone:", "sound:")):
            path, ends = f"{self._path}/play", f"/playbacks/{playback}"
            given = {"media": sound, "playbackId": playback}
        try:
            await self._ari.ask("POST", path, **given)
        except AriError as error:
            _log.warning("ari.%s: %s is not played while the caller waits: %s", self._door.name, sound, error)
            return False
        self._sound = ends
        return True

    async def stop_playing(self) -> None:
        await self._ari.drop(self._sound)

    async def press(self, key: str, ms: int) -> bool:
        try:
            await self._ari.ask("POST", f"{self._path}/dtmf", dtmf=key, duration=str(ms))
        except AriError as error:
            _log.warning("ari.%s: a key is not pressed: %s", self._door.name, error)
            return False
        return True

    async def ring(self, place: Place) -> AriPerson:
        caller_id = f"{self._caller.name.replace(chr(34), '')} <{self._caller.number}>".strip()
        return await self._door.people.ring(place, self._app, self.name, self.channel, caller_id)

    async def join(self, person: Person) -> bool:
        assert isinstance(person, AriPerson)
        try:
            await self._ari.ask("POST", f"/bridges/{self.bridge}/addChannel", channel=person.channel)
        except AriError as error:
            _log.warning("ari.%s: who took the call is not connected: %s", self._door.name, error)
            return False
        return True

    async def connect(self, person: Person) -> bool:
        assert isinstance(person, AriPerson)
        if not await self.join(person) or not self._door.is_here(self.channel):
            return False
        self._is_shared = self._door.people.connect(self.channel, person.channel, self.bridge)
        return self._is_shared
