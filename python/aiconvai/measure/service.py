"""The mock service of a measurement, a process of its own: `python -m aiconvai.measure.service SETTINGS`.

It writes JSON lines to its standard output: first where it listens, then what its agents did; it ends when its
standard input does. Its agents are named in `AGENTS`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable

import numpy as np
from pydantic import BaseModel

from aiconvai.audio import Samples
from aiconvai.mock import ElevenLabsMock, MockAgent, MockOptions, load_scenario
from aiconvai.mock.connection import ConversationClosedError
from aiconvai.mock.conversation import Conversation
from aiconvai.speech import speak

AGENTS = ("echo", "talk", "interrupt")

_TEXT = (
    "This is a long answer, spoken by an agent that has much to say. It is sent faster than anybody can listen, as "
    "the services do, and waits in the queue of the module until its time has come."
)
_INTERRUPTED_SECONDS = 3.0
_WAIT_SECONDS = (0.25, 0.45)
"""Before an interruption: longer than a packet and never the same, so that it falls anywhere between two packets."""
_QUIET_SECONDS = 0.3
"""After an interruption; the caller looks for old audio in it."""
_PACKETS_ON_THE_WAY_SECONDS = 0.5


class ServiceSettings(BaseModel):
    """What the service is started with."""

    port: int = 0
    talk_seconds: float = 30.0
    interruptions: int = 100


def speech(seconds: float, rate: int) -> Samples:
    """So many seconds of speech."""
    once = speak(_TEXT, rate)
    samples: Samples = np.resize(once, round(seconds * rate))
    return samples


async def _talk(conversation: Conversation, settings: ServiceSettings) -> None:
    samples = await asyncio.to_thread(speech, settings.talk_seconds, conversation.downlink_rate)
    await conversation.play(samples)


async def _interrupt(conversation: Conversation, settings: ServiceSettings) -> None:
    samples = await asyncio.to_thread(speech, _INTERRUPTED_SECONDS, conversation.downlink_rate)
    waits = random.Random(settings.interruptions)
    for _ in range(settings.interruptions):
        event_id = conversation.next_event_id()
        await conversation.play(samples, event_id)
        await asyncio.sleep(waits.uniform(*_WAIT_SECONDS))
        conversation.interrupt_now(event_id)
        # The kernel has the last byte: the connection had nothing else to send for a quarter of a second.
        _tell({"interrupted": time.monotonic()})
        await asyncio.sleep(_QUIET_SECONDS)
    await asyncio.sleep(_PACKETS_ON_THE_WAY_SECONDS)
    _tell({"done": True})


_Driver = Callable[[Conversation, ServiceSettings], Awaitable[None]]
_DRIVERS: dict[str, _Driver] = {"talk": _talk, "interrupt": _interrupt}


async def _drive(driver: _Driver, conversation: Conversation, settings: ServiceSettings) -> None:
    try:
        await conversation.wait_started()
        await driver(conversation, settings)
    except ConversationClosedError:
        return  # the caller has heard enough


async def _serve(settings: ServiceSettings) -> None:
    agents = {
        name: MockAgent(scenario=load_scenario("echo" if name == "echo" else "silent"), max_duration_seconds=7200)
        for name in AGENTS
    }
    async with (
        ElevenLabsMock(MockOptions(agents=agents, port=settings.port)) as mock,
        asyncio.TaskGroup() as group,
    ):
        _tell({"port": mock.port, "endpoint": mock.conversation_endpoint})
        ended = group.create_task(asyncio.to_thread(sys.stdin.read))
        accepting = group.create_task(_accept(mock, settings, group))
        await ended
        accepting.cancel()
        for conversation in mock.conversations:
            await conversation.close(1001, "the measurement is over")
        violations = [str(one) for conversation in mock.conversations for one in conversation.violations]
        _tell({"conversations": len(mock.conversations), "violations": violations[:10]})


async def _accept(mock: ElevenLabsMock, settings: ServiceSettings, group: asyncio.TaskGroup) -> None:
    while True:
        conversation = await mock.next_conversation(timeout=None)
        driver = _DRIVERS.get(conversation.agent_id)
        if driver is not None:
            group.create_task(_drive(driver, conversation, settings))


def _tell(fact: dict[str, object]) -> None:
    print(json.dumps(fact), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(ServiceSettings.model_validate_json(sys.argv[1])))
