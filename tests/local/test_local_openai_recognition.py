"""Speech recognition by OpenAI's endpoint: what a server is asked, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from http_endpoint import serving

from aiconvai.audio import encode, tone
from aiconvai.local.parts import LINE_RATE, PartError
from aiconvai.local.recognition.openai_api import MOST_BODY, OpenAIRecognizer
from aiconvai.local.recognition.speech_audio import RECOGNITION_RATE, for_recognition

SECOND = tone(440.0, 1.0, LINE_RATE)


class Transcriptions:
    """A server with OpenAI's endpoint, which notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: list[Callable[[], Awaitable[Response]]] = []
        """The next ones; the usual one after them."""
        self.url = ""
        self._api = FastAPI()
        self._api.post("/v1/audio/transcriptions")(self._transcribe)

    async def _transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            asked: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
            file: Any = form["file"]
            asked["file"] = await file.read()
        asked["authorization"] = request.headers.get("authorization")
        self.asked.append(asked)
        if self.answers:
            return await self.answers.pop(0)()
        return Response('{"text": " A table for four. "}', media_type="application/json")

    def next(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        async def answer() -> Response:
            return Response(body, status, {"content-type": "application/json", **(headers or {})})

        self.answers.append(answer)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with serving(self._api) as address:
            self.url = f"{address}/v1"
            yield


@pytest.fixture
async def transcriptions() -> AsyncIterator[Transcriptions]:
    server = Transcriptions()
    async with server.running():
        yield server


@asynccontextmanager
async def opened(recognizer: OpenAIRecognizer) -> AsyncIterator[OpenAIRecognizer]:
    await recognizer.open()
    yield recognizer
    await recognizer.close()


async def test_what_openais_endpoint_is_asked(transcriptions: Transcriptions) -> None:
    async with opened(OpenAIRecognizer(transcriptions.url, "whisper-1", key="sk-1", language="en")) as recognizer:
        transcriptions.asked.clear()
        assert await recognizer.recognize(SECOND, None) == "A table for four."
        assert await recognizer.recognize(SECOND, "cs") == "A table for four."
        assert await recognizer.recognize(SECOND[:100], None) == ""
    first, second = transcriptions.asked
    assert (first["model"], first["language"], second["language"]) == ("whisper-1", "en", "cs")
    assert first["authorization"] == "Bearer sk-1"
    with wave.open(io.BytesIO(first["file"])) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (RECOGNITION_RATE, 1, 2)
        data = reader.readframes(reader.getnframes())
    assert data == encode(for_recognition(SECOND), "pcm_16000")


async def test_a_server_that_wants_no_key(transcriptions: Transcriptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    async with opened(OpenAIRecognizer(transcriptions.url, "tiny")):
        (asked,) = transcriptions.asked
    assert asked["authorization"] is None
    assert "language" not in asked


async def test_one_more_try(transcriptions: Transcriptions) -> None:
    async with opened(OpenAIRecognizer(transcriptions.url, "tiny")) as recognizer:
        transcriptions.next(503, b"{}")
        assert await recognizer.recognize(SECOND, None) == "A table for four."
        transcriptions.next(503, b"{}")
        transcriptions.next(503, b"{}")
        with pytest.raises(PartError, match="answered HTTP 503 to model 'tiny'"):
            await recognizer.recognize(SECOND, None)
        assert len(transcriptions.asked) == 5


async def test_a_key_that_is_refused(transcriptions: Transcriptions) -> None:
    transcriptions.next(401, b'{"error": {"message": "no such key"}}')
    with pytest.raises(PartError, match=r"answered HTTP 401 .*no such key.*; look at its address, key and model"):
        await OpenAIRecognizer(transcriptions.url, "tiny", key="sk-secret").open()


@pytest.mark.parametrize(
    ("status", "body", "headers", "said"),
    [
        (200, b'{"text": "' + b"a" * MOST_BODY + b'"}', {}, "is longer than 262144 bytes"),
        (500, b"a" * (MOST_BODY + 1), {}, "is longer than 262144 bytes"),
        (200, b"\x1f\x8b", {"content-encoding": "gzip"}, "is compressed"),
        (200, b'{"error": "none"}', {}, "something else than a transcription"),
        (200, b"<html></html>", {"content-type": "text/html"}, "something else than a transcription"),
        (200, b"{", {}, "answered something that is no JSON"),
        (302, b"", {"location": "http://127.0.0.1:9/"}, "HTTP 302"),
    ],
)
async def test_answers_that_are_none(
    transcriptions: Transcriptions, status: int, body: bytes, headers: dict[str, str], said: str
) -> None:
    async with opened(OpenAIRecognizer(transcriptions.url, "tiny")) as recognizer:
        transcriptions.next(status, body, headers)
        transcriptions.next(status, body, headers)
        with pytest.raises(PartError, match=said):
            await recognizer.recognize(SECOND, None)


async def test_a_server_that_takes_too_long(transcriptions: Transcriptions) -> None:
    is_over = asyncio.Event()

    async def late() -> Response:
        await is_over.wait()
        return Response("{}")

    async with opened(OpenAIRecognizer(transcriptions.url, "tiny", seconds=0.5)) as recognizer:
        transcriptions.answers += [late, late]
        with pytest.raises(PartError, match=r"recognised nothing within 0\.5 s"):
            await recognizer.recognize(SECOND, None)
    is_over.set()


async def test_no_server_at_all() -> None:
    with pytest.raises(PartError, match=r"http://127\.0\.0\.1:9/v1 cannot be asked"):
        await OpenAIRecognizer("http://127.0.0.1:9/v1", "tiny").open()
    with pytest.raises(PartError, match="expected http:// or https://"):
        OpenAIRecognizer("ws://127.0.0.1/v1", "tiny")
