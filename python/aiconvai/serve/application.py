"""Everything that runs in `aiconvai serve`, put together: sources, the hub, what events go into."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx

from aiconvai.serve.access import Tokens
from aiconvai.serve.agent_trial import AgentTrial
from aiconvai.serve.asterisk_source import AsteriskSource, Connection, Listener
from aiconvai.serve.caller_memory import CallerMemory
from aiconvai.serve.costs import DailyLimits, Prices
from aiconvai.serve.demo_source import DemoSource
from aiconvai.serve.hub import Hub
from aiconvai.serve.journal_source import JournalSource
from aiconvai.serve.live import LiveCalls
from aiconvai.serve.manager import Headers, ManagerError
from aiconvai.serve.memory import ConversationMemory
from aiconvai.serve.metrics import Metrics
from aiconvai.serve.outbound.book import Book
from aiconvai.serve.outbound.manager_door import ManagerDoor
from aiconvai.serve.outbound.outbound import Outbound
from aiconvai.serve.recordings import Forgetting, Recordings
from aiconvai.serve.settings import OutboundSettings, ServeSettings, TelemetrySettings
from aiconvai.serve.spool import Spool
from aiconvai.serve.store.sink import StoreSink
from aiconvai.serve.store.store import Store
from aiconvai.serve.summaries import Summaries
from aiconvai.serve.tasks import cancel_all
from aiconvai.serve.told import Told
from aiconvai.serve.tools.http_tools import HttpTools, a_client
from aiconvai.serve.tools.lookups import Lookups
from aiconvai.serve.tools.mcp_tools import McpTools, mcp_servers
from aiconvai.serve.tools.python_tools import python_tools
from aiconvai.serve.tools.tool import CallFacts, ToolRunner
from aiconvai.serve.tools.tool_runs import RUNS_AT_ONCE, ToolRuns, facts_of
from aiconvai.serve.users import Users
from aiconvai.serve.webhooks import Webhook
from aiconvai.toml_settings import SettingsError

if TYPE_CHECKING:
    from aiconvai.serve.tools.mcp_server import McpServer
    from aiconvai.serve.traces import Traces

SPOOL_BYTES = 256 << 20
"""Of events that wait for a database that is down, and for each receiver of webhooks."""
_REDIS_SECONDS = 5.0
_DATABASE_GATHERS_SECONDS = 0.1
"""In a transaction: each costs some milliseconds of processor time, whatever is in it."""
_FORGET_SECONDS = 3600.0
_TIDY_SECONDS = 5.0
_SECONDS_A_DAY = 86_400.0

_log = logging.getLogger(__name__)


AgentJudge = Callable[[str], str]
"""Why the agent of that name takes no calls; empty: it does."""


class Source(Protocol):
    """Tells of calls."""

    name: str

    aiconvai_conf: Path | None
    """Where its agents are, if this program can reach them: the action `Reload` has them read anew."""

    @property
    def connection(self) -> Connection:
        """How it stands with it."""

    async def run(self) -> None:
        """Does not return."""

    async def action(self, name: str, /, **headers: str | Sequence[str]) -> Headers:
        """Asks it to do something. Raises `ManagerError`."""

    async def try_agent(self, agent: str) -> AgentTrial:
        """Connects to that agent's service, without a call. Raises `ManagerError`."""


