"""Many calls at once that speak and hear, whose packets come at times of their own: tests/callers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from aiconvai.audio import ulaw_encode
from aiconvai.rig.asterisk.process import ProcessReader
from aiconvai.rig.bench.errors import BenchError, CallsFailedError
from aiconvai.rig.bench.facts_process import Fact, FactsProcess
from aiconvai.rig.bench.programs import built_program
from aiconvai.rig.bench.speech_sample import speech

CALLS_A_SECOND = 50
_RATE = 8000
_SPEECH_SECONDS = 20.0
_START_SECONDS = 5.0
_SETUP_SECONDS = 35.0
"""After so long a call that nobody answers has failed (RFC 3261: 32 s)."""
_MARK_SECONDS = 30.0
_END_SECONDS = 20.0
_TOLD_FAILURES = 5


class Spread(Fact):
    """How times spread, in ms."""

    p50: float
    p99: float
    max: float


class Heard(Fact):
    """What was said and heard, in packets of 20 ms, and how well the callers kept their own time."""

    sent: int
    refused: int
    """Packets that the kernel did not take: nobody was there."""
    heard: int
    bytes: int
    """Of payload."""
    missing: int
    """In the numbering of what was heard."""
    late: int
    """Came behind one with a higher number, or twice."""
    longest_gap_ms: float
    """Between two packets of a call."""
    lateness_ms: Spread
    """Of packets sent, against their deadlines."""
    spacing_ms: Spread
    """Of packets heard, call by call."""


class Mark(Heard):
    """What there was between two marks. Of the calls that stay what is least or most of a call."""

    seconds: float
    calls: int
    """That stay and are up."""
    least_sent: int
    least_heard: int
    most_missing: int


class CallerTotals(Heard):
    """Of all calls, from the beginning to the end."""

    begun: int
    churned: int
    """Those of them that came and went."""
    answered: int
    failed: int
    cpu_seconds: float
    """Of the program itself."""


class EndedCall(Fact):
    """One call."""

    call: int
    """Its number, from 0."""
    extension: str
    churn: bool
    """It came and went while others stayed."""
    answer_ms: float
    """From its INVITE to the answer; 0: there was none."""
    seconds: float
    """From the answer to the end."""
    phase_us: int
    """The place of its packets in the 20 ms."""
    sent: int
    heard: int
    bytes: int
    missing: int
    late: int
    longest_gap_ms: float


class FailedCall(Fact):
    """A call that was not answered, or broke off."""

    call: int
    extension: str
    churn: bool
    status: int
    """SIP's; 0: it was none of SIP's."""
    reason: str


@dataclass(frozen=True)
class Churn:
    """Calls that come and go: so many set-ups a second, each call lasting so long."""

    extension: str
    rate: float
    seconds: float


class ManyCalls(Protocol):
    """Calls to one extension, whoever makes them: `with` begins them and ends them. Leaving raises `CallsFailedError`
    if any failed; else `BenchError` is raised where they cannot be made at all.
    """

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    @property
    def reader(self) -> ProcessReader:
        """The process that makes them."""
        ...

    def wait_up(self) -> None:
        """Until the last is up, or has failed."""
        ...

    def mark(self) -> Mark | None:
        """What there was since the last mark; None of callers that do not listen."""
        ...


class Callers:
    """`with Callers(...) as callers`: so many calls, which stay until it is left. Leaving hangs up and raises
    `CallsFailedError` if any call failed.

    extension: one, or several with commas, which calls take by turns; held: they hold what is answered. With the same
    seed the calls' packets have the same places in the 20 ms.
    """

    def __init__(
        self,
        host: str,
        sip_port: int,
        extension: str,
        calls: int,
        *,
        seed: int = 1,
        held: bool = False,
        churn: Churn | None = None,
        address: str = "127.0.0.1",
        rate: float = CALLS_A_SECOND,
    ) -> None:
        self._what = f"{calls} calls to {extension}"
        self._calls = calls
        self._rate = rate
        self._arguments = ["--target", f"{host}:{sip_port}", "--extension", extension, "--calls", str(calls)]
        self._arguments += ["--seed", str(seed), "--address", address, "--rate", f"{rate:g}", "--realtime"]
        if held:
            self._arguments.append("--hold")
        if churn is not None:
            self._arguments += ["--churn-extension", churn.extension, "--churn-rate", f"{churn.rate:g}"]
            self._arguments += ["--churn-seconds", f"{churn.seconds:g}"]
        self._process: FactsProcess | None = None
        self.failed: list[FailedCall] = []
        """So far."""
        self.ended: list[EndedCall] = []
        """So far."""
        self.totals: CallerTotals | None = None
        """Once all have ended."""

    def __enter__(self) -> Self:
        with tempfile.TemporaryDirectory(prefix="aiconvai-callers-") as folder:
            spoken = Path(folder) / "speech.ulaw"
            spoken.write_bytes(ulaw_encode(speech(_SPEECH_SECONDS, _RATE)))
            command = [str(built_program("callers")), *self._arguments, "--speech", str(spoken)]
            self._process = FactsProcess(self._what, command, BenchError, self._take)
            # It has read its file by then.
            self._process.wait_for("ready", _START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running().stop(self._calls / self._rate + _END_SECONDS)
        if error is not None:
            return
        if self.totals is None:
            raise CallsFailedError(f"{self._what}: they could not be ended; see above")
        if self.failed:
            told = "; ".join(f"{one.extension}: {one.status} {one.reason}" for one in self.failed[:_TOLD_FAILURES])
            raise CallsFailedError(f"{self._what}: {len(self.failed)} failed: {told}")

    @property
    def reader(self) -> ProcessReader:
        """The process, as the kernel sees it."""
        return self._running().reader

    def wait_up(self) -> None:
        """Until each call that stays is up or has failed; which have is in `failed`, and is raised on leaving."""
        self._running().wait_for("up", self._calls / self._rate + _SETUP_SECONDS)

    def mark(self) -> Mark:
        """What there was since the last mark."""
        self._running().say_line()
        return Mark.model_validate(self._running().wait_for("mark", _MARK_SECONDS))

    def _take(self, fact: dict[str, Any]) -> None:
        if "failed" in fact:
            self.failed.append(FailedCall.model_validate(fact["failed"]))
        elif "ended" in fact:
            self.ended.append(EndedCall.model_validate(fact["ended"]))
        elif "totals" in fact:
            self.totals = CallerTotals.model_validate(fact["totals"])

    def _running(self) -> FactsProcess:
        if self._process is None:
            raise BenchError("the callers are not running; use them in a `with` statement")
        return self._process
