"""What Prometheus is told. Names and labels are promises: dashboards stand on them (docs/serve.md)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aiconvai.serve.asterisk_source import Connection
from aiconvai.serve.events import Answer, Ended, Interruption, ToolCall, ToolCancelled, ToolDone
from aiconvai.serve.hub import SinkQueue
from aiconvai.serve.live import LiveCalls
from aiconvai.serve.told import Told

LABEL_VALUES = 200
"""Of a label: a service may call its tools what it likes. What is beyond counts as `other`."""
_OPEN_TOOLS = 10_000
_ANSWER_SECONDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 8.0)
_TOOL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0)
OTHER = "other"


class Followed(Protocol):
    """Who tells of calls."""

    name: str

    @property
    def connection(self) -> Connection:
        """How it stands with it."""


class Metrics:
    """Counts as events come; nothing here waits or fails."""

    def __init__(self, live: LiveCalls, sources: Sequence[Followed], queues: Sequence[SinkQueue]) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter("aiconvai_calls", "Calls that are over.", ["agent", "status"], registry=self.registry)
        self._answers = Histogram(
            "aiconvai_answer_latency_seconds",
            "From the end of what the caller said to the agent's first sound.",
            ["agent"],
            buckets=_ANSWER_SECONDS,
            registry=self.registry,
        )
        self._interruptions = Counter(
            "aiconvai_interruptions", "The caller interrupted the agent.", ["agent"], registry=self.registry
        )
        self._tools = Histogram(
            "aiconvai_tool_seconds",
            "From the call of a tool to its answer.",
            ["tool", "outcome"],
            buckets=_TOOL_SECONDS,
            registry=self.registry,
        )
        self._outbound = Counter(
            "aiconvai_outbound_calls", "Calls that went out and are over.", ["agent", "result"], registry=self.registry
        )
        self._lag = Histogram(
            "aiconvai_event_lag_seconds",
            "From what happened in Asterisk to here, by both clocks.",
            buckets=_LAG_SECONDS,
            registry=self.registry,
        )
        self.registry.register(_State(live, sources, queues))
        self._known: dict[str, set[str]] = {}
        self._called: dict[tuple[str, str, str], float] = {}

    def take(self, told: Told) -> None:
        """Of an event as it comes; what is told again was counted, or was before this program's time."""
        if told.is_replayed:
            return
        event = told.event
        agent = self._bounded("agent", event.agent)
        self._lag.observe(max(0.0, time.time() - event.time))
        match event:
            case Ended():
                self._calls.labels(agent, self._bounded("status", event.status)).inc()
            case Answer():
                self._answers.labels(agent).observe(event.latency_ms / 1000)
            case Interruption():
                self._interruptions.labels(agent).inc()
            case ToolCall():
                if len(self._called) < _OPEN_TOOLS:
                    self._called[(*told.call, event.id)] = event.time
            case ToolDone() | ToolCancelled():
                self._note_tool(told, event)
            case _:
                pass

    def count_outbound(self, agent: str, result: str) -> None:
        """A call that went out, and what came of it."""
        self._outbound.labels(self._bounded("agent", agent), result).inc()

    def text(self) -> bytes:
        """For a scrape."""
        return generate_latest(self.registry)

    def _note_tool(self, told: Told, event: ToolDone | ToolCancelled) -> None:
        called = self._called.pop((*told.call, event.id), None)
        if called is not None:
            outcome = "cancelled" if isinstance(event, ToolCancelled) else "error" if event.error else "done"
            seconds = max(0.0, event.time - called)
            self._tools.labels(self._bounded("tool", event.name), outcome).observe(seconds)

    def _bounded(self, label: str, value: str) -> str:
        known = self._known.setdefault(label, set())
        if value not in known and len(known) >= LABEL_VALUES:
            return OTHER
        known.add(value)
        return value


class _State(Collector):
    """What is so now, asked when it is scraped."""

    def __init__(self, live: LiveCalls, sources: Sequence[Followed], queues: Sequence[SinkQueue]) -> None:
        self._live, self._sources, self._queues = live, sources, queues

    def collect(self) -> Iterable[Metric]:
        calls = GaugeMetricFamily("aiconvai_live_calls", "Calls that go on.", labels=["asterisk"])
        there = GaugeMetricFamily("aiconvai_asterisk_connected", "Whether it is followed.", labels=["asterisk"])
        going_on = self._live.going_on()
        for source in self._sources:
            calls.add_metric([source.name], sum(call.asterisk == source.name for call in going_on))
            there.add_metric([source.name], float(source.connection.is_there))
        waiting = GaugeMetricFamily("aiconvai_sink_waiting", "Events that wait for it.", labels=["sink"])
        lost = GaugeMetricFamily("aiconvai_sink_lost", "Events it had no room for.", labels=["sink"])
        for queue in self._queues:
            waiting.add_metric([queue.sink.name], queue.waiting)
            lost.add_metric([queue.sink.name], queue.lost)
        return [calls, there, waiting, lost]
