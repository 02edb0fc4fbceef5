"""Follows an Asterisk by its manager for as long as this program runs: what it tells of calls is published."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from aiconvai.serve.agent_trial import LONGEST_SECONDS, TRIAL, AgentTrial, read_trial
from aiconvai.serve.events import PREFIX, UnreadableEventError, read_event
from aiconvai.serve.hub import Hub
from aiconvai.serve.live import LiveCalls
from aiconvai.serve.manager import Headers, Manager, ManagerError, ManagerRefusal
from aiconvai.serve.settings import AsteriskSettings
from aiconvai.serve.told import Told
from aiconvai.toml_settings import SettingsError

LONGEST_WAIT_SECONDS = 15.0
"""Between two tries to connect."""
_CALM_SECONDS = 0.5
"""From a connection that was lost to the next try."""
_LISTED, _REPLAYED = f"{PREFIX}Call", f"{PREFIX}ReplayComplete"

Listener = Callable[[str, Headers], None]
"""Is told the Asterisk's name and an event of its manager's."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Connection:
    """How it stands with an Asterisk."""

    is_there: bool = False
    since: float | None = None
    """When that began, by time.time()."""
    problem: str = "not tried yet"
    """Why it is not there; empty: it is."""
    unreadable: int = 0
    """Events that said something else than their kind does."""


class AsteriskSource:
    """One of them."""

    def __init__(self, name: str, settings: AsteriskSettings, hub: Hub, live: LiveCalls) -> None:
        self.name = name
        self.aiconvai_conf = settings.aiconvai_conf
        self.connection = Connection()
        self.needs_module = True
        """Whether there is nothing to follow where the module is not loaded."""
        self._settings = settings
        self._hub = hub
        self._live = live
        self._manager: Manager | None = None
        self._listeners: list[Listener] = []
        self._trials: dict[str, asyncio.Future[AgentTrial]] = {}
        """Those that are waited for, by the action's identifier."""
        self._trial_numbers = itertools.count(1)

    def listen(self, listener: Listener) -> None:
        """Events that are none of a conversation are told to it."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Does not return. What goes wrong is in `connection`, and tried again."""
        while True:
            manager = await self._connect()
            self._manager = manager
            async with manager:
                try:
                    await self._follow(manager)
                except ManagerError as error:
                    self._note(str(error))
                finally:
                    self._manager = None
            await asyncio.sleep(_CALM_SECONDS)

    async def action(self, name: str, /, **headers: str | Sequence[str]) -> Headers:
        """Asks it to do something. Raises `ManagerError`, also where it is not there."""
        if self._manager is None:
            raise ManagerError(f"{self.name}: {self.connection.problem}")
        return await self._manager.action(name, **headers)

    async def try_agent(self, agent: str) -> AgentTrial:
        """Has the module connect to the agent's service, without a call. Raises `ManagerError`."""
        identity = f"aiconvai-trial-{id(self):x}-{next(self._trial_numbers)}"
        told: asyncio.Future[AgentTrial] = asyncio.get_running_loop().create_future()
        self._trials[identity] = told
        try:
            await self.action(f"{PREFIX}TestAgent", ActionID=identity, Agent=agent)
            async with asyncio.timeout(LONGEST_SECONDS):
                return await told
        except TimeoutError:
            raise ManagerError(f"{self.name}: no result of the trial within {LONGEST_SECONDS:g} s") from None
        finally:
            del self._trials[identity]

    async def _connect(self) -> Manager:
        retrying = AsyncRetrying(
            wait=wait_exponential_jitter(initial=0.5, max=LONGEST_WAIT_SECONDS, jitter=0.5),
            retry=retry_if_exception_type((ManagerError, SettingsError)),
            before_sleep=self._note_refusal,
        )
        manager: Manager = await retrying(self._try)
        return manager

    async def _try(self) -> Manager:
        # Read each time: a file with a secret may be written while it waits.
        return await Manager.connect(self._settings.manager())

    def _note_refusal(self, state: RetryCallState) -> None:
        self._note(str(state.outcome.exception()) if state.outcome is not None else "")

    def _note(self, problem: str) -> None:
        if self.connection.problem != problem:
            _log.warning("%s: %s", self.name, problem)
        if self.connection.is_there or self.connection.since is None:
            self.connection.since = time.time()
        self.connection.is_there, self.connection.problem = False, problem

    async def _follow(self, manager: Manager) -> None:
        """Raises `ManagerError` when the connection is lost."""
        self.connection.is_there, self.connection.problem = True, ""
        self.connection.since = time.time()
        _log.info("%s: following", self.name)
        # What happens from now on comes by itself; this asks for what has happened before in calls that go on.
        try:
            await manager.action(f"{PREFIX}Replay")
        except ManagerRefusal:
            if self.needs_module:
                raise
        going_on: set[str] = set()
        async for headers in manager.events():
            if headers.get("Event") == _LISTED:
                going_on.add(headers.get("Record", ""))
                self._live.take_listed(self.name, headers, time.time())
            elif headers.get("Event") == _REPLAYED:
                self._live.forget_others(self.name, going_on | self._begun_since(self.connection.since))
            elif headers.get("Event") == TRIAL:
                self._take_trial(headers)
            else:
                self._publish(headers)

    def _take_trial(self, headers: Headers) -> None:
        """Somebody else's is not waited for here."""
        told = self._trials.get(headers.get("ActionID", ""))
        if told is None or told.done():
            return
        try:
            told.set_result(read_trial(headers))
        except ValueError as error:
            told.set_exception(ManagerError(f"{self.name}: {TRIAL}: {error}"))

    def _begun_since(self, moment: float) -> set[str]:
        """Calls may have begun while it was told which there are."""
        return {one.record for one in self._live.going_on() if one.asterisk == self.name and one.started >= moment}

    def _publish(self, headers: Headers) -> None:
        is_replayed = "Replayed" in headers
        try:
            event = read_event({key: value for key, value in headers.items() if key != "Replayed"})
        except UnreadableEventError as error:
            self.connection.unreadable += 1
            _log.error("%s: %s", self.name, error)
            return
        if event is not None:
            self._hub.publish(Told(self.name, event, is_replayed))
            return
        for listener in self._listeners:
            listener(self.name, headers)
