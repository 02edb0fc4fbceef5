"""Speech recognition by any server with OpenAI's endpoint /audio/transcriptions, through OpenAI's own library.

OpenAI has it, and so have servers for one's own machine (speaches, vLLM, LocalAI, whisper.cpp).
"""

from __future__ import annotations

import asyncio

import httpx2
import numpy as np
import openai

from aiconvai.audio import Samples
from aiconvai.local.openai_client import authorization_of, bounded_client
from aiconvai.local.parts import LINE_RATE, PartError, Recognizer
from aiconvai.local.recognition.speech_audio import (
    RECOGNITION_RATE,
    for_recognition,
    is_too_short,
    refuse_unusable,
    wav_file,
)

DEFAULT_SECONDS = 10.0
MOST_SECONDS = 120.0
CONNECT_SECONDS = 3.0
RETRIES = 1
MOST_BODY = 256 * 1024
"""Bytes of an answer; two minutes of speech are some 2 kB of text."""
_LONGEST_REASON = 200
_WARM_UP_SECONDS = 0.5


class OpenAIRecognizer(Recognizer):
    """One server's. Requests run beside each other, over connections that are kept."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        language: str | None = None,
        seconds: float = DEFAULT_SECONDS,
    ) -> None:
        """`url`: up to and with its version, such as http://127.0.0.1:8000/v1. `model`: as the server names it. `key`:
        None where it wants none. `language`: as ISO 639-1 has it, where a request names none; None: the server finds
        out. `seconds`: a request may take, its second try included. Raises `PartError`.
        """
        if not url.startswith(("http://", "https://")):
            raise PartError(f"url {url!r} of speech recognition: expected http:// or https://")
        if not 0.0 < seconds <= MOST_SECONDS:
            raise PartError(f"{seconds} s for speech recognition: expected more than 0, and up to {MOST_SECONDS:.0f} s")
        self._url = url
        self._model = model
        self._key = key
        self._language = language
        self._seconds = seconds
        self._client: openai.AsyncOpenAI | None = None

    def __str__(self) -> str:
        return f"{self._model} at {self._url}"

    async def open(self) -> None:
        """Has half a second of noise recognised: address, key and model are right, and the connection stands.
        Raises `PartError`.
        """
        self._client = bounded_client(
            self._url,
            self._key,
            seconds=self._seconds,
            connect_seconds=min(CONNECT_SECONDS, self._seconds),
            retries=RETRIES,
            most_bytes=MOST_BODY,
            too_long=_too_long,
        )
        noise = np.random.default_rng(1).normal(0.0, 30.0, int(_WARM_UP_SECONDS * LINE_RATE)).astype(np.int16)
        try:
            await self.recognize(noise, None)
        except BaseException:
            await self.close()
            raise

    async def recognize(self, samples: Samples, language: str | None) -> str:
        """As `Recognizer` has it; up to `LONGEST_SECONDS` of speech at once. Cancelled, the request is broken off."""
        if self._client is None:
            raise PartError(f"recognition by {self._url} is not open; open() comes first")
        refuse_unusable(samples)
        if is_too_short(samples):
            return ""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask(self._client, samples, language if language is not None else self._language)
        except TimeoutError as error:
            raise PartError(
                f"{self._url} recognised nothing within {self._seconds:g} s; allow more time, or use a faster model"
            ) from error

    async def close(self) -> None:
        """Closes the connections; requests under way fail."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(self, client: openai.AsyncOpenAI, samples: Samples, language: str | None) -> str:
        wav = await asyncio.to_thread(_wav_for_recognition, samples)
        try:
            answer = await client.audio.transcriptions.create(
                file=("speech.wav", wav, "audio/wav"),
                model=self._model,
                language=language if language is not None else openai.omit,
                response_format="json",
                extra_headers=authorization_of(self._key),
            )
        except openai.APITimeoutError as error:
            raise TimeoutError from error
        except openai.APIStatusError as error:
            raise PartError(
                f"{self._url} answered HTTP {error.status_code} to model {self._model!r}: "
                f"{error.message[:_LONGEST_REASON]}; look at its address, key and model"
            ) from error
        except openai.OpenAIError as error:
            reason = str(error.__cause__ or error)[:_LONGEST_REASON]
            raise PartError(f"{self._url} cannot be asked: {reason}; does it run, and at that address?") from error
        except ValueError as error:
            raise PartError(f"{self._url} answered something that is no JSON; look at its address") from error
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise PartError(f"{self._url} answered something else than a transcription; look at its address")
        return text.strip()


def _wav_for_recognition(samples: Samples) -> bytes:
    return wav_file(for_recognition(samples), RECOGNITION_RATE)


def _too_long() -> httpx2.ReadError:
    return httpx2.ReadError(f"its answer is longer than {MOST_BODY} bytes")
