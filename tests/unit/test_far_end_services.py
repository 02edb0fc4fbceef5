"""The services of the far end beside the one that test_far_end.py talks to: their words, and what breaks them."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

from aiconvai.audio import ulaw_decode, ulaw_encode
from aiconvai.rig.bench.far_end import FarEnd, FarEndError

PROGRAM = Path(__file__).parents[2] / "build" / "tests" / "far_end" / "far_end"

RATE = 8000
TONE = (8000 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE))).astype(np.int16)
"""Smooth, and over after a whole number of periods."""
SPEECH = ulaw_encode(TONE)

SID = "MZ0123456789abcdef0123456789abcdef"

Words = dict[str, Any]


def _text(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


@dataclass(frozen=True)
class Service:
    """How a client talks with one, in the words of the vendor."""

    name: str
    path: str
    opening: tuple[Words, ...]
    """What the client says first."""
    ready: str | None
    """What the answer has in it; None: there is none."""
    speak: Callable[[int, bytes], Words | bytes]
    """The client's n-th chunk, from 0; all of one length."""
    hear: Callable[[Words], str]
    """The base64 in the service's message with audio."""
    greeting: str | None = None
    """What the service says first has in it."""
    farewell: Callable[[int], Words] | None = None
    """What the client says last, after so many chunks."""
    binary: bool = False
    """Audio comes as it is, in binary messages."""


