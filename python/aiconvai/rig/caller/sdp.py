"""Session descriptions: the little of SDP that one audio stream needs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiconvai.rig.caller.codecs import (
    PACKET_MS,
    TELEPHONE_EVENT_PAYLOAD_TYPE,
    TELEPHONE_EVENT_RATE,
    Codec,
    codec_of,
)

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
_STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000)}
_session_ids = itertools.count(1)


@dataclass(frozen=True)
class RemoteMedia:
    """What the other side's description says of its audio."""

    host: str
    port: int
    codecs: dict[int, Codec] = field(default_factory=dict)
    """Payload type to codec, in the other side's order of preference."""
    telephone_event: int | None = None
    direction: Direction = "sendrecv"


class LocalDescription:
    """Our side's description; its version number rises each time it is written, as RFC 3264 asks."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._session = next(_session_ids)
        self._version = 0

    def text(self, codecs: Sequence[tuple[int, Codec]], direction: Direction, *, nowhere: bool = False) -> str:
        """The description that offers (or answers with) these payload types; `nowhere` gives no address to send to, as
        RFC 2543 put somebody on hold.
        """
        self._version += 1
        types = [str(number) for number, _ in codecs] + [str(TELEPHONE_EVENT_PAYLOAD_TYPE)]
        lines = [
            "v=0",
            f"o=caller {self._session} {self._version} IN IP4 {self._host}",
            "s=-",
            f"c=IN IP4 {'0.0.0.0' if nowhere else self._host}",
            "t=0 0",
            f"m=audio {self._port} RTP/AVP {' '.join(types)}",
            *(f"a=rtpmap:{number} {one.encoding}/{one.clock_rate}" for number, one in codecs),
            f"a=rtpmap:{TELEPHONE_EVENT_PAYLOAD_TYPE} telephone-event/{TELEPHONE_EVENT_RATE}",
            f"a=fmtp:{TELEPHONE_EVENT_PAYLOAD_TYPE} 0-16",
            f"a=ptime:{PACKET_MS}",
            f"a={direction}",
        ]
        return "\r\n".join(lines) + "\r\n"


def parse(text: str) -> RemoteMedia:
    """Read a session description; raises ValueError when it has no usable audio stream."""
    host = ""
    port = 0
    types: list[int] = []
    maps = dict(_STATIC)
    direction: Direction = "sendrecv"
    in_audio = False
    for line in text.splitlines():
        kind, _, value = line.partition("=")
        if kind == "m":
            fields = value.split()
            in_audio = fields[0] == "audio" and port == 0
            if in_audio:
                port = int(fields[1].partition("/")[0])
                types = [int(number) for number in fields[3:]]
        elif kind == "c" and (in_audio or not host):
            host = value.split()[2].partition("/")[0]
        elif kind == "a" and (in_audio or not port):
            name, _, argument = value.partition(":")
            if name in _DIRECTIONS:
                direction = next(one for one in _DIRECTIONS if one == name)
            elif name == "rtpmap":
                mapped, _, mapping = argument.partition(" ")
                name, _, clock = mapping.partition("/")
                maps[int(mapped)] = (name, int(clock.partition("/")[0]))
    if not host or not types:
        raise ValueError(f"no audio stream in the session description:\n{text}")
    codecs: dict[int, Codec] = {}
    telephone_event: int | None = None
    for number in types:
        encoding, clock_rate = maps.get(number, ("", 0))
        if encoding.lower() == "telephone-event":
            telephone_event = number if telephone_event is None else telephone_event
        elif (found := codec_of(encoding, clock_rate)) is not None:
            codecs[number] = found
    return RemoteMedia(host, port, codecs, telephone_event, direction)
