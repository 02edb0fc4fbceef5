"""Recordings of calls, as the module has Asterisk make them: the caller's side and the agent's in a file each.

Read where serve.toml says that they are (`[asterisk.NAME] recordings`), by the calls' own names and no other: what an
Asterisk tells is no path that is followed. They are given as one file of two channels, the caller on the left.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import stat
import struct
import wave
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiconvai.serve.settings import AsteriskSettings
from aiconvai.serve.store.store import Forgotten, Store

SIDES = ("caller", "agent")
KINDS = ("wav", "wav16")
"""By the rate of the line: MixMonitor's names for 8 and for 16 kHz."""
HEADER_BYTES = 44
FRAME_BYTES = 4
"""Of both sides, 16 bits each."""
FRAMES_AT_ONCE = 32_768
_NAME = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")
_PCM = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recording:
    """One that is there."""

    caller: Path
    agent: Path
    rate: int
    frames: int
    """Of the shorter side."""

    @property
    def length(self) -> int:
        """Bytes of the file of both."""
        return HEADER_BYTES + self.frames * FRAME_BYTES

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """The bytes from `begin` up to `end` of the file of both. Raises `OSError` and `wave.Error`."""
        if begin < HEADER_BYTES:
            yield self._header()[begin:end]
            begin = HEADER_BYTES
        if end <= begin:
            return
        frame, skipped = divmod(begin - HEADER_BYTES, FRAME_BYTES)
        left = end - begin
        with _opened(self.caller) as caller, _opened(self.agent) as agent:
            caller.setpos(frame)
            agent.setpos(frame)
            while left > 0 and (both := _interleaved(caller, agent)):
                part = both[skipped : skipped + left]
                skipped = 0
                left -= len(part)
                yield part

    def peaks(self, count: int) -> dict[str, list[float]]:
        """The loudest moment in each of so many parts of both sides, 0 to 1. Raises as `read`."""
        return {side: _peaks(getattr(self, side), self.frames, count) for side in SIDES}

    def _header(self) -> bytes:
        """RIFF and WAVE, of PCM."""
        size = self.frames * FRAME_BYTES
        form = struct.pack("<HHIIHH", _PCM, len(SIDES), self.rate, self.rate * FRAME_BYTES, FRAME_BYTES, 16)
        return b"".join(
            (b"RIFF", struct.pack("<I", 36 + size), b"WAVE", b"fmt ", struct.pack("<I", len(form)), form, b"data",
             struct.pack("<I", size))
        )  # fmt: skip


@contextmanager
def _opened(path: Path) -> Iterator[wave.Wave_read]:
    """A file, and neither a link to another one nor a pipe that would be waited for. Raises `OSError`, `wave.Error`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no file", str(path))
        with wave.open(file) as read:
            yield read


def _interleaved(caller: wave.Wave_read, agent: wave.Wave_read) -> bytes:
    sides = [np.frombuffer(one.readframes(FRAMES_AT_ONCE), "<i2") for one in (caller, agent)]
    length = min(len(side) for side in sides)
    return np.stack([side[:length] for side in sides], axis=1).tobytes()


def _peaks(path: Path, frames: int, count: int) -> list[float]:
    with _opened(path) as file:
        size = max(1, -(-frames // count))
        found: list[float] = []
        while len(found) < count and (read := file.readframes(size)):
            samples = np.frombuffer(read, "<i2").astype(np.int32)
            found.append(round(float(np.max(np.abs(samples))) / 32_768, 3))
    return found


class Recordings:
    """Of all Asterisks."""

    def __init__(self, asterisks: Mapping[str, AsteriskSettings]) -> None:
        self._folders = {name: one.recordings for name, one in asterisks.items() if one.recordings is not None}

    def find(self, asterisk: str, told: str) -> Recording | None:
        """`told`: what the module said of where it is. None where it cannot be read, or there is none."""
        paths = self._paths(asterisk, told)
        for caller, agent in zip(paths[::2], paths[1::2], strict=True):
            try:
                with _opened(caller) as one, _opened(agent) as other:
                    form, length = one.getparams(), min(one.getnframes(), other.getnframes())
                    if form[:3] == other.getparams()[:3] and form[:2] == (1, 2):
                        return Recording(caller, agent, form.framerate, length)
            except (OSError, wave.Error, EOFError):
                continue
        return None

    def remove(self, gone: Iterable[Forgotten]) -> int:
        """Those of calls that were forgotten; returns how many files could not be removed."""
        left = 0
        for one in gone:
            for path in self._paths(one.asterisk, one.recording):
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    left += 1
        return left

    def _paths(self, asterisk: str, told: str) -> list[Path]:
        """All that they may be: both sides of each kind."""
        folder, name = self._folders.get(asterisk), Path(told).name
        if folder is None or not _NAME.fullmatch(name):
            return []
        return [folder / f"{name}-{side}.{kind}" for kind in KINDS for side in SIDES]


class Forgetting:
    """Calls are forgotten with their recordings."""

    def __init__(self, store: Store, recordings: Recordings) -> None:
        self.left = 0
        """Files that could not be removed."""
        self._store = store
        self._recordings = recordings

    async def caller(self, number: str) -> int:
        """All calls of that number; how many they were."""
        return await self._removed(await self._store.forget_caller(number))

    async def before(self, time: float) -> int:
        """All calls that began before; how many they were."""
        return await self._removed(await self._store.forget_before(time))

    async def _removed(self, gone: list[Forgotten]) -> int:
        left = await asyncio.to_thread(self._recordings.remove, gone)
        self.left += left
        if left:
            _log.error("%d files of recordings of calls that are forgotten could not be removed", left)
        return len(gone)
