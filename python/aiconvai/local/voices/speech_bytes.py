"""The sound that a program or a server gives: WAV, or samples without a header."""

from __future__ import annotations

import io
import wave

import numpy as np

from aiconvai.local.parts import PartError, Speech
from aiconvai.local.voices.speech_limits import HIGHEST_RATE, LOWEST_RATE, MOST_BYTES


def speech_of_pcm(data: bytes, rate: int, who: str) -> Speech:
    """Of 16-bit little-endian mono samples; half a sample at the end is left out. Raises `PartError`, which begins
    with `who` gave it.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise PartError(f"{who}: its sound has {rate} Hz: {LOWEST_RATE} to {HIGHEST_RATE} are taken")
    if len(data) > MOST_BYTES:
        raise PartError(f"{who}: {len(data)} bytes of sound for a sentence: at most {MOST_BYTES} are taken")
    return Speech(np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16), rate)


def speech_of_wav(data: bytes, who: str) -> Speech:
    """Of a WAV file of 16-bit mono samples. The length in its header is not believed: what is written to a pipe has
    a placeholder there. Raises `PartError`, which begins with `who` gave it.
    """
    try:
        with wave.open(io.BytesIO(data), "rb") as reader:
            width, channels, rate = reader.getsampwidth(), reader.getnchannels(), reader.getframerate()
            samples = reader.readframes(len(data) // max(1, width * channels))
    except (wave.Error, EOFError) as error:
        raise PartError(f"{who}: expected a WAV file, got {len(data)} bytes of something else: {error}") from error
    if (width, channels) != (2, 1):
        raise PartError(f"{who}: expected 16 bits and one channel, got {8 * width} bits and {channels} channels")
    return speech_of_pcm(samples, rate, who)


def empty_speech(rate: int) -> Speech:
    """Of nothing."""
    return Speech(np.zeros(0, dtype=np.int16), rate)
