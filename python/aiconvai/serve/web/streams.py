"""Live calls as server-sent events. What a call looks like is written once for all who follow it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from aiconvai.serve.live import Key, LiveCall, LiveCalls

STREAMS = 100
"""At once."""
LOOK_SECONDS = 0.1
"""Between two looks at what has changed."""
KEEP_ALIVE_SECONDS = 15.0
"""So often something is said, so that proxies leave the connection open."""
_STILL_HERE = ": still here\n\n"
_LAST_WORDS = 200
"""Characters."""

IsGone = Callable[[], Awaitable[bool]]


def whole(call: LiveCall) -> dict[str, Any]:
    """All of it, for JSON."""
    shown = asdict(call)
    shown["tools"] = list(shown["tools"].values())
    shown["direction"] = call.direction
    return shown


def summary(call: LiveCall) -> dict[str, Any]:
    """Without what was said, but for the last of it."""
    shown = {name: getattr(call, name) for name in call.__slots__ if name not in ("lines", "tools", "problems", "keys")}
    last = call.lines[-1] if call.lines else None
    shown["last_words"] = last.text[-_LAST_WORDS:] if last is not None else ""
    shown["direction"] = call.direction
    shown["last_role"] = last.role if last is not None else ""
    return shown


class Streams:
    """Of one program. An event loop's."""

    def __init__(self, live: LiveCalls) -> None:
        self._live = live
        self._open = 0
        self._written: dict[Key, tuple[int, str]] = {}
        """The summary of each call, and of which version."""

    @property
    def has_room(self) -> bool:
        """For another one."""
        return self._open < STREAMS

    async def of_all(self, is_gone: IsGone) -> AsyncIterator[str]:
        """Each call that has changed, without what was said."""
        known: dict[Key, int] = {}
        async for calls in self._looks(is_gone, lambda: self._live.version):
            if calls is None:
                yield _STILL_HERE
                continue
            for key in [key for key in known if key not in calls]:
                del known[key]
                self._written.pop(key, None)
                yield f"event: gone\ndata: {json.dumps(key)}\n\n"
            for call in [one for one in calls.values() if known.get(one.key) != one.version]:
                known[call.key] = call.version
                yield self._summary(call)

    async def of_one(self, key: Key, is_gone: IsGone) -> AsyncIterator[str]:
        """All of that call, until it is not shown any more."""

        def version() -> int:
            call = self._live.calls.get(key)
            return call.version if call is not None else -1

        async for calls in self._looks(is_gone, version):
            if calls is None:
                yield _STILL_HERE
            elif key not in calls:
                yield f"event: gone\ndata: {json.dumps(key)}\n\n"
                return
            else:
                yield f"event: call\ndata: {json.dumps(whole(calls[key]))}\n\n"

    async def _looks(
        self, is_gone: IsGone, version: Callable[[], int]
    ) -> AsyncIterator[Mapping[Key, LiveCall] | None]:
        """The calls there are, whenever there is another version; None where there has been none for long."""
        known: int | None = None
        told = time.monotonic()
        self._open += 1
        try:
            while not await is_gone():
                if known != version():
                    known, told = version(), time.monotonic()
                    yield self._live.calls
                elif time.monotonic() - told > KEEP_ALIVE_SECONDS:
                    told = time.monotonic()
                    yield None
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._open -= 1

    def _summary(self, call: LiveCall) -> str:
        version, text = self._written.get(call.key, (-1, ""))
        if version != call.version:
            text = f"event: call\ndata: {json.dumps(summary(call))}\n\n"
            self._written[call.key] = (call.version, text)
        return text
