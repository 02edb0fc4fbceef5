"""Tasks that end with what began them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


def spawn(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None], name: str) -> None:
    """Does it in a task of its own, which is among those until it is over."""
    task = asyncio.create_task(work, name=name)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Until they are over; what they raise is theirs."""
    given = list(tasks)
    for task in given:
        task.cancel()
    await asyncio.gather(*given, return_exceptions=True)
