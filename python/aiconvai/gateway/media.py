"""The gateway's loops, which carry audio and conversations: what Python asks of them, and what they tell.

They are threads of their own, in C (app_aiconvai/gateway/); nothing here touches a sample, and no audio waits for it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiconvai.engine.audio import AudioFormat
from aiconvai.engine.conversation import ConversationStats, stats_from_c
from aiconvai.engine.events import Event, Status, event_from_c
from aiconvai.engine.library import Library, load_library
from aiconvai.gateway.agents import Agent, Agents

_ERROR_BYTES = 256
_EVENTS_AT_ONCE = 200
"""Then others have their turn."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class RtpCodec(Enum):
    """As Asterisk names them; those of `enum aic_rtp_payload_type`."""

    ULAW = "ulaw"
    ALAW = "alaw"
    G722 = "g722"


class MediaError(RuntimeError):
    """The loops could not do what was asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A connection said which call it is."""

    uuid: str
    peer: str
    port: int


@dataclass(frozen=True, slots=True)
class Begun:
    """Its conversation has: what is asked of it is done from now on."""

    line_format: AudioFormat


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a conversation that has ended."""

    stats: ConversationStats
    duration_ms: int
    frames_received: int
    frames_written: int
    frames_lost: int
    silent_frames: int
    frames_refused: int
    underruns: int
    gap_ms: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Happened:
    """The engine tells something of a conversation."""

    event: Event
    agent: str
    agent_before: str
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class Heard:
    """The agent is from now on, or not any more."""

    is_on: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """It was heard to its end; the line waits to be hung up."""


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is left of the call."""

    why: str


@dataclass(frozen=True, slots=True)
class Said:
    """Something went wrong that concerns no call."""

    text: str


@dataclass(frozen=True, slots=True)
class MediaEvent:
    """What happened to a call."""

    call: int
    time: float
    """In seconds since 1970."""
    dropped: int
    """Events that were lost in front of it."""
    what: Arrived | Begun | Heard | Happened | Finished | Over | Said


