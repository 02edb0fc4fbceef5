"""hibari: a small neural voice that runs here (hibari-tts, English, one voice in the package, 24 kHz).

Only files that were measured are loaded: each is known by its SHA-256. hibari would download any other voice by itself,
so that no other is given to it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aiconvai.audio import Samples
from aiconvai.local.parts import PartError, Speech
from aiconvai.local.voices.speech_bytes import empty_speech
from aiconvai.local.voices.speech_limits import sayable
from aiconvai.local.voices.trimming import trimmed

VERSION = "0.2.1"
"""Of hibari-tts."""
VOICE = "heart"
"""The one that is in the package."""
RATE = 24_000
THREADS = 2
"""Sentences that are made at once, a core each."""
LONGEST_PIECE = 300
"""Characters that the model is given at once: what it takes grows with them, and no full stop has to come."""
_SEED = 0
"""Of the noise in it: a sentence always sounds the same."""
_WARM = "Welcome to Aiconvai, it is all right."
"""With a word that is in no dictionary, for which there is another model."""

ASSETS = {
    "hibari.onnx": "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
    "lexicon_us_gold.json.gz": "63ae94f8ef0e906d5b24fe9b59ffcbd1529aca5686a774610e43973cbaa86ad2",
    "lexicon_us_silver.json.gz": "c4c2546ebf1eb07010331e7ef785a431aa17ba8e7bfb6b4af8d654ee96a71fd3",
    "normalize.json": "d478ff05404bc43ac3e0468e306674e51085f1b1afc94cdef7c7ea4fb0d56bd8",
    "oov.json": "b462e6e5dbdf0e7346c732385d0dd844f612f1770871441c56932bff4ca75d8c",
    "oov.onnx": "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
    "tagger.json.gz": "d2da7502284bbbe45d49e0b7ce3ce67bdab82254150f4317f1b8559b4d38d0eb",
    "tokenizer_exceptions.json": "ddf3a3da07bdcf5144270ea4530191d8580fb4fd6f5ae93296e87916e795659a",
    "vocab.json": "70abefbe8a1c8865e43e0a43bbdc25b91a33e4aa053479d443ccf23e20a59e5d",
    "voices.json": "f8b7657ecd0e0e362d3403e99538c0e5bfe20d6a903dfcd04c772b2c73abb204",
}
"""What this voice loads, and its SHA-256 in hibari-tts 0.2.1."""


class HibariVoice:
    """Loaded once, spoken with on threads of its own."""

    def __init__(self, voice: str = VOICE, *, threads: int = THREADS) -> None:
        """`threads`: sentences that are made at once; each has one thread of onnxruntime's."""
        self._voice = voice
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hibari")
        self._hibari: Any = None

    def __str__(self) -> str:
        return f"hibari, {self._voice}"

    async def open(self) -> None:
        """As `Voice` has it. Raises `PartError`: it is not installed, not packaged, or not what was measured."""
        if self._voice != VOICE:
            raise PartError(f"hibari: voice {self._voice!r} is not in its package, which has {VOICE!r}: name that one")
        self._hibari = await self._on_thread(_load)
        await self.speak(_WARM, None)

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        """As `Voice` has it; it has one voice. Cancelled before its turn comes, it does nothing."""
        if self._hibari is None:
            raise PartError("hibari is not open: it speaks after open() and before close()")
        line = sayable(sentence)
        if not line:
            return empty_speech(RATE)
        speech: Speech = await self._on_thread(_speak, self._hibari, line)
        return speech

    async def close(self) -> None:
        """Gives back its threads and its model, once what is under way is done."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        self._hibari = None

    async def _on_thread(self, work: Any, *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)


def _load() -> Any:
    found = find_spec("hibari")
    if found is None or found.origin is None:
        raise PartError(f"hibari is not installed: pip install hibari-tts=={VERSION}")
    check_assets(Path(found.origin).parent / "assets")
    from hibari import Hibari

    return Hibari(voice=VOICE, threads=1)


def check_assets(folder: Path) -> None:
    """Raises `PartError` where one of `ASSETS` is missing there or is another."""
    for name, expected in ASSETS.items():
        path = folder / name
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise PartError(
                f"hibari: {path} cannot be read: {error.strerror}: install hibari-tts=={VERSION}"
            ) from error
        if digest != expected:
            raise PartError(
                f"hibari: {path} has SHA-256 {digest[:12]}..., expected {expected[:12]}...: "
                f"install hibari-tts=={VERSION} anew"
            )


def pieces(line: str) -> list[str]:
    """Of at most `LONGEST_PIECE` characters, cut where a clause ends if that is late enough, else between words."""
    cut = []
    while len(line) > LONGEST_PIECE:
        head = line[:LONGEST_PIECE]
        clause = [found.end() for found in re.finditer(r"[,;:.!?—] ", head)]
        at = clause[-1] if clause and clause[-1] > LONGEST_PIECE // 3 else head.rfind(" ") + 1
        cut.append(line[: at or LONGEST_PIECE].strip())
        line = line[at or LONGEST_PIECE :].strip()
    return [piece for piece in (*cut, line) if piece]


def _speak(hibari: Any, line: str) -> Speech:
    try:
        audio = np.concatenate([hibari(piece, seed=_SEED) for piece in pieces(line)])
    except Exception as error:
        # Of onnxruntime's many, and of what hibari makes of odd text.
        raise PartError(f"hibari: a sentence of {len(line)} characters: {type(error).__name__}: {error}") from error
    return trimmed(Speech(_int16(audio), RATE))


def _int16(audio: npt.NDArray[np.float32]) -> Samples:
    """Of -1 to 1; one that goes beyond is made quieter, not clipped."""
    peak = float(np.max(np.abs(audio), initial=1.0))
    samples: Samples = np.rint(audio * (32767.0 / peak)).astype(np.int16)
    return samples
