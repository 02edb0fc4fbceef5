"""The far end of measurements: the program of tests/far_end, and the Python that runs it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import random
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import trustme
import websockets.sync.client
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_asynchronously
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from aiconvai.rig.bench.far_end import FarEnd, FarEndError

pytestmark = pytest.mark.quiet

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "build" / "tests" / "far_end" / "far_end"

CONVERSATION_PATH = "/v1/convai/conversation"
SIGNED_URL_PATH = CONVERSATION_PATH + "/get-signed-url"

SPEECH = random.Random(20).randbytes(8 * 777)
"""Shorter than what agents say, and of a length that no message divides."""

BYTES_PER_MS = 8
MESSAGE_BYTES = 240 * BYTES_PER_MS

UUID = bytes(range(16))


@pytest.fixture(scope="module", autouse=True)
def program() -> Path:
    if not PROGRAM.is_file():
        pytest.fail(f"{PROGRAM} is missing: build it with `make test-programs`")
    return PROGRAM


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def far_end(program: Path) -> Iterator[FarEnd]:
    with FarEnd(program, speech=SPEECH) as started:
        yield started


@contextlib.contextmanager
def _complaining(program: Path, complaint: str, speech: bytes | None = None) -> Iterator[FarEnd]:
    """A far end that has seen this rule broken (a regular expression) when it ends."""
    with contextlib.ExitStack() as resources:
        yield resources.enter_context(FarEnd(program, speech=speech))
        with pytest.raises(FarEndError, match=complaint):
            resources.close()


def _spoken(length: int, offset: int = 0) -> bytes:
    """What an agent says, from there on."""
    return (SPEECH * ((offset + length) // len(SPEECH) + 1))[offset : offset + length]


class EncryptedSocket:
    """A WebSocket over TLS.

    websockets.sync reads and writes one ssl.SSLSocket in two threads, which OpenSSL does not allow
    (python/cpython#143756): one connection in thousands broke off, or Python crashed. With asyncio it is one thread,
    that of the caller.
    """

    def __init__(self, url: str, **settings: Any) -> None:
        self._runner = asyncio.Runner()
        try:
            self._connection: ClientConnection = self._run(connect_asynchronously(url, **settings))
        except BaseException:
            self._runner.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._runner:
            self._run(self._connection.close())

    def _run(self, awaitable: Awaitable[Any], timeout: float | None = None) -> Any:
        async def run() -> Any:
            async with asyncio.timeout(timeout):
                return await awaitable

        return self._runner.run(run())

    def send(self, message: str) -> None:
        self._run(self._connection.send(message))

    def recv(self, timeout: float | None = None) -> str | bytes:
        message: str | bytes = self._run(self._connection.recv(), timeout)
        return message


class Client:
    """One conversation, seen from its client."""

    def __init__(self, port: int, agent: str, **settings: Any) -> None:
        self._resources = contextlib.ExitStack()
        settings = {"compression": None, "proxy": None, "ping_interval": None, **settings}
        path = f"{CONVERSATION_PATH}?agent_id={agent}"
        # Without TLS it is also read while nobody asks.
        self.socket: Any = self._resources.enter_context(
            EncryptedSocket(f"wss://localhost:{port}{path}", **settings)
            if "ssl" in settings
            else websockets.sync.client.connect(f"ws://127.0.0.1:{port}{path}", **settings)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def initiate(self) -> dict[str, Any]:
        """The metadata that answers."""
        self.send(type="conversation_initiation_client_data")
        message = self.receive()
        assert message["type"] == "conversation_initiation_metadata"
        event: dict[str, Any] = message["conversation_initiation_metadata_event"]
        return event

    def speak(self, audio: bytes) -> None:
        """As the module spells it."""
        self.socket.send('{"user_audio_chunk":"' + base64.b64encode(audio).decode() + '"}')

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=20))
        return message

    def hear(self) -> tuple[int, bytes]:
        """The event id and the audio of the next message that is no ping."""
        while (message := self.receive())["type"] == "ping":
            pass
        assert message["type"] == "audio"
        event = message["audio_event"]
        return event["event_id"], base64.b64decode(event["audio_base_64"], validate=True)

    def hear_bytes(self, length: int) -> list[tuple[int, bytes]]:
        """Messages of so many bytes together."""
        heard: list[tuple[int, bytes]] = []
        while sum(len(audio) for _, audio in heard) < length:
            heard.append(self.hear())
        return heard

    def closed(self) -> tuple[int, str]:
        """The close code and the reason with which the service ended it."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.socket.recv(timeout=20)
        close = self.socket.protocol.close_rcvd
        assert close is not None
        return close.code, close.reason


class LazyClients:
    """Two clients that let their time run out while the other tests run."""

    def __init__(self, program: Path) -> None:
        self.resources = contextlib.ExitStack()
        self.far_end = self.resources.enter_context(FarEnd(program))
        self.no_pong = self.resources.enter_context(Client(self.far_end.ws_port, "echo"))
        self.no_pong.initiate()
        self.no_initiation = self.resources.enter_context(Client(self.far_end.ws_port, "echo16"))


@pytest.fixture(scope="module", autouse=True)
def lazy_clients(program: Path) -> Iterator[LazyClients]:
    clients = LazyClients(program)
    yield clients
    # Whether they broke a rule depends on how long the chosen tests took.
    with contextlib.suppress(FarEndError):
        clients.resources.close()


# The process ----------------------------------------------------------------------------------------------


def test_nothing_happens(program: Path) -> None:
    with FarEnd(program) as far_end:
        assert far_end.wss_port is None
        assert far_end.ws_port != far_end.audiosocket_port
        assert far_end.reader.threads() == 1
    assert far_end.totals is not None
    assert far_end.totals.model_dump() == {
        "connections": 0,
        "messages_in": 0,
        "messages_out": 0,
        "bytes_in": 0,
        "bytes_out": 0,
        "violations": [],
    }


def test_it_ends_at_once_where_its_input_has_no_end_to_wait_for(program: Path) -> None:
    done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=True)
    assert [list(json.loads(line)) for line in done.stdout.splitlines()] == [
        ["ws_port", "wss_port", "audiosocket_port"],
        ["totals"],
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["--certificate", "x"], 2, "--certificate and --key go together"),
        (["more"], 2, "too many arguments"),
        (["--speech", "/nowhere/speech"], 1, "--speech /nowhere/speech: No such file or directory"),
        (["--speech", "/dev/null"], 1, "the file is empty"),
        (["--certificate", "/nowhere/a", "--key", "/nowhere/b"], 1, "WebSocket with TLS"),
    ],
)
def test_a_bad_command_line(program: Path, arguments: list[str], status: int, complaint: str) -> None:
    done = subprocess.run(
        [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == status
    assert complaint in done.stderr


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FarEndError, match="make test-programs"), FarEnd(tmp_path / "far_end"):
        pass


def test_conversations_that_are_open_at_the_end_are_counted(program: Path) -> None:
    with FarEnd(program) as far_end:
        client = Client(far_end.ws_port, "echo")
        client.initiate()
        client.speak(b"\x55" * 160)
        client.hear()
    client.socket.close()
    (closed,) = far_end.closed
    assert (closed.chunks_in, closed.bytes_in, closed.close_code) == (1, 160, 1006)


# Conversations --------------------------------------------------------------------------------------------


def test_echo(program: Path) -> None:
    lengths = [160, 1, 2, 3, 1920, 20000, 300_000]
    with FarEnd(program) as far_end:
        with Client(far_end.ws_port, "echo") as client:
            metadata = client.initiate()
            assert metadata["agent_output_audio_format"] == metadata["user_input_audio_format"] == "ulaw_8000"
            assert metadata["conversation_id"]
            for length in lengths:
                audio = random.Random(length).randbytes(length)
                client.speak(audio)
                assert client.hear() == (1, audio)
        assert far_end.wait_for("closed", 10)["close_code"] == 1000
    (closed,) = far_end.closed
    assert closed.agent == "echo"
    assert (closed.chunks_in, closed.bytes_in) == (closed.chunks_out, closed.bytes_out) == (len(lengths), sum(lengths))
    assert far_end.totals is not None
    assert far_end.totals.connections == 1
    assert far_end.totals.messages_in == far_end.totals.messages_out == len(lengths) + 1
    assert far_end.totals.bytes_in > sum(lengths) * 4 / 3
    assert far_end.totals.bytes_out > far_end.totals.bytes_in


@pytest.mark.parametrize(("agent", "audio_format"), [("echo16", "pcm_16000"), ("echo24", "pcm_24000")])
def test_echo_of_16_bit_samples(far_end: FarEnd, agent: str, audio_format: str) -> None:
    with Client(far_end.ws_port, agent) as client:
        metadata = client.initiate()
        assert metadata["agent_output_audio_format"] == metadata["user_input_audio_format"] == audio_format
        client.speak(b"\x01\x02" * 320)
        assert client.hear() == (1, b"\x01\x02" * 320)


def test_unusual_spellings_of_audio(far_end: FarEnd) -> None:
    with Client(far_end.ws_port, "echo") as client:
        client.initiate()
        for text in (
            '{"user_audio_chunk": "//79"}',
            ' {"user_audio_chunk":"\\/\\/79"}\n',
            '{"user_audio_chunk":"AAAA","user_audio_chunk":"//79"}',
            '{"user_audio_chunk":"\\/\\u002f79"}',
            '{"other":{"user_audio_chunk":"AAAA"},"user_audio_chunk":"//79"}',
        ):
            client.socket.send(text)
            assert client.hear() == (1, b"\xff\xfe\xfd")


def test_a_message_in_fragments(far_end: FarEnd) -> None:
    with Client(far_end.ws_port, "echo") as client:
        client.initiate()
        for _ in range(2):
            client.socket.send(["{", '"user_audio_', 'chunk":"//', "7", '9"}', ""])
            assert client.hear() == (1, b"\xff\xfe\xfd")


def test_messages_that_are_taken_without_an_answer(far_end: FarEnd) -> None:
    with Client(far_end.ws_port, "echo") as client:
        client.initiate()
        client.send(type="user_activity")
        client.send(type="contextual_update", text="the caller pressed 1")
        client.send(type="client_tool_result", tool_call_id="1", result="", is_error=False)
        client.speak(b"\x00")
        assert client.hear() == (1, b"\x00")


def test_many_messages_at_once_come_back_in_order(far_end: FarEnd) -> None:
    with Client(far_end.ws_port, "echo") as client:
        client.initiate()
        for number in range(500):
            client.speak(struct.pack(">I", number))
        assert [client.hear() for _ in range(500)] == [(1, struct.pack(">I", number)) for number in range(500)]


def test_greeting(far_end: FarEnd) -> None:
    with Client(far_end.ws_port, "greet") as client:
        client.initiate()
        heard = client.hear_bytes(8000)
        client.speak(b"\x55" * 160)
    assert b"".join(audio for _, audio in heard) == _spoken(8000)
    assert [len(audio) for _, audio in heard] == [MESSAGE_BYTES] * 4 + [320]
    assert far_end.wait_for("closed", 10)["chunks_in"] == 1


def test_speech_that_the_client_takes_late_is_whole_and_needs_no_memory(far_end: FarEnd) -> None:
    length = 600 * 1000 * BYTES_PER_MS
    # The client's own buffers are small, so that nearly all of it has to wait.
    with Client(far_end.ws_port, "talk-600", max_queue=1) as client:
        client.initiate()
        before = far_end.reader.rss_kb()
        with Client(far_end.ws_port, "echo") as other:
            other.initiate()
            other.speak(b"\x00")
            assert other.hear() == (1, b"\x00")
        assert far_end.reader.rss_kb() - before < 2048
        heard = client.hear_bytes(length)
    assert {event_id for event_id, _ in heard} == {1}
    assert b"".join(audio for _, audio in heard) == _spoken(length)


def test_a_client_that_does_not_read_is_given_up(program: Path) -> None:
    with _complaining(program, "a peer does not read") as far_end:
        with socket.create_connection(("127.0.0.1", far_end.ws_port)) as raw:
            raw.settimeout(10)
            raw.sendall(
                f"GET {CONVERSATION_PATH}?agent_id=echo HTTP/1.1\r\nHost: far-end\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
            )
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += raw.recv(1)
            raw.sendall(_masked(b'{"type":"conversation_initiation_client_data"}'))
            chunk = _masked(b'{"user_audio_chunk":"' + b"A" * 400_000 + b'"}')
            # Reset, a broken pipe, or nobody reads any more.
            with contextlib.suppress(OSError):
                for _ in range(1000):
                    raw.sendall(chunk)
        assert far_end.wait_for("closed", 10)["close_code"] == 1006


def _masked(text: bytes) -> bytes:
    """One text message, with a mask that changes nothing."""
    length = struct.pack(">B", 0x80 | len(text)) if len(text) < 126 else struct.pack(">BQ", 0xFF, len(text))
    return b"\x81" + length + bytes(4) + text


def test_interruptions(far_end: FarEnd) -> None:
    with Client(far_end.ws_port, "interrupt-2") as client:
        client.initiate()
        sent = []
        for event_id in (1, 2):
            heard = client.hear_bytes(24000)
            assert {heard_id for heard_id, _ in heard} == {event_id}
            assert b"".join(audio for _, audio in heard) == _spoken(24000, (event_id - 1) * 24000)
            interruption = client.receive()
            received = time.monotonic()
            assert interruption["type"] == "interruption"
            assert interruption["interruption_event"]["event_id"] == event_id
            assert interruption["interruption_event"]["reason"]
            sent.append(far_end.wait_for("interrupted", 10))
            assert received - 10 < sent[-1]
        # 300 ms of quiet, then speech, then at least 250 ms.
        assert sent[1] - sent[0] >= 0.55
        assert far_end.wait_for("done", 10) is True


@pytest.mark.parametrize(("chunk_ms", "jitter_ms"), [(20, 0), (20, 60), (60, 5)])
def test_stream(far_end: FarEnd, chunk_ms: int, jitter_ms: int) -> None:
    length = chunk_ms * BYTES_PER_MS
    with Client(far_end.ws_port, f"stream-{chunk_ms}-{jitter_ms}") as client:
        began = time.monotonic()
        client.initiate()
        for number in range(15):
            assert client.hear() == (1, _spoken(length, number * length))
            assert time.monotonic() - began >= number * chunk_ms / 1000


def test_pings(far_end: FarEnd) -> None:
    with Client(far_end.ws_port, "echo") as client:
        client.initiate()
        ping = client.receive()
        assert ping["type"] == "ping"
        client.send(type="pong", event_id=ping["ping_event"]["event_id"])
    closed = far_end.wait_for("closed", 10)
    assert (closed["pings"], closed["pongs"]) == (1, 1)


# What clients do wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "text", "complaint"),
    [
        ("echo", '{"user_audio_chunk":"//79"', "JSON"),
        ("echo", '{"user_audio_chunk":"//79"} {}', "JSON"),
        ("echo", '["user_audio_chunk"]', "JSON"),
        ("echo", "", "JSON"),
        ("echo", '{"user_audio_chunk":"//7"}', "base64"),
        ("echo", '{"user_audio_chunk":"/ /7"}', "base64"),
        ("echo", '{"user_audio_chunk":"=AAA"}', "base64"),
        ("echo", '{"user_audio_chunk":"AAA=AAAA"}', "base64"),
        ("echo", '{"user_audio_chunk":""}', "base64"),
        ("echo", '{"user_audio_chunk":12}', "neither type nor user_audio_chunk"),
        ("echo", '{"type":"user_audio"}', 'unknown type "user_audio"'),
        ("echo", '{"type":"pong"}', "event_id"),
        ("echo", '{"type":"conversation_initiation_client_data"}', "a second"),
        ("echo", b"\x00\x01", "binary"),
        ("echo16", '{"user_audio_chunk":"AA=="}', "16-bit"),
    ],
)
def test_a_bad_message_ends_the_conversation(program: Path, agent: str, text: str | bytes, complaint: str) -> None:
    with _complaining(program, f"{agent}: .*{complaint}") as far_end:
        with Client(far_end.ws_port, agent) as client:
            client.initiate()
            client.socket.send(text)
            code, reason = client.closed()
        assert code == 1008
        assert complaint in reason
        assert far_end.wait_for("closed", 10)["close_code"] == 1008


