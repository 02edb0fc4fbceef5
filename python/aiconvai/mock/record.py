"""What the mock remembers of a conversation. Lists only grow, so another thread may read them at any time.

All times are `time.monotonic()` seconds of this machine, comparable with those of a test in another process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

import numpy as np

from aiconvai.audio import Samples, decode, format_rate, sample_bytes
from aiconvai.mock.errors import ErrorType

MessageT = TypeVar("MessageT")


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """The audio of one message, in the format of its direction."""

    time: float
    data: bytes
    event_id: int | None = None
    """Of agent audio; caller audio has none."""


@dataclass(frozen=True, slots=True)
class Received:
    """A client message other than audio."""

    time: float
    message: Any
    """As the service's mock reads it: a model of the service's own where there is one."""
    type: str
    """What the service calls such a message."""
    text: str
    """As it came."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A service message other than audio."""

    time: float
    text: str
    type: str | None
    """What the service calls such a message; None for text sent as it was."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something a client must not do."""

    time: float
    error_type: ErrorType
    detail: str
    text: str = ""
    """The offending message, or its beginning."""

    def __str__(self) -> str:
        return f"{self.error_type}: {self.detail}"


@dataclass(slots=True)
class HttpRequest:
    """A request that reached the mock, such as the upgrade to a WebSocket."""

    time: float
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names are lower case."""
    status: int | None = None
    """What was answered; None while nothing was, or when the connection was dropped instead."""
    refused: str | None = None
    """Why the conversation was closed right after the upgrade."""


@dataclass(frozen=True, slots=True)
class CallerTurn:
    """What the caller said in one turn, where the client decides what a turn is."""

    ended: float
    audio: bytes


ClosedBy = Literal["client", "service", "lost"]


@dataclass
class ConversationRecord:
    """One conversation, from the upgrade to the close."""

    id: str
    agent_id: str
    request: HttpRequest
    input_format: str
    """Of caller audio, a name of `aiconvai.audio.FORMATS`; until the client chooses it, what the service assumes."""
    output_format: str
    """Of agent audio, likewise."""
    begun: float = field(default_factory=time.monotonic)
    initiation: Any = None
    """The message with which the client begins: what it is told and asked to be."""
    initiated: float | None = None
    """When it arrived."""
    started: float | None = None
    """When the service announced that the conversation is on."""
    uplink: list[AudioChunk] = field(default_factory=list)
    """Caller audio as it arrived."""
    caller_turns: list[CallerTurn] = field(default_factory=list)
    """Those that are over, where the client tells them."""
    downlink: list[AudioChunk] = field(default_factory=list)
    """Agent audio as it was sent."""
    received: list[Received] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    interruptions: list[float] = field(default_factory=list)
    """When the service told that the agent was interrupted, or fell silent where it has no words for that."""
    tool_results: list[Any] = field(default_factory=list)
    """What the client answered to calls of its tools: each a `ToolResult`, or what the service has for it."""
    pongs: int = 0
    """Pings that the client answered."""
    violations: list[Violation] = field(default_factory=list)
    scenario_failure: str | None = None
    """Why the scenario could not go on, such as a caller who did not speak in time."""
    scenario_done: float | None = None
    """When the last step of the scenario was over."""
    closed: float | None = None
    closed_by: ClosedBy | None = None
    close_code: int | None = None
    """As sent by whoever closed first; 1006 if the connection was lost without a close."""
    close_reason: str = ""
    close_acknowledged: bool = False
    """Both sides have sent a close."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the upgrade request, names in lower case."""
        return self.request.headers

    @property
    def query(self) -> Mapping[str, str]:
        """Of the upgrade request."""
        return self.request.query

    @property
    def uplink_bytes(self) -> bytes:
        return b"".join(chunk.data for chunk in list(self.uplink))

    @property
    def downlink_bytes(self) -> bytes:
        return b"".join(chunk.data for chunk in list(self.downlink))

    @property
    def uplink_rate(self) -> int:
        """Sample rate of caller audio in Hz."""
        return format_rate(self.input_format)

    @property
    def downlink_rate(self) -> int:
        """Sample rate of agent audio in Hz."""
        return format_rate(self.output_format)

    @property
    def uplink_bytes_per_second(self) -> int:
        return self.uplink_rate * sample_bytes(self.input_format)

    @property
    def downlink_bytes_per_second(self) -> int:
        return self.downlink_rate * sample_bytes(self.output_format)

    def uplink_samples(self) -> Samples:
        """All caller audio so far."""
        return decode(self.uplink_bytes, self.input_format)

    def downlink_samples(self, event_id: int | None = None) -> Samples:
        """All agent audio so far, or that of one event."""
        chunks = [c.data for c in list(self.downlink) if event_id is None or c.event_id == event_id]
        return decode(b"".join(chunks), self.output_format) if chunks else np.zeros(0, dtype=np.int16)

    def received_of(self, kind: type[MessageT]) -> list[MessageT]:
        """The client's messages of one kind, such as ElevenLabs' `ContextualUpdate`, in order."""
        return [entry.message for entry in list(self.received) if isinstance(entry.message, kind)]

    def received_types(self) -> list[str]:
        """What the client sent apart from audio, by the service's names, in order."""
        return [entry.type for entry in list(self.received)]

    def sent_of(self, *types: str) -> list[Sent]:
        """The service's messages of these types, in order."""
        return [entry for entry in list(self.sent) if entry.type in types]

    def timeline(self) -> list[tuple[float, str, AudioChunk | Received | Sent | Violation]]:
        """Everything in the order of time, each with the name of its list, `violation` for a violation."""
        lists: dict[str, Sequence[AudioChunk | Received | Sent | Violation]] = {
            "uplink": self.uplink,
            "downlink": self.downlink,
            "received": self.received,
            "sent": self.sent,
            "violation": self.violations,
        }
        entries = [(entry.time, name, entry) for name, part in lists.items() for entry in list(part)]
        return sorted(entries, key=lambda entry: entry[0])


class Journal:
    """A file with one JSON object a line for everything that happens; for people and for bug reports."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)

    def write(self, conversation: str, event: str, **details: Any) -> None:
        """`time` is in seconds since the epoch."""
        entry = {"time": round(time.time(), 6), "conversation": conversation, "event": event, **details}
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()
