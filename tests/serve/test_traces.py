"""A call is a trace; what a collector gets, over the wire."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from serve_events import a_start, an_end, said, told

from aiconvai.serve import traces as module
from aiconvai.serve.settings import TelemetrySettings
from aiconvai.serve.traces import Traces


class Collector:
    """Takes what comes."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.keys: list[str | None] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                collector.keys.append(self.headers["X-Key"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def collector() -> Iterator[Collector]:
    one = Collector()
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def milliseconds(span: Any) -> int:
    return round((span.end_time_unix_nano - span.start_time_unix_nano) / 1e6)


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def some_traces(collector: Collector) -> Traces:
    return Traces(TelemetrySettings.model_validate({"url": collector.url, "headers": {"X-Key": "7"}}))


def test_a_call_is_a_trace(collector: Collector) -> None:
    traces = some_traces(collector)
    tool = {"ToolCallID": "t1", "ToolName": "look"}
    for one in (
        told("Start", "1.1", 1000.0, LineFormat="ulaw_8000", Uniqueid="9.1"),
        told("Ready", "1.1", 1000.4, ReadyMs="310"),
        said("my secret", "1.1"),
        told("Answer", "1.1", 1003.0, LatencyMs="650"),
        told("ToolCall", "1.1", 1004.0, Parameters='{"secret": 1}', **tool),
        told("ToolDone", "1.1", 1004.5, Result="secret", Error="yes", **tool),
        told("Interruption", "1.1", 1005.0, HeardMs="900"),
        told("Hold", "1.1", 1006.0, Hold="begun"),
        told("Hold", "1.1", 1008.0, Hold="ended", LastedMs="2000"),
        told("End", "1.1", 1010.0, Status="LOST", Reason="the service is gone", DurationMs="10000", Uniqueid="9.1"),
    ):
        traces.take(one)
    traces.close()
    spans = {span.name: span for span in collector.spans}
    assert {name: milliseconds(span) for name, span in spans.items()} == {
        "call sales": 10_000, "set-up": 310, "answer": 650, "tool look": 500, "interruption": 0, "hold": 2000,
    }  # fmt: skip
    root = spans.pop("call sales")
    assert all(span.parent_span_id == root.span_id and span.trace_id == root.trace_id for span in spans.values())
    assert (root.status.code, root.status.message) == (2, "LOST: the service is gone")
    assert spans["tool look"].status.code == 2
    assert attributes(root)["aiconvai.unique_id"] == "9.1"
    assert attributes(spans["interruption"])["aiconvai.heard_ms"] == 900
    assert "secret" not in str(collector.spans)
    assert collector.keys == ["7"]


def test_calls_are_traces_of_their_own(collector: Collector) -> None:
    traces = some_traces(collector)
    for record in ("1.1", "1.2"):
        traces.take(a_start(record))
        traces.take(an_end(record))
    traces.take(an_end("1.3"))
    traces.close()
    assert len({span.trace_id for span in collector.spans}) == 2


def test_neither_calls_nor_their_parts_are_without_end(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLS_AT_ONCE", 3)
    monkeypatch.setattr(module, "SPANS_OF_A_CALL", 5)
    traces = some_traces(collector)
    for number in range(5):
        traces.take(a_start(f"1.{number}"))
        for _ in range(10):
            traces.take(told("Answer", f"1.{number}", LatencyMs="1"))
    for number in range(5):
        traces.take(an_end(f"1.{number}"))
    traces.close()
    names = [span.name for span in collector.spans]
    assert (names.count("call sales"), names.count("answer")) == (3, 15)


def test_a_collector_that_is_gone_holds_up_nobody() -> None:
    traces = Traces(TelemetrySettings(url="http://127.0.0.1:1"))
    traces.take(a_start())
    traces.take(an_end())
    traces.close()