def test_initiation_data_come_first(program: Path) -> None:
    with _complaining(program, "the first message must be") as far_end:
        with Client(far_end.ws_port, "echo") as client:
            client.speak(b"\x00")
            assert client.closed()[0] == 1008
        assert far_end.wait_for("closed", 10)["chunks_in"] == 0


def test_a_pong_without_a_ping(program: Path) -> None:
    with _complaining(program, "echo: pong 7 answers no ping") as far_end:
        with Client(far_end.ws_port, "echo") as client:
            client.initiate()
            client.send(type="pong", event_id=7)
            client.speak(b"\x00")
            assert client.hear() == (1, b"\x00")
        assert far_end.wait_for("closed", 10)["pongs"] == 0


@pytest.mark.parametrize(
    "agent", ["", "nobody", "talk-", "talk-0", "talk-x", "talk-1x", "stream-20", "stream-0-0", "a%20b"]
)
def test_no_such_agent(program: Path, agent: str) -> None:
    with _complaining(program, "agent|expected", SPEECH) as far_end, Client(far_end.ws_port, agent) as client:
        client.send(type="conversation_initiation_client_data")
        assert client.closed()[0] == 3000


def test_an_agent_without_speech(program: Path) -> None:
    with _complaining(program, r"talk-1: .*--speech") as far_end, Client(far_end.ws_port, "talk-1") as client:
        client.send(type="conversation_initiation_client_data")
        assert client.closed()[0] == 3000


