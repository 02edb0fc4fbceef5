"""Speech recognition by any Wyoming server: the protocol of Home Assistant's voice programs.

One connection a request, as the protocol has it: `transcribe`, the audio, then the server's `transcript`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info

from aiconvai.audio import Samples, encode
from aiconvai.local.parts import PartError, Recognizer
from aiconvai.local.recognition.speech_audio import RECOGNITION_RATE, for_recognition, is_too_short, refuse_unusable

DEFAULT_PORT = 10300
"""That of wyoming-faster-whisper."""
DEFAULT_SECONDS = 10.0
MOST_SECONDS = 120.0
CONNECT_SECONDS = 3.0
MOST_EVENT_BYTES = 1 << 20
"""Of the data or the payload of an event; a server that describes all it has may need much."""
MOST_EVENTS = 1000
"""From the server, before its answer."""
_CHUNK_BYTES = RECOGNITION_RATE // 2
"""A quarter of a second."""
_LONGEST_REASON = 200


class WyomingRecognizer(Recognizer):
    """One server's. Requests run beside each other."""

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        model: str | None = None,
        language: str | None = None,
        seconds: float = DEFAULT_SECONDS,
    ) -> None:
        """`model`: as the server names it; None: its usual one. `language`: as ISO 639-1 has it, where a request names
        none; None: the server's own. `seconds`: a request may take. Raises `PartError`.
        """
        if not 0 < port < 65536:
            raise PartError(f"port {port} of the Wyoming server: expected 1 to 65535")
        if not 0.0 < seconds <= MOST_SECONDS:
            raise PartError(f"{seconds} s for speech recognition: expected more than 0, and up to {MOST_SECONDS:.0f} s")
        self._host = host
        self._port = port
        self._model = model
        self._language = language
        self._seconds = seconds
        self._is_open = False

    def __str__(self) -> str:
        return f"the Wyoming server {self._where}"

    async def open(self) -> None:
        """Asks the server what it has. Raises `PartError` where it does not answer, or recognises no speech."""
        async with self._connection() as client:
            await client.write_event(Describe().event())
            info = Info.from_event(await self._answer(client, Info.is_type))
        if not info.asr:
            raise PartError(
                f"the Wyoming server {self._where} recognises no speech; expected one such as wyoming-faster-whisper"
            )
        self._is_open = True

    async def recognize(self, samples: Samples, language: str | None) -> str:
        """As `Recognizer` has it; up to `LONGEST_SECONDS` of speech at once. Cancelled, the connection is closed."""
        if not self._is_open:
            raise PartError(f"recognition by {self._where} is not open; open() comes first")
        refuse_unusable(samples)
        if is_too_short(samples):
            return ""
        audio = encode(await asyncio.to_thread(for_recognition, samples), f"pcm_{RECOGNITION_RATE}")
        wanted = language if language is not None else self._language
        async with self._connection() as client:
            await client.write_event(Transcribe(name=self._model, language=wanted).event())
            await client.write_event(AudioStart(RECOGNITION_RATE, 2, 1).event())
            for start in range(0, len(audio), _CHUNK_BYTES):
                chunk = AudioChunk(RECOGNITION_RATE, 2, 1, audio[start : start + _CHUNK_BYTES])
                await client.write_event(chunk.event())
            await client.write_event(AudioStop().event())
            text = (await self._answer(client, Transcript.is_type)).data.get("text")
        if not isinstance(text, str):
            raise PartError(f"the Wyoming server {self._where} sent a transcript without text; is it one at all?")
        return text.strip()

    async def close(self) -> None:
        """There is nothing to close: requests under way keep their connections."""
        self._is_open = False

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._port}"

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Client]:
        """For one request. Whatever goes wrong with it is a `PartError`."""
        client = _Client(self._host, self._port, connect_timeout=min(CONNECT_SECONDS, self._seconds))
        try:
            async with asyncio.timeout(self._seconds), client:
                yield client
        except TimeoutError as error:
            raise PartError(
                f"the Wyoming server {self._where} did not answer within {self._seconds:g} s; "
                "look whether it runs, or allow more time"
            ) from error
        except (OSError, EOFError) as error:
            raise PartError(
                f"the Wyoming server {self._where} cannot be asked: {error}; look at its address, and whether it runs"
            ) from error
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            # The library takes events apart as they come.
            raise PartError(
                f"the Wyoming server {self._where} sent something that is no event of the protocol: {error!r}; "
                "look at its address"
            ) from error

    async def _answer(self, client: _Client, is_wanted: Callable[[str], bool]) -> Event:
        for _ in range(MOST_EVENTS):
            event = await client.read_event()
            if event is None:
                raise ConnectionError("it closed the connection, or sent a line that is no event")
            if is_wanted(event.type):
                return event
            if Error.is_type(event.type):
                reason = str(event.data.get("text", ""))[:_LONGEST_REASON]
                raise PartError(f"the Wyoming server {self._where} says {reason!r}; look at its own messages")
        raise PartError(f"the Wyoming server {self._where} sent {MOST_EVENTS} events, and no answer among them")


class _Client(AsyncTcpClient):
    """It reads no more of an event than `MOST_EVENT_BYTES`, whatever the event says it has, and does not wait for a
    server that does not read.
    """

    async def connect(self) -> None:
        await super().connect()
        assert self._reader is not None
        self._reader = _BoundedReader(self._reader)

    async def disconnect(self) -> None:
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            # Closed, it would first send what is left.
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _BoundedReader(asyncio.StreamReader):
    """What the library needs of a reader that is connected already."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self._connected = reader

    async def readline(self) -> bytes:
        return await self._connected.readline()

    async def readexactly(self, n: int) -> bytes:
        if n > MOST_EVENT_BYTES:
            raise ConnectionError(f"it sent an event of {n} bytes, and {MOST_EVENT_BYTES} are the most")
        return await self._connected.readexactly(n)
