"""Whisper on this machine's processors, in int8: requests of all conversations, a processor for each."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from aiconvai.audio import Samples
from aiconvai.local.parts import LINE_RATE, PartError, Recognizer
from aiconvai.local.recognition.speech_audio import is_too_short, refuse_unusable
from aiconvai.local.recognition.weights import own_folder, packaged
from aiconvai.local.recognition.whisper_model import (
    LONGEST_WINDOW_SECONDS,
    SHORTEST_WINDOW_SECONDS,
    WindowedWhisper,
)

DEFAULT_MODEL = "tiny.en"
MOST_WORKERS = 256
_WARM_UP_SECONDS = 1.0


class WhisperRecognizer(Recognizer):
    """One model, used by all conversations; each request runs on one of its threads, the oldest first."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        folder: Path | None = None,
        language: str | None = None,
        workers: int | None = None,
        window_seconds: float = SHORTEST_WINDOW_SECONDS,
        cache: Path | None = None,
    ) -> None:
        """`model`: one that packages bring, of `weights.PACKAGED`. `folder`: a model of the user's own instead.
        `language`: as ISO 639-1 has it, where a request names none; None: found anew in each request. It means nothing
        to a model for English only. `workers`: requests at once, each on one processor; None: as many as this process
        may use. `window_seconds`: what the encoder gets at least, up to `LONGEST_WINDOW_SECONDS`. `cache`: where a
        model that comes in parts is put together; None: the user's cache folder. Raises `PartError`.
        """
        if not 1.0 <= window_seconds <= LONGEST_WINDOW_SECONDS:
            raise PartError(f"a window of {window_seconds} s: expected 1 to {LONGEST_WINDOW_SECONDS:.0f} s")
        count = workers if workers is not None else min(len(os.sched_getaffinity(0)), MOST_WORKERS)
        if not 1 <= count <= MOST_WORKERS:
            raise PartError(f"{count} workers for recognition: expected 1 to {MOST_WORKERS}")
        self._model_name = model
        self._folder = folder
        self._language = language
        self._workers = count
        self._window_seconds = window_seconds
        self._cache = cache
        self._origin = f"Whisper {model}"
        """And where it is from, once it is open."""
        self._threads: ThreadPoolExecutor | None = None
        self._model: WindowedWhisper | None = None

    def __str__(self) -> str:
        return self._origin

    async def open(self) -> None:
        """Checks the weights, loads them, and recognises something on each thread. Raises `PartError`."""
        threads = ThreadPoolExecutor(self._workers, thread_name_prefix="whisper")
        loop = asyncio.get_running_loop()
        try:
            self._model = model = await loop.run_in_executor(threads, self._load)
            if self._language is not None:
                model.refuse_unknown(self._language)
            # Noise, of which the decoder makes a few tokens; the same each time.
            noise = np.random.default_rng(1).normal(0.0, 30.0, int(_WARM_UP_SECONDS * LINE_RATE)).astype(np.int16)
            warming = [loop.run_in_executor(threads, model.heard, noise, None) for _ in range(self._workers)]
            await asyncio.gather(*warming)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
        self._threads = threads

    async def recognize(self, samples: Samples, language: str | None) -> str:
        """As `Recognizer` has it; up to `LONGEST_SECONDS` at once. A request that is cancelled while it waits for a
        thread is never begun; one that is under way ends with the piece that it is at.
        """
        if self._threads is None or self._model is None:
            raise PartError("recognition by Whisper is not open; open() comes first")
        refuse_unusable(samples)
        wanted = language if language is not None else self._language
        if wanted is not None:
            self._model.refuse_unknown(wanted)
        if is_too_short(samples):
            return ""
        is_over = threading.Event()
        try:
            work = self._threads.submit(self._model.text, samples, wanted, is_over)
        except RuntimeError as error:
            raise PartError("recognition by Whisper is closed; nothing more is recognised") from error
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise PartError("recognition by Whisper was closed before it came to this request") from None
        finally:
            is_over.set()

    async def close(self) -> None:
        """Waits for what is under way; what waits gets a `PartError`."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)
        self._model = None

    def _load(self) -> WindowedWhisper:
        weights = own_folder(self._folder) if self._folder is not None else packaged(self._model_name, self._cache)
        model = WindowedWhisper(weights, self._workers, self._window_seconds)
        self._origin = f"{weights.origin}; {model.languages}"
        return model
