"""Speech recognition by a Wyoming server: what it is asked, and what becomes of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.server import AsyncEventHandler

from aiconvai.audio import encode, tone
from aiconvai.local.parts import LINE_RATE, PartError
from aiconvai.local.recognition.speech_audio import LONGEST_SECONDS, RECOGNITION_RATE, for_recognition
from aiconvai.local.recognition.wyoming_server import MOST_EVENTS, WyomingRecognizer

SECOND = tone(440.0, 1.0, LINE_RATE)
INFO = Info(
    asr=[
        AsrProgram(
            name="tiny",
            attribution=Attribution("", ""),
            installed=True,
            description=None,
            version=None,
            models=[AsrModel("tiny", Attribution("", ""), True, None, None, ["en"])],
        )
    ]
)


class Handler(AsyncEventHandler):
    """A Wyoming server's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: list[Any]) -> None:
        super().__init__(reader, writer)
        self._heard = heard
        self._audio = b""

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(INFO.event())
        elif Transcribe.is_type(event.type):
            self._heard.append(Transcribe.from_event(event))
        elif AudioStart.is_type(event.type):
            self._heard.append(AudioStart.from_event(event))
        elif AudioChunk.is_type(event.type):
            self._audio += AudioChunk.from_event(event).audio
        elif AudioStop.is_type(event.type):
            self._heard.append(self._audio)
            # An event that nobody asked for.
            await self.write_event(Event("transcript-start"))
            await self.write_event(Transcript(" A table for four. ").event())
        return True


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server of that; its port."""
    served: set[asyncio.StreamWriter] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(writer)
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        server.close()
        for writer in served:
            writer.transport.abort()
        await server.wait_closed()


async def test_what_a_wyoming_server_is_asked() -> None:
    heard: list[Any] = []
    async with listening(lambda reader, writer: Handler(reader, writer, heard).run()) as port:
        recognizer = WyomingRecognizer("127.0.0.1", port, model="tiny", language="en")
        await recognizer.open()
        assert await recognizer.recognize(SECOND, None) == "A table for four."
        assert await recognizer.recognize(SECOND, "cs") == "A table for four."
        assert await recognizer.recognize(SECOND[:100], None) == ""
        await recognizer.close()
        with pytest.raises(PartError, match="is not open"):
            await recognizer.recognize(SECOND, None)
    audio = encode(for_recognition(SECOND), "pcm_16000")
    start = AudioStart(RECOGNITION_RATE, 2, 1)
    assert heard == [Transcribe("tiny", "en"), start, audio, Transcribe("tiny", "cs"), start, audio]


def after_describe(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A server that describes itself, and does that to anything else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b'"describe"' in await reader.readline():
            await async_write_event(INFO.event(), writer)
            return
        await answer(writer)
        # Until the client goes.
        await reader.read()

    return serve


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Error("no model is loaded").event(), "says 'no model is loaded'; look at its own messages"),
        (Event("transcript", {"text": 5}), "sent a transcript without text"),
        (b'{"type": "transcript", "data_length": 2000000}\n', "it sent an event of 2000000 bytes, and 1048576 are"),
        (b'{"type": "transcript", "payload_length": 2000000}\n', "it sent an event of 2000000 bytes"),
        (b'{"data": {}}\n', "no event of the protocol"),
        (b"[]\n", "no event of the protocol"),
        (b"HTTP/1.1 400 Bad Request\r\n", "a line that is no event"),
        (b"a" * 70_000, "a line that is no event"),
        (b'{"type": "synthesize"}\n' * (MOST_EVENTS + 1), "sent 1000 events, and no answer"),
    ],
)
async def test_a_wyoming_server_that_does_not_answer(answer: Event | bytes, said: str) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        if isinstance(answer, Event):
            await async_write_event(answer, writer)
        else:
            writer.write(answer)
            await writer.drain()

    async with listening(after_describe(send)) as port:
        recognizer = WyomingRecognizer("127.0.0.1", port)
        await recognizer.open()
        with pytest.raises(PartError, match=said):
            await recognizer.recognize(SECOND, None)


async def test_a_wyoming_server_that_goes_away() -> None:
    async def go(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(after_describe(go)) as port:
        recognizer = WyomingRecognizer("127.0.0.1", port)
        await recognizer.open()
        with pytest.raises(PartError, match=f"the Wyoming server 127.0.0.1:{port} cannot be asked"):
            await recognizer.recognize(SECOND, None)


async def test_a_wyoming_server_that_neither_reads_nor_answers() -> None:
    is_over = asyncio.Event()

    async def keep(writer: asyncio.StreamWriter) -> None:
        await is_over.wait()

    async with listening(after_describe(keep)) as port:
        recognizer = WyomingRecognizer("127.0.0.1", port, seconds=0.5)
        await recognizer.open()
        with pytest.raises(PartError, match=r"did not answer within 0\.5 s"):
            # More than the sockets hold.
            await recognizer.recognize(np.zeros(int(LONGEST_SECONDS) * LINE_RATE, np.int16), None)
        is_over.set()


async def test_a_wyoming_server_for_something_else() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await async_write_event(Info().event(), writer)

    async with listening(serve) as port:
        with pytest.raises(PartError, match="recognises no speech; expected one such as wyoming-faster-whisper"):
            await WyomingRecognizer("127.0.0.1", port).open()


async def test_no_wyoming_server_at_all() -> None:
    with pytest.raises(PartError, match=r"the Wyoming server 127\.0\.0\.1:9 cannot be asked"):
        await WyomingRecognizer("127.0.0.1", 9).open()
    with pytest.raises(PartError, match="port 0 of the Wyoming server: expected 1 to 65535"):
        WyomingRecognizer("127.0.0.1", 0)
