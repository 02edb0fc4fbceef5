"""`aiconvai conformance`: plays the module's side against any server of the WebSocket protocol.

One line is printed for each check. docs/protocol/websocket.md tells the protocol.
"""

# ruff: noqa: ASYNC109 - a check states how long it waits.

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from aiconvai.audio import Samples, encode, format_rate, sample_bytes, tone
from aiconvai.mock.errors import InvalidMessageError
from aiconvai.mock.playout_estimate import PlayoutEstimate
from aiconvai.mock.strict_json import decode_base64, parse_object, unknown_keys, validate
from aiconvai.mock.waiters import Waiters
from aiconvai.speech import SpeechError, speak
from aiconvai.websocket_protocol import (
    SERVER_MESSAGES,
    USUAL_EXTENSIONS,
    WIRE_FORMATS,
    AudioChunk,
    AudioDelta,
    Error,
    Interruption,
    Mark,
    SessionStarted,
    SpeechStarted,
    ToolCall,
)

CHUNK_SECONDS = 0.04
PAUSE_SECONDS = 1.0
"""Without agent audio, after which the answer is over."""
CLOSE_SECONDS = 5.0
CLEAN_CLOSE = 1000
CONTAINERS = {b"RIFF": "a WAV file", b"OggS": "an Ogg stream", b"ID3": "an MP3 file", b"fLaC": "a FLAC file"}
"""What begins with these bytes is not raw audio."""
PROBLEMS_SHOWN = 3
DEFAULTS = {
    "vad_enabled": True,
    "vad_threshold": 0.6,
    "vad_silence_duration_ms": 600,
    "vad_prefix_padding_ms": 200,
}
"""Those of the module."""
DECLARED_TOOL = {
    "name": "look_up",
    "description": "For a test: it always fails.",
    "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
}

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Check:
    """A thing looked at, and what was found."""

    name: str
    finding: str
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.problems:
            return f"ok    {self.name}: {self.finding}"
        shown = "; ".join(self.problems[:PROBLEMS_SHOWN])
        more = len(self.problems) - PROBLEMS_SHOWN
        return f"FAIL  {self.name}: {shown}" + (f"; and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Server:
    """Whom to examine, and how."""

    url: str
    token: str | None = None
    audio_format: str = "pcm_16000"
    """A name of `WIRE_FORMATS`."""
    patience: float = 10.0
    """Seconds to wait for the session, and for an answer."""


class _Caller:
    """The module's side of one conversation."""

    def __init__(self, connection: ClientConnection, audio_format: str) -> None:
        self.is_started = self.is_over = False
        self.messages = 0
        """Of those in text."""
        self.audio = 0
        """Bytes of the agent's."""
        self.message_problems: list[str] = []
        self.audio_problems: list[str] = []
        self.unknown: set[str] = set()
        """Keys that the protocol does not have, which the module ignores."""
        self._connection = connection
        self._format = audio_format
        self._bytes_per_second = format_rate(audio_format) * sample_bytes(audio_format)
        self._last_audio = 0.0
        self._playout = PlayoutEstimate()
        self._turn = 1
        self._waiters = Waiters()

    async def receive(self) -> None:
        """Judges and answers what comes, until the connection is closed."""
        async with asyncio.TaskGroup() as answers:
            with contextlib.suppress(ConnectionClosed):
                async for message in self._connection:
                    if isinstance(message, bytes):
                        self._hear(message)
                    else:
                        self._judge(message, answers)
                    self._waiters.wake()
            self.is_over = True
            self._waiters.wake()

    async def introduce(self, timeout: float) -> None:
        """The first message; returns when the session was started, or cannot be any more. Raises `TimeoutError`."""
        audio_format, rate = WIRE_FORMATS[self._format]
        config = {"audio_format": audio_format, "sample_rate": rate, "channels": 1, **DEFAULTS}
        await self._send(
            type="session.init", config=config, variables={}, extensions=list(USUAL_EXTENSIONS), tools=[DECLARED_TOOL]
        )
        await asyncio.wait_for(self._waiters.until(lambda: self.is_started or self.is_over), timeout)

    async def talk(self, patience: float) -> None:
        """A second of sound, then silence until the agent has answered or patience has run out."""
        rate = format_rate(self._format)
        size = round(CHUNK_SECONDS * self._bytes_per_second)
        sound = encode(_sound(rate), self._format)
        chunks = [sound[start : start + size] for start in range(0, len(sound), size)]
        silence = encode(np.zeros(round(CHUNK_SECONDS * rate), dtype=np.int16), self._format)
        due = time.monotonic()
        end = due + len(chunks) * CHUNK_SECONDS + patience
        while due < end and not self.is_over:
            if not chunks and self.audio and due > self._last_audio + PAUSE_SECONDS:
                return
            audio = base64.b64encode(chunks.pop(0) if chunks else silence).decode()
            await self._send(type="audio.input", audio=audio, format=WIRE_FORMATS[self._format][0])
            due += CHUNK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _judge(self, text: str, answers: asyncio.TaskGroup) -> None:
        self.messages += 1
        try:
            message = self._read(text)
        except InvalidMessageError as error:
            self.message_problems.append(error.detail)
            return
        if isinstance(message, SessionStarted):
            if self.is_started:
                self.message_problems.append("the session was started twice")
            self.is_started = True
        elif isinstance(message, (AudioDelta, AudioChunk)):
            self._decode(message.audio if isinstance(message, AudioDelta) else message.data)
        elif isinstance(message, (SpeechStarted, Interruption)):
            self._playout.interrupt(self._turn, time.monotonic())
            self._turn += 1
        elif isinstance(message, Error) and message.fatal:
            self.message_problems.append(f"a fatal error: {message.message}")
        elif isinstance(message, ToolCall):
            result = {"result": "This is a test: there are no tools.", "is_error": True}
            answers.create_task(self._send(type="tool_result", id=message.id, name=message.name, **result))
        elif isinstance(message, Mark):
            answers.create_task(self._report(message.name, self._playout.left(time.monotonic())))

    def _read(self, text: str) -> BaseModel:
        value = parse_object(text)
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in SERVER_MESSAGES:
            raise InvalidMessageError("invalid_message", f"there is no message of type {kind!r}")
        message = validate(SERVER_MESSAGES[kind], value, kind, strict=True)
        self.unknown.update(f"{kind}.{key}" for key in unknown_keys(message))
        return message

    def _decode(self, encoded: str) -> None:
        try:
            self._hear(decode_base64(encoded, "audio"))
        except InvalidMessageError as error:
            self.audio_problems.append(error.detail)

    def _hear(self, data: bytes) -> None:
        if not self.is_started:
            self.audio_problems.append("audio came before the session was started")
        for beginning, what in CONTAINERS.items():
            if data.startswith(beginning):
                self.audio_problems.append(f"expected raw {self._format}, got {what}")
        if len(data) % sample_bytes(self._format):
            self.audio_problems.append(f"{len(data)} bytes are no whole number of 16-bit samples")
        self.audio += len(data)
        self._last_audio = time.monotonic()
        self._playout.add(self._turn, len(data) / self._bytes_per_second, self._last_audio)

    async def _report(self, mark: str, delay: float) -> None:
        try:
            await asyncio.wait_for(self._waiters.until(lambda: self.is_over), delay)
        except TimeoutError:
            await self._send(type="mark", name=mark)

    async def _send(self, **message: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._connection.send(json.dumps(message))


async def examine(server: Server) -> AsyncIterator[Check]:
    """Every check, as soon as it is done; those that have become pointless are left out."""
    begun = time.monotonic()
    headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
    try:
        connection = await connect(
            server.url,
            additional_headers=headers,
            compression=None,
            max_size=None,
            open_timeout=server.patience,
            close_timeout=CLOSE_SECONDS,
        )
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        yield Check("connect", "", (str(error) or type(error).__name__,))
        return
    yield Check("connect", f"WebSocket after {_ms_since(begun)} ms")
    caller = _Caller(connection, server.audio_format)
    receiving = asyncio.create_task(caller.receive())
    try:
        async for check in _converse(caller, server):
            yield check
        yield await _close(connection, by_server=caller.is_over)
    finally:
        await connection.close()
        await receiving


async def _converse(caller: _Caller, server: Server) -> AsyncIterator[Check]:
    begun = time.monotonic()
    problem = f"neither session_started nor ready within {server.patience:g} s of session.init"
    with contextlib.suppress(TimeoutError):
        await caller.introduce(server.patience)
        problem = "the server closed instead of saying session_started or ready"
    if not caller.is_started:
        yield Check("session", "", (problem, *caller.message_problems))
        return
    yield Check("session", f"started {_ms_since(begun)} ms after session.init")
    await caller.talk(server.patience)
    seconds = caller.audio / (format_rate(server.audio_format) * sample_bytes(server.audio_format))
    problems = caller.audio_problems or ([] if caller.audio else [f"none within {server.patience:g} s"])
    yield Check("audio", f"{seconds:.1f} s of {server.audio_format}", tuple(problems))
    ignored = f", in which the module ignores {', '.join(sorted(caller.unknown))}" if caller.unknown else ""
    yield Check("messages", f"{caller.messages} valid{ignored}", tuple(caller.message_problems))


async def _close(connection: ClientConnection, *, by_server: bool) -> Check:
    await connection.close()
    code = connection.close_code
    if code == CLEAN_CLOSE:
        return Check("close", f"by the {'server' if by_server else 'client'} with {code}")
    if by_server:
        return Check("close", "", (f"the server closed with {code} {connection.close_reason}".strip(),))
    return Check("close", "", (f"the server did not answer the close within {CLOSE_SECONDS:g} s",))


def _sound(rate: int) -> Samples:
    try:
        return speak("Hello, who is there?", rate)
    except SpeechError:
        return tone(440, 1.0, rate)


def _ms_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


@app.command()
def conformance(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server, as in ai_websocket_url: ws:// or wss://.")],
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the bearer token: on the command line others could see it.")
    ] = None,
    audio_format: Annotated[str, typer.Option(help=f"One of {', '.join(WIRE_FORMATS)}.")] = "pcm_16000",
    patience: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for the session, and for an answer.")
    ] = 10.0,
) -> None:
    """Play the module's side against a server of the WebSocket protocol; exit status 1 if a check fails."""
    if audio_format not in WIRE_FORMATS:
        raise typer.BadParameter(
            f"{audio_format}: expected one of {', '.join(WIRE_FORMATS)}", param_hint="--audio-format"
        )
    try:
        token = token_file.read_text(encoding="utf-8").strip() if token_file is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{token_file}: {error}", param_hint="--token-file") from error
    if not asyncio.run(_report(Server(url, token, audio_format, patience))):
        raise typer.Exit(1)


async def _report(server: Server) -> bool:
    """Whether all is well."""
    good = True
    async for check in examine(server):
        print(check)
        sys.stdout.flush()
        good = good and not check.problems
    return good
