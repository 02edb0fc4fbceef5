"""Messages that are right, at a moment when they are wrong; and frames in an order that the WebSocket does not know."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from aiconvai.mock.hostile.attack import Attack, Attacks, Setting, attack
from aiconvai.mock.hostile.vocabulary import Does, Role, Template, Vocabulary
from aiconvai.mock.hostile.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Step,
    Write,
    close_frame,
    frame,
    joined,
)


def _shuffled(setting: Setting, round_number: int) -> Iterator[Step]:
    templates = setting.vocabulary.harmless() * 3
    setting.random(f"order {round_number}").shuffle(templates)
    yield from joined(template.message() for template in templates)


def _announced_again(vocabulary: Vocabulary) -> Iterator[Step]:
    announcements = vocabulary.that(Does.ANNOUNCES)
    for number in range(20):
        yield from joined(
            template.message({path: f"again_{number}" for path in template.paths(Role.ID)})
            for template in announcements
        )


def _cancelled_first(calls: list[Template], cancels: list[Template]) -> Iterator[Step]:
    yield from joined(template.message() for template in [*cancels, *calls, *cancels, *cancels, *calls])


def _interrupted_out_of_turn(vocabulary: Vocabulary) -> Iterator[Step]:
    speaks, interrupts = vocabulary.that(Does.SPEAKS), vocabulary.that(Does.INTERRUPTS)
    for number in (99, 5, 98, 1, 0, 97, -5):
        yield from joined(
            template.message({path: number for path in template.paths(Role.NUMBER)})
            for template in [*interrupts, *speaks, *interrupts, *interrupts]
        )


def _backwards(vocabulary: Vocabulary) -> Iterator[Step]:
    yield from joined(template.message() for template in reversed(vocabulary.harmless()))


def _frames(*frames: bytes) -> list[Write]:
    return [Write(each) for each in frames]


def attacks(setting: Setting) -> Attacks:
    """All messages in orders that no service has."""
    vocabulary = setting.vocabulary
    honest = vocabulary.harmless()[-1].text()
    passing = [Attack(f"shuffled {number}", partial(_shuffled, setting, number)) for number in range(4)]
    passing += [
        Attack("announced again and again", partial(_announced_again, vocabulary)),
        Attack(
            "cancelled before it is called",
            partial(_cancelled_first, vocabulary.that(Does.CALLS_TOOL), vocabulary.that(Does.CANCELS_TOOL)),
        ),
        Attack("interrupted out of turn", partial(_interrupted_out_of_turn, vocabulary)),
        Attack("backwards", partial(_backwards, vocabulary)),
        attack("pongs nobody asked for", _frames(frame(PONG, b"what"), frame(PONG), frame(PONG, b"p" * 125))),
        attack(
            "control frames in a message",
            _frames(
                frame(TEXT, honest[:3], fin=False), frame(PING, b"in"), frame(PONG), frame(CONTINUATION, honest[3:])
            ),
        ),
    ]
    half, rest = frame(TEXT, honest[:3], fin=False), frame(CONTINUATION, honest[3:])
    masked = bytes([0x80 | TEXT, 0x80 | len(b"{}")]) + b"\1\2\3\4" + bytes([ord("{") ^ 1, ord("}") ^ 2])
    ending = [
        attack("a continuation of nothing", _frames(rest, frame(TEXT, honest))),
        attack("a message in a message", _frames(half, frame(TEXT, honest), rest)),
        attack("binary in a text message", _frames(half, frame(BINARY, b"\xff" * 160), rest)),
        attack("a ping in pieces", _frames(frame(PING, b"a", fin=False), frame(CONTINUATION, b"b"))),
        attack("a close in pieces", _frames(frame(CLOSE, b"\x03", fin=False), frame(CONTINUATION, b"\xe8"))),
        attack("a masked frame", _frames(masked, frame(TEXT, honest))),
        *(attack(f"opcode {code:#x}", _frames(frame(code, honest))) for code in (3, 4, 5, 6, 7, 0xB, 0xF)),
        *(attack(f"reserved bits {bits}", _frames(frame(TEXT, honest, reserved=bits))) for bits in (1, 2, 4, 7)),
        attack("two closes", _frames(close_frame(1000), close_frame(1011, b"second"), frame(TEXT, honest))),
        attack("an HTTP reply", _frames(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", frame(TEXT, honest))),
        Attack("everything after the close", partial(_after_close, vocabulary)),
    ]
    return Attacks(tuple(passing), tuple(ending))


def _after_close(vocabulary: Vocabulary) -> Iterator[Step]:
    yield Write(close_frame(1000, b"bye"))
    yield from joined(template.message() for template in vocabulary.harmless() * 20)
