"""Calls that come by the gateway's doors, as a source of events like an Asterisk with the module."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aiconvai.gateway.actions import act
from aiconvai.gateway.agent_trial import try_agents
from aiconvai.gateway.agents import Agents, AgentsError
from aiconvai.gateway.ari_door import AriDoor
from aiconvai.gateway.audiosocket_door import AudioSocketDoor
from aiconvai.gateway.browser_door import BrowserDoor
from aiconvai.gateway.calls import Calls
from aiconvai.gateway.media import Arrived, Begun, Media, MediaError, MediaEvent, Over, Said
from aiconvai.gateway.registrations import RegistrationError, Registrations, caller_of_event
from aiconvai.serve.agent_trial import AgentTrial, Step
from aiconvai.serve.asterisk_source import Connection
from aiconvai.serve.events import read_event
from aiconvai.serve.hub import Hub
from aiconvai.serve.manager import Act, Headers, ManagerError
from aiconvai.serve.settings import AudioSocketSettings, GatewaySettings
from aiconvai.serve.tasks import cancel_all
from aiconvai.serve.told import Told

NAME = "gateway"

_log = logging.getLogger(__name__)


class GatewaySource:
    """All doors, and the calls that came by them. One event loop's."""

    def __init__(self, settings: GatewaySettings, hub: Hub, act: Act) -> None:
        """`act` asks an Asterisk to do something. Raises `AgentsError` and `MediaError`: it listens from now on."""
        self.name = NAME
        self.aiconvai_conf: Path | None = settings.aiconvai_conf
        self._began = time.time()
        self._reloading = asyncio.Lock()
        self.registrations = Registrations()
        self.ports: dict[int, AudioSocketSettings] = {}
        """That are listened at."""
        self._settings = settings
        self._hub = hub
        agents = Agents(settings.aiconvai_conf)
        self._media = Media(loops=settings.loops, max_calls=settings.max_calls)
        self.calls = Calls(self._media, agents, self._publish)
        self._audiosocket = AudioSocketDoor(
            self._media, self.ports, self.registrations, settings.registration_ms, self.calls, act
        )
        self.browser = BrowserDoor(NAME, self._media, self.calls, settings.browser_calls)
        self.ari = [AriDoor(name, one, self._media, self.calls) for name, one in settings.ari.items()]
        try:
            for name, one in settings.audiosocket.items():
                with _said_of(f"[gateway.audiosocket.{name}]"):
                    self.ports[self._media.listen(str(one.host), one.port, one.peers)] = one
        except MediaError:
            self._media.close()
            raise

    def close(self) -> None:
        """Of what was never run."""
        self._media.close()

    async def run(self) -> None:
        """Does not return."""
        self._media.follow(self._take)
        doors = [asyncio.create_task(one.run(), name=f"ari {one.name}") for one in self.ari]
        try:
            await asyncio.Event().wait()
        finally:
            # Each is told what becomes of it by its door.
            await self._audiosocket.stop()
            await self.calls.leave()
            await cancel_all(doors)
            await asyncio.to_thread(self._media.close)

    def take_from_manager(self, asterisk: str, headers: Headers) -> None:
        """An event of that Asterisk's that is none of a conversation."""
        found = caller_of_event(asterisk, headers)
        if found is None:
            return
        try:
            self.registrations.tell(*found)
        except RegistrationError as error:
            _log.warning("%s: %s: UserEvent(AIConvAICall): %s", asterisk, headers.get("Channel", "?"), error)

    async def action(self, name: str, /, **headers: str | Sequence[str]) -> Headers:
        """As the module's, and Asterisk's `Reload`. Raises `ManagerError`."""
        if name == "Reload":
            try:
                await self.reload()
            except AgentsError as error:
                raise ManagerError(str(error)) from error
            return {"Response": "Success"}
        given = {key: [one] if isinstance(one, str) else list(one) for key, one in headers.items()}
        act(self.calls, self._media, name, given)
        return {"Response": "Success"}

    async def try_agent(self, agent: str) -> AgentTrial:
        """With loops of its own. Raises `ManagerError`."""
        agents = self.calls.agents
        if (found := agents.find(agent)) is None:
            raise ManagerError(f"no agent {agent} is loaded")
        try:
            (tried,) = await try_agents(agents, [found.name])
        except MediaError as error:
            raise ManagerError(str(error)) from error
        message = tried.problem or "it is ready to talk"
        step = Step("connection", bool(tried.problem), message, tried.seconds * 1000)
        return AgentTrial(found.name, not tried.problem, (step,))

    async def reload(self) -> None:
        """Calls that come from now on are answered as aiconvai.conf has it now; nobody waits for the file. Raises
        `AgentsError`, and nothing has changed then.
        """
        # What is read last is what was asked for last.
        async with self._reloading:
            self.calls.agents = await asyncio.to_thread(Agents, self._settings.aiconvai_conf)

    @property
    def connection(self) -> Connection:
        """Whether calls can come by every door."""
        problems = [f"ari.{one.name}: {one.problem}" for one in self.ari if one.problem]
        return Connection(not problems, self._began, "; ".join(problems))

    def _take(self, event: MediaEvent) -> None:
        if event.dropped:
            _log.error("%d events of calls were lost: this program does not keep up", event.dropped)
        match event.what:
            case Arrived() as arrived:
                if not any(door.arrived(event.call, arrived) for door in self.ari):
                    self._audiosocket.arrived(event.call, arrived)
            case Said() as said:
                _log.warning("%s", said.text)
            case what:
                if isinstance(what, Over):
                    self._audiosocket.over(event.call)
                    for door in self.ari:
                        door.over(event.call, what.why)
                self.calls.take(event)
                if isinstance(what, Begun):
                    self.browser.begun(event.call)

    def _publish(self, headers: Mapping[str, str]) -> None:
        event = read_event(headers)
        assert event is not None
        self._hub.publish(Told(NAME, event))


@contextlib.contextmanager
def _said_of(place: str) -> Iterator[None]:
    """A problem names the place in serve.toml."""
    try:
        yield
    except MediaError as error:
        raise MediaError(f"{place}: {error}") from None
