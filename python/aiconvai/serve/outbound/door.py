"""By what calls go out: an Asterisk that is asked over its manager, or over ARI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol


class DoorError(RuntimeError):
    """Nobody knows whether it was done."""


class DoorRefusal(DoorError):
    """It was surely not done; the message says why."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that is to be made."""

    channel_id: str
    """That its channel is to have as unique id."""
    number: str
    agent: str
    ring_seconds: int
    caller_id: str = ""
    """Whose call it is said to be; empty: as the trunk has it."""
    caller_name: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


class Event(Enum):
    """What happens to a channel."""

    RINGING = auto()
    ANSWERED = auto()
    MACHINE = auto()
    """It was answered by one."""
    REFUSED = auto()
    """It was not answered, and will not be."""
    GONE = auto()


@dataclass(frozen=True, slots=True)
class News:
    """Of one call."""

    channel_id: str
    event: Event
    cause: int | None = None
    """Of `GONE`: Q.850's."""
    cause_text: str = ""
    reason: int | None = None
    """Of `REFUSED`: why the dialling ended, as a manager says it."""


Tell = Callable[[News], None]


class Door(Protocol):
    """One of them. An event loop's. What it is told by Asterisk it tells at once."""

    name: str
    needs_us: bool
    """Calls that are answered while this program is away come to nothing."""

    @property
    def there_since(self) -> float | None:
        """By time.time(); None: it is not there, and nothing can be asked of it."""

    async def begin(self, call: Outgoing) -> None:
        """Raises `DoorError`."""

    async def is_up(self, channel_id: str) -> bool | None:
        """Whether that call was answered; None: there is no such channel any more. Raises `DoorError`."""

    async def hang_up(self, channel_id: str) -> None:
        """Harmless where it is gone. Raises `DoorError`."""


def channel_variables(call: Outgoing) -> dict[str, str]:
    """Of the channel, whoever makes it, whichever way: the other party is who is called, as in any call; and what that
    one sees is the caller id.
    """
    told = {"CALLERID(num)": call.number}
    if call.caller_id:
        told["CONNECTEDLINE(num,i)"] = call.caller_id
    if call.caller_name:
        told["CONNECTEDLINE(name,i)"] = call.caller_name
    return told