def test_violations_beyond_a_hundred_are_counted(program: Path) -> None:
    with _complaining(program, "and 20 more") as far_end:
        with Client(far_end.ws_port, "echo") as client:
            client.initiate()
            for number in range(120):
                client.send(type="pong", event_id=1000 + number)
            client.speak(b"\x00")
            client.hear()
        far_end.wait_for("closed", 10)
    assert far_end.totals is not None
    assert len(far_end.totals.violations) == 101


# HTTP and TLS ---------------------------------------------------------------------------------------------


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, dict[str, Any]]:
    connection.request("GET", path, headers={"xi-api-key": "key"})
    response = connection.getresponse()
    assert response.getheader("content-type") == "application/json"
    return response.status, json.loads(response.read())


def test_signed_url(far_end: FarEnd) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", far_end.ws_port, timeout=20)
    assert _get(connection, SIGNED_URL_PATH)[0] == 422
    kept = connection.sock
    assert _get(connection, SIGNED_URL_PATH + "?agent_id=nobody")[0] == 404
    assert _get(connection, "/v1/other")[0] == 404
    status, reply = _get(connection, SIGNED_URL_PATH + "?agent_id=echo")
    assert connection.sock is kept
    connection.close()
    assert status == 200
    url = reply["signed_url"]
    start = f"ws://127.0.0.1:{far_end.ws_port}{CONVERSATION_PATH}?agent_id=echo&conversation_signature="
    assert url.startswith(start)
    with websockets.sync.client.connect(url, proxy=None) as client:
        client.send('{"type":"conversation_initiation_client_data"}')
        assert json.loads(client.recv(timeout=20))["type"] == "conversation_initiation_metadata"


