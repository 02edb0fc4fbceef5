"""What was said, in a real Redis, as others read it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NobodyThereError
from redis_server import SERVERS, Server
from serve_events import a_start, again, an_end, said, told, until

from aiconvai.serve import memory as module
from aiconvai.serve.hub import Hub
from aiconvai.serve.memory import ConversationMemory
from aiconvai.serve.spool import Spool

CORRECTION = {"Role": "agent", "Turn": "2", "SpokenMs": "0", "Final": "yes", "Correction": "yes", "Text": "It is"}


def test_there_is_one_to_try() -> None:
    assert "redis-server" in SERVERS


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    one = Server(request.param, tmp_path)
    one.start()
    yield one
    one.stop()


@pytest.fixture
async def redis(server: Server) -> AsyncIterator[Redis]:
    async with Redis.from_url(server.url, decode_responses=True) as one:
        yield one


async def turns(redis: Redis, channel: str = "9.1") -> list[dict[str, Any]]:
    return [json.loads(text) for text in await redis.lrange(f"conv:{channel}", 0, -1)]


async def test_a_call_is_a_list_of_its_turns(redis: Redis) -> None:
    memory = ConversationMemory(redis, 3600)
    start, hello = a_start(), said("Dobrý den", turn=1)
    state, answer = told("State", State="billing"), said("How can I help?", role="agent", turn=2)
    await memory.take([start, said("Dob", final=False), hello, state, answer, an_end()])
    assert await turns(redis) == [
        {"speaker": "user", "text": "Dobrý den", "timestamp": round(hello.event.time * 1000), "state": ""},
        {"speaker": "ai", "text": "How can I help?", "timestamp": round(answer.event.time * 1000), "state": "billing"},
    ]
    assert 3590 < await redis.ttl("conv:9.1") <= 3600
    assert await redis.keys("conv:*") == ["conv:9.1"]


async def test_what_the_agent_could_not_say_is_corrected_in_its_place(redis: Redis) -> None:
    memory = ConversationMemory(redis, 3600)
    await memory.take([a_start(), said("Where?"), said("It is in Brno.", role="agent", turn=2), said("Stop", turn=3)])
    await memory.take([told("Transcript", **CORRECTION)])
    assert [turn["text"] for turn in await turns(redis)] == ["Where?", "It is", "Stop"]


async def test_what_is_given_again_is_there_once(redis: Redis) -> None:
    events = [a_start(), said("Where?"), said("It is in Brno.", role="agent", turn=2), told("Transcript", **CORRECTION)]
    await ConversationMemory(redis, 3600).take(events)
    # Of a program that has begun anew, and is told what was.
    await ConversationMemory(redis, 3600).take([*map(again, events), said("And?", turn=3)])
    assert [turn["text"] for turn in await turns(redis)] == ["Where?", "It is", "And?"]


@pytest.mark.fault("beside.redis-down")
async def test_a_server_that_is_down_gets_it_later(server: Server, tmp_path: Path) -> None:
    hub = Hub()
    async with Redis.from_url(server.url, socket_timeout=1) as redis:
        queue = hub.add(ConversationMemory(redis, 3600), Spool(tmp_path / "waiting.db", 1 << 20))
        hub.publish(a_start())
        hub.publish(said("One"))
        await until(lambda: queue.waiting == 0)
        server.stop()
        hub.publish(said("Two", turn=2))
        await until(lambda: bool(queue.problem))
        server.start()
        await until(lambda: not queue.problem)
        await hub.stop()
    with BlockingRedis.from_url(server.url, decode_responses=True) as there:
        # The first was in memory only.
        assert [json.loads(text)["text"] for text in there.lrange("conv:9.1", 0, -1)] == ["Two"]


@pytest.mark.fault("beside.redis-down")
async def test_a_server_that_is_not_there_is_an_error() -> None:
    async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
        with pytest.raises(NobodyThereError):
            await ConversationMemory(redis, 60).take([a_start(), said("One")])


async def test_calls_that_are_long_over_are_not_kept_in_mind(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLS_KNOWN", 10)
    memory = ConversationMemory(redis, 3600)
    await memory.take([a_start(f"1.{number}") for number in range(50)])
    assert len(memory._calls) == 10
