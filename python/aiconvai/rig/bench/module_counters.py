"""What the module counted of the calls it has, and of those that have ended."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from aiconvai.rig.asterisk import Asterisk, ManagerClient
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.validity import LEAST_LEVEL_DBFS

_POLL_SECONDS = 0.05
_NO_CALL = "No call "
_REFUSED = re.compile(r"^From the caller:.*; (\d+) frames refused", re.MULTILINE)
_DROPPED = re.compile(r"^To the service:.*, (\d+) dropped", re.MULTILINE)
_OVERFLOW = re.compile(r"^Queue:.*, (\d+) bytes over the limit", re.MULTILINE)


@dataclass(frozen=True)
class ModuleCalls:
    """All calls that are with an agent now."""

    calls: int
    underruns: int
    refused_frames: int
    dropped_bytes: int
    overflow_bytes: int
    quiet: list[str] = field(default_factory=list)
    """Channels on which nothing is heard in a direction."""


@dataclass(frozen=True)
class LostAudio:
    """What one call has lost."""

    refused_frames: int
    dropped_bytes: int
    overflow_bytes: int


@dataclass(frozen=True)
class Conversation:
    """One that has ended."""

    frames_received: int
    """From the caller."""
    chunks_sent: int


def module_calls(asterisk: Asterisk, ami: ManagerClient) -> ModuleCalls:
    """Ask for each of them."""
    since = ami.position()
    ami.action("AIConvAIList")
    ami.wait_for("AIConvAIListComplete", since=since)
    listed = ami.events("AIConvAICall", since=since)
    reports = {call["Uniqueid"]: asterisk.cli(f"aiconvai show call {call['Uniqueid']}") for call in listed}
    # One that has ended since it was listed is not with an agent any more.
    calls = [call for call in listed if not reports[call["Uniqueid"]].startswith(_NO_CALL)]
    lost = [parse_call(reports[call["Uniqueid"]]) for call in calls]
    return ModuleCalls(
        calls=len(calls),
        underruns=sum(int(call["Underruns"]) for call in calls),
        refused_frames=sum(one.refused_frames for one in lost),
        dropped_bytes=sum(one.dropped_bytes for one in lost),
        overflow_bytes=sum(one.overflow_bytes for one in lost),
        quiet=[
            call["Channel"]
            for call in calls
            if min(float(call["UplinkLevel"]), float(call["DownlinkLevel"])) < LEAST_LEVEL_DBFS
        ],
    )


def parse_call(text: str) -> LostAudio:
    """Reads what `aiconvai show call` prints."""
    counts = []
    for pattern in (_REFUSED, _DROPPED, _OVERFLOW):
        found = pattern.search(text)
        if found is None:
            raise BenchError(f"'aiconvai show call' printed nothing like {pattern.pattern!r}:\n{text}")
        counts.append(int(found.group(1)))
    return LostAudio(*counts)


def ended_conversations(ami: ManagerClient, count: int, timeout: float) -> list[Conversation]:
    """So many that have ended since this connection to the manager was made; waits for them, timeout in seconds."""
    deadline = time.monotonic() + timeout
    while len(ended := ami.events("AIConvAIEnd")) < count:
        if time.monotonic() > deadline:
            raise BenchError(f"{len(ended)} conversations have ended after {timeout:g} s, not {count}")
        time.sleep(_POLL_SECONDS)
    return [Conversation(int(one["FramesReceived"]), int(one["ChunksSent"])) for one in ended]
