"""Calls that go on in the gateway, whichever door they came by: who answers, what is told, and what is asked of them.

Media is C's (`media.py`); what becomes of the caller's channel is its way's (`way.py`). One event loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from aiconvai.engine.events import Ended, Failover, HandedOver, Keys, Ready, Status, ToolCall, ToolDone, ToolRun
from aiconvai.engine.json_messages import dialplan_text
from aiconvai.gateway import keys
from aiconvai.gateway.agents import Agent, Agents
from aiconvai.gateway.dialled_transfer import DialledTransfer
from aiconvai.gateway.media import Begun, Finished, Happened, Heard, Media, MediaEvent, Over
from aiconvai.gateway.registrations import Caller, a_line
from aiconvai.gateway.ringing import UNREACHABLE, WITH_YOU, PlaceError, read_place, rings
from aiconvai.gateway.told import told_of
from aiconvai.gateway.waiting_sound import WaitingSound
from aiconvai.gateway.way import Way
from aiconvai.serve.events import PREFIX
from aiconvai.serve.tasks import cancel_all, spawn

LEAVE_SECONDS = 4.0
"""In which calls may be told of to their end when all of it ends."""
LOST = {"AICONVAI_STATUS": Status.LOST.value, "AICONVAI_REASON": "the gateway is gone"}
"""What the dialplan finds where this program is killed."""

Publish = Callable[[Mapping[str, str]], None]
"""Takes an event's headers."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class GatewayCall:
    """One that goes on."""

    number: int
    """What media calls it."""
    record: str
    caller: Caller
    unique_id: str
    channel: str
    way: Way
    agents: Agents
    agent: Agent
    began: float
    waiting_sound: WaitingSound
    conversation_id: str = ""
    ended: Ended | None = None
    dialled: DialledTransfer | None = None
    """The last transfer to somebody who is rung."""
    pressing: set[asyncio.Task[None]] = field(default_factory=set)
    """Keys, one after the other."""
    keys: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who presses them."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def headers(self, moment: float) -> dict[str, str]:
        """Of every event of it."""
        return {
            "Agent": self.agent.name,
            "ConversationID": self.conversation_id,
            "Record": self.record,
            "Time": f"{moment:.6f}",
            "Channel": self.channel,
            "Uniqueid": self.unique_id,
            "Linkedid": self.caller.linked_id,
            "CallerIDNum": self.caller.number,
            "CallerIDName": self.caller.name,
            "Exten": self.caller.extension,
            "Context": self.caller.context,
        }

    def is_named(self, name: str) -> bool:
        """By an action."""
        return bool(name) and name in (self.record, self.unique_id, self.channel, self.conversation_id)


