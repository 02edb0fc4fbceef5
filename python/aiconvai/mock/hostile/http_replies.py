"""Hostile answers to an HTTP request: for the signed URL, and to the upgrade to a WebSocket."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial

from aiconvai.mock.hostile.attack import FORGERY, Attack, Kind, Setting, attack
from aiconvai.mock.hostile.deep import LEVELS, nested
from aiconvai.mock.hostile.wire import EndOfStream, Hold, Pause, Reset, Step, Write, encode, frame
from aiconvai.mock.hostile.wrong_type import VALUES

KIB, MIB = 1024, 1024 * 1024
_OF_URL = ("signed_url", "sent to ", " of URL", " of host", " as the URL", "a forged URL")
"""In the names of those that are about what a request for a signed URL asked for."""
_ENDLESS_BYTES = 24 * MIB
_UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"


def reply(
    status: bytes = b"200 OK",
    body: bytes = b"",
    headers: bytes = b"Content-Type: application/json\r\n",
    *,
    length: int | None = None,
) -> Write:
    """A reply of HTTP; `length` is what it says of its body, if that is not true."""
    said = len(body) if length is None else length
    return Write(b"HTTP/1.1 " + status + b"\r\n" + headers + b"Content-Length: %d\r\n\r\n" % said + body, 1)


def chunked(body: bytes, size: int) -> Iterator[Write]:
    """A reply whose body comes in chunks, of so many bytes each."""
    yield Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    yield Write(b"".join(b"%x\r\n" % len(piece) + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n", 1)


def _signed(url: bytes) -> bytes:
    return b'{"signed_url":' + url + b"}"


def _endless(beginning: bytes, piece: bytes) -> Iterator[Step]:
    yield Write(beginning)
    yield from itertools.repeat(Write(piece), _ENDLESS_BYTES // len(piece))
    yield Hold()


def _drip(data: bytes) -> Iterator[Step]:
    for position in range(len(data)):
        yield Write(data[position : position + 1])
        yield Pause(0.02)


def _status(code: int) -> Write:
    return reply(b"%d Hostile" % code, b'{"detail":"hostile"}')


def _deep() -> dict[str, list[Step]]:
    return {
        f"{levels} {shape} {where}": [
            reply(status, _signed(nested(shape, levels)) if inside else nested(shape, levels))
        ]
        for levels in LEVELS
        for shape in ("arrays", "objects", "unfinished arrays")
        for where, status, inside in (
            ("as the body", b"200 OK", False),
            ("as the URL", b"200 OK", True),
            ("with an error", b"400 Bad Request", False),
        )
    }


_LONG: dict[str, Callable[[bytes], Write]] = {
    "body": lambda text: reply(body=text),
    "URL": lambda text: reply(body=_signed(b'"ws://127.0.0.1:1/' + text + b'"')),
    "host": lambda text: reply(body=_signed(b'"ws://' + text + b'/"')),
    "reason": lambda text: reply(b"500 " + text),
    "header": lambda text: reply(headers=b"X-Long: " + text + b"\r\n"),
    "header name": lambda text: reply(headers=text + b": x\r\n"),
    "error": lambda text: reply(b"422 Unprocessable", b'{"detail":"' + text + b'"}'),
}
_LONG_SIZES = (300, 20 * KIB, 100 * KIB, MIB, 9 * MIB)


def _long_reply(what: str, size: int) -> Iterator[Step]:
    yield _LONG[what](b"A" * size)


def _long() -> list[Attack]:
    status = b"HTTP/1.1 200 OK\r\n"
    in_chunks = status + b"Transfer-Encoding: chunked\r\n\r\n"
    return [
        *(
            Attack(f"{size} bytes of {what}", partial(_long_reply, what, size))
            for size in _LONG_SIZES
            for what in _LONG
        ),
        Attack("20 KiB in chunks of 1", partial(chunked, b"A" * 20 * KIB, 1)),
        attack("a body that is said to be 2**63 bytes", [reply(body=b"{", length=1 << 63), Hold()]),
        attack("a chunk that is said to be 2**60 bytes", [Write(in_chunks + b"1000000000000000\r\nabc"), Hold()]),
        Attack("headers without end", partial(_endless, status, b"X-Header: hostile\r\n" * 1000)),
        Attack("a header without end", partial(_endless, status + b"X-Header: ", b"A" * 64 * KIB)),
        Attack("a status without end", partial(_endless, b"HTTP/1.1 200 ", b"A" * 64 * KIB)),
        Attack("a body without end", partial(_endless, status + b"\r\n", b"A" * 64 * KIB)),
        Attack("chunks without end", partial(_endless, in_chunks, b"1\r\nA\r\n" * 10_000)),
    ]


def _many() -> dict[str, list[Step]]:
    numbered = b"".join(b"X-Header-%d: hostile\r\n" % number for number in range(3000))
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 3000
    return {
        "headers": [reply(headers=numbered)],
        "one header": [reply(headers=b"Sec-WebSocket-Accept: x\r\n" * 3000)],
        "interim replies": [Write(interim), reply()],
        "early hints, then silence": [Write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3000), Hold()],
        "replies": [Write(reply(body=b"{}").data * 3000, 3000)],
        "empty lines": [Write(b"\r\n" * 20_000), reply()],
        "folded lines": [reply(headers=b"X-Folded: a\r\n" + b" b\r\n" * 3000)],
        "chunks of nothing": [
            Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0;x=y\r\n" * 3000),
            Hold(),
        ],
        "cookies": [reply(headers=b"Set-Cookie: a=b\r\n" * 1000)],
    }


def _wrong_type() -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {
        f"signed_url is {name}": [reply(body=_signed(text))] for name, text in VALUES.items()
    }
    forged = FORGERY.encode(errors="ignore").replace(b"\r\n\r\n", b"\r\n")
    found |= {
        "garbage": [Write(b"\x16\x03\x01garbage\r\n\r\n"), EndOfStream()],
        "frames": [Write(frame(1, b'{"type":"x"}') * 100), Hold()],
        "HTTP/9.9": [Write(b"HTTP/9.9 200 OK\r\n\r\n"), EndOfStream()],
        "no status": [Write(b"HTTP/1.1\r\n\r\n"), EndOfStream()],
        "a status that is none": [reply(b"abc OK")],
        "a negative status": [reply(b"-200 OK")],
        "a status of nine digits": [reply(b"101000000 OK")],
        "a forged reason": [reply(b"500 " + FORGERY.encode(errors="ignore").replace(b"\n", b"").replace(b"\r", b""))],
        "forged headers": [reply(b"500 Hostile", headers=b"X-Forged: " + forged + b"\r\n")],
        "a forged body": [reply(b"400 Hostile", encode({"detail": FORGERY}))],
        "a forged URL": [reply(body=_signed(json.dumps(f"ws://{FORGERY}/").encode()))],
        "a NUL in a header": [reply(headers=b"X-Nul: a\x00b\r\n")],
        "a header without a colon": [reply(headers=b"hostile\r\n")],
        "a length that is none": [Write(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"), EndOfStream()],
        "a negative length": [Write(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"), EndOfStream()],
        "a chunk that has no length": [
            Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n"),
            EndOfStream(),
        ],
    }
    return found


def _wrong_order() -> dict[str, list[Step]]:
    return {
        "101 without headers": [Write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frame(1, b"{}")), Hold()],
        "101 with another's key": [
            Write(b"HTTP/1.1 101 Switching Protocols\r\n" + _UPGRADE % (b"A" * 27 + b"=") + b"\r\n"),
            Hold(),
        ],
        "101 with a protocol nobody asked for": [
            Write(
                b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: hostile\r\n" + _UPGRADE % b"x" + b"\r\n"
            ),
            Hold(),
        ],
        "101 with an extension nobody asked for": [
            Write(
                b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
                + _UPGRADE % b"x"
                + b"\r\n"
            ),
            Hold(),
        ],
        "the body before the headers": [Write(b'{"signed_url":"ws://x/"}HTTP/1.1 200 OK\r\n\r\n'), EndOfStream()],
        "204 with a body": [reply(b"204 No Content", b'{"signed_url":"ws://x/"}')],
        "304": [_status(304)],
        "401": [_status(401)],
        "407": [_status(407)],
        "429": [_status(429)],
        "500": [_status(500)],
        "999": [_status(999)],
    }


def _wrong_time() -> dict[str, list[Step]]:
    whole = reply(body=b"{}").data
    return {
        "never": [Hold()],
        "a reset": [Reset()],
        "the end of the stream": [EndOfStream()],
        "half a status, then silence": [Write(b"HTTP/1.1 10"), Hold()],
        "half a status, then a reset": [Write(b"HTTP/1.1 10"), Reset()],
        "half the headers, then silence": [Write(whole[:30]), Hold()],
        "half a body, then silence": [Write(reply(body=b'{"signed_', length=100).data), Hold()],
        "half a body, then the end": [Write(reply(body=b'{"signed_', length=100).data), EndOfStream()],
        "half a body, then a reset": [Write(reply(body=b'{"signed_', length=100).data), Reset()],
        "byte by byte": list(_drip(whole)),
        "late": [Pause(1.0), Write(whole)],
    }


def _foreign() -> dict[str, list[Step]]:
    places = (
        "ws://127.0.0.1:1/",
        "wss://127.0.0.1:1/",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "ws://",
        "ws:///",
        "ws://@/",
        "ws://[::1",
        "ws://:0/",
        "ws://127.0.0.1:99999/",
        "ws://127.0.0.1:-1/",
        "ws://user:password@127.0.0.1/",
        "ws://127.0.0.1/\r\nX-Forged: AicForged",
        "ws:/x",
        "//x/",
        "WS://127.0.0.1:1/",
        "ws://127.0.0.1:1/?%s%n",
        "ws://127.0.0.1:1/#" + "x" * 5000,
        "ws://0.0.0.0:1/",
        "ws://aiconvai.invalid/",
        "",
    )
    found: dict[str, list[Step]] = {
        f"sent to {place[:40]!r}": [reply(body=encode({"signed_url": place}))] for place in places
    }
    for status in (301, 302, 307, 308):
        for place in places[:6]:
            header = b"Location: " + place.encode() + b"\r\n"
            found[f"{status} to {place!r}"] = [reply(b"%d Moved" % status, b"", header)]
    found["302 to nothing"] = [reply(b"302 Found")]
    return found


_REPLIES = {
    Kind.DEEP: _deep,
    Kind.MANY: _many,
    Kind.WRONG_TYPE: _wrong_type,
    Kind.WRONG_ORDER: _wrong_order,
    Kind.WRONG_TIME: _wrong_time,
    Kind.FOREIGN_ID: _foreign,
}


def replies(kind: Kind, setting: Setting, *, url: bool) -> tuple[Attack, ...]:
    """Of which a request gets one; `url`: a request for a signed URL. There are none with tools."""
    if kind is Kind.LONG:
        found = _long()
    elif kind in _REPLIES:
        found = [attack(name, steps) for name, steps in _REPLIES[kind]().items()]
    else:
        return ()
    found = [each for each in found if url or not any(part in each.name for part in _OF_URL)]
    setting.random(f"replies {kind}").shuffle(found)
    return tuple(found)
