"""Values within values within values: whoever reads them recursively needs a stack as high as the service likes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from aiconvai.mock.hostile.attack import Attack, Attacks, Setting
from aiconvai.mock.hostile.vocabulary import Path, Role, Template
from aiconvai.mock.hostile.wire import Raw, Write, message

LEVELS = (70, 20_000, 300_000)
AT_ONCE = 30
_SHAPES = {
    "arrays": (b"[", b"1", b"]"),
    "objects": (b'{"a":', b"1", b"}"),
    "both": (b'[{"a":', b"null", b"}]"),
    "unfinished arrays": (b"[", b"", b""),
}


def nested(shape: str, levels: int) -> bytes:
    """JSON, or the beginning of it, that many levels deep."""
    opening, middle, closing = _SHAPES[shape]
    if shape == "both":
        levels //= 2
    return opening * levels + middle + closing * levels


def _whole(shape: str, levels: int, template: Template) -> Iterator[Write]:
    yield message(nested(shape, levels), template.opcode)
    # A member that nobody asked for, beside an honest message.
    yield message(b'{"extra":' + nested(shape, levels) + b"," + template.text()[1:], template.opcode)


def _in_place(shape: str, levels: int, template: Template, path: Path) -> Iterator[Write]:
    yield template.message({path: Raw(nested(shape, levels))})


def _in_string(shape: str, levels: int, template: Template, path: Path) -> Iterator[Write]:
    yield template.message({path: nested(shape, levels).decode()})
    yield template.message({path: '{"number":' + nested(shape, levels).decode() + ',"digits":{}}'})


def attacks(setting: Setting) -> Attacks:
    """In the message itself, in every value, and where there is JSON in a string, in that."""
    vocabulary = setting.vocabulary
    source = setting.random("deep")
    found: list[Attack] = []
    for levels in LEVELS:
        # The highest are half a megabyte and more: some of everything, and all where there is JSON to be read.
        most = levels == LEVELS[-1]
        for shape in source.sample(list(_SHAPES), 2) if most else _SHAPES:
            template = source.choice(vocabulary.harmless())
            found.append(Attack(f"{levels} {shape} as {template.name}", partial(_whole, shape, levels, template)))
        slots = vocabulary.slots(*Role)
        for template, path in source.sample(slots, min(len(slots), 3 if most else 30)):
            shape = source.choice(["arrays", "objects"])
            name = f"{levels} {shape} in {template.name} {json.dumps(path)}"
            found.append(Attack(name, partial(_in_place, shape, levels, template, path)))
        for role, what, make in ((Role.OBJECT, "as", _in_place), (Role.ARGUMENTS, "in a string as", _in_string)):
            for template, path in vocabulary.slots(role):
                for shape in ("arrays", "objects") if most else _SHAPES:
                    name = f"{levels} {shape} {what} parameters of {template.name}"
                    found.append(Attack(name, partial(make, shape, levels, template, path)))
    source.shuffle(found)
    return Attacks(passing=tuple(found), at_once=AT_ONCE)
