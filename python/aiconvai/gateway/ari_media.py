"""How a caller's audio comes from an Asterisk that is asked by ARI, and goes there: by a channel of external media.

There are three kinds (`media_choice.py`), and which it is to be is found out when the connection is made (`find_out`).
What cannot be made after all is made by RTP, which all of them have.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from aiconvai.gateway.ari import Ari, AriError, segment, socket_url
from aiconvai.gateway.media import Arrived, Media, MediaError, RtpCodec
from aiconvai.gateway.media_choice import TOLD, Ability, Choice, Kind, ability_of, choose, choose_width
from aiconvai.serve.settings import AriSettings

MEDIA_SECONDS = 5.0
"""In which a channel of external media comes into the application, with its connection."""
WIDE_HZ, NARROW_HZ = 16_000, 8_000

_NARROW = frozenset(
    ("ulaw", "alaw", "gsm", "g723", "g726", "g726aal2", "g729", "adpcm", "lpc10", "ilbc", "slin", "speex", "codec2")
)
"""Codecs of 8 kHz, as CHANNEL() names them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MediaChannel:
    """One that brings a call's audio."""

    number: int
    """What media calls the call."""
    channel: str
    """Its name in Asterisk."""


class _Entrance:
    """Channels that are made here come into the application on their own."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Future[None]] = {}

    def entered(self, channel: str) -> bool:
        """One did; whether it is one of those."""
        if (awaited := self._awaited.get(channel)) is None:
            return False
        if not awaited.done():
            awaited.set_result(None)
        return True

    def failed(self, channel: str, why: str) -> None:
        """It will not."""
        if (awaited := self._awaited.get(channel)) is not None and not awaited.done():
            awaited.set_exception(AriError(why))

    @asynccontextmanager
    async def made(self, ari: Ari, app: str, channel: str, **how: str) -> AsyncIterator[Mapping[str, Any]]:
        """One that is made; when the block ends it is waited for. Deleted where anything fails. Raises `AriError`."""
        awaited = self._awaited[channel] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(MEDIA_SECONDS):
                made = await ari.ask("POST", "/channels/externalMedia", channelId=channel, app=app, **how)
                yield made if isinstance(made, dict) else {}
                await awaited
        except BaseException as error:
            await ari.drop(f"/channels/{segment(channel)}")
            if isinstance(error, TimeoutError):
                raise AriError(f"{channel} has not come into {app} within {MEDIA_SECONDS:g} s") from None
            raise
        finally:
            awaited.cancel()
            del self._awaited[channel]


class _Medium(Protocol):
    async def open(self, ari: Ari, app: str, channel: str, *, wide: bool) -> int:
        """Makes the channel of that name, which is in the application then. Returns what media calls the call. Raises
        `AriError` and `MediaError`, and has left nothing then.
        """


class RtpMedium:
    """Packets to a port of ours, and back to one of Asterisk's."""

    def __init__(self, settings: AriSettings, media: Media, entrance: _Entrance) -> None:
        self._settings, self._media, self._entrance = settings, media, entrance

    async def open(self, ari: Ari, app: str, channel: str, *, wide: bool) -> int:
        settings = self._settings
        codec = RtpCodec.G722 if wide else RtpCodec.ULAW
        number, port = self._media.open_rtp(str(settings.rtp_host), settings.rtp_ports, codec, settings.peers)
        try:
            here = _host_and_port(settings, port)
            async with self._entrance.made(ari, app, channel, format=codec.value, external_host=here) as made:
                await self._tell_peer(number, made.get("channelvars") or {})
        except BaseException:
            self._media.hang_up(number)
            raise
        return number

    async def _tell_peer(self, number: int, variables: Mapping[str, Any]) -> None:
        """Where Asterisk listens, as it says; behind NAT that is not so, and the first packet tells."""
        address, port = (str(variables.get(f"UNICASTRTP_LOCAL_{one}", "")) for one in ("ADDRESS", "PORT"))
        if self._settings.rtp_symmetric or not port.isdecimal():
            return
        if address in ("", "0.0.0.0", "::"):
            address = await _address_of(self._settings.url)
        self._media.rtp_peer(number, address, int(port))


class AudioSocketMedium:
    """A connection of Asterisk's to a port of ours, which says a UUID."""

    def __init__(self, settings: AriSettings, media: Media, entrance: _Entrance) -> None:
        self._settings, self._media, self._entrance = settings, media, entrance
        self._awaited: dict[str, asyncio.Future[int]] = {}
        """Connections that are to come, by their UUIDs."""
        self._port = 0
        """That is listened at; 0: none is yet."""

    def arrived(self, number: int, arrived: Arrived) -> bool:
        """A connection did; whether it is at this port."""
        if not self._port or arrived.port != self._port:
            return False
        awaited = self._awaited.get(arrived.uuid)
        if awaited is None or awaited.done():
            _log.warning("the call %s from %s is refused: nobody awaits it", arrived.uuid, arrived.peer)
            self._media.hang_up(number)
        else:
            awaited.set_result(number)
        return True

    async def open(self, ari: Ari, app: str, channel: str, *, wide: bool) -> int:
        settings = self._settings
        if not self._port:
            self._port = self._media.listen(str(settings.rtp_host), settings.audiosocket_port, settings.peers)
        identity = str(uuid.uuid4())
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._awaited[identity] = awaited
        how = {"external_host": _host_and_port(settings, self._port), "data": identity, "format": _slin(wide)}
        try:
            async with self._entrance.made(ari, app, channel, encapsulation="audiosocket", transport="tcp", **how):
                number = await awaited
                self._media.expect(number, WIDE_HZ if wide else NARROW_HZ)
        except BaseException:
            if awaited.done() and not awaited.cancelled():
                self._media.hang_up(awaited.result())
            raise
        finally:
            awaited.cancel()
            del self._awaited[identity]
        return number