class Calls:
    """All of them."""

    def __init__(self, media: Media, agents: Agents, publish: Publish) -> None:
        self.agents = agents
        """Those that answer calls that come from now on."""
        self.told_of: Callable[[str], Mapping[str, str]] = lambda _: {}
        """More variables for the agent, of the call of that channel."""
        self._media = media
        self._publish_headers = publish
        self._calls: dict[int, GatewayCall] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        """What is done for calls that are over."""
        self._news = asyncio.Event()
        """One less of either."""
        self._closed: dict[str, str] = {}
        """Agents that take no calls, and why."""
        self._began = int(time.time())
        self._records = itertools.count(1)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[GatewayCall]:
        return iter(list(self._calls.values()))

    def find(self, number: int) -> GatewayCall | None:
        """As media calls it."""
        return self._calls.get(number)

    async def leave(self) -> None:
        """All go on in the dialplan, and are told of to their end, as far as there is time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await asyncio.gather(*(call.way.go_on() for call in self))
                while self._calls or self._leaving:
                    self._news.clear()
                    await self._news.wait()
        await cancel_all([*(task for call in self for task in call.tasks), *self._leaving])

    # Beginning

    def begin(
        self, number: int, caller: Caller, way: Way, *, agent: str, unique_id: str, channel: str
    ) -> tuple[Status, str] | None:
        """The agent of that name answers the call. Or why not, in a word and a sentence."""
        agents = self.agents
        chosen = agents.find(agent)
        refusal = self._judge(chosen, agent)
        if refusal is not None or chosen is None:
            return refusal
        record = f"{self._began}.{next(self._records)}"
        call = GatewayCall(
            number, record, caller, unique_id, channel, way, agents, chosen, time.time(), WaitingSound(way)
        )
        if not self._media.converse(number, agents, chosen, _told_variables(call, self.told_of(unique_id))):
            return Status.CALLER_HANGUP, "the caller has hung up"
        self._calls[number] = call
        return None

    def why_closed(self, name: str) -> str:
        """Why the agent of that name takes no calls; empty: it does."""
        agent = self.agents.find(name)
        return f"there is none in {self.agents.path}" if agent is None else self._closed.get(agent.name, "")

    def _judge(self, agent: Agent | None, name: str) -> tuple[Status, str] | None:
        """None: it may take the call."""
        if agent is None:
            return Status.INVALID, f"there is no agent {name!r:.80} in {self.agents.path}"
        if (why := self._closed.get(agent.name)) is not None:
            return Status.BUSY, f"agent {agent.name} takes no calls: {why}"
        most = int(str(self.agents.general["max_concurrent_calls"]))
        if most and len(self._calls) >= most:
            return Status.BUSY, f"max_concurrent_calls of [general] ({most}) is reached"
        most = int(str(agent.settings["max_concurrent_calls"]))
        if most and sum(one.agent.name == agent.name for one in self._calls.values()) >= most:
            return Status.BUSY, f"max_concurrent_calls of agent {agent.name} ({most}) is reached"
        return None

    # What media tells

    def take(self, event: MediaEvent) -> None:
        call = self._calls.get(event.call)
        if call is None:
            return
        match event.what:
            case Begun() as begun:
                self._begun(call, event.time, begun)
            case Happened() as happened:
                self._tell(call, event.time, happened)
            case Heard() as heard:
                call.waiting_sound.heard(heard.is_on)
            case Finished():
                spawn(call.tasks, self._send_on(call), f"call {call.record}")
            case Over():
                del self._calls[event.call]
                self._leaving.add(task := asyncio.create_task(self._leave(call), name=f"call {call.record}"))
                task.add_done_callback(self._left)
            case _:
                pass

    @staticmethod
    async def _leave(call: GatewayCall) -> None:
        await call.waiting_sound.stop()
        await cancel_all(call.pressing)
        if call.dialled is not None:
            await call.dialled.over()
        await call.way.over()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        self._news.set()

    def _begun(self, call: GatewayCall, moment: float, begun: Begun) -> None:
        spawn(call.tasks, call.way.set_variables(LOST), f"call {call.record}")
        self._publish("Start", {**call.headers(moment), "LineFormat": begun.line_format.name})
        if lookup := str(call.agent.settings["lookup"] or ""):
            told = {"Runner": "" if lookup == "ami" else lookup, "TimeoutMs": str(call.agent.settings["lookup_ms"])}
            self._publish("Lookup", {**call.headers(moment), **told})

    def _tell(self, call: GatewayCall, moment: float, happened: Happened) -> None:
        event = happened.event
        if isinstance(event, Ready):
            call.conversation_id = event.conversation_id
            if call.agent.settings["cdr_userfield"]:
                # Now: behind the conversation the dialplan has another CDR.
                userfield = {"CDR(userfield)": event.conversation_id}
                spawn(call.tasks, call.way.set_variables(userfield), f"call {call.record}")
        timeout_ms = int(str(call.agent.settings["tool_timeout_ms"]))
        told = told_of(happened, (moment - call.began) * 1000, timeout_ms)
        if told is not None:
            name, headers = told
            agent = happened.agent_before if isinstance(event, HandedOver | Failover) else happened.agent
            self._publish(name, {**call.headers(moment), "Agent": agent, **headers})
        self._act_upon(call, happened)
        call.waiting_sound.take(event, call.agent.settings)

    def _act_upon(self, call: GatewayCall, happened: Happened) -> None:
        match event := happened.event:
            case HandedOver() | Failover():
                call.agent = call.agents.find(happened.agent) or call.agent
            case ToolCall() if event.run is ToolRun.TRANSFER_CALL and event.place is not None:
                self._transfer(call, event, event.place)
            case ToolCall() if event.run is ToolRun.SEND_DTMF:
                spawn(call.pressing, self._press(call, event), f"call {call.record}")
            case ToolCall() if event.run is ToolRun.GOSUB:
                named = (call.record, call.agent.name, event.name)
                _log.warning("%s: agent %s: tool_%s = gosub: only the module can run it", *named)
                self._media.tool_result(call.number, event.id, "This tool cannot be run in this call.", is_error=True)
            case Keys() if event.collected:
                spawn(call.tasks, call.way.set_variables({"AICONVAI_DIGITS": event.pressed}), f"call {call.record}")
            case ToolDone() if call.dialled is not None and event.withdrawn and event.id == call.dialled.tool_id:
                call.dialled.stop_ringing()
            case Ended():
                call.ended = event
                if happened.figures is not None and (refused := happened.figures.frames_refused):
                    _log.warning("%s: %d packets were refused: none of its Asterisk's", call.record, refused)
                if call.dialled is not None:
                    call.dialled.stop_ringing()
                for task in call.pressing:
                    task.cancel()
            case _:
                pass

    async def _press(self, call: GatewayCall, event: ToolCall) -> None:
        try:
            async with call.keys:
                await keys.press(call.way, event.parameters)
        except keys.KeysError as error:
            self._media.tool_result(call.number, event.id, str(error), is_error=True)
        else:
            self._media.tool_result(call.number, event.id, keys.PRESSED, is_error=False)

    def _transfer(self, call: GatewayCall, event: ToolCall, entry: str) -> None:
        name, _, place = entry.partition("=")
        problem = self._ring(call, event.id, name, place) if rings(place) else call.way.no_transfer
        if problem:
            self._media.tool_result(call.number, event.id, problem, is_error=True)
        elif not rings(place):
            self._media.transfer(call.number, event.id)

    def _ring(self, call: GatewayCall, tool_id: str, name: str, text: str) -> str:
        """Empty: somebody is; or why not, for the agent."""
        try:
            place = read_place(text)
        except PlaceError as error:
            _log.warning("%s: agent %s: transfer_to_%s = %s: %s", call.record, call.agent.name, name, text, error)
            return f"{UNREACHABLE} {WITH_YOU}"
        if call.dialled is not None and call.dialled.is_open:
            return "Somebody is being rung already. Wait for that."
        call.dialled = DialledTransfer(self._media, call.number, call.way, tool_id, place)
        return ""

    def _publish(self, name: str, headers: Mapping[str, str]) -> None:
        self._publish_headers({"Event": f"{PREFIX}{name}", **headers})

    # The end

    async def _send_on(self, call: GatewayCall) -> None:
        """The dialplan is told how it was, and goes on: behind what brought the call here, or where the agent said."""
        # What is to be done first is done first.
        await asyncio.gather(*(call.tasks - {asyncio.current_task()}))
        ended = call.ended
        if ended is not None:
            variables = {
                "AICONVAI_REASON": dialplan_text(ended.reason),
                "AICONVAI_CONVERSATION_ID": dialplan_text(call.conversation_id),
                "AICONVAI_TRANSFER": ended.transfer[0] if ended.transfer else "",
                # Last, as of the module: where it is, the others are.
                "AICONVAI_STATUS": ended.status.value,
            }
            await call.way.set_variables(variables)
            if call.dialled is not None and await call.dialled.connect():
                self._media.hang_up(call.number)
                return
            if ended.transfer and not rings(ended.transfer[1]):
                context, extension, priority = (*ended.transfer[1].split(","), "", "")[:3]
                if await call.way.send_to(context, extension or "s", priority or "1"):
                    return
        await call.way.go_on()

    def named(self, name: str) -> GatewayCall | None:
        """By a record, a unique id, a channel or a conversation."""
        return next((one for one in self if one.is_named(name)), None)

    def open_or_close(self, agent: str, closed: str) -> bool:
        """Whether it takes calls: empty, it does; else why not. False: there is no such agent."""
        if self.agents.find(agent) is None:
            return False
        if closed:
            self._closed[agent] = closed
        else:
            self._closed.pop(agent, None)
        return True


def _told_variables(call: GatewayCall, more: Mapping[str, str]) -> dict[str, str]:
    """As the module tells them (call_facts.c)."""
    caller = call.caller
    variables = {
        "called_number": caller.extension,
        "dialed_number": caller.extension,
        "unique_id": call.unique_id,
        **caller.variables,
        **more,
    }
    if call.agent.settings["send_caller_number"]:
        variables["caller_number"] = caller.number
    for name in [one for one in variables if not one.isidentifier() or not one.isascii()]:
        _log.warning("%s: %r is no name of a variable: the agent is not told it", call.record, name[:60])
        del variables[name]
    return {name: a_line(value) for name, value in variables.items()}
