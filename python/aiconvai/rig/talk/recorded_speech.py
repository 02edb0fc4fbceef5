"""Speech of people, from the recordings that Debian packages for Asterisk."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from G722 import G722

from aiconvai.audio import Samples, resample
from aiconvai.rig.talk.telephone import RATE
from aiconvai.speech import SpeechError

LANGUAGES = ("en", "es", "fr", "it", "ru")
"""One talker each."""
PACKAGES = tuple(f"asterisk-core-sounds-{language}-g722" for language in LANGUAGES)
_RECORDED_RATE = 16000
_FOLDER = Path("/usr/share/asterisk/sounds")
_SHORTEST_SECONDS, _LONGEST_SECONDS = 1.5, 6.0
"""Shorter files are single words and numbers, longer ones are whole menus."""
_BYTES_A_SECOND = 8000


def passage(seed: int, seconds: float, language: str | None = None) -> Samples:
    """So long or a little longer of one talker's recordings, at 8 kHz. Raises `SpeechError`."""
    rng = np.random.default_rng(seed)
    files = _files(language or LANGUAGES[rng.integers(len(LANGUAGES))])
    parts: list[Samples] = []
    while sum(len(part) for part in parts) < seconds * RATE:
        parts.append(_decoded(files[rng.integers(len(files))]))
    return np.concatenate(parts)


@lru_cache(maxsize=8)
def _files(language: str) -> tuple[Path, ...]:
    folders = [one for one in sorted(_FOLDER.glob(f"{language}*")) if one.is_dir()]
    files = tuple(
        file
        for folder in folders
        for file in sorted(folder.glob("*.g722"))
        if _SHORTEST_SECONDS < file.stat().st_size / _BYTES_A_SECOND < _LONGEST_SECONDS
    )
    if not files:
        raise SpeechError(
            f"{_FOLDER}/{language}*: no recordings of speech (*.g722). "
            f"Install the Debian packages: apt-get install {' '.join(PACKAGES)}"
        )
    return files


@lru_cache(maxsize=256)
def _decoded(file: Path) -> Samples:
    wide = np.asarray(G722(_RECORDED_RATE, 64000).decode(file.read_bytes()), dtype=np.int16)
    return resample(wide, _RECORDED_RATE, RATE)
