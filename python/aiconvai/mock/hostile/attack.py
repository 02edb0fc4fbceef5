"""An attack: a name and what is put on the wire; and what attacks of all kinds are made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from aiconvai.mock.hostile.vocabulary import Vocabulary
from aiconvai.mock.hostile.wire import Step

FORGED = "AicForged"
"""Wherever this begins a line or is the name of a header or an event, somebody was deceived."""
FORGERY = (
    f"x\r\nEvent: {FORGED}\r\n{FORGED}: yes\r\n\r\n[2030-01-01 00:00:00.000] ERROR[1] {FORGED}.c: forged\n"
    f"{FORGED}: forged\x1b[31m{FORGED}\x1b]0;{FORGED}\x07\x1b[2J\x9b31m\x7f\x00{FORGED}\r{FORGED} %s%n ${{{FORGED}}}"
)
"""Text that would end a line, forge a header, an event and a line of the log, and speak to a terminal."""


class Kind(StrEnum):
    """What is wrong with what is sent."""

    DEEP = "deep"
    LONG = "long"
    MANY = "many"
    WRONG_TYPE = "wrong_type"
    WRONG_ORDER = "wrong_order"
    WRONG_TIME = "wrong_time"
    FOREIGN_ID = "foreign_id"
    TOOLS = "tools"


@dataclass(frozen=True)
class Attack:
    """Something hostile; `steps` makes it anew each time, and always the same."""

    name: str
    steps: Callable[[], Iterator[Step]]


@dataclass(frozen=True)
class Attacks:
    """Of one kind, for one service: a conversation bears all of `passing`, and ends by one of `ending`.

    What stands among `passing` may still end it, if that is how the client takes it.
    """

    passing: tuple[Attack, ...] = ()
    ending: tuple[Attack, ...] = ()
    at_once: int = 1000
    """Of those that pass, so many come in one conversation; in which of them which, says the case's number."""

    def passing_in(self, number: int) -> tuple[Attack, ...]:
        """Those that come in the case of that number."""
        start = number % self._rounds() * self.at_once
        return self.passing[start : start + self.at_once]

    def count(self) -> int:
        """After how many numbers everything came."""
        return max(1, self._rounds(), len(self.ending))

    def _rounds(self) -> int:
        return max(1, -(-len(self.passing) // self.at_once))


@dataclass(frozen=True)
class Setting:
    """For whom attacks are made."""

    vocabulary: Vocabulary
    foreign_ids: tuple[str, ...]
    """Of other calls: of channels, conversations, tools."""

    def random(self, name: str) -> random.Random:
        """A source that is the same each time."""
        return random.Random(f"{self.vocabulary.provider} {name}")


def attack(name: str, steps: Iterable[Step]) -> Attack:
    """Of steps that are few and small."""
    kept = tuple(steps)
    return Attack(name, lambda: iter(kept))
