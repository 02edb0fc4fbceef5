"""Audio as the tests and mock services handle it: int16 arrays, G.711, resampling, levels, WAV files.

Samples are `int16` numpy arrays, one-dimensional for mono and `(frames, channels)` for several channels.
Levels are in dBFS, where a full-scale square wave is 0 and a full-scale sine is -3.01.
"""

from __future__ import annotations

import math
import warnings
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

with warnings.catch_warnings():
    # Importing it warns up to Python 3.12; from 3.13 on audioop-lts brings the same module.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

Samples = npt.NDArray[np.int16]

FULL_SCALE = 32768.0

_PCM_RATES = (8000, 16000, 22050, 24000, 44100, 48000)
FORMATS: dict[str, int] = {"ulaw_8000": 8000, "alaw_8000": 8000, **{f"pcm_{rate}": rate for rate in _PCM_RATES}}
"""Names of audio formats, those of ElevenLabs and one more, and their sample rates in Hz."""


def _little_endian(samples: npt.ArrayLike) -> bytes:
    array = np.asarray(samples)
    if array.dtype.kind not in "iu":
        raise TypeError(f"samples must be 16-bit integers, got {array.dtype}; use .astype(np.int16)")
    return array.astype("<i2").tobytes()


def _from_little_endian(data: bytes) -> Samples:
    if len(data) % 2:
        raise ValueError(f"16-bit PCM needs an even number of bytes, got {len(data)}")
    return np.frombuffer(data, dtype="<i2").astype(np.int16)


def ulaw_encode(samples: Samples) -> bytes:
    """G.711 mu-law, one byte a sample."""
    return audioop.lin2ulaw(_little_endian(samples), 2)


def ulaw_decode(data: bytes) -> Samples:
    """Samples of G.711 mu-law bytes."""
    return _from_little_endian(audioop.ulaw2lin(data, 2))


def alaw_encode(samples: Samples) -> bytes:
    """G.711 A-law, one byte a sample."""
    return audioop.lin2alaw(_little_endian(samples), 2)


def alaw_decode(data: bytes) -> Samples:
    """Samples of G.711 A-law bytes."""
    return _from_little_endian(audioop.alaw2lin(data, 2))


@dataclass(frozen=True)
class _Codec:
    encode: Callable[[Samples], bytes]
    decode: Callable[[bytes], Samples]


_G711 = {"ulaw_8000": _Codec(ulaw_encode, ulaw_decode), "alaw_8000": _Codec(alaw_encode, alaw_decode)}


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """The same sound at another sample rate; the length becomes `len * to_hz / from_hz`, rounded."""
    if from_hz <= 0 or to_hz <= 0:
        raise ValueError(f"sample rates must be positive, got {from_hz} -> {to_hz}")
    array = np.asarray(samples, dtype=np.int16)
    if from_hz == to_hz or array.size == 0:
        return array.copy()
    return np.asarray(soxr.resample(array, from_hz, to_hz), dtype=np.int16)


def rms_dbfs(samples: Samples) -> float:
    """Root-mean-square level in dBFS, from -inf (silence or nothing) to 0."""
    array = np.asarray(samples, dtype=np.float64)
    if array.size == 0:
        return -math.inf
    rms = math.sqrt(float(np.mean(np.square(array))))
    return 20.0 * math.log10(rms / FULL_SCALE) if rms > 0.0 else -math.inf


def tone(hz: float, seconds: float, rate: int, level_dbfs: float = -10.0) -> Samples:
    """A sine of `hz` whose RMS level is `level_dbfs` (at most -3.01, above that a sine would clip)."""
    amplitude = 10.0 ** (level_dbfs / 20.0) * math.sqrt(2.0)
    if amplitude > 1.001:
        raise ValueError(f"a sine of {level_dbfs} dBFS RMS clips; -3.01 is the loudest")
    time = np.arange(round(seconds * rate)) / rate
    wave_form: npt.NDArray[np.float64] = amplitude * FULL_SCALE * np.sin(2.0 * math.pi * hz * time)
    samples: Samples = np.clip(np.rint(wave_form), -32768, 32767).astype(np.int16)
    return samples


def read_wav(path: Path | str) -> tuple[Samples, int]:
    """Samples and sample rate of a 16-bit PCM WAV file; mono is one-dimensional."""
    with wave.open(str(path), "rb") as reader:
        if reader.getsampwidth() != 2:
            raise ValueError(f"{path}: expected 16-bit PCM, got {8 * reader.getsampwidth()} bits a sample")
        samples = _from_little_endian(reader.readframes(reader.getnframes()))
        channels = reader.getnchannels()
        rate = reader.getframerate()
    return (samples if channels == 1 else samples.reshape(-1, channels)), rate


def write_wav(path: Path | str, samples: Samples, rate: int) -> None:
    """Writes a 16-bit PCM WAV file; `samples` is one-dimensional (mono) or `(frames, channels)`."""
    array = np.asarray(samples)
    if array.ndim not in (1, 2):
        raise ValueError(f"{path}: samples must have one or two dimensions, got {array.ndim}")
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1 if array.ndim == 1 else array.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(_little_endian(array))


def format_rate(fmt: str) -> int:
    """Sample rate in Hz of a format name such as `ulaw_8000` or `pcm_16000`."""
    try:
        return FORMATS[fmt]
    except KeyError:
        raise ValueError(f"unknown audio format {fmt!r}; expected one of {', '.join(FORMATS)}") from None


def sample_bytes(fmt: str) -> int:
    """Bytes of one sample in an ElevenLabs format."""
    format_rate(fmt)
    return 1 if fmt in _G711 else 2


def encode(samples: Samples, fmt: str) -> bytes:
    """Bytes of `samples`, which are already at the rate of `fmt`."""
    format_rate(fmt)
    return _G711[fmt].encode(samples) if fmt in _G711 else _little_endian(samples)


def decode(data: bytes, fmt: str) -> Samples:
    """Samples, at the rate of `fmt`, of bytes in that format."""
    format_rate(fmt)
    return _G711[fmt].decode(data) if fmt in _G711 else _from_little_endian(data)
