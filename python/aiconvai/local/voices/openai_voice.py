"""The voice of any endpoint that speaks OpenAI's /v1/audio/speech, of a local server or of a service."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Literal

import openai

from aiconvai.local.openai_client import authorization_of, bounded_client
from aiconvai.local.parts import PartError, Speech
from aiconvai.local.voices.speech_bytes import empty_speech, speech_of_pcm, speech_of_wav
from aiconvai.local.voices.speech_limits import MOST_BYTES, sayable
from aiconvai.local.voices.trimming import trimmed

PCM_RATE = 24_000
"""Of OpenAI's response_format pcm: 16 bits, mono, little-endian (its guide "Text to speech")."""
SPEAK_SECONDS = 30.0
CONNECT_SECONDS = 5.0
LONGEST_COMPLAINT = 300


class OpenAIVoice:
    """One endpoint."""

    def __init__(
        self,
        url: str,
        *,
        model: str,
        voice: str,
        voices: Collection[str] = (),
        key: str | None = None,
        response_format: Literal["pcm", "wav"] = "pcm",
        pcm_rate: int = PCM_RATE,
    ) -> None:
        """`url`: up to /v1. `voices`: more that an agent may ask for. `pcm_rate`: of an endpoint whose pcm is not as
        OpenAI's.
        """
        self._url = url
        self._model = model
        self._voice = voice
        self._voices = frozenset(voices) | {voice}
        self._format = response_format
        self._pcm_rate = pcm_rate
        self._headers = authorization_of(key)
        self._client = bounded_client(
            url, key, seconds=SPEAK_SECONDS, connect_seconds=CONNECT_SECONDS, retries=0, most_bytes=MOST_BYTES,
            too_long=self._too_long,
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self._voice} of {self._model} at {self._url}"

    async def open(self) -> None:
        """Has it say something. Raises `PartError`."""
        await self.speak("Hello.", None)

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        """As `Voice` has it. Cancelled, the request is given up."""
        line = sayable(sentence)
        if not line:
            return empty_speech(self._pcm_rate)
        try:
            async with asyncio.timeout(SPEAK_SECONDS):
                data = await self._sound(line, voice if voice in self._voices else self._voice)
        except TimeoutError:
            raise PartError(f"{self._url} has not answered after {SPEAK_SECONDS:g} s") from None
        except openai.APIStatusError as error:
            raise PartError(f"{self._url}: HTTP {error.status_code}: {_short(error)}") from error
        except PartError:
            raise
        except Exception as error:
            # The SDK's own, and those of its HTTP library, which is another in another version.
            raise PartError(f"{self._url}: {_short(error)} {_short(error.__cause__)}".strip()) from error
        if self._format == "wav" or data[:4] == b"RIFF":
            # Some servers give a header with their pcm.
            return trimmed(speech_of_wav(data, self._url))
        return trimmed(speech_of_pcm(data, self._pcm_rate, self._url))

    async def close(self) -> None:
        """Its connections."""
        await self._client.close()

    async def _sound(self, line: str, voice: str) -> bytes:
        async with self._client.audio.speech.with_streaming_response.create(
            model=self._model, voice=voice, input=line, response_format=self._format, extra_headers=self._headers
        ) as response:
            data = await response.read()
        if not data:
            raise PartError(f"{self._url}: the answer has no sound")
        return data

    def _too_long(self) -> PartError:
        return PartError(f"{self._url}: more than {MOST_BYTES} bytes of sound for a sentence")


def _short(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:LONGEST_COMPLAINT] if error is not None else ""