class Media:
    """The loops, until `close`. Of the event loop that `follow` is called in."""

    def __init__(self, *, loops: int, max_calls: int) -> None:
        """Raises `MediaError`."""
        self._library: Library = load_library()
        self._lib: Any = self._library.lib
        error = self._library.ffi.new("char[]", _ERROR_BYTES)
        self._gateway = self._lib.aic_gateway_new(loops, max_calls, error, _ERROR_BYTES)
        if self._gateway == self._library.ffi.NULL:
            raise MediaError(f"the gateway's threads cannot be started: {self._library.text(error)}")
        self._kept: dict[int, Agents] = {}
        """What calls began with, until they are over."""
        self._loop: asyncio.AbstractEventLoop | None = None

    @staticmethod
    def has_g722() -> bool:
        """Whether sessions of RTP may be in G.722."""
        return bool(load_library().lib.aic_g722_is_there())

    def close(self) -> None:
        """Ends all calls and waits until that is done; a second or two where Asterisk does not answer."""
        if self._loop is not None:
            self._loop.remove_reader(self._lib.aic_gateway_events_fd(self._gateway))
        self._lib.aic_gateway_free(self._gateway)
        self._kept.clear()

    def listen(self, address: str, port: int, peers: Sequence[Network]) -> int:
        """Takes connections of AudioSocket from those. Returns the port. Raises `MediaError`."""
        error = self._library.ffi.new("char[]", _ERROR_BYTES)
        c_address = self._library.c_text(address)
        found: int = self._lib.aic_gateway_listen(
            self._gateway, c_address, port, self._peers(peers), error, _ERROR_BYTES
        )
        if found < 0:
            raise MediaError(self._library.text(error))
        return found

    def open_rtp(
        self, address: str, ports: tuple[int, int], codec: RtpCodec, peers: Sequence[Network]
    ) -> tuple[int, int]:
        """A session of RTP at one of the ports, for packets of those. Returns the call and its port. Raises
        `MediaError`.
        """
        ffi = self._library.ffi
        error, port = ffi.new("char[]", _ERROR_BYTES), ffi.new("uint16_t *")
        c_codec = self._library.constant("AIC_RTP", codec)
        call: int = self._lib.aic_gateway_open_rtp(
            self._gateway, self._library.c_text(address), *ports, c_codec, self._peers(peers), port, error,
            _ERROR_BYTES,
        )  # fmt: skip
        if not call:
            raise MediaError(self._library.text(error))
        return call, int(port[0])

    def open_websocket(self, url: str, address: str, rate: int) -> int:
        """That of a channel, whose host is at the address (empty: it stands in the URL). Returns the call; `Over` tells
        where nothing comes of it. Raises `MediaError`.
        """
        error = self._library.ffi.new("char[]", _ERROR_BYTES)
        c_url, c_address = self._library.c_text(url), self._library.c_text(address)
        call: int = self._lib.aic_gateway_open_websocket(self._gateway, c_url, c_address, rate, error, _ERROR_BYTES)
        if not call:
            raise MediaError(self._library.text(error))
        return call

    def open_audiosocket(self, rate: int) -> tuple[int, socket.socket]:
        """A connection of AudioSocket, of whose two ends one is ours: it is heard from now on, speaks, and hangs up by
        closing it. Returns the call and that end. Raises `MediaError`.
        """
        error, fd = self._library.ffi.new("char[]", _ERROR_BYTES), self._library.ffi.new("int *")
        call: int = self._lib.aic_gateway_open_audiosocket(self._gateway, rate, fd, error, _ERROR_BYTES)
        if not call:
            raise MediaError(self._library.text(error))
        end = socket.socket(fileno=fd[0])
        end.setblocking(False)
        return call, end

    def _peers(self, peers: Sequence[Network]) -> Any:
        """Raises `MediaError` where there are too many."""
        c_peers = self._library.ffi.new("struct aic_peers *")
        if len(peers) > len(c_peers.networks):
            raise MediaError(f"expected at most {len(c_peers.networks)} networks, got {len(peers)}")
        for at, peer in enumerate(peers):
            mapped = isinstance(peer, ipaddress.IPv4Network)
            packed = (b"\0" * 10 + b"\xff\xff" if mapped else b"") + peer.network_address.packed
            c_peers.networks[at].address = list(packed)
            c_peers.networks[at].prefix = peer.prefixlen + (96 if mapped else 0)
        c_peers.count = len(peers)
        return c_peers

    def follow(self, take: Callable[[MediaEvent], None]) -> None:
        """Has all that happens told from now on, in its order, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._lib.aic_gateway_events_fd(self._gateway), self._drain, take)

    def _drain(self, take: Callable[[MediaEvent], None]) -> None:
        for _ in range(_EVENTS_AT_ONCE):
            c_event = self._lib.aic_gateway_next_event(self._gateway)
            if c_event == self._library.ffi.NULL:
                return
            try:
                event = self._event(c_event)
            finally:
                self._lib.aic_gateway_event_free(c_event)
            if isinstance(event.what, Over):
                self._kept.pop(event.call, None)
            take(event)

    def _event(self, event: Any) -> MediaEvent:
        text = self._library.text
        what: Arrived | Begun | Heard | Happened | Finished | Over | Said
        match self._library.ffi.typeof("enum aic_gateway_event_type").elements[event.type]:
            case "AIC_GATEWAY_ARRIVED":
                what = Arrived(text(event.uuid), text(event.peer), event.port)
            case "AIC_GATEWAY_BEGUN":
                what = Begun(AudioFormat.from_c(event.line_format))
            case "AIC_GATEWAY_CONVERSATION":
                told = event_from_c(self._library, event.conversation)
                figures = self._figures(event) if event.conversation.stats else None
                what = Happened(told, text(event.agent), text(event.agent_before), figures)
            case "AIC_GATEWAY_HEARD":
                what = Heard(event.is_heard)
            case "AIC_GATEWAY_FINISHED":
                what = Finished()
            case "AIC_GATEWAY_OVER":
                what = Over(text(event.text))
            case _:
                what = Said(text(event.text))
        return MediaEvent(event.call, event.unix_us / 1e6, event.dropped, what)

    def _figures(self, event: Any) -> Figures:
        playout = event.playout
        return Figures(
            stats_from_c(self._library, event.conversation.stats),
            event.duration_ms,
            event.frames_received,
            event.frames_written,
            event.frames_lost,
            event.silent_frames,
            event.frames_refused,
            playout.underruns,
            playout.gap_us // 1000,
            playout.delay_ms,
        )

    # A call; what is asked of one that is over is not done

    def converse(
        self,
        call: int,
        agents: Agents,
        agent: Agent,
        variables: Mapping[str, str],
        said: str = "",
    ) -> bool:
        """The agent answers it, soon; `Begun` follows. False: it is over."""
        ffi, library = self._library.ffi, self._library
        start = ffi.new("struct aic_gateway_start *")
        start.agents, start.agent = agents.c_agents, agent.at
        failover = ffi.new("size_t[]", [one.at for one in agents.failover(agent)])
        start.failover, start.failover_count = failover, len(failover)
        c_variables, texts = library.variables(variables)
        start.variables, start.variable_count = c_variables, len(texts)
        c_said = library.c_text(said)
        start.said = c_said if said else ffi.NULL
        self._kept[call] = agents
        if self._lib.aic_gateway_converse(self._gateway, call, start):
            self._kept.pop(call, None)
            return False
        return True

    def rtp_peer(self, call: int, address: str, port: int) -> bool:
        """Where a session of RTP sends to."""
        return not self._lib.aic_gateway_rtp_peer(self._gateway, call, self._library.c_text(address), port)

    def expect(self, call: int, rate: int) -> bool:
        """A connection of AudioSocket brings audio of that rate, and no keys."""
        return not self._lib.aic_gateway_expect(self._gateway, call, rate)

    def hang_up(self, call: int) -> bool:
        """The line ends; of AudioSocket: the dialplan goes on."""
        return not self._lib.aic_gateway_hang_up(self._gateway, call)

    def end(self, call: int, status: Status, reason: str) -> bool:
        c_status = self._library.constant("AIC_STATUS", status)
        return not self._lib.aic_gateway_end(self._gateway, call, c_status, self._library.c_text(reason))

    def context(self, call: int, text: str) -> bool:
        return not self._lib.aic_gateway_context(self._gateway, call, self._library.c_text(text))

    def user_message(self, call: int, text: str) -> bool:
        return not self._lib.aic_gateway_user_message(self._gateway, call, self._library.c_text(text))

    def tool_result(self, call: int, tool_id: str, result: str, *, is_error: bool, silent: bool = False) -> bool:
        c_id, c_result = self._library.c_text(tool_id), self._library.c_text(result)
        return not self._lib.aic_gateway_tool_result(self._gateway, call, c_id, c_result, is_error, silent)

    def key(self, call: int, key: str) -> bool:
        """0-9, *, #, A-D: the caller pressed it."""
        return not self._lib.aic_gateway_key(self._gateway, call, key.encode("ascii"))

    def hold(self, call: int, *, is_on: bool) -> bool:
        """The caller can neither hear nor be heard, or can again."""
        return not self._lib.aic_gateway_hold(self._gateway, call, is_on)

    def transfer(self, call: int, tool_id: str, *, at_once: bool = False) -> bool:
        """The agent ends the conversation, at once or with what it has still to say, and it is told where the call
        goes.
        """
        return not self._lib.aic_gateway_transfer(self._gateway, call, self._library.c_text(tool_id), at_once)

    def let_listen(self, call: int, tool_id: str) -> bool:
        """Who was rung speaks with the caller, and the agent hears both."""
        return not self._lib.aic_gateway_let_listen(self._gateway, call, self._library.c_text(tool_id))

    def stop_listening(self, call: int) -> bool:
        """The caller is with the agent again."""
        return not self._lib.aic_gateway_stop_listening(self._gateway, call)

    def found(self, call: int, variables: Mapping[str, str]) -> bool:
        """What a lookup has found."""
        c_variables, texts = self._library.variables(variables)
        return not self._lib.aic_gateway_found(self._gateway, call, c_variables, len(texts))

    def enter_state(self, call: int, name: str) -> str:
        """Empty, or why not."""
        return self._library.text(self._lib.aic_gateway_enter_state(self._gateway, call, self._library.c_text(name)))
