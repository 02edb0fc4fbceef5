"""Real speech for tests and demos, synthesised by espeak-ng when it is needed."""

from __future__ import annotations

import io
import os
import subprocess
import wave
from functools import lru_cache

import numpy as np

from aiconvai.audio import Samples, resample

DEFAULT_WORDS_PER_MINUTE = 175
SYNTHESIS_TIMEOUT_SECONDS = 30.0


class SpeechError(RuntimeError):
    """Speech could not be synthesised; the message says why and what to do."""


def speak(text: str, rate: int, voice: str = "en", words_per_minute: int = DEFAULT_WORDS_PER_MINUTE) -> Samples:
    """The spoken `text` as mono samples at `rate` Hz.

    The same arguments give the same samples, and are synthesised only once a process. `voice` is an espeak-ng
    voice such as `en` or `cs`. Raises `SpeechError` if espeak-ng is absent, knows no such voice or fails.
    """
    if not text.strip():
        return np.zeros(0, dtype=np.int16)
    return resample(*_synthesise(text, voice, words_per_minute), rate)


@lru_cache(maxsize=256)
def _synthesise(text: str, voice: str, words_per_minute: int) -> tuple[Samples, int]:
    """Samples and their rate; callers never change the samples, which are shared."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdin", "--stdout"]
    try:
        result = subprocess.run(
            command,
            input=text.encode(),
            capture_output=True,
            timeout=SYNTHESIS_TIMEOUT_SECONDS,
            check=False,
            # A sanitizer that watches this process hangs in it.
            env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"},
        )
    except FileNotFoundError:
        raise SpeechError(
            "espeak-ng is not installed; it synthesises the speech of tests and mock agents. "
            "Install the Debian package espeak-ng (apt-get install espeak-ng)."
        ) from None
    complaint = result.stderr.decode(errors="replace").strip()
    if result.returncode != 0 or not result.stdout:
        raise SpeechError(
            f"espeak-ng failed for voice {voice!r} (exit status {result.returncode}): {complaint or 'no message'}"
        )
    with wave.open(io.BytesIO(result.stdout), "rb") as reader:
        rate = reader.getframerate()
        # The header of a stream to a pipe gives a placeholder length: take what is there.
        data = reader.readframes(len(result.stdout) // 2)
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)
    samples.setflags(write=False)
    return samples, rate
