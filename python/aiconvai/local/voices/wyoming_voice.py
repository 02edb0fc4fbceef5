"""The voice of any server that speaks the Wyoming protocol, such as wyoming-piper: a connection a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import cast
from urllib.parse import urlsplit

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

from aiconvai.local.parts import PartError, Speech
from aiconvai.local.voices.speech_bytes import empty_speech, speech_of_pcm
from aiconvai.local.voices.speech_limits import MOST_BYTES, sayable
from aiconvai.local.voices.trimming import trimmed

CONNECT_SECONDS = 5.0
DESCRIBE_SECONDS = 10.0
SPEAK_SECONDS = 30.0
MOST_EVENT_BYTES = 4_000_000
"""Of the data, or the sound, of one event. A list of a hundred voices has some 100 kB."""
MOST_LINE_BYTES = 65_536
RATE = 22_050
"""Of nothing said; what is said has the server's own."""


class WyomingVoice:
    """A server of the network, or of this machine."""

    def __init__(
        self, url: str, *, voice: str | None = None, voices: Collection[str] = (), speaker: str | None = None
    ) -> None:
        """`url`: tcp://HOST:PORT or unix:///PATH. `voice`: by the server's name of it; None: the server's usual one.
        `voices`: more that an agent may ask for; not all that a server lists, which may have them to download first.
        `speaker`: of a voice that has many. Raises `PartError`.
        """
        self._url = url
        self._voice = voice
        self._voices = frozenset(voices) | ({voice} if voice is not None else frozenset())
        self._speaker = speaker
        parts = urlsplit(url)
        try:
            self._port = parts.port
        except ValueError:
            self._port = None
        self._host = parts.hostname
        self._path = parts.path if parts.scheme == "unix" else ""
        if not self._path and (parts.scheme != "tcp" or not self._host or self._port is None):
            raise PartError(f"{url}: expected tcp://HOST:PORT or unix:///PATH of a Wyoming server")

    def __str__(self) -> str:
        return f"the Wyoming server {self._url}"

    async def open(self) -> None:
        """Asks for the server's voices, and has it say something. Raises `PartError`."""
        async with self._connected(DESCRIBE_SECONDS) as peer:
            await peer.send(Describe().event())
            while True:
                event = await peer.next_event()
                if Info.is_type(event.type):
                    break
        known = _voice_names(event, self._url)
        if missing := sorted(self._voices - known):
            listed = ", ".join(sorted(known)[:20])
            raise PartError(f"{self._url} has no voice {missing[0]!r}: it has {listed or 'none'}")
        await self.speak("Hello.", None)

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        """As `Voice` has it. Cancelled, the connection is closed."""
        line = sayable(sentence)
        if not line:
            return empty_speech(RATE)
        name = voice if voice in self._voices else self._voice
        chosen = None if name is None else SynthesizeVoice(name=name, speaker=self._speaker)
        async with self._connected(SPEAK_SECONDS) as peer:
            await peer.send(Synthesize(text=line, voice=chosen).event())
            return trimmed(await self._speech(peer))

    async def close(self) -> None:
        """Nothing is kept."""

    async def _speech(self, peer: _Peer) -> Speech:
        """audio-start, audio-chunk and audio-stop; what else comes is left out."""
        sound = bytearray()
        rate: int | None = None
        while True:
            event = await peer.next_event()
            if AudioStop.is_type(event.type):
                break
            if not (AudioStart.is_type(event.type) or AudioChunk.is_type(event.type)):
                continue
            form = (event.data.get("width"), event.data.get("channels"))
            told = event.data.get("rate")
            if form != (2, 1) or not isinstance(told, int) or told != (rate or told):
                raise PartError(
                    f"{self._url}: expected 16 bits, one channel and one rate, got {str(event.data)[:100]}: "
                    "name another voice"
                )
            rate = told
            sound += event.payload or b""
            if len(sound) > MOST_BYTES:
                raise PartError(f"{self._url}: more than {MOST_BYTES} bytes of sound for a sentence")
        return speech_of_pcm(bytes(sound), rate or RATE, self._url)

    @asynccontextmanager
    async def _connected(self, seconds: float) -> AsyncIterator[_Peer]:
        """For so long, and what goes wrong is a `PartError`."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._path:
                    reader, writer = await asyncio.open_unix_connection(self._path, limit=MOST_LINE_BYTES)
                else:
                    reader, writer = await asyncio.open_connection(self._host, self._port, limit=MOST_LINE_BYTES)
        except OSError as error:
            # TimeoutError is one too.
            why = error.strerror or str(error) or f"no connection after {CONNECT_SECONDS:g} s"
            raise PartError(f"{self._url} cannot be reached: {why}: is the Wyoming server running?") from error
        try:
            async with asyncio.timeout(seconds):
                yield _Peer(self._url, reader, writer)
        except TimeoutError:
            raise PartError(f"{self._url} has not answered after {seconds:g} s") from None
        except OSError as error:
            raise PartError(f"{self._url}: the connection broke: {error.strerror or error}") from error
        finally:
            # Not `close`, which waits for a server that does not read.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


class _Peer:
    """A connection, whose other side is not believed."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._url = url
        self._reader = cast(asyncio.StreamReader, _BoundedReader(url, reader))
        self._writer = writer

    async def send(self, event: Event) -> None:
        await async_write_event(event, self._writer)

    async def next_event(self) -> Event:
        """Raises `PartError`: there is none, it is no event, or it is the server's own error."""
        try:
            event = await async_read_event(self._reader)
        except EOFError:
            event = None
        except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
            # It takes JSON apart as if it had to be an event.
            raise PartError(f"{self._url}: expected an event of Wyoming: {type(error).__name__}: {error}") from error
        if event is None or not isinstance(event.type, str) or not isinstance(event.data, dict):
            raise PartError(f"{self._url}: expected an event of Wyoming, got the end of the connection, or no event")
        if Error.is_type(event.type):
            raise PartError(f"{self._url}: {str(event.data.get('text'))[:300]}")
        return event


class _BoundedReader:
    """What `async_read_event` uses of a reader: no event says how much is read."""

    def __init__(self, url: str, reader: asyncio.StreamReader) -> None:
        self._url = url
        self._reader = reader

    async def readline(self) -> bytes:
        return await self._reader.readline()

    async def readexactly(self, count: int) -> bytes:
        if count > MOST_EVENT_BYTES:
            raise PartError(f"{self._url}: an event of {count} bytes: at most {MOST_EVENT_BYTES} are read")
        return await self._reader.readexactly(count)


def _voice_names(event: Event, url: str) -> frozenset[str]:
    """Of those that are installed there: for another one a server would go and download it while a caller waits."""
    try:
        info = Info.from_event(event)
        names = frozenset(voice.name for program in info.tts for voice in program.voices if voice.installed)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise PartError(f"{url}: expected what it has in its info: {type(error).__name__}: {error}") from error
    if not info.tts:
        raise PartError(f"{url} has no voice: it is another kind of Wyoming server")
    return names
