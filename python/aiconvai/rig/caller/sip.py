"""SIP messages: reading, writing, and the few header fields a user agent looks into."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
    "s": "subject",
    "r": "refer-to",
    "b": "referred-by",
    "o": "event",
}


class SipError(RuntimeError):
    """A request was refused, was not answered, or a message could not be understood."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class SipMessage:
    """A request or a response."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @property
    def is_response(self) -> bool:
        """Whether it is a response."""
        return self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """The method: of a response, that of the request it answers."""
        return self["CSeq"].split()[1] if self.is_response else self.start.split()[0]

    @property
    def code(self) -> int:
        """A response's status code."""
        return int(self.start.split()[1])

    @property
    def phrase(self) -> str:
        """A response's reason phrase."""
        return self.start.split(maxsplit=2)[2] if self.start.count(" ") >= 2 else ""

    @property
    def cseq(self) -> int:
        """The sequence number."""
        return int(self["CSeq"].split()[0])

    @property
    def branch(self) -> str:
        """The transaction: the branch of the topmost Via."""
        found = re.search(r";\s*branch=([^;,\s]+)", self["Via"])
        return found.group(1) if found else ""

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise SipError(f"no {name} in {self.start!r}")
        return value

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a header field."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), default)

    def all(self, name: str) -> list[str]:
        """All values of a header field."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def encode(self) -> bytes:
        """The message as sent; Content-Length is added here."""
        body = self.body.encode()
        lines = [
            self.start,
            *(f"{name}: {value}" for name, value in self.headers),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def parse(data: bytes) -> SipMessage:
    """Read one datagram; raises SipError when it is not SIP."""
    head, separator, body = data.partition(b"\r\n\r\n")
    text = head.decode("utf-8", errors="replace")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", text).split("\r\n")
    if not separator or " " not in start:
        raise SipError(f"not a SIP message: {data[:60]!r}")
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise SipError(f"header without a colon: {line!r}")
        name = name.strip()
        headers.append((_COMPACT.get(name.lower(), name), value.strip()))
    return SipMessage(start, headers, body.decode("utf-8", errors="replace"))


def tag_of(address: str) -> str | None:
    """The tag parameter of a From or To value."""
    found = re.search(r";\s*tag=([^;,\s]+)", address)
    return found.group(1) if found else None


def uri_of(address: str) -> str:
    """The URI within a From, To, Contact or Refer-To value."""
    bracketed = re.search(r"<([^>]*)>", address)
    return bracketed.group(1) if bracketed else address.partition(";")[0].strip()


def user_of(address: str) -> str:
    """The user part of an address, e.g. a caller's number."""
    found = re.search(r"sips?:([^@;>]+)@", address)
    return found.group(1) if found else ""


def display_name_of(address: str) -> str:
    """The display name of an address, without quotes."""
    return address.partition("<")[0].strip().strip('"') if "<" in address else ""


def host_port_of(uri: str) -> tuple[str, int]:
    """Where a URI points; port 5060 when it names none."""
    found = re.match(r"sips?:(?:[^@]*@)?([^:;?>]+)(?::(\d+))?", uri)
    if not found:
        raise SipError(f"no address in {uri!r}")
    return found.group(1), int(found.group(2) or 5060)


def new_branch() -> str:
    """A fresh transaction identifier."""
    return f"z9hG4bK{secrets.token_hex(8)}"


def new_tag() -> str:
    """A fresh dialog tag."""
    return secrets.token_hex(6)
