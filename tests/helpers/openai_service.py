"""A service that speaks OpenAI's HTTP API on a thread of its own: models, streamed chat, transcriptions, speech."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from aiconvai.audio import Samples, tone

MODEL = "small"
SPEECH_HZ = 700.0
SPEECH_RATE = 24_000
_START_SECONDS = 10.0


@dataclass(frozen=True)
class Call:
    """Of a tool."""

    name: str
    arguments: dict[str, Any]


Reply = str | Call
Mind = Callable[[list[dict[str, Any]]], Reply]
"""What is answered to the messages of a chat."""


@dataclass
class OpenAIService:
    """A context manager; then it serves at `url`, and keeps what it is asked."""

    mind: Mind
    words: list[str] = field(default_factory=list)
    """That are recognised, one text after the other; the last one again and again."""
    token_seconds: float = 0.02
    speech_seconds: float = 1.0
    chats: list[list[dict[str, Any]]] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    heard: list[tuple[Samples, int]] = field(default_factory=list)
    """What was to be recognised, and its rate in Hz."""
    url: str = ""

    def __enter__(self) -> OpenAIService:
        api = FastAPI()
        api.get("/v1/models")(self._models)
        api.post("/v1/chat/completions")(self._chat)
        api.post("/v1/audio/transcriptions")(self._transcribe)
        api.post("/v1/audio/speech")(self._speak)
        self._server = uvicorn.Server(uvicorn.Config(api, log_level="error", timeout_graceful_shutdown=1))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="openai")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(_START_SECONDS)
        self._socket.close()
        assert not self._thread.is_alive()

    async def _models(self) -> dict[str, Any]:
        return {"object": "list", "data": [{"id": MODEL, "object": "model"}]}

    async def _chat(self, request: Request) -> Response:
        asked = await request.json()
        if not asked.get("stream"):
            raise HTTPException(400, "expected stream = true")
        self.chats.append(asked["messages"])
        return StreamingResponse(self._stream(self.mind(asked["messages"])), media_type="text/event-stream")

    async def _stream(self, reply: Reply) -> AsyncIterator[str]:
        yield _chunk({"role": "assistant", "content": ""})
        if isinstance(reply, Call):
            function = {"name": reply.name, "arguments": json.dumps(reply.arguments)}
            yield _chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})
        else:
            for word in reply.split():
                await asyncio.sleep(self.token_seconds)
                yield _chunk({"content": f"{word} "})
        yield _chunk({}, finish="tool_calls" if isinstance(reply, Call) else "stop")
        yield "data: [DONE]\n\n"

    async def _transcribe(self, request: Request) -> dict[str, str]:
        form = await request.form()
        audio = form["file"]
        assert not isinstance(audio, str)
        self.heard.append(_of_wav(await audio.read()))
        return {"text": self.words.pop(0) if len(self.words) > 1 else "".join(self.words)}

    async def _speak(self, request: Request) -> Response:
        asked = await request.json()
        if asked.get("response_format") != "pcm":
            raise HTTPException(400, "expected response_format = pcm")
        self.spoken.append(asked["input"])
        samples = tone(SPEECH_HZ, self.speech_seconds, SPEECH_RATE)
        return Response(np.asarray(samples, "<i2").tobytes(), media_type="audio/pcm")


def _of_wav(data: bytes) -> tuple[Samples, int]:
    with wave.open(io.BytesIO(data), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16), file.getframerate()


def _chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    content = {
        "id": "chat_1", "object": "chat.completion.chunk", "created": 0, "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip
    return f"data: {json.dumps(content)}\n\n"
