"""Audio codecs as RTP carries them: payload types, clock rates, 20 ms of samples to bytes and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from G722 import G722

from aiconvai.audio import Samples, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

PACKET_MS = 20
TELEPHONE_EVENT_PAYLOAD_TYPE = 101
TELEPHONE_EVENT_RATE = 8000

Encoder = Callable[[Samples], bytes]
Decoder = Callable[[bytes], Samples]


@dataclass(frozen=True)
class Codec:
    """A codec; encoders and decoders may keep state, so every stream makes its own."""

    name: str
    encoding: str
    payload_type: int
    rate: int
    """Samples a second."""
    clock_rate: int
    """RTP timestamp units a second; G.722's differs from its sample rate for historical reasons."""
    make_encoder: Callable[[], Encoder]
    make_decoder: Callable[[], Decoder]

    @property
    def samples_per_packet(self) -> int:
        """Samples in 20 ms."""
        return self.rate * PACKET_MS // 1000

    @property
    def ticks_per_packet(self) -> int:
        """RTP timestamp units in 20 ms."""
        return self.clock_rate * PACKET_MS // 1000


def _l16_encode(samples: Samples) -> bytes:
    return samples.astype(">i2").tobytes()


def _l16_decode(data: bytes) -> Samples:
    return np.frombuffer(data[: len(data) & ~1], dtype=">i2").astype(np.int16)


def _g722_encoder() -> Encoder:
    coder = G722(16000, 64000)
    return lambda samples: bytes(coder.encode(samples))


def _g722_decoder() -> Decoder:
    coder = G722(16000, 64000)
    return lambda data: np.asarray(coder.decode(data), dtype=np.int16)


_ALL = (
    Codec("ulaw", "PCMU", 0, 8000, 8000, lambda: ulaw_encode, lambda: ulaw_decode),
    Codec("alaw", "PCMA", 8, 8000, 8000, lambda: alaw_encode, lambda: alaw_decode),
    Codec("g722", "G722", 9, 16000, 8000, _g722_encoder, _g722_decoder),
    Codec("slin16", "L16", 118, 16000, 16000, lambda: _l16_encode, lambda: _l16_decode),
)
CODECS: dict[str, Codec] = {codec.name: codec for codec in _ALL}


def codec_named(name: str) -> Codec:
    """A codec by Asterisk's name for it."""
    try:
        return CODECS[name]
    except KeyError:
        raise ValueError(f"unknown codec {name!r}; expected one of {', '.join(CODECS)}") from None


def codec_of(encoding: str, clock_rate: int) -> Codec | None:
    """The codec that SDP calls ``encoding/clock_rate``, or None when it is not one of ours."""
    for one in _ALL:
        if one.encoding.lower() == encoding.lower() and one.clock_rate == clock_rate:
            return one
    return None
