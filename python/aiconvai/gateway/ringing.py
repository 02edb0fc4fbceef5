"""Places of a transfer where somebody is rung while the conversation goes on: `dial:` and `attended:`, with `keep:`."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

MOST_TARGETS = 16
"""That are rung at once."""
SECONDS, MOST_SECONDS = 25, 120
"""Somebody is rung where it is not said, and at the most."""
EXPECTED = (
    "expected dial:TECHNOLOGY/RESOURCE[&...][,SECONDS] or attended:TECHNOLOGY/RESOURCE[&...],SECONDS,SOUND, of 1 to "
    f"{MOST_SECONDS} seconds, with keep: before it or not"
)
NOBODY_ANSWERED = "Nobody answered."
UNREACHABLE = "Nobody can be reached there at the moment."
NOT_TAKEN = "The call was not taken."
BUSY = "The line is busy."
WITH_YOU = "The caller is still with you."
"""After each of them, for the agent."""
_KEEP, _DIAL, _ATTENDED = "keep:", "dial:", "attended:"


class PlaceError(ValueError):
    """A place has another form than it may have; the message says which."""


class NotTakenError(RuntimeError):
    """Nobody has taken the call; the message is the sentence that the agent is told."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who is rung, and how."""

    targets: tuple[str, ...]
    seconds: int
    sound: str
    """That who answers hears, and takes the call with a key; empty: whoever answers has taken it."""
    keeps_agent: bool
    """It listens while the two speak."""


class Person(Protocol):
    """Who has answered."""

    async def gone(self) -> None:
        """Returns when they have hung up."""

    def let_go(self) -> Awaitable[None]:
        """Nobody wants them any more."""


def rings(place: str) -> bool:
    """Whether it is such a place."""
    return place.removeprefix(_KEEP).startswith((_DIAL, _ATTENDED))


def read_place(text: str) -> Place:
    """Raises `PlaceError`."""
    kind = text.removeprefix(_KEEP)
    is_attended = kind.startswith(_ATTENDED)
    targets, seconds, sound, *rest = (*kind.removeprefix(_ATTENDED if is_attended else _DIAL).split(","), "", "")
    named = tuple(one.strip() for one in targets.split("&"))
    given = seconds.strip() or str(SECONDS)
    if (
        any(rest)
        or not all("/" in one.strip("/") for one in named)
        or len(named) > MOST_TARGETS
        or not (given.isascii() and given.isdecimal() and 1 <= int(given) <= MOST_SECONDS)
        or is_attended != bool(sound.strip())
    ):
        raise PlaceError(EXPECTED)
    return Place(named, int(given), sound.strip(), text.startswith(_KEEP))
