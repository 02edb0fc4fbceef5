"""The other side of calls, to the letter of what a test wants it to do: SIP over UDP, and an echo of their audio."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Message:
    """One that came."""

    time: float
    first_line: str
    headers: dict[str, str]
    body: str
    sender: tuple[str, int]

    @property
    def method(self) -> str:
        """Of a request; of a response its protocol."""
        return self.first_line.split()[0]

    @property
    def extension(self) -> str:
        """That a request is for."""
        return self.first_line.split()[1].partition("sip:")[2].partition("@")[0]

    @property
    def call_id(self) -> str:
        """Whose it is."""
        return self.headers["call-id"]


@dataclass
class Echo:
    """One call's audio."""

    socket: socket.socket
    packets: list[tuple[float, bytes]] = field(default_factory=list)
    """With the times at which they came."""


Answer = Callable[["SipPeer", Message, int], None]
"""What is done with a request, which came so many times before (0: never)."""


class SipPeer:
    """`with SipPeer() as peer`. `answers`: what is done with requests, by the extension of an INVITE or by any other
    method; else calls are answered at once, and what they say is echoed but for packets of which `drops` says so, by
    their number.
    """

    def __init__(
        self, answers: dict[str, Answer] | None = None, drops: Callable[[int], bool] = lambda number: False
    ) -> None:
        self._answers = answers or {}
        self._drops = drops
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind((HOST, 0))
        self.port: int = self._sip.getsockname()[1]
        self.messages: list[Message] = []
        self.echoes: dict[str, Echo] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sip-peer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for one in (self._sip, *(echo.socket for echo in self.echoes.values())):
            one.close()

    def of(self, method: str) -> list[Message]:
        """The requests that came so far."""
        return [one for one in self.messages if one.method == method]

    def respond(self, request: Message, status: str, more: str = "", body: str = "") -> None:
        """To a request."""
        lines = [f"SIP/2.0 {status}"]
        to = request.headers["to"]
        lines += [f"Via: {request.headers['via']}", f"From: {request.headers['from']}"]
        lines += [f"To: {to}" if ";tag=" in to else f"To: {to};tag=peer", f"Call-ID: {request.call_id}"]
        lines += [f"CSeq: {request.headers['cseq']}", f"Contact: <sip:peer@{HOST}:{self.port}>"]
        text = "\r\n".join(lines) + f"\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"
        self._sip.sendto(text.encode(), request.sender)

    def request(self, of: Message, method: str, sequence: int = 7) -> None:
        """In the call that this INVITE began."""
        to = of.headers["to"] if ";tag=" in of.headers["to"] else f"{of.headers['to']};tag=peer"
        text = (
            f"{method} sip:callers@{of.sender[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bKpeer\r\n"
            f"From: {to}\r\nTo: {of.headers['from']}\r\nCall-ID: {of.call_id}\r\nCSeq: {sequence} {method}\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        self._sip.sendto(text.encode(), of.sender)

    def accept(self, request: Message, payloads: str = "0 101") -> None:
        """A call, and echo it."""
        if request.call_id not in self.echoes:
            audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            audio.bind((HOST, 0))
            self.echoes[request.call_id] = Echo(audio)
        port = self.echoes[request.call_id].socket.getsockname()[1]
        where = f"o=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\n"
        body = f"v=0\r\n{where}t=0 0\r\nm=audio {port} RTP/AVP {payloads}\r\n"
        self.respond(request, "200 OK", "Content-Type: application/sdp\r\n", body)

    def _run(self) -> None:
        while not self._stop.is_set():
            sockets = {echo.socket: echo for echo in self.echoes.values()}
            ready, _, _ = select.select([self._sip, *sockets], [], [], 0.05)
            for one in ready:
                data, sender = one.recvfrom(4096)
                now = time.monotonic()
                if one is self._sip:
                    self._take(data.decode(), sender, now)
                else:
                    self._echo(sockets[one], data, sender, now)

    def _echo(self, echo: Echo, data: bytes, sender: tuple[str, int], now: float) -> None:
        number = len(echo.packets)
        echo.packets.append((now, data))
        if not self._drops(number):
            echo.socket.sendto(data, sender)

    def _take(self, text: str, sender: tuple[str, int], now: float) -> None:
        head, _, body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (re.split(r"(:) *", line, maxsplit=1) for line in lines)}
        message = Message(now, first, headers, body, sender)
        before = [one for one in self.messages if (one.first_line, one.call_id) == (first, message.call_id)]
        self.messages.append(message)
        if message.method.startswith("SIP/"):
            return
        key = message.extension if message.method == "INVITE" else message.method
        if key in self._answers:
            self._answers[key](self, message, len(before))
        elif message.method == "INVITE":
            self.accept(message)
        elif message.method != "ACK":
            self.respond(message, "200 OK")
