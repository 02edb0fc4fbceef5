"""Calls that come by ARI: a Stasis application, a bridge, and a channel of external media that brings audio.

What is made for a call has names that begin with ours, and is deleted on every way out; what another run of this
program has left is deleted when it begins. Where the events are lost calls go on, and what has happened meanwhile is
looked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import time
from collections.abc import Mapping
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from aiconvai.gateway.ari import Ari, AriError, segment
from aiconvai.gateway.ari_media import AriMedia
from aiconvai.gateway.ari_outbound import AriOutbound
from aiconvai.gateway.ari_people import AriPeople
from aiconvai.gateway.ari_way import AriWay
from aiconvai.gateway.calls import LOST, Calls
from aiconvai.gateway.media import Arrived, Media, MediaError
from aiconvai.gateway.registrations import Caller, a_line, a_number
from aiconvai.serve.outbound.outcome import is_outbound
from aiconvai.serve.retrying import failure_of
from aiconvai.serve.settings import AriSettings
from aiconvai.serve.tasks import cancel_all, spawn
from aiconvai.toml_settings import SettingsError

PREFIX = "aiconvai-"
"""With what the names of all begin that is made here."""
LONGEST_WAIT_SECONDS = 15.0
SET_UPS_AT_ONCE = 8
"""Others that come in the same moment wait for their turn, and none of them for an answer meanwhile."""
EVENTS = (
    "ApplicationReplaced", "ChannelDestroyed", "ChannelDtmfReceived", "ChannelHold", "ChannelStateChange",
    "ChannelUnhold", "ChannelUserevent", "PlaybackFinished", "StasisEnd", "StasisStart",
)  # fmt: skip
"""That are of use: to the door, to who is rung and to who is called. Of each call there are 23 others."""
_CALM_SECONDS = 0.5
"""From events that were lost to the next try."""
_KEYS = "0123456789*#ABCD"

_log = logging.getLogger(__name__)


class AriDoor:
    """One Asterisk's applications."""

    def __init__(self, name: str, settings: AriSettings, media: Media, calls: Calls) -> None:
        self.name = name
        self.problem = "not connected yet"
        """Empty: its events come."""
        self.outbound: AriOutbound | None = None
        """Calls that go out by it."""
        self.refused = 0
        self._settings = settings
        self._media = media
        self._calls = calls
        self._numbers = itertools.count(1)
        # An application is one program's: what else ours is called is another's, who may be there still.
        key = hashlib.blake2s(",".join(sorted(settings.apps)).encode(), digest_size=4).hexdigest()
        self._prefix = f"{PREFIX}{key}-"
        self._own = f"{self._prefix}{int(time.time()):x}-"
        """With what the names begin of what this run makes."""
        self._here: dict[str, int] = {}
        """Callers' channels: which call of media's each is; 0: none yet."""
        self._audio = AriMedia(name, settings, media)
        self.people = AriPeople(name)
        self._set_ups = asyncio.Semaphore(SET_UPS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Does not return."""
        try:
            await self._retrying(SettingsError)(self._open)
        finally:
            await cancel_all(self._tasks)
            await self.people.stop()
            if self.outbound is not None:
                await self.outbound.stop()

    def is_here(self, channel: str) -> bool:
        """Whether that caller is with us."""
        return channel in self._here

    def _retrying(self, problem: type[Exception]) -> AsyncRetrying:
        wait = wait_exponential_jitter(initial=0.5, max=LONGEST_WAIT_SECONDS, jitter=0.5)
        return AsyncRetrying(wait=wait, retry=retry_if_exception_type(problem), before_sleep=self._note)

    def arrived(self, number: int, arrived: Arrived) -> bool:
        """A connection of AudioSocket did; whether it is one for here."""
        return self._audio.arrived(number, arrived)

    def over(self, number: int, why: str) -> None:
        """Nothing is left of that call."""
        self._audio.over(number, why)

    def let_go(self, channel: str) -> bool:
        """Of that caller; whether he was with us until now."""
        return self._here.pop(channel, None) is not None

    def _note(self, state: RetryCallState) -> None:
        problem = str(failure_of(state))
        if problem != self.problem:
            _log.warning("ari.%s: %s", self.name, problem)
        self.problem = problem

    async def _open(self) -> None:
        """Requests are made by one client throughout: calls go on while the events are lost. Raises `SettingsError`."""
        async with Ari.opened(self._settings) as ari:
            self.people.use(ari)
            if self.outbound is not None:
                self.outbound.ari = ari
            while True:
                await self._retrying(AriError)(self._follow, ari)

    async def _follow(self, ari: Ari) -> None:
        """Until the events are lost. Raises `AriError` where they cannot be had."""
        why = "the events are lost"
        try:
            # A caller who is with somebody that may do nothing for him would stay there in silence.
            await ari.need_to_change()
            async with ari.events(list(self._settings.apps)) as events:
                await self._choose_events(ari)
                await self._audio.find_out(ari)
                await self._catch_up(ari)
                self.problem = ""
                if self.outbound is not None:
                    self.outbound.there_since = time.time()
                _log.info("ari.%s: following %s", self.name, ", ".join(self._settings.apps))
                async for event in events:
                    self._take(ari, event)
        except AriError as error:
            if self.problem:
                raise
            why = str(error)
        _log.warning("ari.%s: %s", self.name, why)
        self.problem = why
        if self.outbound is not None:
            self.outbound.there_since = None
        await asyncio.sleep(_CALM_SECONDS)

    async def _choose_events(self, ari: Ari) -> None:
        """Others need not be made, sent and read. An Asterisk that is older than 16.4 sends all of them."""
        allowed = {"allowed": [{"type": one} for one in EVENTS]}
        for app in self._settings.apps:
            try:
                await ari.put(f"/applications/{segment(app)}/eventFilter", allowed)
            except AriError as error:
                _log.info("ari.%s: all events of %s come: %s", self.name, app, error)

    async def _catch_up(self, ari: Ari) -> None:
        """What has happened while nobody listened: callers who hung up; and what another run has left."""
        channels = {str(one["id"]): one for one in await ari.ask("GET", "/channels")}
        for gone in set(self._here) - set(channels):
            self._media.hang_up(self._here.pop(gone))
        bridges = {str(one["id"]): one for one in await ari.ask("GET", "/bridges")}
        spoken_in = [name for name, one in bridges.items() if self._is_left(name) and self._adopt(name, one)]
        self.people.catch_up(channels)
        for kind, names in (("channels", set(channels)), ("bridges", set(bridges) - set(spoken_in))):
            for one in names:
                if self._is_left(one) and not self.people.has(one):
                    await ari.drop(f"/{kind}/{segment(one)}")
        for app in self._settings.apps:
            await self._send_on_strays(ari, app)

    def _is_left(self, name: str) -> bool:
        """By another run of this program."""
        return name.startswith(self._prefix) and not name.startswith(self._own)

    def _adopt(self, bridge: str, given: Mapping[str, Any]) -> bool:
        """Two who speak with each other in it are not disturbed."""
        return self.people.adopt(bridge, [str(one) for one in given.get("channels", [])], self._prefix)

    async def _send_on_strays(self, ari: Ari, app: str) -> None:
        """Callers whom another run had, and nobody has now, go on in the dialplan. What still rings is answered."""
        for channel in (await ari.ask("GET", f"/applications/{segment(app)}")).get("channel_ids", []):
            is_known = channel in self._here or self.people.has(str(channel))
            if is_known or str(channel).startswith(PREFIX):
                continue
            if self.outbound is None or await self.outbound.is_stray(str(channel)):
                way = AriWay(self, ari, app, "", Caller("", unique_id=str(channel)))
                await way.set_variables(LOST)
                await way.go_on()

    def _take(self, ari: Ari, event: Mapping[str, Any]) -> None:
        channel = event.get("channel")
        identity = str(channel.get("id", "")) if isinstance(channel, dict) else ""
        number = self._here.get(identity)
        if self.outbound is not None and is_outbound(identity) and self.outbound.take(identity, event):
            return
        if self.people.take(event):
            return
        match event.get("type"):
            case "StasisStart" if self._audio.entered(identity):
                pass
            case "StasisStart" if isinstance(channel, dict) and not identity.startswith(PREFIX):
                work = self._bring_in(ari, str(event.get("application", "")), channel, event.get("args") or [])
                spawn(self._tasks, work, f"ari {self.name}")
            case "StasisEnd" | "ChannelDestroyed" if number is not None:
                del self._here[identity]
                self._media.hang_up(number)
            case "ChannelDestroyed" if number_of_media := self._audio.number_of(identity):
                self._media.hang_up(number_of_media)
            case "ChannelDtmfReceived" if number is not None and str(event.get("digit", "")) in _KEYS:
                self._media.key(number, str(event["digit"]))
            case "ChannelHold" | "ChannelUnhold" if number is not None:
                self._media.hold(number, is_on=event["type"] == "ChannelHold")
            case "ApplicationReplaced":
                _log.error("ari.%s: another program has taken %s", self.name, event.get("application"))
            case _:
                pass

    async def _bring_in(self, ari: Ari, app: str, channel: Mapping[str, Any], args: list[str]) -> None:
        """A caller: an agent answers, or the dialplan goes on with a status."""
        caller = _caller_of(channel, args[1:])
        named = args[0] if args else ""
        agent = named if self._calls.agents.find(named) is not None else self._settings.apps.get(app, "") or named
        way = AriWay(self, ari, app, f"{self._own}{next(self._numbers)}", caller)
        self._here[way.channel] = number = 0
        try:
            async with self._set_ups:
                number = await self._connect(ari, way, app, is_up=channel.get("state") == "Up")
        except (AriError, MediaError) as error:
            await self._give_up(way, number, "UNAVAILABLE", str(error))
            return
        refusal = self._calls.begin(
            number, caller, way, agent=agent, unique_id=way.channel, channel=str(channel.get("name", ""))
        )
        if refusal is not None:
            await self._give_up(way, number, refusal[0].value, refusal[1])

    async def _give_up(self, way: AriWay, number: int, status: str, reason: str) -> None:
        self.refused += 1
        _log.warning("ari.%s: %s: %s", self.name, way.channel, reason)
        self.let_go(way.channel)
        await way.set_variables({"AICONVAI_REASON": reason, "AICONVAI_STATUS": status})
        await way.go_on()
        if number:
            self._media.hang_up(number)
        await way.over()

    async def _connect(self, ari: Ari, way: AriWay, app: str, *, is_up: bool) -> int:
        """The caller and a channel that brings audio, in a bridge. `is_up`: the dialplan has answered. Returns what
        media calls the call. Raises `AriError` and `MediaError`.
        """
        self._expect_caller(way)
        if not is_up:
            await ari.ask("POST", f"/channels/{segment(way.channel)}/answer")
        await ari.ask("POST", "/bridges", type="mixing", bridgeId=way.bridge, name=way.bridge)
        opened = await self._audio.open(ari, app, way.name, way.channel)
        way.media = opened.channel
        try:
            await ari.ask("POST", f"/bridges/{way.bridge}/addChannel", channel=f"{way.channel},{way.media}")
            self._expect_caller(way)
        except AriError:
            self._media.hang_up(opened.number)
            raise
        self._here[way.channel] = opened.number
        return opened.number

    def _expect_caller(self, way: AriWay) -> None:
        """Raises `AriError` where he is gone: what was to be made for him need not be."""
        if way.channel not in self._here:
            raise AriError("the caller has hung up")


def _caller_of(channel: Mapping[str, Any], args: list[str]) -> Caller:
    """`args`: behind the agent's name in Stasis(); NAME=VALUE are variables for it."""
    caller, dialplan = channel.get("caller") or {}, channel.get("dialplan") or {}
    pairs = (one.partition("=") for one in args)
    return Caller(
        "",
        channel=str(channel.get("name", "")),
        unique_id=str(channel.get("id", "")),
        number=a_number(str(caller.get("number", ""))),
        name=a_line(str(caller.get("name", ""))),
        extension=a_number(str(dialplan.get("exten", ""))),
        context=str(dialplan.get("context", "")),
        variables={name: value for name, equals, value in pairs if equals},
    )
