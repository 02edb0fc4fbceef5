"""Events as an Asterisk tells them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace

from aiconvai.serve.events import read_event
from aiconvai.serve.told import Told

_times = itertools.count()


def told(name: str, record: str = "1.1", time: float | None = None, **headers: str) -> Told:
    """Each later than the one before, if no time is given."""
    moment = 1000 + next(_times) / 1000 if time is None else time
    usual = {"Event": f"AIConvAI{name}", "Record": record, "Time": f"{moment:.6f}", "Agent": "sales"}
    event = read_event({**usual, **headers})
    assert event is not None
    return Told("pbx", event)


def said(text: str, record: str = "1.1", role: str = "caller", turn: int = 1, final: bool = True) -> Told:
    headers = {"Role": role, "Turn": str(turn), "SpokenMs": "0", "Text": text}
    return told("Transcript", record, Final="yes" if final else "no", **headers)


def a_start(record: str = "1.1", **headers: str) -> Told:
    usual = {"LineFormat": "ulaw_8000", "Channel": "PJSIP/x-1", "Uniqueid": "9.1", "CallerIDNum": "+420123"}
    return told("Start", record, **{**usual, **headers})


def an_end(record: str = "1.1", **headers: str) -> Told:
    return told("End", record, **{"Status": "COMPLETED", "DurationMs": "5000", **headers})


def again(one: Told) -> Told:
    """To somebody who came late."""
    return replace(one, is_replayed=True)


async def until(condition: Callable[[], bool]) -> None:
    """At most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)
