"""Waits for an answer that will not come."""

from __future__ import annotations

import asyncio
from typing import Any


def give_up(future: asyncio.Future[Any], error: Exception) -> None:
    """Ends the wait for an answer with `error`; it is no fault if nobody waits."""
    if not future.done():
        future.set_exception(error)
        future.exception()
