"""What the gateway asks of the Asterisk that a call is in, whichever door it came by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiconvai.gateway.ringing import NotTakenError, Person, Place


class Way(Protocol):
    """Of one call. Nothing raises, where it is not said: what could not be done is logged."""

    no_transfer: str
    """Why the caller cannot be sent to another place, for the agent; empty: it can."""

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        """Of the caller's channel, one after the other."""

    async def send_to(self, context: str, extension: str, priority: str) -> bool:
        """The caller goes on there. False: it did not."""

    async def go_on(self) -> None:
        """The caller goes on in the dialplan, behind what brought the call here."""

    async def over(self) -> None:
        """Nothing is left of the call here: what was made for it goes."""

    async def play(self, sound: str) -> bool:
        """A class of music on hold, `tone:NAME`, or `sound:FILE`, to the caller alone. False: it cannot be played."""

    async def stop_playing(self) -> None:
        """That."""

    async def press(self, key: str, ms: int) -> bool:
        """The other side hears a key, for so long. Does not wait for that. False: it does not."""

    async def ring(self, place: Place) -> Person:
        """Who has taken the call. Raises `NotTakenError`. Where it is cancelled nobody is rung any more."""

    async def join(self, person: Person) -> bool:
        """They, the caller and the agent are together. False: they are not."""

    async def connect(self, person: Person) -> bool:
        """They and the caller speak with each other from now on, whatever becomes of the call here. False: they do
        not.
        """


class PlainWay:
    """By which nobody can be rung, and nothing played."""

    async def play(self, sound: str) -> bool:
        return False

    async def stop_playing(self) -> None:
        pass

    async def ring(self, place: Place) -> Person:
        raise NotTakenError("Nobody can be rung from here. The caller can be sent to another place only.")

    async def join(self, person: Person) -> bool:
        return False

    async def connect(self, person: Person) -> bool:
        return False
