"""Ids that are somebody else's, that were used before, or that are none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from aiconvai.mock.hostile.attack import FORGERY, Attack, Attacks, Setting
from aiconvai.mock.hostile.vocabulary import Does, Path, Role, Template
from aiconvai.mock.hostile.wire import Raw, Step, joined

NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**62, -(2**62))
ODD_IDS = (
    "",
    " ",
    "*",
    "all",
    "-",
    "../../etc",
    "%s%n%d",
    "0",
    "\x00",
    "a" * 127,
    "a" * 128,
    "a" * 129,
    FORGERY,
    "é" * 64,
)


def _values(template: Template, path: Path, values: tuple[Any, ...]) -> Iterator[Step]:
    yield from joined(template.message({path: value}) for value in values)


def _repeated(template: Template, value: Any, times: int) -> Iterator[Step]:
    paths = template.paths(Role.ID, Role.NUMBER)
    one = template.message({path: value for path in paths})
    yield from joined(one for _ in range(times))


def _everywhere(setting: Setting, value: str) -> Iterator[Step]:
    for template in setting.vocabulary.harmless():
        yield template.message({path: value for path in template.paths(Role.ID)})


def attacks(setting: Setting) -> Attacks:
    """In every place an id can stand in."""
    vocabulary = setting.vocabulary
    found = [
        Attack(f"the id {value!r} everywhere", partial(_everywhere, setting, value)) for value in setting.foreign_ids
    ]
    for template, path in vocabulary.slots(Role.ID):
        found.append(Attack(f"odd ids in {template.name} {path}", partial(_values, template, path, ODD_IDS)))
    for template, path in vocabulary.slots(Role.NUMBER):
        values: tuple[Any, ...] = (*NUMBERS, Raw(b"1.5"), Raw(b"1e30"))
        found.append(Attack(f"odd numbers in {template.name} {path}", partial(_values, template, path, values)))
    for template in vocabulary.that(Does.CALLS_TOOL, Does.CANCELS_TOOL, Does.ASKS, Does.INTERRUPTS):
        found.append(Attack(f"{template.name} 50 times with one id", partial(_repeated, template, "hostile_1", 50)))
    # Last, so that it is the id that stays: the conversation is called what another one is.
    for value in setting.foreign_ids:
        for template in vocabulary.that(Does.ANNOUNCES):
            ids = template.paths(Role.ID)
            if ids:
                found.append(Attack(f"announced as {value!r}", partial(_values, template, ids[0], (value,))))
    return Attacks(passing=tuple(found))