OPENAI = Service(
    name="openai",
    path="/v1/realtime",
    greeting="session.created",
    opening=(
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {
                    "input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad"}},
                    "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
                },
            },
        },
    ),
    ready="session.updated",
    speak=lambda _, audio: {"type": "input_audio_buffer.append", "audio": _text(audio)},
    hear=lambda words: str(words["delta"]),
)
OPENAI_LIVE = Service(
    name="openai_live",
    path="/v1/live/sessions",
    opening=(
        {
            "type": "session.start",
            "session": {"model": "a model", "audio": {"format": {"type": "audio/pcmu", "rate": 8000}}},
        },
    ),
    ready="session.started",
    speak=lambda _, audio: {"type": "session.input_audio.append", "audio": _text(audio)},
    hear=lambda words: str(words["delta"]),
    farewell=lambda _: {"type": "session.close"},
)
GEMINI = Service(
    name="gemini",
    path="/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    opening=({"setup": {"model": "models/a-model", "generationConfig": {"responseModalities": ["AUDIO"]}}},),
    ready="setupComplete",
    speak=lambda _, audio: {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": _text(audio)}}},
    hear=lambda words: str(words["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["data"]),
)
DEEPGRAM = Service(
    name="deepgram",
    path="/v1/agent/converse",
    greeting="Welcome",
    opening=(
        {
            "type": "Settings",
            "audio": {
                "input": {"encoding": "mulaw", "sample_rate": 8000},
                "output": {"encoding": "mulaw", "sample_rate": 8000, "container": "none"},
            },
            "agent": {"listen": {}, "think": {}, "speak": {}},
        },
    ),
    ready="SettingsApplied",
    speak=lambda _, audio: audio,
    hear=lambda words: "",
    binary=True,
)


def _websocket(path: str, audio_format: str, rate: int) -> Service:
    """The generic protocol, with audio of that format."""
    return Service(
        name="websocket",
        path=path,
        opening=(
            {
                "type": "session.init",
                "config": {"audio_format": audio_format, "sample_rate": rate, "channels": 1},
                "extensions": ["event_ids"],
            },
        ),
        ready="session_started",
        speak=lambda _, audio: {"type": "audio.input", "audio": _text(audio), "format": audio_format},
        hear=lambda words: str(words["audio"]),
    )


WEBSOCKET = _websocket("/agent", "g711_ulaw", 8000)
WEBSOCKET_16000 = _websocket("/agent16", "pcm16", 16000)


def _media(number: int, audio: bytes) -> Words:
    return {
        "event": "media",
        "sequenceNumber": str(number + 2),
        "streamSid": SID,
        "media": {
            "track": "inbound",
            "chunk": str(number + 1),
            "timestamp": str(number * len(audio) // 8),
            "payload": _text(audio),
        },
    }


def _stop(said: int) -> Words:
    return {
        "event": "stop",
        "sequenceNumber": str(said + 2),
        "streamSid": SID,
        "stop": {"accountSid": "AC1", "callSid": "CA1"},
    }


TWILIO = Service(
    name="twilio",
    path="/twilio",
    opening=(
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": SID,
            "start": {
                "accountSid": "AC1",
                "streamSid": SID,
                "callSid": "CA1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {},
            },
        },
    ),
    ready=None,
    speak=_media,
    hear=lambda words: str(words["media"]["payload"]),
    farewell=_stop,
)

SERVICES = (OPENAI, OPENAI_LIVE, GEMINI, DEEPGRAM, WEBSOCKET, TWILIO)
ECHOING = tuple(one for one in SERVICES if one is not GEMINI)


def _name(parameter: object) -> str:
    """Of a test: lambdas would be called otherwise in each process."""
    return parameter.name if isinstance(parameter, Service) else str(parameter)[:40]


class Client:
    """One conversation with a service, seen from its client."""

    def __init__(self, far_end: FarEnd, service: Service, agent: str, *, spaces: bool = False) -> None:
        self._service = service
        # Without spaces it is the usual spelling, which the far end reads without a parser.
        self._separators = (", ", ": ") if spaces else (",", ":")
        self._said = 0
        self._resources = contextlib.ExitStack()
        self.socket = self._resources.enter_context(
            websockets.sync.client.connect(
                f"ws://127.0.0.1:{far_end.ws_port}{service.path}?agent_id={agent}", compression=None, proxy=None,
                ping_interval=None,
            )
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def send(self, words: Words | bytes) -> None:
        self.socket.send(words if isinstance(words, bytes) else json.dumps(words, separators=self._separators))

    def receive(self) -> str:
        message = self.socket.recv(timeout=20)
        return message if isinstance(message, str) else message.decode()

    def open(self) -> None:
        if self._service.greeting is not None:
            assert self._service.greeting in self.receive()
        for words in self._service.opening:
            self.send(words)
        if self._service.ready is not None:
            assert self._service.ready in self.receive()

    def speak(self, audio: bytes) -> None:
        self.send(self._service.speak(self._said, audio))
        self._said += 1

    def hear(self) -> bytes:
        message = self.socket.recv(timeout=20)
        if self._service.binary:
            assert isinstance(message, bytes)
            return message
        # As the vendor's: the messages of Gemini are binary ones.
        assert isinstance(message, bytes) == (self._service is GEMINI)
        return base64.b64decode(self._service.hear(json.loads(message)), validate=True)

    def hear_bytes(self, length: int) -> bytes:
        heard = b""
        while len(heard) < length:
            heard += self.hear()
        return heard

    def end(self) -> None:
        """Say goodbye, where the service wants that."""
        if self._service.farewell is not None:
            self.send(self._service.farewell(self._said))

    def closed(self) -> int:
        """The close code with which the service ended it."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.socket.recv(timeout=20)
        close = self.socket.protocol.close_rcvd
        assert close is not None
        return close.code


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    with FarEnd(PROGRAM, speech=SPEECH) as started:
        yield started


@contextlib.contextmanager
def _complaining(complaint: str) -> Iterator[FarEnd]:
    """A far end that has seen this rule broken (a regular expression) when it ends."""
    with contextlib.ExitStack() as resources:
        yield resources.enter_context(FarEnd(PROGRAM, speech=SPEECH))
        with pytest.raises(FarEndError, match=complaint):
            resources.close()


@pytest.mark.parametrize("spaces", [False, True])
@pytest.mark.parametrize("service", ECHOING, ids=_name)
def test_echo(far_end: FarEnd, service: Service, spaces: bool) -> None:
    with Client(far_end, service, "echo", spaces=spaces) as client:
        client.open()
        for number in range(3):
            audio = random.Random(number).randbytes(160)
            client.speak(audio)
            assert client.hear() == audio
        client.end()
    closed = far_end.wait_for("closed", 10)
    assert (closed["service"], closed["agent"], closed["close_code"]) == (service.name, "echo", 1000)
    assert (closed["chunks_in"], closed["bytes_in"], closed["chunks_out"]) == (3, 480, 3)
    assert closed["pings"] == 0


@pytest.mark.parametrize("service", ECHOING, ids=_name)
def test_speech(far_end: FarEnd, service: Service) -> None:
    with Client(far_end, service, "talk-2") as client:
        client.open()
        assert client.hear_bytes(2 * RATE) == SPEECH * 2
        client.end()


def test_speech_of_gemini_is_the_same_at_three_times_the_rate(far_end: FarEnd) -> None:
    with Client(far_end, GEMINI, "talk-3") as client:
        client.open()
        heard = client.hear_bytes(3 * 48 * 1000)
        client.end()
        samples = np.frombuffer(heard, "<i2")
        assert len(samples) == 3 * 3 * RATE
        assert np.array_equal(samples[: 3 * RATE], samples[3 * RATE : 6 * RATE])
        # Away from the ends, where the filter sees silence instead of the other end.
        inner = slice(400, -400)
        apart = samples[: 3 * RATE : 3][inner].astype(int) - ulaw_decode(SPEECH)[inner]
        assert np.abs(apart).mean() < 200


@pytest.mark.parametrize("spaces", [False, True])
def test_gemini_hears_16_khz(far_end: FarEnd, spaces: bool) -> None:
    with Client(far_end, GEMINI, "stream-20-0", spaces=spaces) as client:
        client.open()
        client.speak(struct.pack("<320h", *range(320)))
        assert len(client.hear()) == 20 * 48
        client.end()
    closed = far_end.wait_for("closed", 10)
    assert (closed["chunks_in"], closed["bytes_in"]) == (1, 640)


def test_the_generic_protocol_by_default(far_end: FarEnd) -> None:
    with Client(far_end, WEBSOCKET_16000, "stream-20-0") as client:
        client.open()
        client.speak(bytes(640))
        assert len(client.hear()) == 20 * 32
    closed = far_end.wait_for("closed", 10)
    assert (closed["service"], closed["chunks_in"], closed["bytes_in"]) == ("websocket", 1, 640)


def test_another_format_than_that_of_the_path_is_refused() -> None:
    with (
        _complaining("websocket echo: .*config.audio_format") as far_end,
        Client(far_end, WEBSOCKET_16000, "echo") as client,
    ):
        client.send(WEBSOCKET.opening[0])
        assert client.closed() == 1008


def test_a_deepgram_client_keeps_the_connection_alive_in_words(far_end: FarEnd) -> None:
    with Client(far_end, DEEPGRAM, "echo") as client:
        client.open()
        client.send({"type": "KeepAlive"})
        client.speak(b"\x55" * 160)
        assert client.hear() == b"\x55" * 160
        client.end()


def test_openai_live_says_goodbye(far_end: FarEnd) -> None:
    with Client(far_end, OPENAI_LIVE, "echo") as client:
        client.open()
        client.send({"type": "session.close"})
        goodbye = json.loads(client.receive())
        assert (goodbye["type"], goodbye["reason"]) == ("session.closed", "close_requested")


# What clients do wrong ------------------------------------------------------------------------------------


def _without(words: Words, *path: str) -> Words:
    """A copy in which the last key of the path is missing."""
    copy: Words = json.loads(json.dumps(words))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


@pytest.mark.parametrize(
    ("service", "missing", "complaint"),
    [
        (OPENAI, ("session", "type"), "expected session.type to be the text realtime"),
        (OPENAI, ("session", "audio", "output", "format"), "expected session.audio.output.format.type"),
        (OPENAI_LIVE, ("session", "model"), "expected session.model to be a text"),
        (OPENAI_LIVE, ("session", "audio", "format", "rate"), "to be the integer 8000"),
        (GEMINI, ("setup", "model"), "expected setup.model to be a text"),
        (DEEPGRAM, ("audio", "output", "container"), "expected audio.output.container to be the text none"),
        (DEEPGRAM, ("agent",), "expected an object agent"),
        (WEBSOCKET, ("config", "audio_format"), "expected config.audio_format to be the text g711_ulaw"),
        (TWILIO, ("start", "mediaFormat"), "expected start.mediaFormat.encoding"),
        (TWILIO, ("streamSid",), "expected one streamSid"),
        (TWILIO, ("sequenceNumber",), "expected the sequenceNumber 1"),
    ],
    ids=_name,
)
def test_an_opening_that_lacks_something(service: Service, missing: tuple[str, ...], complaint: str) -> None:
    with (
        _complaining(f"{service.name} stream-20-0: .*{complaint}") as far_end,
        Client(far_end, service, "stream-20-0") as client,
    ):
        for words in (*service.opening[:-1], _without(service.opening[-1], *missing)):
            client.send(words)
        assert client.closed() == 1008


@pytest.mark.parametrize("service", SERVICES, ids=_name)
def test_audio_does_not_come_first(service: Service) -> None:
    with (
        _complaining(f"{service.name} stream-20-0: the first message must be|expected the sequenceNumber") as far_end,
        Client(far_end, service, "stream-20-0") as client,
    ):
        client.speak(bytes(640))
        assert client.closed() == 1008


@pytest.mark.parametrize("service", SERVICES, ids=_name)
def test_a_second_opening(service: Service) -> None:
    with (
        _complaining("a second|expected the sequenceNumber 2") as far_end,
        Client(far_end, service, "stream-20-0") as client,
    ):
        client.open()
        client.send(service.opening[-1])
        assert client.closed() == 1008


@pytest.mark.parametrize(
    ("service", "words", "complaint"),
    [
        (OPENAI, {"type": "input_audio_buffer.append", "audio": "AAA"}, "base64"),
        (OPENAI, {"type": "input_audio_buffer.append"}, "expected audio to be a text"),
        (OPENAI, {"type": "session.start"}, 'unknown type "session.start"'),
        (OPENAI, {"audio": "AAAA"}, "no type"),
        (OPENAI, b"\x55" * 160, "binary"),
        (OPENAI_LIVE, {"type": "input_audio_buffer.append", "audio": "AAAA"}, "unknown type"),
        (GEMINI, {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=8000", "data": "AAAA"}}}, "mimeType"),
        (GEMINI, {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "AA=="}}}, "16-bit"),
        (GEMINI, {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "A"}}}, "base64"),
        (GEMINI, {"config": {}}, "none of setup"),
        (GEMINI, {"setup": []}, "setup.model"),
        (DEEPGRAM, b"", "without audio"),
        (DEEPGRAM, {"type": "Audio"}, 'unknown type "Audio"'),
        (WEBSOCKET, {"type": "audio.input", "audio": "AAAA", "format": "pcm16"}, "expected format"),
        (WEBSOCKET, {"type": "audio.input", "audio": "AAAA"}, "expected format"),
        (TWILIO, {"event": "media"}, "sequenceNumber 2"),
        (TWILIO, {**_media(0, b"abc"), "streamSid": "MZ1"}, "expected the streamSid"),
        (TWILIO, {**_media(0, b"abc"), "sequenceNumber": 2}, "expected the sequenceNumber 2"),
        (TWILIO, {**_media(0, b"abc"), "media": {"track": "outbound"}}, "track"),
        (TWILIO, {**_media(0, b"abc"), "media": {"track": "inbound", "chunk": "2"}}, "chunk 1"),
        (TWILIO, {**_media(0, b"abc"), "media": {"track": "inbound", "chunk": "1", "timestamp": "20"}}, "timestamp 0"),
        (TWILIO, {**_media(0, b"abc"), "media": {"track": "inbound", "chunk": "1", "timestamp": "0"}}, "payload"),
        (TWILIO, {"event": "connected", "protocol": "Call", "version": "1.0.0"}, "a second connected"),
        (TWILIO, {**_media(0, b"abc"), "event": "talk"}, 'unknown event "talk"'),
        (TWILIO, {"type": "media"}, "no event"),
    ],
    ids=_name,
)
def test_a_bad_message_ends_the_conversation(service: Service, words: Words | bytes, complaint: str) -> None:
    with (
        _complaining(f"{service.name} stream-20-0: .*{complaint}") as far_end,
        Client(far_end, service, "stream-20-0") as client,
    ):
        client.open()
        client.send(words)
        assert client.closed() == 1008


@pytest.mark.parametrize("service", [one for one in SERVICES if one.farewell is not None], ids=_name)
def test_who_leaves_without_a_word(service: Service) -> None:
    with _complaining(f"{service.name} echo: it closed without") as far_end, Client(far_end, service, "echo") as client:
        client.open()


def test_the_farewell_is_the_last_word() -> None:
    with (
        _complaining("openai_live echo: a message behind session.close") as far_end,
        Client(far_end, OPENAI_LIVE, "echo") as client,
    ):
        client.open()
        client.send({"type": "session.close"})
        client.speak(bytes(160))
        assert client.closed() == 1008


@pytest.mark.parametrize(
    ("service", "agent", "complaint"),
    [
        (GEMINI, "echo", "no agent of it can echo"),
        (OPENAI, "echo16", "not the agent's choice"),
        (OPENAI, "interrupt-2", "do not interrupt"),
        (DEEPGRAM, "nobody", "no such agent"),
    ],
    ids=_name,
)
def test_an_agent_that_the_service_does_not_have(service: Service, agent: str, complaint: str) -> None:
    with _complaining(f"{service.name} {agent}: .*{complaint}") as far_end, Client(far_end, service, agent) as client:
        client.send(service.opening[0])
        assert client.closed() == 3000
