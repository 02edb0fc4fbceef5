"""More messages than anybody can use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from aiconvai.mock.hostile.attack import FORGERY, Attack, Attacks, Setting
from aiconvai.mock.hostile.vocabulary import Does, Role, Template, Vocabulary
from aiconvai.mock.hostile.wire import BINARY, CONTINUATION, PING, PONG, TEXT, Step, Write, frame, joined, message

MESSAGES = 2000
AT_ONCE = 10
FRAMES = 10_000


def _same(template: Template, count: int) -> Iterator[Step]:
    one = template.message()
    yield from joined(one for _ in range(count))


def _each_its_own(template: Template, count: int) -> Iterator[Step]:
    """Ids, names and numbers that there were not before: whoever keeps them keeps many."""
    paths = template.paths(Role.ID, Role.NUMBER)

    def write(number: int) -> Write:
        values = {path: f"hostile_{number}" for path in paths if path in template.paths(Role.ID)}
        return template.message({**{path: number for path in paths}, **values})

    yield from joined(write(number) for number in range(count))


def _forgeries(template: Template, count: int) -> Iterator[Step]:
    values = {path: FORGERY for path in template.paths(Role.TEXT, Role.NAME)}
    one = template.message(values)
    yield from joined(one for _ in range(count))


def _frames(opcode: int, payload: bytes, count: int, messages: int) -> Iterator[Step]:
    one = Write(frame(opcode, payload), messages)
    yield from joined(one for _ in range(count))


def _empty_pieces(text: bytes) -> Iterator[Step]:
    yield Write(frame(TEXT, fin=False))
    empty = Write(frame(CONTINUATION, fin=False))
    yield from joined(empty for _ in range(FRAMES))
    yield Write(frame(CONTINUATION, text), 1)


def _everything(vocabulary: Vocabulary) -> Iterator[Step]:
    all_of_them = [template.message() for template in vocabulary.harmless()]
    yield from joined(each for _ in range(MESSAGES // len(all_of_them)) for each in all_of_them)


def _members(template: Template) -> Iterator[Step]:
    extra = b",".join(b'"k%d":%d' % (number, number) for number in range(FRAMES))
    yield message(b"{" + extra + b"," + template.text()[1:], template.opcode)
    yield message(template.text()[:-1] + b',"list":[' + b"0," * FRAMES + b"0]}", template.opcode)


def _calls_in_one(template: Template) -> Iterator[Step]:
    """Where a message holds a list of calls, or of ids: thousands in one."""
    body = json.loads(template.text())
    for holder in (body, *(each for each in body.values() if isinstance(each, dict))):
        for key, value in holder.items():
            if isinstance(value, list) and value:
                one = value[0]
                holder[key] = [
                    {**one, "id": f"listed_{number}"} if isinstance(one, dict) else f"listed_{number}"
                    for number in range(MESSAGES)
                ]
                yield message(json.dumps(body).encode(), template.opcode)
                return


def attacks(setting: Setting) -> Attacks:
    """Of every message thousands, and of what is no message, too."""
    vocabulary = setting.vocabulary
    found: list[Attack] = []
    for template in vocabulary.harmless():
        count = MESSAGES // 6 if template.does is Does.ANNOUNCES else MESSAGES
        found.append(Attack(f"{count} times {template.name}", partial(_same, template, count)))
        if template.paths(Role.ID, Role.NUMBER):
            found.append(
                Attack(f"{count} times {template.name}, each its own", partial(_each_its_own, template, count))
            )
        if template.paths(Role.TEXT, Role.NAME):
            found.append(
                Attack(f"{count // 6} forgeries in {template.name}", partial(_forgeries, template, count // 6))
            )
    for template in vocabulary.that(Does.CALLS_TOOL, Does.CANCELS_TOOL):
        found.append(Attack(f"a list of {MESSAGES} in {template.name}", partial(_calls_in_one, template)))
    anything = vocabulary.harmless()[-1]
    found += [
        Attack("pings of the WebSocket", partial(_frames, PING, b"", FRAMES, 0)),
        Attack("full pings of the WebSocket", partial(_frames, PING, b"p" * 125, MESSAGES, 0)),
        Attack("pongs nobody asked for", partial(_frames, PONG, b"q", FRAMES, 0)),
        Attack("empty texts", partial(_frames, TEXT, b"", MESSAGES, 1)),
        Attack("empty binaries", partial(_frames, BINARY, b"", MESSAGES, 1)),
        Attack("binaries of a byte", partial(_frames, BINARY, b"\xff", MESSAGES, 1)),
        Attack("blanks", partial(_frames, TEXT, b"  \n", MESSAGES, 1)),
        Attack("empty objects", partial(_frames, TEXT, b"{}", MESSAGES, 1)),
        Attack("garbage", partial(_frames, TEXT, b"garbage", MESSAGES, 1)),
        Attack("unknown types", partial(_frames, TEXT, b'{"type":"unheard_of","event":"unheard_of"}', MESSAGES, 1)),
        Attack("empty pieces", partial(_empty_pieces, anything.text())),
        Attack("members", partial(_members, anything)),
        Attack("everything in turn", partial(_everything, vocabulary)),
    ]
    setting.random("many").shuffle(found)
    return Attacks(passing=tuple(found), at_once=AT_ONCE)