class Application:
    """Use `running`. One event loop's."""

    def __init__(self, settings: ServeSettings, *, demo_calls: int = 0, demo_speed: float = 1.0) -> None:
        """With `demo_calls` that many go on that nobody makes, so fast."""
        self.settings = settings
        self.begun = time.time()
        self.store = Store(settings.database_url, Prices(settings.agent))
        self.recordings = Recordings(settings.asterisk)
        self.forgetting = Forgetting(self.store, self.recordings)
        self.tokens = Tokens(self.store)
        self.users = Users(self.store)
        self.hub = Hub(settings.redact)
        self.live = LiveCalls()
        self.sources: list[Source] = [
            AsteriskSource(name, one, self.hub, self.live) for name, one in settings.asterisk.items()
        ]
        if demo_calls:
            self.sources.append(DemoSource(self.hub, calls=demo_calls, speed=demo_speed))
        self.journals = [
            JournalSource(name, one.journal, self.store, self.hub, settings.redact)
            for name, one in settings.asterisk.items()
            if one.journal is not None
        ]
        self.callers = CallerMemory(self.store, settings.agent, self.act)
        self.limits = DailyLimits(
            settings.agent, settings.costs.currency, self.store, self.live.going_on, self._there, self.act
        )
        self.webhooks: list[Webhook] = []
        self.summaries: Summaries | None = None
        self._mcp_servers: list[McpServer] = []
        self.metrics = Metrics(self.live, self.sources, self.hub.queues)
        self.agent_judges: list[AgentJudge] = []
        """Who knows of agents whether they take calls."""
        self.outbound: Outbound | None = None
        if settings.outbound is not None:
            self.outbound = Outbound(settings.outbound, Book(self.store), self.act, self.metrics.count_outbound)
            self._open_manager_door(self.outbound, settings.outbound)

    def _open_manager_door(self, outbound: Outbound, settings: OutboundSettings) -> None:
        """Where calls go out by a manager. Raises `SettingsError`."""
        kind, name = self.settings.outbound_through()
        source = self.source(name)
        if kind == "asterisk" and isinstance(source, AsteriskSource):
            door = ManagerDoor(name, settings, source.action, source.connection, outbound.take_news)
            source.listen(door.listen)
            outbound.door = door

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Raises `StoreError` and `SettingsError` where it cannot begin; afterwards whatever fails is tried again."""
        async with AsyncExitStack() as stack:
            # What comes first ends last.
            stack.push_async_callback(self.store.close)
            await self.store.open()
            reach = self.settings.reach
            client = await stack.enter_async_context(a_client(reach))
            tool_client = await stack.enter_async_context(a_client(reach, RUNS_AT_ONCE))
            self.hub.add_at_once(self.live.take)
            self.hub.add_at_once(self.metrics.take)
            self.hub.add_at_once(self.callers.take)
            if self.outbound is not None:
                if self.outbound.door is None:
                    raise SettingsError("outbound.through names an ARI, which aiconvai gateway alone has")
                self.hub.add_at_once(self.outbound.take)
                await self.outbound.recover()
            tools, lookups = await stack.enter_async_context(self._tools(tool_client))
            self.hub.add_unredacted(tools.take)
            self.hub.add_unredacted(lookups.take)
            if self.settings.telemetry is not None:
                traces = _traces(self.settings.telemetry)
                stack.push_async_callback(asyncio.to_thread, traces.close)
                self.hub.add_at_once(traces.take)
            if (summary := self.settings.summary) is not None:
                self.summaries = Summaries(summary, self.store, client)
                self.hub.add_at_once(self.summaries.take)
            stack.push_async_callback(self.hub.stop)
            self.hub.add(StoreSink(self.store), self._spool("database"), gather_seconds=_DATABASE_GATHERS_SECONDS)
            if (memory := self.settings.memory) is not None:
                # The library takes a third of a second, which nobody is to wait for who does not use it.
                from redis.asyncio import Redis

                redis = await stack.enter_async_context(Redis.from_url(memory.url, socket_timeout=_REDIS_SECONDS))
                self.hub.add(ConversationMemory(redis, memory.seconds), self._spool("memory"))
            for name, one in self.settings.webhook.items():
                webhook = Webhook(name, one, client)
                self.webhooks.append(webhook)
                self.hub.add(webhook, self._spool(f"webhook-{name}"))
            runs = [*(one.run() for one in self.sources), *(one.run() for one in self.journals)]
            if self.summaries is not None:
                runs.append(self.summaries.run())
            tasks = [asyncio.create_task(one) for one in (*runs, self.limits.run(), self._forget(), self._tidy())]
            for task in tasks:
                task.add_done_callback(_say_why)
            stack.push_async_callback(cancel_all, tasks)
            if self.outbound is not None:
                # It ends while what it asks for something is there.
                outbound = asyncio.create_task(self.outbound.run())
                outbound.add_done_callback(_say_why)
                stack.push_async_callback(self.outbound.stop, outbound)
            yield

    @asynccontextmanager
    async def _tools(self, client: httpx.AsyncClient) -> AsyncIterator[tuple[ToolRuns, Lookups]]:
        """Run what the agents of all Asterisks call, and what finds out who is calling."""
        http, python = HttpTools(client, self.settings.tool), python_tools(self.settings.tools)
        async with mcp_servers(self.settings.mcp, self.settings.reach) as servers:
            self._mcp_servers = list(servers.values())
            mcp = McpTools(servers)
            runners: dict[str, ToolRunner] = {"http": http, "https": http, "mcp": mcp, "python": python}
            runs = ToolRuns(runners, self._facts_of, self.act)
            lookups = Lookups(runners, self._facts_of, self.callers.recalling, self.act)
            try:
                yield runs, lookups
            finally:
                await asyncio.gather(runs.stop(), lookups.stop())

    def _facts_of(self, told: Told) -> CallFacts:
        return facts_of(told, self.live.calls.get(told.call))

    def add_source(self, source: Source) -> None:
        """Another one. Before it runs."""
        self.sources.append(source)

    def listen(self, listener: Listener) -> None:
        """What managers tell that is none of a conversation is told to it, and is worth following by itself. Before it
        runs.
        """
        for source in self.sources:
            if isinstance(source, AsteriskSource):
                source.listen(listener)
                source.needs_module = False

    def _there(self) -> list[str]:
        return [one.name for one in self.sources if one.connection.is_there]

    def source(self, name: str) -> Source | None:
        return next((one for one in self.sources if one.name == name), None)

    async def act(self, asterisk: str, name: str, /, **headers: str | Sequence[str]) -> Headers:
        """Asks that Asterisk to do something. Raises `ManagerError`."""
        source = self.source(asterisk)
        if source is None:
            raise ManagerError(f"no Asterisk is named {asterisk}")
        return await source.action(name, **headers)

    async def try_agent(self, asterisk: str, agent: str) -> AgentTrial:
        """Has that Asterisk connect to the agent's service, without a call. Raises `ManagerError`."""
        source = self.source(asterisk)
        if source is None:
            raise ManagerError(f"no Asterisk is named {asterisk}")
        return await source.try_agent(agent)

    def problems_of(self, agent: str) -> list[str]:
        """Why that one takes no calls, as far as it is known here; none where no agent is named."""
        found = [judge(agent) for judge in self.agent_judges] if agent else []
        return [f"agent {agent}: {one}" for one in found if one]

    def problems(self) -> list[str]:
        """What is wrong now, a sentence each."""
        asterisks = [f"{one.name}: {one.connection.problem}" for one in self.sources if not one.connection.is_there]
        journals = [one.problem for one in self.journals if one.problem]
        queues = self.hub.queues
        sinks = [f"{one.sink.name}: {one.problem}; {one.waiting} events wait for it" for one in queues if one.problem]
        lost = [f"{one.sink.name}: {one.lost} events were lost" for one in queues if one.lost]
        limits = [f"agent {agent}: {why}: it takes no new calls" for agent, why in self.limits.reached.items()]
        servers = [one.problem for one in self._mcp_servers if one.problem]
        summaries = [self.summaries.problem] if self.summaries is not None and self.summaries.problem else []
        outbound = [f"outbound: {self.outbound.problem}"] if self.outbound is not None and self.outbound.problem else []
        return [*asterisks, *journals, *servers, *summaries, *limits, *outbound, *sinks, *lost]

    def _spool(self, name: str) -> Spool:
        path = self.settings.data / f"waiting-for-{name}.db"
        try:
            return Spool(path, SPOOL_BYTES)
        except sqlite3.Error as error:
            raise SettingsError(f"{path}: {error}") from error

    async def _forget(self) -> None:
        """Calls that are older than they are to be kept."""
        while self.settings.retention_days:
            try:
                gone = await self.forgetting.before(time.time() - self.settings.retention_days * _SECONDS_A_DAY)
            except Exception as error:  # Whatever a database has for it: the next time.
                _log.warning("calls that are too old could not be forgotten: %s", error)
            else:
                _log.info("%d calls were forgotten: they are older than %d days", gone, self.settings.retention_days)
            await asyncio.sleep(_FORGET_SECONDS)

    async def _tidy(self) -> None:
        while True:
            self.live.drop_ended(time.time())
            await asyncio.sleep(_TIDY_SECONDS)


def _traces(settings: TelemetrySettings) -> Traces:
    """Raises `SettingsError` where the library is not there."""
    try:
        from aiconvai.serve.traces import Traces
    except ModuleNotFoundError as error:
        raise SettingsError(f"[telemetry] needs {error.name}: pip install 'aiconvai[telemetry]'") from error
    return Traces(settings)


def _say_why(task: asyncio.Task[None]) -> None:
    """None of them ends by itself, but by a mistake of ours."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a part of this program has stopped working: %s", task.get_coro(), exc_info=error)
