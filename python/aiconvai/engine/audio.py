"""Audio formats, G.711, base64, levels and the conversion of streams, as the engine does them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from aiconvai.engine.library import OutOfMemoryError, load_library


class Encoding(Enum):
    """How a sample is coded; the names are those of `enum aic_encoding`."""

    ULAW = "ulaw"
    ALAW = "alaw"
    PCM16 = "pcm"


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Mono audio: an encoding and a rate in samples a second."""

    encoding: Encoding
    rate: int

    @classmethod
    def parse(cls, name: str) -> AudioFormat:
        """The format of a name such as ulaw_8000 or pcm_16000; raises ValueError for an unknown one."""
        library = load_library()
        c_format = library.ffi.new("struct aic_audio_format *")
        if library.lib.aic_format_parse(library.c_text(name), c_format):
            raise ValueError(f"{name!r} is no audio format: expected one such as ulaw_8000 or pcm_16000")
        return cls.from_c(c_format)

    @classmethod
    def from_c(cls, c_format: Any) -> AudioFormat:
        encoding = load_library().member(Encoding, "aic_encoding", "AIC_ENCODING", c_format.encoding)
        return cls(encoding, c_format.rate)

    def to_c(self) -> Any:
        """The format as `struct aic_audio_format`, to be passed by value."""
        library = load_library()
        c_format = library.ffi.new("struct aic_audio_format *")
        c_format.encoding = library.constant("AIC_ENCODING", self.encoding)
        c_format.rate = self.rate
        return c_format[0]

    @property
    def name(self) -> str:
        """The name the services know the format by, or "unknown"."""
        library = load_library()
        buffer = library.ffi.new("char[]", 32)
        return library.text(library.lib.aic_format_name(self.to_c(), buffer, len(buffer)))

    @property
    def sample_bytes(self) -> int:
        return 2 if self.encoding is Encoding.PCM16 else 1

    @property
    def silence(self) -> bytes:
        """One sample of silence."""
        return {Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM16: b"\0\0"}[self.encoding]

    def bytes_of(self, ms: int) -> int:
        """Bytes of `ms` milliseconds, in whole samples, rounded down."""
        return self.rate * ms // 1000 * self.sample_bytes


SILENCE_DBFS = -99.0
"""The level that stands for silence."""


class IdleAudio:
    """What goes to the caller while nobody says anything (core/audio/idle_audio.h)."""

    def __init__(self, audio_format: AudioFormat, level_dbfs: float = SILENCE_DBFS, seed: int = 1) -> None:
        self._library = load_library()
        self._bytes = audio_format.bytes_of(self._library.lib.AIC_FRAME_MS)
        self.c_idle = self._library.ffi.new("struct aic_idle_audio *")
        self._library.lib.aic_idle_audio_init(self.c_idle, audio_format.to_c(), level_dbfs, seed)

    def next(self) -> bytes:
        """The next frame."""
        frame = self._library.ffi.new("uint8_t[]", self._bytes)
        self._library.lib.aic_idle_audio_next(self.c_idle, frame)
        return bytes(frame)


class Ambience:
    """A sound that goes on under a call (core/audio/ambience.h), from a recording at the format's rate."""

    def __init__(self, audio_format: AudioFormat, sound: npt.NDArray[np.int16], level_dbfs: float) -> None:
        self._library = library = load_library()
        self._bytes = audio_format.bytes_of(library.lib.AIC_FRAME_MS)
        self._samples = library.ffi.new("int16_t[]", sound.tolist())
        self._loop = library.ffi.new("struct aic_ambience_loop *")
        library.lib.aic_ambience_make_loop(self._loop, self._samples, len(sound), audio_format.rate)
        self._ambience = library.ffi.new("struct aic_ambience *")
        library.lib.aic_ambience_init(self._ambience, audio_format.to_c(), self._loop, level_dbfs)

    def next(self) -> bytes:
        """The next frame of it alone."""
        frame = self._library.ffi.new("uint8_t[]", self._bytes)
        self._library.lib.aic_ambience_next(self._ambience, frame)
        return bytes(frame)

    def add(self, audio: bytes) -> bytes:
        """The next of it under audio of somebody who speaks."""
        mixed = self._library.ffi.new("uint8_t[]", audio)
        self._library.lib.aic_ambience_add(self._ambience, mixed, len(audio))
        return bytes(mixed)[: len(audio)]


