"""The program: parts are opened, what this machine takes is measured, and calls are served until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice

from aiconvai.local.assembling import agent_of
from aiconvai.local.capacity import Costs, calls_that_fit, measure
from aiconvai.local.conversation import Agent
from aiconvai.local.parts import PartError
from aiconvai.local.server import LocalServer, ServerSettings
from aiconvai.local.settings import LocalSettings
from aiconvai.local.voices.spelling import spell

MOST_MEASURED = 500
"""Calls that `calls = "auto"` comes to at the most."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ready:
    """What is open."""

    agent: Agent
    most_calls: int
    costs: Costs | None
    """Where they had to be measured to know how many calls."""


@asynccontextmanager
async def ready(settings: LocalSettings) -> AsyncIterator[Ready]:
    """Raises `PartError` and `SettingsError`."""
    # What is wrong with it is said before anything that takes long.
    settings.listen.secret_text()
    agent = agent_of(settings)
    async with AsyncExitStack() as stack:
        for part in (agent.detection, agent.recognizer, agent.mind, agent.voice):
            stack.push_async_callback(part.close)
        # What takes long is loaded on threads, side by side.
        async with asyncio.TaskGroup() as opening:
            for part in (agent.detection, agent.recognizer, agent.mind, agent.voice):
                opening.create_task(part.open())
        calls = settings.listen.calls
        if calls != "auto":
            yield Ready(agent, calls, None)
            return
        costs = await measure(agent)
        yield Ready(agent, min(MOST_MEASURED, calls_that_fit(costs)), costs)


async def serve(settings: LocalSettings, announce: Callable[[Ready, int], None]) -> None:
    """Until SIGINT or SIGTERM. `announce`: is told the port when it is open. Raises `PartError`, `SettingsError` and
    `OSError` where it cannot begin.
    """
    listen = settings.listen
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with ready(settings) as one:
        usual = iter(one.agent.mind.usual_sentences())
        # The greeting is there for the first call, and all others soon.
        await _make(one.agent, islice(usual, 1))
        making = asyncio.create_task(_make(one.agent, usual))
        server = LocalServer(ServerSettings(listen.host, listen.port, one.most_calls, listen.secret_text()), one.agent)
        try:
            async with server.running() as listening:
                announce(one, next(iter(listening.sockets)).getsockname()[1])
                await over.wait()
        finally:
            making.cancel()
            await asyncio.wait([making])


async def _make(agent: Agent, sentences: Iterator[str]) -> None:
    """One after the other, beside whatever calls ask for: the voice keeps them. Calls make those that fail here."""
    for sentence in sentences:
        try:
            await agent.voice.speak(spell(sentence), None)
        except PartError as error:
            _log.warning("%r was not made beforehand: %s", sentence, error)
