"""A connection to each agent's service, made by the engine and the loops that calls are made with: name, address, TLS,
key and agent are tried as a call tries them. Nothing is said, and it ends as soon as the agent is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiconvai.engine.events import Ended, Error, Failover, Ready
from aiconvai.engine.library import use_gateway

# Before anything loads the engine by itself.
use_gateway()

from aiconvai.gateway.agents import Agent, Agents  # noqa: E402
from aiconvai.gateway.media import Happened, Media, MediaEvent, Over  # noqa: E402

MOST_AT_ONCE = 4
LONGEST_SECONDS = 30.0
SETTLING_SECONDS = 1.0
"""Some services take the connection first, and refuse what was asked for then."""
_LINE_RATE = 8_000
_READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Tried:
    """How it went with one agent."""

    agent: str
    problem: str
    """Empty: it is ready to talk."""
    seconds: float
    """To that, or to the failure."""


async def try_agents(agents: Agents, names: Sequence[str]) -> list[Tried]:
    """All of them, some at once. Raises `MediaError`."""
    media = Media(loops=1, max_calls=2 * MOST_AT_ONCE)
    calls: dict[int, _Trial] = {}
    media.follow(lambda event: calls[event.call].take(event) if event.call in calls else None)
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def tried(name: str) -> Tried:
        agent = agents.find(name)
        assert agent is not None
        async with places:
            number, end = media.open_audiosocket(_LINE_RATE)
            calls[number] = trial = _Trial(agent)
            try:
                media.converse(number, agents, agent, {})
                return await trial.run(end)
            finally:
                end.close()
                media.hang_up(number)

    try:
        return list(await asyncio.gather(*(tried(name) for name in names)))
    finally:
        await asyncio.to_thread(media.close)


class _Trial:
    """One of them. What it hears is let go."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._began = time.monotonic()
        self._is_ready = asyncio.Event()
        self._outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._seconds = 0.0

    def take(self, event: MediaEvent) -> None:
        match event.what:
            case Happened(event=Ready()):
                self._seconds = time.monotonic() - self._began
                self._is_ready.set()
            case Happened(event=Failover(reason=reason)) | Happened(event=Ended(reason=reason)):
                self._over(reason)
            case Happened(event=Error(message=message)) if self._is_ready.is_set():
                # Before that it may be an attempt, and another one goes better.
                self._over(message)
            case Over(why=why):
                self._over(why)
            case _:
                pass

    async def run(self, end: socket.socket) -> Tried:
        listening = asyncio.create_task(_let_go(end))
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                ready = asyncio.create_task(self._is_ready.wait())
                await asyncio.wait((ready, self._outcome), return_when=asyncio.FIRST_COMPLETED)
                ready.cancel()
                if not self._outcome.done():
                    await asyncio.wait((self._outcome,), timeout=SETTLING_SECONDS)
        except TimeoutError:
            self._over(f"it was not ready within {LONGEST_SECONDS:g} s")
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
        return Tried(self._agent.name, self._outcome.result() if self._outcome.done() else "", self._seconds)

    def _over(self, reason: str) -> None:
        if not self._outcome.done():
            self._outcome.set_result(reason or "it ended at once")
            self._seconds = self._seconds or time.monotonic() - self._began


async def _let_go(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(end, _READ_BYTES):
            pass
