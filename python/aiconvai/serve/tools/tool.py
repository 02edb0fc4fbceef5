"""A call of a tool, whatever runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Protocol


class ToolError(Exception):
    """The tool has failed; the agent is told the message."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """In which call: who is calling, and whom."""

    asterisk: str
    record: str
    agent: str
    conversation_id: str = ""
    unique_id: str = ""
    channel: str = ""
    caller_number: str = ""
    caller_name: str = ""
    extension: str = ""

    def as_json(self) -> dict[str, str]:
        """For a system that is told."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """What the agent asks for."""

    id: str
    name: str
    place: str
    """The tool's line in aiconvai.conf: https://URL, mcp:SERVER/TOOL, python:MODULE.FUNCTION."""
    arguments: dict[str, Any]
    call: CallFacts


class ToolRunner(Protocol):
    """Runs the tools of one kind."""

    async def run(self, request: ToolRequest) -> str:
        """What the agent is told. Raises `ToolError`. It is cancelled when its time is over."""


_calls: ContextVar[CallFacts] = ContextVar("call")


def current_call() -> CallFacts:
    """For a function that is run as a tool: in which call. Raises `LookupError` elsewhere."""
    return _calls.get()


@contextmanager
def in_call(call: CallFacts) -> Iterator[None]:
    """What is run in it is run for that call."""
    token = _calls.set(call)
    try:
        yield
    finally:
        _calls.reset(token)
