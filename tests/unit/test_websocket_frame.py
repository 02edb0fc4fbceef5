"""Frames that the loop sends (tests/host/websocket_frames.c), as a WebSocket server reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar, cast

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

T = TypeVar("T")

PROGRAM = Path(__file__).parents[2] / "build" / "tests" / "host" / "websocket_frames"

# Around the lengths where the header grows, and where eight bytes are masked at once.
LENGTHS = [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 124, 125, 126, 127, 160, 65534, 65535, 65536, 65537, 300001]


def _frames(kind: str, lengths: list[int]) -> bytes:
    return subprocess.run([PROGRAM, kind, *map(str, lengths)], capture_output=True, check=True, timeout=60).stdout


def _result(steps: Generator[None, None, T]) -> T:
    """What is there at once: all bytes have been fed."""
    try:
        next(steps)
    except StopIteration as done:
        return cast(T, done.value)
    raise AssertionError("a frame is longer than what was sent")


@pytest.mark.parametrize(("kind", "opcode"), [("text", Opcode.TEXT), ("binary", Opcode.BINARY)])
def test_a_server_reads_what_was_sent(kind: str, opcode: Opcode) -> None:
    reader = StreamReader()
    reader.feed_data(_frames(kind, LENGTHS))
    reader.feed_eof()
    for length in LENGTHS:
        frame = _result(Frame.parse(reader.read_exact, mask=True))
        assert frame == Frame(opcode, bytes(i % 251 for i in range(length))), length
    assert _result(reader.at_eof()), "more was sent than the messages"


def test_no_two_messages_have_the_same_mask() -> None:
    messages = 1000
    header = 2 + 4
    sent = _frames("text", [4] * messages)
    assert len(sent) == messages * (header + 4)
    masks = {sent[at + 2 : at + header] for at in range(0, len(sent), header + 4)}
    # Of a thousand random ones in four thousand millions two are the same once in ten thousand runs.
    assert len(masks) >= messages - 1
