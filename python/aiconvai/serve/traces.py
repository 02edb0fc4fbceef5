"""Calls as traces of OpenTelemetry: a call is a trace; its set-up, its answers, holds and tools are spans.

They are made when a call is over, of what happened in it, and sent by the library's own thread. What was said is in
none of them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from aiconvai import __version__
from aiconvai.serve.events import (
    Answer,
    CallEvent,
    Ended,
    Hold,
    Interruption,
    Ready,
    Started,
    ToolCall,
    ToolCancelled,
    ToolDone,
)
from aiconvai.serve.settings import TelemetrySettings
from aiconvai.serve.store.numbers import FAILED
from aiconvai.serve.told import Told

CALLS_AT_ONCE = 5_000
"""The oldest that has not ended is forgotten where there are more."""
SPANS_OF_A_CALL = 500
"""The first ones."""
EXPORT_SECONDS = 3.0
"""In which a collector takes what there is, tries included."""
_NANOSECONDS = 1_000_000_000

Attributes = dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class _Part:
    """What took a while in a call, or just happened."""

    name: str
    begun: float
    ended: float
    attributes: Attributes = field(default_factory=dict)
    is_error: bool = False


@dataclass(slots=True)
class _Call:
    begun: float
    parts: list[_Part] = field(default_factory=list)
    tools: dict[str, ToolCall] = field(default_factory=dict)
    """Those that are open."""


class Traces:
    """One event loop's. `close` it, in a thread that may wait."""

    def __init__(self, settings: TelemetrySettings, exporter: SpanExporter | None = None) -> None:
        """`exporter`: not the one of the settings. Raises `SettingsError` where a secret cannot be read."""
        resource = Resource.create({"service.name": settings.service_name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        endpoint = f"{settings.url.rstrip('/')}/v1/traces"
        sent_by = exporter or OTLPSpanExporter(endpoint, headers=settings.read_headers(), timeout=EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(sent_by))
        self._tracer = self._provider.get_tracer("aiconvai.serve", __version__)
        self._calls: OrderedDict[tuple[str, str], _Call] = OrderedDict()

    def close(self) -> None:
        """What waits is sent, as far as there is somebody who takes it."""
        self._provider.shutdown()

    def take(self, told: Told) -> None:
        """Of an event as it comes; calls that had begun before anybody was there are none."""
        event = told.event
        if isinstance(event, Started):
            self._calls[told.call] = _Call(event.time)
            if len(self._calls) > CALLS_AT_ONCE:
                self._calls.popitem(last=False)
        elif isinstance(event, Ended):
            if (call := self._calls.pop(told.call, None)) is not None:
                self._tell(told.asterisk, call, event)
        elif (call := self._calls.get(told.call)) is not None:
            _note(call, event)

    def _tell(self, asterisk: str, call: _Call, end: Ended) -> None:
        root = self._tracer.start_span(
            f"call {end.agent}", start_time=_ns(call.begun), attributes=_of_call(asterisk, end)
        )
        context = set_span_in_context(root)
        for part in call.parts:
            span = self._tracer.start_span(
                part.name, context, start_time=_ns(part.begun), attributes=part.attributes
            )
            if part.is_error:
                span.set_status(Status(StatusCode.ERROR))
            span.end(_ns(part.ended))
        if end.status in FAILED:
            root.set_status(Status(StatusCode.ERROR, f"{end.status}: {end.reason}"))
        root.end(_ns(max(end.time, call.begun)))


def _of_call(asterisk: str, end: Ended) -> Attributes:
    return {
        "aiconvai.asterisk": asterisk,
        "aiconvai.agent": end.agent,
        "aiconvai.record": end.record,
        "aiconvai.conversation_id": end.conversation_id,
        "aiconvai.unique_id": end.unique_id,
        "aiconvai.status": end.status,
        "aiconvai.interruptions": end.interruptions,
        "aiconvai.answers": end.answers,
    }


def _note(call: _Call, event: CallEvent) -> None:
    match event:
        case ToolCall():
            call.tools[event.id] = event
            return
        case Ready():
            part = _Part("set-up", event.time - event.ready_ms / 1000, event.time)
        case Answer():
            part = _Part("answer", event.time - event.latency_ms / 1000, event.time)
        case Interruption():
            part = _Part("interruption", event.time, event.time, {"aiconvai.heard_ms": event.heard_ms})
        case Hold(state="ended"):
            part = _Part("hold", event.time - event.lasted_ms / 1000, event.time)
        case ToolDone() | ToolCancelled():
            asked = call.tools.pop(event.id, None)
            is_error = isinstance(event, ToolDone) and event.error
            begun = asked.time if asked is not None else event.time
            part = _Part(f"tool {event.name}", begun, event.time, _of_tool(event), is_error)
        case _:
            return
    if len(call.parts) < SPANS_OF_A_CALL:
        call.parts.append(part)


def _of_tool(event: ToolDone | ToolCancelled) -> Attributes:
    return {"aiconvai.tool": event.name, "aiconvai.cancelled": isinstance(event, ToolCancelled)}


def _ns(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)
