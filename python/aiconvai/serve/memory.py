"""What was said in each call, in Redis or Valkey, as Node bridges for OpenAI and Gemini keep it.

A list `conv:CHANNEL-ID` has a turn in each of its elements, as JSON: `speaker` (user or ai), `text`, `timestamp` (ms
since 1970) and `state`, that of the agent's prompts. It lives for so long after its last turn.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiconvai.serve.events import Ended, Started, StateEntered, Transcript
from aiconvai.serve.told import Told

if TYPE_CHECKING:
    from redis.asyncio import Redis

CALLS_KNOWN = 10_000
"""Whose channel and state are known: those that go on, and the last ones that did."""
_PREFIX, _KNOWN_PREFIX = "conv:", "aiconvai:known:"

# What is given again changes nothing, and a correction takes the place of what it corrects. It is one step for the
# server, so that nothing comes between.
_ADD = """
if redis.call('HSETNX', KEYS[2], 'told ' .. ARGV[1], 1) == 0 then return 0 end
local slot = 'at ' .. ARGV[2]
local at = redis.call('HGET', KEYS[2], slot)
if at and ARGV[5] == '1' and tonumber(at) < redis.call('LLEN', KEYS[1]) then
    redis.call('LSET', KEYS[1], at, ARGV[3])
else
    redis.call('HSET', KEYS[2], slot, redis.call('RPUSH', KEYS[1], ARGV[3]) - 1)
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
"""

_Known = tuple[str, str]
"""A channel's unique id, and the state of the agent's prompts."""


class ConversationMemory:
    """A sink."""

    name = "memory"

    def __init__(self, redis: Redis, seconds: int) -> None:
        """`redis` is not closed; `seconds`: that a list lives after its last turn."""
        self._add = redis.register_script(_ADD)
        self._seconds = seconds
        self._calls: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    async def take(self, batch: Sequence[Told]) -> None:
        """Raises `redis.RedisError`."""
        for told in batch:
            channel, state = self._note(told)
            if isinstance(told.event, Transcript) and told.event.final and channel:
                await self._keep(channel, state, told.event)

    def _note(self, told: Told) -> _Known:
        """What is known of the call with this event."""
        channel, state = self._calls.pop(told.call, ("", ""))
        match told.event:
            case Started() | Ended():
                channel = told.event.unique_id or channel
            case StateEntered():
                state = told.event.state
            case _:
                # Managers are told it with every event; the journal has it in two.
                channel = channel or str((told.event.model_extra or {}).get("Uniqueid", ""))
        self._calls[told.call] = channel, state
        while len(self._calls) > CALLS_KNOWN:
            self._calls.popitem(last=False)
        return channel, state

    async def _keep(self, channel: str, state: str, said: Transcript) -> None:
        speaker = "user" if said.role == "caller" else "ai"
        turn = {"speaker": speaker, "text": said.text, "timestamp": round(said.time * 1000), "state": state}
        slot, text = f"{said.role} {said.turn}", json.dumps(turn, ensure_ascii=False)
        await self._add(
            keys=[_PREFIX + channel, _KNOWN_PREFIX + channel],
            args=[f"{slot} {said.time}", slot, text, self._seconds, int(said.correction)],
        )
