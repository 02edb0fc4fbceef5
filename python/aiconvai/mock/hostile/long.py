"""Values that are longer than anybody needs, in one piece and in many, and messages that never end."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial

from aiconvai.mock.hostile.attack import FORGERY, Attack, Attacks, Setting
from aiconvai.mock.hostile.vocabulary import Path, Role, Template
from aiconvai.mock.hostile.wire import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Hold,
    Raw,
    Step,
    Write,
    frame,
    header,
    in_pieces,
    joined,
    odd_sizes,
    quoted,
    same_sizes,
)

KIB, MIB = 1024, 1024 * 1024
SIZES = (300, 20 * KIB, 100 * KIB)
ENDING_SIZES = (5 * MIB, 9 * MIB)
ENDLESS_BYTES = 24 * MIB
DIGITS = 1_000_000
AT_ONCE = 25
_FORGERY = json.dumps(FORGERY)[1:-1].encode()
_FILLINGS = {
    "plain": b"A",
    "two bytes": "é".encode(),
    "four bytes": "🎈".encode(),
    "escaped": b"\\u0041",
    "escaped pairs": b"\\ud83c\\udf88",
    "blanks": b" ",
    "line breaks": b"\\r\\n",
    "commas": b",",
    "forgeries": _FORGERY,
}


def _fill(filling: str, size: int) -> Raw:
    piece = _FILLINGS[filling]
    return quoted(piece * max(1, size // len(piece)))


def _value(role: Role, filling: str, size: int) -> Raw:
    if role is Role.NUMBER:
        return Raw(b"1" * size)
    if role is Role.OBJECT:
        return Raw(b'{"number":' + _fill(filling, size).data + b"}")
    if role is Role.ARGUMENTS:
        return Raw(json.dumps('{"number":"' + "A" * size + '"}').encode())
    if role is Role.AUDIO:
        return quoted(b"/w7/" * (size // 4))
    return _fill(filling, size)


def _whole(template: Template, path: Path, value: tuple[Role, str, int]) -> Iterator[Step]:
    yield template.message({path: _value(*value)})


def _pieces(template: Template, path: Path, value: tuple[Role, str, int], size: int | None) -> Iterator[Step]:
    sizes = same_sizes(size) if size else odd_sizes(value[2], 700)
    yield from in_pieces(template.text({path: _value(*value)}), sizes, opcode=template.opcode, pings=size is None)


def _endless(template: Template, path: Path, piece_bytes: int) -> Iterator[Step]:
    text = template.text({path: Raw(b'"')})
    beginning = text[: text.index(b'"', len(text) // 2) + 1]
    yield Write(frame(template.opcode, beginning, fin=False))
    piece = frame(CONTINUATION, b"A" * piece_bytes, fin=False)
    yield from joined(itertools.repeat(Write(piece), ENDLESS_BYTES // len(piece)))
    yield Hold()


def _endless_frame(length: int) -> Iterator[Step]:
    yield Write(header(TEXT, length) + b'{"type":"')
    yield from itertools.repeat(Write(b"A" * 64 * KIB), ENDLESS_BYTES // (64 * KIB))
    yield Hold()


def _controls() -> Iterator[Step]:
    yield Write(frame(PING, b"p" * 125))
    yield Write(frame(PING, b"p" * 126))
    yield Write(frame(PING, b"p" * 70_000))


def _long_close(length: int) -> Iterator[Step]:
    yield Write(frame(CLOSE, b"\x03\xe8" + b"r" * length))


def _name(what: str, template: Template, path: Path) -> str:
    return f"{what} in {template.name} {json.dumps(path)}"


def attacks(setting: Setting) -> Attacks:
    """Every value that can be long, and the frames and messages themselves."""
    vocabulary, source = setting.vocabulary, setting.random("long")
    passing: list[Attack] = []
    roles = [role for role in Role if role is not Role.OTHER]
    by_role = {role: vocabulary.slots(role) for role in roles if vocabulary.slots(role)}
    for role, slots in by_role.items():
        for template, path in slots:
            for size in SIZES:
                value = role, source.choice(list(_FILLINGS)), size
                passing.append(
                    Attack(_name(f"{size} bytes {value[1]}", template, path), partial(_whole, template, path, value))
                )
        template, path = source.choice(slots)
        value = role, source.choice(list(_FILLINGS)), DIGITS if role is Role.NUMBER else MIB
        passing.append(Attack(_name(f"{value[2]} bytes", template, path), partial(_whole, template, path, value)))
        template, path = source.choice(slots)
        for size, piece in ((MIB // 2, 128), (20 * KIB, 1), (100 * KIB, None)):
            value = role, source.choice(["plain", "four bytes", "escaped pairs"]), size
            name = _name(f"{size} bytes in pieces of {piece or 'any size'}", template, path)
            passing.append(Attack(name, partial(_pieces, template, path, value, piece)))
    ending: list[Attack] = []
    for size in ENDING_SIZES:
        for role, slots in by_role.items():
            template, path = source.choice(slots)
            value = role, "plain", size
            ending.append(
                Attack(
                    _name(f"{size // MIB} MiB of {role.name}", template, path), partial(_whole, template, path, value)
                )
            )
    template, path = source.choice(vocabulary.slots(Role.TEXT, Role.ID))
    value = Role.TEXT, "plain", ENDING_SIZES[-1]
    ending += [
        Attack(_name("9 MiB in pieces of 64 KiB", template, path), partial(_pieces, template, path, value, 64 * KIB)),
        Attack(_name("9 MiB in pieces of 1 KiB", template, path), partial(_pieces, template, path, value, KIB)),
        Attack(_name("no end in pieces of 1 KiB", template, path), partial(_endless, template, path, KIB)),
        Attack(_name("no end in pieces of 64 KiB", template, path), partial(_endless, template, path, 64 * KIB)),
        Attack("a frame of 2**40 bytes", partial(_endless_frame, 1 << 40)),
        Attack("a frame of 2**63 - 1 bytes", partial(_endless_frame, (1 << 63) - 1)),
        Attack("a frame of 2**64 - 1 bytes", partial(_endless_frame, (1 << 64) - 1)),
        Attack("pings that are too long", _controls),
        Attack("a close reason of 124 bytes", partial(_long_close, 124)),
        Attack("a close reason of 1 MiB", partial(_long_close, MIB)),
    ]
    source.shuffle(passing)
    return Attacks(tuple(passing), tuple(ending), AT_ONCE)
