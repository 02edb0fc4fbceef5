"""Waiting until a condition holds that only changes at known moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Waiters:
    """Conditions are asked once at the start and then at every `wake`; no polling, no missed moment."""

    def __init__(self) -> None:
        self._entries: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when `condition` holds, or held at a `wake` since."""
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._entries.append(entry)
        try:
            await future
        finally:
            self._entries.remove(entry)

    def wake(self) -> None:
        """To be called whenever something changed that a condition may ask for."""
        for condition, future in self._entries:
            if not future.done() and condition():
                future.set_result(None)
