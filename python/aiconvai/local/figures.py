"""What is counted and measured, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class Figures:
    """Of one program."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.calls = Counter("aiconvai_local_calls", "Conversations that were begun.", registry=self._registry)
        self.refused = Counter(
            "aiconvai_local_refused_calls", "Those for which there was no room.", registry=self._registry
        )
        self.active = Gauge("aiconvai_local_active_calls", "Conversations that go on.", registry=self._registry)
        self.most = Gauge("aiconvai_local_most_calls", "How many may go on.", registry=self._registry)
        self.turns = Counter("aiconvai_local_turns", "What callers said, with words.", registry=self._registry)
        self.void = Counter(
            "aiconvai_local_void_turns", "What was heard as speech and had no words.", registry=self._registry
        )
        self.failures = Counter(
            "aiconvai_local_failures", "Conversations that a part has ended.", ["part"], registry=self._registry
        )
        self.recognition = Histogram(
            "aiconvai_local_recognition_seconds", "From a pause to its words.", buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self.answer = Histogram(
            "aiconvai_local_answer_seconds", "From the caller's last word to the first audio of the answer.",
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
