"""The process of the far end (tests/far_end), from the side of the measurement."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme

from aiconvai.rig.asterisk.process import ProcessReader
from aiconvai.rig.bench.facts_process import Fact, FactsProcess

_START_SECONDS = 30.0


class FarEndError(RuntimeError):
    """The far end cannot be used, has failed, or saw a rule broken; the text says which and what to do."""


class ClosedConversation(Fact):
    """What one conversation counted; bytes are those of the audio, not of its base64."""

    service: str
    """As in the module's option `provider`."""
    agent: str
    chunks_in: int
    bytes_in: int
    chunks_out: int
    bytes_out: int
    pings: int
    pongs: int
    close_code: int
    """The peer's, or the far end's own where it closed first; 1006: there was no close frame."""


class Totals(Fact):
    """What all connections counted, of every kind; bytes are those of whole messages."""

    connections: int
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    violations: list[str]


class FarEnd:
    """`with FarEnd(program) as far_end`. Leaving raises `FarEndError` if a client broke a rule.

    `program` is build/tests/far_end/far_end; `speech` is raw mu-law at 8 kHz, as bytes or in a file. Without a
    certificate there is no TLS. answer_spread_ms: echoes of a connection come up to so much later than what they
    answer, by a time of its own; 0 where it is measured how long they take. prefix: the command that starts the
    program, such as one that does so in a network namespace, where it serves at `address`. May be used by one
    thread, except `closed`.
    """

    def __init__(
        self,
        program: Path,
        *,
        certificate: trustme.LeafCert | None = None,
        speech: bytes | Path | None = None,
        answer_spread_ms: int = 0,
        address: str = "127.0.0.1",
        prefix: Sequence[str] = (),
    ) -> None:
        self._program = program
        self._certificate = certificate
        self._speech = speech
        self._answer_spread_ms = answer_spread_ms
        self._prefix = prefix
        self._process: FactsProcess | None = None
        self._lock = threading.Lock()
        self._closed: list[ClosedConversation] = []
        self.address = address
        self.ws_port = 0
        self.wss_port: int | None = None
        """None without a certificate."""
        self.audiosocket_port = 0
        self.totals: Totals | None = None
        """Once it has ended."""

    def __enter__(self) -> Self:
        with tempfile.TemporaryDirectory(prefix="far-end-") as directory:
            self._process = FactsProcess("the far end", self._command(Path(directory)), FarEndError, self._take)
            try:
                # It has read its files by then.
                where = self._process.next_fact(_START_SECONDS)
            except FarEndError:
                self._process.stop()
                raise
        self.ws_port, self.wss_port = where["ws_port"], where["wss_port"]
        self.audiosocket_port = where["audiosocket_port"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        status = self._running().stop()
        if error is not None:
            return
        if status != 0:
            raise FarEndError(f"the far end ended with exit status {status}; its error stands above")
        if self.totals is None:
            raise FarEndError("the far end ended without its totals")
        if self.totals.violations:
            raise FarEndError(f"rules of the far end were broken: {'; '.join(self.totals.violations)}")

    @property
    def reader(self) -> ProcessReader:
        """The process, as the kernel sees it."""
        return self._running().reader

    @property
    def closed(self) -> list[ClosedConversation]:
        """The conversations that have ended so far, in the order in which they did. For any thread."""
        with self._lock:
            return list(self._closed)

    def next_fact(self, timeout: float) -> dict[str, Any]:
        """What the far end tells next. Raises `FarEndError` after `timeout` seconds, or when it has ended."""
        return self._running().next_fact(timeout)

    def wait_for(self, key: str, timeout: float) -> Any:
        """The value of the next fact with this key; those before it are skipped. Raises like `next_fact`."""
        return self._running().wait_for(key, timeout)

    def _command(self, directory: Path) -> list[str]:
        command = [*self._prefix, str(self._program), "--address", self.address]
        command += ["--answer-spread-ms", str(self._answer_spread_ms)]
        if self._certificate is not None:
            pem = directory / "certificate.pem"
            pem.touch(mode=0o600)
            pem.write_bytes(self._certificate.private_key_and_cert_chain_pem.bytes())
            command += ["--certificate", str(pem), "--key", str(pem)]
        speech = self._speech
        if isinstance(speech, bytes):
            path = directory / "speech.ulaw"
            path.write_bytes(speech)
            speech = path
        return command if speech is None else [*command, "--speech", str(speech)]

    def _running(self) -> FactsProcess:
        if self._process is None:
            raise FarEndError("the far end is not running; use it in a `with` statement")
        return self._process

    def _take(self, fact: dict[str, Any]) -> None:
        if "closed" in fact:
            with self._lock:
                self._closed.append(ClosedConversation.model_validate(fact["closed"]))
        if "totals" in fact:
            self.totals = Totals.model_validate(fact["totals"])
