"""All cases there are, by name, and the choice of a few that leaves nothing out for long."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from aiconvai.mock.hostile import deep, foreign_id, long, many, tools, wrong_order, wrong_time, wrong_type
from aiconvai.mock.hostile.attack import Attack, Attacks, Kind, Setting
from aiconvai.mock.hostile.http_replies import replies
from aiconvai.mock.hostile.places import HTTP_PLACES, INTERRUPTION_PLACES, TOOL_PLACES, Place
from aiconvai.mock.hostile.vocabulary import VOCABULARIES

PROVIDERS = tuple(VOCABULARIES)
FOREIGN_IDS = ("PJSIP/anonymous-00000000", "1700000000.0", "conv_somebody_else", "tool_call_1")
"""Where nobody says which ids there are."""
_WITHOUT_TOOLS = frozenset({"twilio"})
_WITHOUT_INTERRUPTIONS = frozenset({"openai_live"})
_ATTACKS: dict[Kind, Callable[[Setting], Attacks]] = {
    Kind.DEEP: deep.attacks,
    Kind.LONG: long.attacks,
    Kind.MANY: many.attacks,
    Kind.WRONG_TYPE: wrong_type.attacks,
    Kind.WRONG_ORDER: wrong_order.attacks,
    Kind.WRONG_TIME: wrong_time.attacks,
    Kind.FOREIGN_ID: foreign_id.attacks,
    Kind.TOOLS: tools.attacks,
}


class UnknownCaseError(ValueError):
    """There is no case of that name."""


@dataclass(frozen=True, order=True)
class Case:
    """One hostile conversation: a service, a place in its conversation, and what comes there."""

    provider: str
    place: Place
    kind: Kind
    number: int = 0
    """Which of the attacks come, where they are too many for one conversation, and which one ends it."""

    @property
    def name(self) -> str:
        """`place/kind/number`; the provider is whose mock plays it."""
        return f"{self.place}/{self.kind}/{self.number}"

    def attacks(self, foreign_ids: tuple[str, ...] = FOREIGN_IDS) -> tuple[Attack, ...]:
        """What comes, one after the other."""
        setting = Setting(VOCABULARIES[self.provider], foreign_ids)
        if self.place in HTTP_PLACES:
            found = _replies(self.kind, self.provider, self.place)
            return (found[self.number % len(found)],)
        made = _ATTACKS[self.kind](setting)
        passing = made.passing_in(self.number)
        if not made.ending:
            return passing
        # Another one at each place: a rotation through the numbers then meets every one at some place soon.
        start = self.number + zlib.crc32(f"{self.provider} {self.place}".encode())
        return (*passing, made.ending[start % len(made.ending)])

    def count(self) -> int:
        """How many cases there are that differ in their number only."""
        if self.place in HTTP_PLACES:
            return len(_replies(self.kind, self.provider, self.place))
        return _ATTACKS[self.kind](Setting(VOCABULARIES[self.provider], FOREIGN_IDS)).count()


@cache
def _replies(kind: Kind, provider: str, place: Place) -> tuple[Attack, ...]:
    return replies(kind, Setting(VOCABULARIES[provider], FOREIGN_IDS), url=place is Place.SIGNED_URL)


def places_of(provider: str) -> tuple[Place, ...]:
    """Those that its conversations have."""
    missing: set[Place] = set() if provider == "elevenlabs" else {Place.SIGNED_URL}
    if provider in _WITHOUT_TOOLS:
        missing |= TOOL_PLACES
    if provider in _WITHOUT_INTERRUPTIONS:
        missing |= INTERRUPTION_PLACES
    return tuple(place for place in Place if place not in missing)


def kinds_at(provider: str, place: Place) -> tuple[Kind, ...]:
    """Those that there is something of."""
    without_tools = provider in _WITHOUT_TOOLS or place in HTTP_PLACES
    return tuple(kind for kind in Kind if not (kind is Kind.TOOLS and without_tools))


def all_cases(number: int = 0) -> Iterator[Case]:
    """Every kind at every place of every service, once."""
    for provider in PROVIDERS:
        for place in places_of(provider):
            for kind in kinds_at(provider, place):
                yield Case(provider, place, kind, number)


def chosen(rotation: int) -> list[Case]:
    """Every kind at every place once, at one of the services: after as many rotations as there are services at each."""
    cases: list[Case] = []
    for row, place in enumerate(Place):
        for column, kind in enumerate(Kind):
            having = [each for each in PROVIDERS if place in places_of(each) and kind in kinds_at(each, place)]
            if having:
                provider = having[(row + column + rotation) % len(having)]
                cases.append(Case(provider, place, kind, rotation))
    return cases


def cases_matching(provider: str, wanted: str) -> list[Case]:
    """Those of a service that are meant by `all`, a place, a kind, `place/kind` or `place/kind/number`.

    Raises `UnknownCaseError`.
    """
    every = [case for case in all_cases() if case.provider == provider]
    if wanted == "all":
        return every
    found = [case for case in every if wanted in (case.place, case.kind)]
    return found or [case_named(provider, wanted)]


def case_named(provider: str, name: str) -> Case:
    """The case `place/kind` or `place/kind/number` of a service. Raises `UnknownCaseError`."""
    place, _, rest = name.partition("/")
    kind, _, number = rest.partition("/")
    numbered = not number or number.isdecimal()
    if not numbered or place not in places_of(provider) or kind not in kinds_at(provider, Place(place)):
        places, kinds = ", ".join(places_of(provider)), ", ".join(Kind)
        raise UnknownCaseError(
            f"{provider} has no hostile case {name!r}: expected all, or PLACE, KIND, PLACE/KIND or PLACE/KIND/NUMBER "
            f"of the places {places} and the kinds {kinds}"
        )
    return Case(provider, Place(place), Kind(kind), int(number or 0))
