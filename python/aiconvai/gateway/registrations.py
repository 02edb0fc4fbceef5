"""Which call is it? A connection of AudioSocket says a UUID and nothing else; who it is was told before, or is soon.

Told by the dialplan, as an event of the manager's (`UserEvent(AIConvAICall,UUID: ...,Agent: ...)`) or by HTTP
(`CURL()`). One event loop's.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiconvai.serve.manager import whole_characters

USER_EVENT = "AIConvAICall"
KEPT_SECONDS = 60.0
"""A call that nobody came for is forgotten then."""
MOST = 10_000
"""That are kept; the oldest goes first."""
_MOST_NUMBER = 64
MOST_VARIABLES = 64
"""For an agent, of who tells them with a call."""
MOST_VALUE = 4096
"""Characters, as the module has it."""
_NO_NUMBER = re.compile(r"[^A-Za-z0-9_+*#.-]")
_VARIABLE = "VAR-"
"""With what headers of an event begin that are variables for the agent."""


class RegistrationError(ValueError):
    """What was told is no call; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who it is, and who is to answer."""

    agent: str
    """Empty: as the port says."""
    asterisk: str = ""
    """As serve.toml has it; empty: not known, and nothing can be asked of it."""
    channel: str = ""
    unique_id: str = ""
    linked_id: str = ""
    number: str = ""
    name: str = ""
    extension: str = ""
    context: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    """For the agent, besides numbers."""


class Registrations:
    """Those that are waited for."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._wanted: dict[str, asyncio.Future[Caller]] = {}

    def tell(self, identity: str, caller: Caller) -> None:
        """Raises `RegistrationError`."""
        key = read_uuid(identity)
        if (wanted := self._wanted.get(key)) is not None and not wanted.done():
            wanted.set_result(caller)
            return
        self._told.pop(key, None)
        self._told[key] = time.monotonic(), caller
        while self._told and (len(self._told) > MOST or self._is_old(next(iter(self._told.values()))[0])):
            self._told.popitem(last=False)

    async def find(self, identity: str, seconds: float) -> Caller | None:
        """Whose UUID it is, once: whoever says it again is somebody else. Waits so long; None: nobody told."""
        told = self._told.pop(identity, None)
        if told is not None and not self._is_old(told[0]):
            return told[1]
        if identity in self._wanted:
            return None
        wanted: asyncio.Future[Caller] = asyncio.get_running_loop().create_future()
        self._wanted[identity] = wanted
        try:
            async with asyncio.timeout(seconds):
                return await wanted
        except TimeoutError:
            return None
        finally:
            del self._wanted[identity]

    @staticmethod
    def _is_old(since: float) -> bool:
        return time.monotonic() - since > KEPT_SECONDS


def read_uuid(text: str) -> str:
    """As AudioSocket has it. Raises `RegistrationError`."""
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        raise RegistrationError(f"expected a UUID, got {text!r:.60}") from None


def a_number(text: str) -> str:
    """What is a number in it: it becomes a part of prompts."""
    return _NO_NUMBER.sub("", text)[:_MOST_NUMBER]


def a_text(text: str) -> str:
    """What C has a text for: without half characters and what ends one there."""
    return whole_characters(text).replace("\0", " ")


def a_line(text: str) -> str:
    """What somebody else may have put into a name or a value, so that it is no order in a prompt: on one line."""
    return "".join(one if one.isprintable() else " " for one in a_text(text))[:MOST_VALUE]


def caller_of_event(asterisk: str, headers: Mapping[str, str]) -> tuple[str, Caller] | None:
    """The UUID and who it is; None: the event is another one."""
    if headers.get("Event") != "UserEvent" or headers.get("UserEvent") != USER_EVENT:
        return None
    return headers.get("UUID", ""), Caller(
        headers.get("Agent", ""),
        asterisk,
        headers.get("Channel", ""),
        headers.get("Uniqueid", ""),
        headers.get("Linkedid", ""),
        a_number(_known(headers.get("CallerIDNum", ""))),
        _known(headers.get("CallerIDName", "")),
        a_number(headers.get("Exten", "")),
        headers.get("Context", ""),
        {name.removeprefix(_VARIABLE): value for name, value in headers.items() if name.startswith(_VARIABLE)},
    )


def _known(text: str) -> str:
    return "" if text == "<unknown>" else text
