"""Servers that speak HTTP, TLS or WebSocket wrongly, slowly, or not at all: each costs its own call alone, for a while.

They are written out byte by byte, as no library would send it. All are called at once, beside a call to Echo() and to
an honest agent, which must not notice; each call goes on in the dialplan with a status and one line that says why.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pytest
from hearing import check_pace
from outcome import REPORT, Outcome, outcome
from voice import Voice, mock_options, voice
from watchdog import Watchdog

from aiconvai.mock import ElevenLabsAgent, parse_scenario

__all__ = ["mock_options", "voice"]

Pieces = Iterator[bytes | float]
"""What is sent, and pauses in seconds between it."""

LIMIT_SECONDS = 2
PATIENCE_SECONDS = 25.0
MiB = 1 << 20
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ESCAPES = b"\x1b]0;owned\x07\x1b[2J\r\n[2030-01-01 00:00:00] ERROR"
METADATA = (
    b'{"type":"conversation_initiation_metadata","conversation_initiation_metadata_event":{"conversation_id":"conv_1",'
    b'"agent_output_audio_format":"ulaw_8000","user_input_audio_format":"ulaw_8000"}}'
)


def reply(head: str, body: bytes = b"", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {head}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def signed_url(url: str) -> bytes:
    body = b'{"signed_url": "' + url.encode() + b'"}'
    return reply("200 OK", body, Content_Type="application/json", Content_Length=len(body))


def upgraded(request: bytes, **headers: object) -> bytes:
    found = re.search(rb"sec-websocket-key: *([^\r]+)", request, re.I)
    assert found is not None
    accept = base64.b64encode(hashlib.sha1(found[1] + GUID).digest()).decode()
    names = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Accept": accept, **headers}
    return reply("101 Switching Protocols", **names)


def frame(first: int, payload: bytes, length: bytes | None = None) -> bytes:
    """A WebSocket frame of a server; `length` in place of the true one (RFC 6455, 5.2)."""
    size = len(payload)
    if length is None:
        if size < 126:
            length = bytes([size])
        elif size < 1 << 16:
            length = b"\x7e" + size.to_bytes(2)
        else:
            length = b"\x7f" + size.to_bytes(8)
    return bytes([first]) + length + payload


def endless(piece: bytes, begin: bytes = b"") -> Pieces:
    yield begin
    while True:
        yield piece


def dribble(text: bytes) -> Pieces:
    for byte in text:
        yield bytes([byte])
        yield 1.0


class Replies:
    """To a request for a signed URL. A method each; its documentation is the fault."""

    def nothing(self, request: bytes) -> Pieces:
        """A connection that is accepted, and no answer."""
        yield 60.0

    def a_byte_a_second(self, request: bytes) -> Pieces:
        yield from dribble(signed_url("wss://127.0.0.1/x"))

    def headers_without_end(self, request: bytes) -> Pieces:
        yield from endless(b"X-More: " + b"a" * 8000 + b"\r\n", b"HTTP/1.1 200 OK\r\n")

    def a_header_of_a_megabyte(self, request: bytes) -> Pieces:
        yield reply("200 OK", b"{}", Set_Cookie="a" * MiB, Content_Length=2)

    def a_body_without_end(self, request: bytes) -> Pieces:
        chunk = b"1000\r\n" + b"a" * 4096 + b"\r\n"
        yield from endless(chunk, reply("200 OK", Transfer_Encoding="chunked"))

    def a_chunk_that_is_no_number(self, request: bytes) -> Pieces:
        yield reply("200 OK", b"zz\r\nab\r\n0\r\n\r\n", Transfer_Encoding="chunked")

    def a_length_that_never_comes(self, request: bytes) -> Pieces:
        yield reply("200 OK", b"{", Content_Length=1_000_000_000)
        yield 60.0

    def a_negative_length(self, request: bytes) -> Pieces:
        yield reply("200 OK", b"{}", Content_Length=-5)
        yield 60.0

    def a_length_that_is_none(self, request: bytes) -> Pieces:
        yield reply("200 OK", b"{}", Content_Length="99999999999999999999999")
        yield 60.0

    def go_on_and_nothing(self, request: bytes) -> Pieces:
        yield reply("100 Continue")
        yield 60.0

    def no_http(self, request: bytes) -> Pieces:
        yield b"\x15\x03\x01\x00\x02\x02\x28" * 100

    def a_status_that_is_none(self, request: bytes) -> Pieces:
        yield b"HTTP/1.1 abc " + ESCAPES + b"\r\n\r\n"

    def elsewhere_a_file(self, request: bytes) -> Pieces:
        yield reply("301 Moved Permanently", Location="file:///etc/passwd", Content_Length=0)

    def elsewhere_itself(self, request: bytes) -> Pieces:
        yield reply("302 Found", Location="/v1/convai/conversation/get-signed-url", Content_Length=0)

    def a_url_of_64_kilobytes(self, request: bytes) -> Pieces:
        yield signed_url("wss://127.0.0.1:1/" + "a" * 65_536)

    def a_url_with_a_line_in_it(self, request: bytes) -> Pieces:
        yield signed_url("ws://127.0.0.1:1/\\r\\nX-Mine: 1\\r\\n\\r\\nGET / HTTP/1.1")

    def a_url_of_a_file(self, request: bytes) -> Pieces:
        yield signed_url("file:///etc/passwd")

    def a_url_without_a_host(self, request: bytes) -> Pieces:
        yield signed_url("wss:///v1/convai")

    def a_url_of_a_port_that_is_none(self, request: bytes) -> Pieces:
        yield signed_url("wss://127.0.0.1:99999/")

    def reset(self, request: bytes) -> Pieces:
        yield b"HTTP/1.1 200 OK\r\n"


class Upgrades:
    """To a request for a WebSocket."""

    def nothing(self, request: bytes) -> Pieces:
        yield 60.0

    def a_byte_a_second(self, request: bytes) -> Pieces:
        yield from dribble(upgraded(request))

    def headers_without_end(self, request: bytes) -> Pieces:
        yield from endless(b"X-More: " + b"a" * 8000 + b"\r\n", b"HTTP/1.1 101 Switching Protocols\r\n")

    def another_key(self, request: bytes) -> Pieces:
        yield upgraded(request, Sec_WebSocket_Accept=base64.b64encode(bytes(20)).decode())
        yield frame(0x81, METADATA)

    def no_upgrade(self, request: bytes) -> Pieces:
        yield reply("200 OK", b"hello", Content_Length=5)

    def a_protocol_that_nobody_asked_for(self, request: bytes) -> Pieces:
        yield upgraded(request, Sec_WebSocket_Protocol="chat")
        yield frame(0x81, METADATA)
        yield 60.0

    def an_extension_that_nobody_asked_for(self, request: bytes) -> Pieces:
        yield upgraded(request, Sec_WebSocket_Extensions="permessage-deflate")
        yield frame(0xC1, b"\x00\x01\xff")
        yield 60.0

    def a_compressed_frame(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0xC1, METADATA)
        yield 60.0

    def a_frame_of_no_kind(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x83, METADATA)
        yield 60.0

    def a_masked_frame(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x81, bytes(4) + METADATA, bytes([0xFE]) + len(METADATA).to_bytes(2))
        yield 60.0

    def a_continuation_of_nothing(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x80, METADATA)
        yield 60.0

    def a_beginning_in_a_beginning(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x01, METADATA[:40]) + frame(0x81, METADATA)
        yield 60.0

    def a_ping_that_is_too_long(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x89, b"a" * 200)
        yield 60.0

    def a_ping_in_pieces(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x09, b"a") + frame(0x80, b"b")
        yield 60.0

    def a_length_of_63_bits(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x81, b"{", b"\x7f" + (2**63 - 1).to_bytes(8))
        yield from endless(b"a" * 65_536)

    def a_length_of_64_bits(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x81, b"{", b"\x7f" + (2**64 - 1).to_bytes(8))
        yield from endless(b"a" * 65_536)

    def pieces_without_end(self, request: bytes) -> Pieces:
        yield from endless(frame(0x00, b"a" * 4096), upgraded(request) + frame(0x01, b'{"type": "'))

    def empty_pieces_without_end(self, request: bytes) -> Pieces:
        yield from endless(frame(0x00, b"") * 4096, upgraded(request) + frame(0x01, b""))

    def pings_without_end(self, request: bytes) -> Pieces:
        yield from endless(frame(0x89, b"a" * 125) * 500, upgraded(request))

    def a_close_that_is_too_short(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x88, b"\x03")
        yield 60.0

    def a_close_with_a_terminals_sequences(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x88, (1008).to_bytes(2) + ESCAPES)
        yield 60.0

    def a_close_that_is_no_text(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x88, (4000).to_bytes(2) + b"\xff\xfe\x80" * 40)
        yield 60.0

    def a_text_that_is_none(self, request: bytes) -> Pieces:
        yield upgraded(request) + frame(0x81, b'{"type": "\xff\xfe\x80"}')
        yield 60.0

    def all_at_once(self, request: bytes) -> Pieces:
        """The metadata in the same packet as the reply, and the connection gone behind it."""
        yield upgraded(request) + frame(0x81, METADATA) + frame(0x88, (1000).to_bytes(2))


class Tls:
    """Where TLS is to be spoken: nothing is a request."""

    def nothing(self, request: bytes) -> Pieces:
        yield 60.0

    def an_alert(self, request: bytes) -> Pieces:
        yield b"\x15\x03\x03\x00\x02\x02\x28"

    def a_record_without_end(self, request: bytes) -> Pieces:
        yield from endless(bytes(4096), b"\x16\x03\x03\x40\x00")

    def plain_http(self, request: bytes) -> Pieces:
        yield reply("400 Bad Request", b"plain HTTP", Content_Length=10)

    def a_byte_a_second(self, request: bytes) -> Pieces:
        yield from dribble(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(100))


KINDS = {"signed_url": Replies, "upgrade": Upgrades, "tls": Tls}


@dataclass
class WrongServer:
    """One that does this with each connection, until the other side has closed it or the patience is over."""

    kind: str
    name: str
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        # close() alone wakes nobody who accepts.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listening.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(1.0)
            request = connection.recv(65_536)
            self.requests.append(request)
            until = time.monotonic() + PATIENCE_SECONDS
            for piece in getattr(KINDS[self.kind](), self.name)(request):
                if time.monotonic() > until or self._ended.is_set():
                    return
                if isinstance(piece, bytes):
                    connection.sendall(piece)
                    # What floods is to be a flood of some MB/s for this machine, not all of its processor.
                    time.sleep(0.0005)
                elif self._gone_within(connection, piece):
                    return

    def _gone_within(self, connection: socket.socket, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                if not connection.recv(65_536):
                    return True
        return self._ended.is_set()


def names(kind: str) -> list[str]:
    return [name for name in vars(KINDS[kind]) if not name.startswith("_")]


def endpoint(server: WrongServer) -> dict[str, object]:
    if server.kind == "signed_url":
        return {"api_key": "k", "signed_url_endpoint": f"http://127.0.0.1:{server.port}/url"}
    scheme = "wss" if server.kind == "tls" else "ws"
    return {"api_key": None, "conversation_endpoint": f"{scheme}://127.0.0.1:{server.port}/talk"}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("signed_url", marks=pytest.mark.fault("service.http-wrong", "service.silent-http")),
        pytest.param("upgrade", marks=pytest.mark.fault("service.websocket-wrong", "service.silent-upgrade")),
        pytest.param("tls", marks=pytest.mark.fault("service.silent-tls", "service.tls-wrong")),
    ],
)
def test_a_server_that_speaks_wrongly_costs_its_own_call_alone(voice: Voice, kind: str) -> None:
    with contextlib.ExitStack() as stack:
        servers = {f"{kind}_{name}": stack.enter_context(WrongServer(kind, name)) for name in names(kind)}
        for name, server in servers.items():
            voice.agent(
                name,
                **endpoint(server),
                connection_timeout_seconds=LIMIT_SECONDS,
                handshake_timeout_seconds=LIMIT_SECONDS,
                max_connection_attempts=1,
                reconnect_attempts=0,
            )
            voice.dialplan(f"exten => {name},1,AIConvAI({name},c)\n same => n,{REPORT}")
        voice.agent("honest", ElevenLabsAgent(scenario=parse_scenario("steps: [{tone: {seconds: 60}}, {wait: 60}]")))
        voice.dialplan("exten => honest,1,AIConvAI(honest)")
        voice.apply()
        watchdog = stack.enter_context(Watchdog(voice.asterisk.sip_port, voice.asterisk.control_socket, "honest"))
        watchdog.look()
        calls = [voice.caller.call(name) for name in servers]
        for call in calls:
            call.wait_ended(PATIENCE_SECONDS)
        found = {name: outcome(voice, Exten=name) for name in servers}
        seen = watchdog.look()
        assert {name: each for name, each in found.items() if not _is_told(each)} == {}
        assert {name: server.connections for name, server in servers.items() if server.connections != 1} == {}
    assert "\x1b" not in voice.log()
    assert "\n[2030-01-01" not in voice.log()
    assert (seen.echo.alive, seen.honest.alive, seen.answers.problems) == (True, True, [])
    assert seen.answers.slowest_seconds < 1.0
    check_pace(seen.echo.spacing_ms)
    check_pace(seen.honest.spacing_ms)


def _is_told(found: Outcome) -> bool:
    """One printable line says why."""
    is_a_line = len(found.reason) > 10 and found.reason.isprintable()
    return is_a_line and found.status in ("UNAVAILABLE", "LOST", "COMPLETED")