def test_tls(program: Path, authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with FarEnd(program, certificate=authority.issue_cert("localhost"), speech=SPEECH) as far_end:
        assert far_end.wss_port is not None
        connection = http.client.HTTPSConnection("localhost", far_end.wss_port, timeout=20, context=context)
        url = _get(connection, SIGNED_URL_PATH + "?agent_id=echo")[1]["signed_url"]
        connection.close()
        assert url.startswith(f"wss://localhost:{far_end.wss_port}{CONVERSATION_PATH}?")
        with Client(far_end.wss_port, "echo", ssl=context) as client:
            client.initiate()
            for length in (160, 100_000):
                client.speak(bytes(length))
                assert client.hear() == (1, bytes(length))
        with Client(far_end.wss_port, "talk-60", ssl=context) as client:
            client.initiate()
            heard = client.hear_bytes(480_000)
            assert b"".join(audio for _, audio in heard) == _spoken(480_000)
        with Client(far_end.ws_port, "echo") as client:
            client.initiate()
        while len(far_end.closed) < 3:
            far_end.wait_for("closed", 10)
    assert far_end.totals is not None
    assert far_end.totals.connections == 3


@pytest.mark.parametrize(("offered", "chosen"), [(None, None), (["convai"], "convai")])
def test_subprotocol(far_end: FarEnd, offered: list[Subprotocol] | None, chosen: str | None) -> None:
    with Client(far_end.ws_port, "echo", subprotocols=offered) as client:
        assert client.socket.subprotocol == chosen
        client.initiate()


def test_another_path(far_end: FarEnd) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", far_end.ws_port, timeout=20)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    connection.request("GET", "/other", headers={**upgrade, "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="})
    # libwebsockets answers as HTTP/1.0 here, which the library for WebSocket would not take.
    assert connection.getresponse().status == 404
    connection.close()


# Asterisk's own media servers -----------------------------------------------------------------------------


def test_media(program: Path) -> None:
    with FarEnd(program) as far_end:
        url = f"ws://127.0.0.1:{far_end.ws_port}/media"
        with websockets.sync.client.connect(
            url, subprotocols=[Subprotocol("media")], compression=None, proxy=None
        ) as client:
            assert client.subprotocol == "media"
            client.send("MEDIA_START connection_id:1 channel:WebSocket/x format:ulaw optimal_frame_size:160")
            for length in (160, 320, 65500):
                audio = random.Random(length).randbytes(length)
                client.send(audio)
                assert client.recv(timeout=20) == audio
            client.send('{"event":"MEDIA_XOFF","channel_id":"1.2"}')
            client.send([b"ab", b"c", b"d"])
            assert client.recv(timeout=20) == b"abcd"
    assert far_end.totals is not None
    assert (far_end.totals.connections, far_end.totals.messages_in, far_end.totals.messages_out) == (1, 6, 4)
    assert far_end.totals.bytes_out == 160 + 320 + 65500 + 4


def _message(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BH", kind, len(payload)) + payload


def _audiosocket(far_end: FarEnd) -> socket.socket:
    return socket.create_connection(("127.0.0.1", far_end.audiosocket_port), timeout=20)


def _read_exactly(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        assert part, f"closed after {len(data)} of {length} bytes"
        data += part
    return data


def test_audiosocket(program: Path) -> None:
    with FarEnd(program) as far_end, _audiosocket(far_end) as connection:
        connection.sendall(_message(0x01, UUID))
        frame = _message(0x10, bytes(range(256)) + bytes(64))
        connection.sendall(frame)
        assert _read_exactly(connection, len(frame)) == frame
        together = frame + _message(0x03, b"5") + _message(0x12, b"ab") + _message(0x10, bytes(65534))
        connection.sendall(together)
        expected = frame + _message(0x12, b"ab") + _message(0x10, bytes(65534))
        assert _read_exactly(connection, len(expected)) == expected
        for byte in frame:
            connection.sendall(bytes([byte]))
        assert _read_exactly(connection, len(frame)) == frame
        connection.sendall(_message(0x00))
        assert connection.recv(1) == b""
    assert far_end.totals is not None
    assert (far_end.totals.connections, far_end.totals.messages_in, far_end.totals.messages_out) == (1, 8, 5)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (_message(0x10, b"ab"), "the first message is of kind 0x10"),
        (_message(0x01, b"short"), "expected one UUID of 16 bytes, got one of 5"),
        (_message(0x01, UUID) * 2, "expected one UUID of 16 bytes, got another"),
        (_message(0x01, UUID) + _message(0x10, b"abc"), "audio of 3 bytes"),
        (_message(0x01, UUID) + _message(0x10), "audio of 0 bytes"),
        (_message(0x01, UUID) + _message(0x42), "no message is of kind 0x42"),
        (_message(0x01, UUID) + _message(0xFF, b"\x02"), "the peer reports error 2"),
    ],
)
def test_a_bad_audiosocket_peer(program: Path, data: bytes, complaint: str) -> None:
    with _complaining(program, complaint) as far_end, _audiosocket(far_end) as connection:
        connection.sendall(data)
        assert connection.recv(1) == b""


# Time limits ----------------------------------------------------------------------------------------------


def test_clients_that_are_late(lazy_clients: LazyClients) -> None:
    """The last test, since it waits for what the others leave of ten seconds."""
    with pytest.raises(ConnectionClosed):
        lazy_clients.no_initiation.socket.recv(timeout=20)
    # The sixth ping is sent ten seconds after the first.
    while lazy_clients.no_pong.receive()["ping_event"]["event_id"] < 6:
        pass
    with pytest.raises(FarEndError) as broken:
        lazy_clients.resources.close()
    assert "echo: ping 1 was not answered within 10 s" in str(broken.value)
    assert "echo16: no conversation_initiation_client_data within 10 s" in str(broken.value)
