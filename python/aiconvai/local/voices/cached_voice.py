"""A voice that keeps what it has said: fixed sentences, such as greetings, cost nothing any more."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from aiconvai.local.parts import Speech, Voice

MOST_BYTES = 32_000_000
"""Of sound that is kept; eleven minutes at 24 kHz. What was asked for longest ago goes first."""
OVERHEAD_BYTES = 512
"""Of one sentence beside its sound and its text, about."""

_Key = tuple[str, str | None]


@dataclass(slots=True)
class _Making:
    task: asyncio.Task[Speech]
    waiting: int = 0


class CachedVoice:
    """A `Voice` around another. Not for threads: the event loop's."""

    def __init__(self, voice: Voice, *, most_bytes: int = MOST_BYTES) -> None:
        self._voice = voice
        self._most_bytes = most_bytes
        self._kept: OrderedDict[_Key, Speech] = OrderedDict()
        self._bytes = 0
        self._making: dict[_Key, _Making] = {}

    @property
    def kept_bytes(self) -> int:
        """Of what is kept."""
        return self._bytes

    def __str__(self) -> str:
        return str(self._voice)

    async def open(self) -> None:
        """Opens the other. Raises `PartError`."""
        await self._voice.open()

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        """As `Voice` has it. Its samples are others' too, and cannot be written to.

        Asked for by two at once, a sentence is made once; it is given up when nobody waits for it any more.
        """
        key = (sentence, voice)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = _Making(asyncio.create_task(self._make(key), name="speech"))
        making.waiting += 1
        try:
            return await asyncio.shield(making.task)
        finally:
            making.waiting -= 1
            if making.waiting == 0:
                making.task.cancel()
                if self._making.get(key) is making:
                    del self._making[key]

    async def close(self) -> None:
        """Forgets all, gives up what is under way, and closes the other."""
        tasks = [making.task for making in self._making.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()
        self._bytes = 0
        await self._voice.close()

    async def _make(self, key: _Key) -> Speech:
        made = await self._voice.speak(*key)
        samples = made.samples.copy()
        samples.setflags(write=False)
        speech = Speech(samples, made.rate)
        self._keep(key, speech)
        return speech

    def _keep(self, key: _Key, speech: Speech) -> None:
        size = _size(key, speech)
        if size > self._most_bytes:
            return
        if (old := self._kept.pop(key, None)) is not None:
            self._bytes -= _size(key, old)
        self._kept[key] = speech
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._bytes -= _size(*self._kept.popitem(last=False))


def _size(key: _Key, speech: Speech) -> int:
    return speech.samples.nbytes + 4 * sum(len(part or "") for part in key) + OVERHEAD_BYTES
