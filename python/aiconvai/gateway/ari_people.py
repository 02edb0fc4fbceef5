"""People who are rung by ARI for callers, and who speak with them then.

Each is a channel that comes into the application of the caller once it is answered. Who has taken the call is put into
the bridge where the caller is; when one of the two leaves the other is not left in silence: who was rung is hung up,
the caller goes on in the dialplan. One event loop's.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiconvai.gateway.ari import Ari, AriError, go_on, segment
from aiconvai.gateway.ringing import (
    BUSY,
    NOBODY_ANSWERED,
    NOT_TAKEN,
    UNREACHABLE,
    NotTakenError,
    Place,
)
from aiconvai.serve.tasks import spawn

PERSON = "-person"
"""With what the names of their channels end, and a number."""
TOLD_TIMES, KEY_SECONDS, KEY = 3, 5.0, "1"
"""So often who answered is told who is there, has so long each time to press a key, and takes the call with this."""
# ITU-T Q.850.
_BUSY, _REJECTED, _NORMAL = 17, 21, 16
_UNANSWERED = (18, 19)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sign:
    """Of a channel that was rung: it is `answered`, or `gone` (`detail`: the cause), has pressed a `key`, or has heard
    what was `played`.
    """

    channel: str
    kind: str
    detail: str = ""


class AriPerson:
    """Who has answered. What happens to the channel is told by its `signs`."""

    def __init__(self, people: AriPeople, channel: str, signs: asyncio.Queue[_Sign]) -> None:
        self.channel = channel
        self._people = people
        self._signs = signs

    async def gone(self) -> None:
        while (sign := await self._signs.get()).channel != self.channel or sign.kind != "gone":
            pass

    async def let_go(self) -> None:
        await self._people.drop(self.channel)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two who speak with each other, and no agent."""

    caller: str
    person: str
    bridge: str


