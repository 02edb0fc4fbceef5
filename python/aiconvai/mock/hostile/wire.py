"""What a hostile service puts on the wire: bytes that no library would send, and the pauses between them."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FIN = 0x80
_WRITE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes, and how many whole messages end in them."""

    data: bytes
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reset:
    """The TCP connection is reset."""


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """The TCP connection is closed in one direction, without a close frame."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing any more: what happens next is the client's affair."""


Step = Write | Pause | Reset | EndOfStream | Hold


@dataclass(frozen=True, slots=True)
class Raw:
    """A piece of JSON as it is to be on the wire, right or wrong."""

    data: bytes


def encode(value: Any) -> bytes:
    """`value` as JSON, `Raw` values in it as they are."""
    if isinstance(value, Raw):
        return value.data
    if isinstance(value, dict):
        return b"{" + b",".join(json.dumps(key).encode() + b":" + encode(each) for key, each in value.items()) + b"}"
    if isinstance(value, (list, tuple)):
        return b"[" + b",".join(encode(each) for each in value) + b"]"
    return json.dumps(value).encode()


def quoted(text: bytes) -> Raw:
    """A JSON string with these bytes in it, which hold nothing that has to be escaped."""
    return Raw(b'"' + text + b'"')


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0) -> bytes:
    """A frame of a server, whose payload is not masked."""
    return header(opcode, len(payload), fin=fin, reserved=reserved) + payload


def header(opcode: int, length: int, *, fin: bool = True, reserved: int = 0) -> bytes:
    """The header of a frame whose payload is said to be so long."""
    first = opcode | reserved << 4 | (_FIN if fin else 0)
    if length < 126:
        return struct.pack("!BB", first, length)
    if length < 1 << 16:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """Any code and any reason, legal or not."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def message(payload: bytes, opcode: int = TEXT) -> Write:
    """A message in one frame."""
    return Write(frame(opcode, payload), 1)


def together(payloads: Iterable[bytes], opcode: int = TEXT) -> Iterator[Write]:
    """Messages in as few writes as is useful."""
    return joined(message(payload, opcode) for payload in payloads)


def joined(writes: Iterable[Write]) -> Iterator[Write]:
    """The same bytes in as few writes as is useful."""
    data, messages = bytearray(), 0
    for write in writes:
        data += write.data
        messages += write.messages
        if len(data) >= _WRITE_BYTES:
            yield Write(bytes(data), messages)
            data, messages = bytearray(), 0
    if data:
        yield Write(bytes(data), messages)


def in_pieces(payload: bytes, sizes: Iterable[int], *, opcode: int = TEXT, pings: bool = False) -> Iterator[Write]:
    """One message in many frames, of `sizes` bytes each; with `pings` a WebSocket ping between them."""

    def frames() -> Iterator[Write]:
        position, code = 0, opcode
        for size in sizes:
            yield Write(frame(code, payload[position : position + size], fin=False))
            if pings:
                yield Write(frame(PING, b"between"))
            position, code = position + size, CONTINUATION
            if position >= len(payload):
                break
        yield Write(frame(code, payload[position:]), 1)

    return joined(frames())


def odd_sizes(seed: int, largest: int) -> Iterator[int]:
    """Sizes of pieces without end, empty ones among them."""
    source = random.Random(seed)
    while True:
        yield source.randrange(0, largest)


def same_sizes(size: int) -> Iterator[int]:
    """One size without end."""
    while True:
        yield size
