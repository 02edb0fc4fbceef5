"""Right messages at once, slowly, in part or never; and ends of all sorts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from aiconvai.mock.hostile.attack import FORGERY, Attack, Attacks, Setting, attack
from aiconvai.mock.hostile.vocabulary import Vocabulary
from aiconvai.mock.hostile.wire import (
    CLOSE,
    PING,
    TEXT,
    EndOfStream,
    Hold,
    Pause,
    Reset,
    Step,
    Write,
    close_frame,
    frame,
    header,
    joined,
    message,
)

LEGAL_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3008, 4000, 4300, 4999)
ILLEGAL_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 32768, 65535)


def _at_once(vocabulary: Vocabulary) -> Iterator[Step]:
    yield from joined(template.message() for template in vocabulary.harmless())


def _drip(data: bytes, seconds: float) -> Iterator[Step]:
    for position in range(len(data)):
        yield Write(data[position : position + 1], int(position == len(data) - 1))
        yield Pause(seconds / len(data))


def _slowly(vocabulary: Vocabulary) -> Iterator[Step]:
    for template in vocabulary.harmless()[:5]:
        yield template.message()
        yield Pause(0.1)


def attacks(setting: Setting) -> Attacks:
    """In a conversation that goes on, and at its end."""
    vocabulary = setting.vocabulary
    honest = vocabulary.harmless()[-1].text()
    whole = frame(TEXT, honest)
    half = whole[: len(whole) // 2]
    forged = FORGERY.encode(errors="ignore")[:123].decode(errors="ignore").encode()
    ends: dict[str, list[Step]] = {
        "silence for ever": [Hold()],
        "half a message, then silence": [Write(half), Hold()],
        "a piece of a message, then silence": [Write(frame(TEXT, honest[:5], fin=False)), Hold()],
        "half a header, then silence": [Write(header(TEXT, 70_000)[:3]), Hold()],
        "half a ping, then silence": [Write(frame(PING, b"p" * 100)[:50]), Hold()],
        "a close in the middle of a message": [
            Write(frame(TEXT, honest[:5], fin=False) + close_frame(1000)),
        ],
        "a close in the middle of a frame": [Write(half + close_frame(1000)), EndOfStream()],
        "a reset": [Reset()],
        "a reset in the middle of a message": [Write(half), Reset()],
        "the end of the stream": [EndOfStream()],
        "the end of the stream in the middle of a message": [Write(half), EndOfStream()],
        "a close, then a reset": [Write(close_frame(1000)), Reset()],
        "a close, then silence": [Write(close_frame(1000)), Hold()],
        "a close without a code": [Write(frame(CLOSE))],
        "a close with half a code": [Write(frame(CLOSE, b"\x03"))],
        "a close whose reason is no UTF-8": [Write(close_frame(1000, b"\xff\xfe\xed\xa0\x80"))],
        "a close whose reason forges": [Write(close_frame(1011, forged))],
        "a close whose reason has a NUL": [Write(close_frame(4000, b"a\x00b\x1b[31mAicForged"))],
        "half a close, then silence": [Write(close_frame(1000, b"reason")[:4]), Hold()],
    }
    ends |= {f"a close with {code}": [Write(close_frame(code, b"why"))] for code in (*LEGAL_CODES, *ILLEGAL_CODES)}
    return Attacks(
        passing=(
            Attack("everything within a millisecond", partial(_at_once, vocabulary)),
            Attack("a message byte by byte", partial(_drip, whole, 0.5)),
            Attack("a message in a thousand writes", partial(_drip, message(b" " * 900 + honest).data, 0.0)),
            Attack("slowly", partial(_slowly, vocabulary)),
        ),
        ending=tuple(attack(name, steps) for name, steps in ends.items()),
    )