class AriPeople:
    """All of one Asterisk's."""

    def __init__(self, door: str) -> None:
        """`door`: its name, for the log."""
        self._door = door
        self._numbers = itertools.count(1)
        self._rung: dict[str, asyncio.Queue[_Sign]] = {}
        self._pairs: dict[str, _Pair] = {}
        """Under the channels of both."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._ari: Ari | None = None

    def use(self, ari: Ari) -> None:
        """What requests are made by from now on."""
        self._ari = ari

    # Ringing

    async def ring(self, place: Place, app: str, name: str, caller: str, caller_id: str) -> AriPerson:
        """Rings them for the channel `caller`. Who has taken the call; whoever else answers is hung up. `name`: with
        what the names of their channels begin. Raises `NotTakenError`.
        """
        signs: asyncio.Queue[_Sign] = asyncio.Queue()
        channels = {f"{name}{PERSON}{next(self._numbers)}": target for target in place.targets}
        given = {"app": app, "originator": caller, "callerId": caller_id, "timeout": str(place.seconds)}
        taken = ""
        self._rung.update(dict.fromkeys(channels, signs))
        try:
            async with asyncio.timeout(place.seconds):
                for channel, target in channels.items():
                    await self._originate(channel, signs, endpoint=target, **given)
                answered = await self._first(set(channels), signs)
        except TimeoutError:
            raise NotTakenError(NOBODY_ANSWERED) from None
        else:
            for other in set(channels) - {answered}:
                await self.drop(other)
            if place.sound and not await self._takes(answered, place.sound, signs):
                raise NotTakenError(NOT_TAKEN)
            taken = answered
            return AriPerson(self, answered, signs)
        finally:
            self._let_go(set(channels) - {taken})

    async def _originate(self, channel: str, signs: asyncio.Queue[_Sign], **given: str) -> None:
        assert self._ari is not None
        try:
            await self._ari.ask("POST", "/channels", channelId=channel, **given)
        except AriError as error:
            _log.warning("ari.%s: %s cannot be rung: %s", self._door, given["endpoint"], error)
            signs.put_nowait(_Sign(channel, "gone"))

    @staticmethod
    async def _first(left: set[str], signs: asyncio.Queue[_Sign]) -> str:
        """Who answers first. Raises `NotTakenError` where nobody will."""
        causes = []
        while left:
            sign = await signs.get()
            if sign.kind == "answered":
                return sign.channel
            if sign.kind == "gone":
                left.discard(sign.channel)
                causes.append(int(sign.detail or 0))
        raise NotTakenError(_reason(causes))

    async def _takes(self, channel: str, sound: str, signs: asyncio.Queue[_Sign]) -> bool:
        """They are told, and press the key; what they hear ends with that."""
        assert self._ari is not None
        playback = f"{channel}-told"
        for _ in range(TOLD_TIMES):
            try:
                path = f"/channels/{segment(channel)}/play"
                await self._ari.ask("POST", path, media=f"sound:{sound}", playbackId=playback)
            except AriError as error:
                _log.warning("ari.%s: who answered is not told: %s", self._door, error)
                return False
            sign = await self._reaction(channel, signs)
            if sign is not None and sign.kind == "key":
                await self._ari.drop(f"/playbacks/{segment(playback)}")
            if sign is not None:
                return sign.kind == "key" and sign.detail == KEY
        return False

    @staticmethod
    async def _reaction(channel: str, signs: asyncio.Queue[_Sign]) -> _Sign | None:
        """A key, or that they are gone; None: nothing for a while after they have been told."""
        seconds: float | None = None
        try:
            while True:
                async with asyncio.timeout(seconds):
                    sign = await signs.get()
                if sign.channel == channel and sign.kind in ("gone", "key"):
                    return sign
                if sign.channel == channel and sign.kind == "played":
                    seconds = KEY_SECONDS
        except TimeoutError:
            return None

    def _let_go(self, channels: Iterable[str]) -> None:
        """Also where whoever waits for them was told not to: by tasks of our own."""
        for channel in channels:
            if channel in self._rung:
                spawn(self._tasks, self.drop(channel), f"ari {self._door}")

    async def drop(self, channel: str) -> None:
        """Hangs up."""
        if self._rung.pop(channel, None) is not None and self._ari is not None:
            await self._ari.drop(f"/channels/{segment(channel)}")

    # Speaking with each other

    def connect(self, caller: str, person: str, bridge: str) -> bool:
        """They are in that bridge, and it is theirs from now on. False: the person is gone."""
        if self._rung.pop(person, None) is None:
            return False
        self._note(_Pair(caller, person, bridge))
        return True

    def _note(self, pair: _Pair) -> None:
        self._pairs[pair.caller] = self._pairs[pair.person] = pair

    def adopt(self, bridge: str, channels: Sequence[str], prefix: str) -> bool:
        """Whether those in that bridge are two whom another run has connected and who still speak; they are known then.
        Names of ours begin with `prefix`.
        """
        persons = [one for one in channels if one.startswith(prefix) and PERSON in one]
        callers = [one for one in channels if not one.startswith(prefix)]
        if len(channels) != 2 or len(persons) != 1 or len(callers) != 1:
            return False
        self._note(_Pair(callers[0], persons[0], bridge))
        return True

    def has(self, channel: str) -> bool:
        """Whether the channel is of somebody who speaks with somebody who was rung."""
        return channel in self._pairs

    def _part(self, gone: str) -> None:
        pair = self._pairs[gone]
        del self._pairs[pair.caller], self._pairs[pair.person]
        spawn(self._tasks, self._end(pair, gone == pair.caller), f"ari {self._door}")

    async def _end(self, pair: _Pair, caller_left: bool) -> None:
        assert self._ari is not None
        if not caller_left:
            await go_on(self._ari, pair.caller)
        await self._ari.drop(f"/channels/{segment(pair.person)}")
        await self._ari.drop(f"/bridges/{segment(pair.bridge)}")

    # What Asterisk tells

    def take(self, event: Mapping[str, Any]) -> bool:
        """Whether it is of one of them."""
        kind, channel = str(event.get("type", "")), _channel_of(event)
        if kind in ("StasisEnd", "ChannelDestroyed") and channel in self._pairs:
            self._part(channel)
            return True
        signs = self._rung.get(channel)
        if signs is None:
            return False
        match kind:
            case "StasisStart":
                signs.put_nowait(_Sign(channel, "answered"))
            case "StasisEnd":
                self._gone(channel, "")
            case "ChannelDestroyed":
                self._gone(channel, str(event.get("cause", "")))
            case "ChannelDtmfReceived":
                signs.put_nowait(_Sign(channel, "key", str(event.get("digit", ""))))
            case "PlaybackFinished":
                signs.put_nowait(_Sign(channel, "played"))
            case _:
                pass
        return True

    def _gone(self, channel: str, cause: str) -> None:
        self._rung.pop(channel).put_nowait(_Sign(channel, "gone", cause if cause.isdecimal() else ""))

    def catch_up(self, channels: Mapping[str, Any]) -> None:
        """What has happened while nobody listened; `channels`: that are there, by their names."""
        for gone in [one for one in self._pairs if one not in channels]:
            if gone in self._pairs:
                self._part(gone)
        for channel in list(self._rung):
            if channel not in channels:
                self._gone(channel, "")
            elif channels[channel].get("state") == "Up":
                self._rung[channel].put_nowait(_Sign(channel, "answered"))

    async def stop(self) -> None:
        """Nobody is rung any more; who speaks goes on."""
        self._let_go(list(self._rung))
        await asyncio.gather(*self._tasks)


def _channel_of(event: Mapping[str, Any]) -> str:
    playback, channel = event.get("playback"), event.get("channel")
    if isinstance(playback, dict):
        return str(playback.get("target_uri", "")).removeprefix("channel:")
    return str(channel.get("id", "")) if isinstance(channel, dict) else ""


def _reason(causes: Iterable[int]) -> str:
    """Why nobody has taken the call, for the agent."""
    reason = UNREACHABLE
    for cause in causes:
        if cause == _BUSY:
            return BUSY
        if cause in _UNANSWERED:
            reason = NOBODY_ANSWERED
        elif cause in (_REJECTED, _NORMAL):
            reason = NOT_TAKEN
    return reason