class WebSocketMedium:
    """A connection of ours to Asterisk's web server, where the channel waits for it."""

    def __init__(self, settings: AriSettings, media: Media, entrance: _Entrance) -> None:
        self._settings, self._media, self._entrance = settings, media, entrance
        self._connecting: dict[int, str] = {}
        """Calls whose channels have not come into the application yet."""

    def over(self, number: int, why: str) -> None:
        """The connection is."""
        if (channel := self._connecting.get(number)) is not None:
            self._entrance.failed(channel, f"the WebSocket: {why}")

    async def open(self, ari: Ari, app: str, channel: str, *, wide: bool) -> int:
        address = await _address_of(self._settings.url)
        how = {"transport": "websocket", "connection_type": "server", "external_host": "INCOMING"}
        number = 0
        try:
            async with self._entrance.made(ari, app, channel, encapsulation="none", format=_slin(wide), **how) as made:
                identity = str((made.get("channelvars") or {}).get("MEDIA_WEBSOCKET_CONNECTION_ID", ""))
                if not identity:
                    raise AriError("Asterisk does not say to which WebSocket to connect")
                url = socket_url(self._settings.url, f"/media/{segment(identity)}")
                number = self._media.open_websocket(url, address, WIDE_HZ if wide else NARROW_HZ)
                self._connecting[number] = channel
        except BaseException:
            if number:
                self._media.hang_up(number)
            raise
        finally:
            self._connecting.pop(number, None)
        return number


class AriMedia:
    """Channels of external media for the calls of one Asterisk. One event loop's."""

    def __init__(self, name: str, settings: AriSettings, media: Media) -> None:
        self.choice = Choice(Kind.RTP, False, "not connected yet")
        """For calls that come from now on."""
        self._name = name
        self._settings = settings
        self._has_g722 = media.has_g722()
        self._open_channels: dict[str, int] = {}
        """Which call of media's each is."""
        self._ability = Ability()
        self._entrance = _Entrance()
        self._audiosocket = AudioSocketMedium(settings, media, self._entrance)
        self._websocket = WebSocketMedium(settings, media, self._entrance)
        self._media: dict[Kind, _Medium] = {
            Kind.RTP: RtpMedium(settings, media, self._entrance),
            Kind.AUDIOSOCKET: self._audiosocket,
            Kind.WEBSOCKET: self._websocket,
        }

    async def find_out(self, ari: Ari) -> None:
        """What this Asterisk can do, for as long as the connection lasts."""
        self._ability = await ability_of(ari)
        self.choice = choose(self._settings, self._ability, has_g722=self._has_g722)
        _log.info("ari.%s: %s", self._name, self.choice)

    def entered(self, channel: str) -> bool:
        """A channel came into an application; whether it is one of those that are made here."""
        return self._entrance.entered(channel)

    def arrived(self, number: int, arrived: Arrived) -> bool:
        """A connection of AudioSocket did; whether it is one for here."""
        return self._audiosocket.arrived(number, arrived)

    def over(self, number: int, why: str) -> None:
        """Nothing is left of that call."""
        self._websocket.over(number, why)
        self._open_channels = {channel: one for channel, one in self._open_channels.items() if one != number}

    def number_of(self, channel: str) -> int:
        """What media calls the call that it brings audio for; 0: it is none of ours, or that is over."""
        return self._open_channels.get(channel, 0)

    async def open(self, ari: Ari, app: str, name: str, caller: str) -> MediaChannel:
        """For the channel `caller`; what is made has a name that begins with `name`, and is in the application then.
        Raises `AriError` and `MediaError`, and has left nothing then.
        """
        choice = self.choice
        caller_is_wide = choice.is_wide and await _is_wide(ari, caller)
        try:
            return await self._open(choice, ari, app, f"{name}-media", wide=caller_is_wide)
        except (AriError, MediaError) as error:
            if choice.kind is Kind.RTP:
                raise
            why = f"no {TOLD[choice.kind]}: {error}"
        fallback = choose_width(Kind.RTP, why, self._settings, self._ability, has_g722=self._has_g722)
        opened = await self._open(fallback, ari, app, f"{name}-rtp", wide=caller_is_wide)
        # Where this is not to be had either, it is no fault of the other one.
        if self.choice == choice:
            self.choice = fallback
            _log.warning("ari.%s: until the connection is made anew: %s", self._name, fallback)
        return opened

    async def _open(self, choice: Choice, ari: Ari, app: str, channel: str, *, wide: bool) -> MediaChannel:
        number = await self._media[choice.kind].open(ari, app, channel, wide=wide and choice.is_wide)
        self._open_channels[channel] = number
        return MediaChannel(number, channel)


async def _is_wide(ari: Ari, channel: str) -> bool:
    """Whether that channel has a codec of more than 8 kHz, or does not say: to the others wide band is of no use."""
    try:
        path = f"/channels/{segment(channel)}/variable"
        told = str((await ari.ask("GET", path, variable="CHANNEL(audionativeformat)"))["value"])
    except (AriError, KeyError, TypeError):
        return True
    codecs = re.findall(r"[\w.-]+", told)
    return not codecs or any(one not in _NARROW for one in codecs)


def _slin(wide: bool) -> str:
    return "slin16" if wide else "slin"


def _host_and_port(settings: AriSettings, port: int) -> str:
    """Ours, as Asterisk reaches it."""
    host = settings.rtp_host
    return f"[{host}]:{port}" if host.version == 6 else f"{host}:{port}"


async def _address_of(url: str) -> str:
    """Where that is, as an address; empty: nobody knows."""
    host = urlsplit(url).hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return ""
    return str(found[0][4][0])