def base64_encode(data: bytes) -> str:
    """Base64 with padding, in one line."""
    library = load_library()
    out = library.ffi.new("char[]", (len(data) + 2) // 3 * 4 + 1)
    length = library.lib.aic_base64_encode(data, len(data), out)
    encoded: str = library.ffi.buffer(out, length)[:].decode("ascii")
    return encoded


def base64_decode(text: str | bytes) -> bytes:
    """The bytes of a base64 text, padded or not; raises ValueError for anything else."""
    library = load_library()
    encoded = text.encode("utf-8") if isinstance(text, str) else text
    out = library.ffi.new("uint8_t[]", (len(encoded) + 3) // 4 * 3 + 1)
    length = library.lib.aic_base64_decode(encoded, len(encoded), out)
    if length < 0:
        raise ValueError("not base64")
    return bytes(library.ffi.buffer(out, length))


class Base64Decoder:
    """Reads a base64 text that comes in pieces. Not thread-safe."""

    def __init__(self) -> None:
        self._library = load_library()
        self._decoder = self._library.ffi.new("struct aic_base64_decoder *")

    def take(self, piece: bytes) -> tuple[bytes, int]:
        """The bytes that are complete now, and how many characters were taken: those before the first outside the
        alphabet, of which padding is none.
        """
        ffi = self._library.ffi
        out = ffi.new("uint8_t[]", (len(piece) + 6) // 4 * 3)
        taken = ffi.new("size_t *")
        length = self._library.lib.aic_base64_decoder_take(self._decoder, piece, len(piece), out, taken)
        return bytes(ffi.buffer(out, length)), taken[0]

    def end(self, rest: bytes = b"") -> bytes:
        """The last bytes; `rest` is what was not taken. Raises ValueError where it is no right padding."""
        ffi = self._library.ffi
        out = ffi.new("uint8_t[]", 2)
        length = self._library.lib.aic_base64_decoder_end(self._decoder, rest, len(rest), out)
        if length < 0:
            raise ValueError("not base64")
        return bytes(ffi.buffer(out, length))


def g711_decode(encoding: Encoding, codes: bytes) -> bytes:
    """G.711 codes as signed 16-bit little-endian samples. Raises KeyError for PCM16."""
    library = load_library()
    lib = library.lib
    decode = {Encoding.ULAW: lib.aic_ulaw_decode, Encoding.ALAW: lib.aic_alaw_decode}[encoding]
    out = library.ffi.new("int16_t[]", len(codes))
    decode(codes, out, len(codes))
    return bytes(library.ffi.buffer(out))


def g711_encode(encoding: Encoding, samples: bytes) -> bytes:
    """Signed 16-bit little-endian samples as G.711 codes. Raises KeyError for PCM16."""
    library = load_library()
    lib = library.lib
    encode = {Encoding.ULAW: lib.aic_ulaw_encode, Encoding.ALAW: lib.aic_alaw_encode}[encoding]
    count = len(samples) // 2
    linear = library.ffi.new("int16_t[]", count)
    library.ffi.memmove(linear, samples, count * 2)
    out = library.ffi.new("uint8_t[]", count)
    encode(linear, out, count)
    return bytes(library.ffi.buffer(out))


def level_dbfs(encoding: Encoding, audio: bytes) -> float:
    """Root mean square relative to full scale, in dB; -99 for silence."""
    library = load_library()
    energy = library.ffi.new("struct aic_energy *")
    code = library.constant("AIC_ENCODING", encoding)
    library.lib.aic_energy_add(energy, code, audio, len(audio))
    level: float = library.lib.aic_energy_dbfs(energy)
    return level


class Transcoder:
    """Turns a stream in one format into another. Not thread-safe."""

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self._library = library = load_library()
        for audio_format in (source, target):
            if audio_format.rate <= 0:
                raise ValueError(f"a rate of {audio_format.rate} samples a second: expected one above 0")
        self.source, self.target = source, target
        self._transcoder = library.owned(
            library.lib.aic_transcoder_new(source.to_c(), target.to_c()), library.lib.aic_transcoder_free
        )
        self._out = library.ffi.gc(library.ffi.new("struct aic_buffer *"), library.lib.aic_buffer_free)

    def run(self, audio: bytes) -> bytes:
        """What the next piece of the stream becomes: as long as it, the sound in it later by `delay`."""
        self._out.length = 0
        return self._taken(self._library.lib.aic_transcoder_run(self._transcoder, audio, len(audio), self._out))

    def finish(self) -> bytes:
        """The stream has ended: the sound that is still in the resampler's filter, which forgets it."""
        self._out.length = 0
        return self._taken(self._library.lib.aic_transcoder_finish(self._transcoder, self._out))

    @property
    def delay(self) -> float:
        """Of the sound, in seconds; 0 at equal rates."""
        samples: int = self._library.lib.aic_transcoder_delay(self._transcoder)
        return samples / self.source.rate

    @property
    def holds(self) -> bool:
        """Whether sound of the stream is still in the filter."""
        return bool(self._library.lib.aic_transcoder_holds(self._transcoder))

    def reset(self) -> None:
        """Forget the stream so far."""
        self._library.lib.aic_transcoder_reset(self._transcoder)

    def _taken(self, result: int) -> bytes:
        if result:
            raise OutOfMemoryError("the engine is out of memory")
        return bytes(self._library.ffi.buffer(self._out.bytes, self._out.length)) if self._out.length else b""
