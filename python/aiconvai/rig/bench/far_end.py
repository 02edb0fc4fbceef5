"""The process of the far end (tests/far_end), from the side of the measurement."""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme
from pydantic import BaseModel, ConfigDict

from aiconvai.rig.asterisk.process import ProcessReader

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0


class FarEndError(RuntimeError):
    """The far end cannot be used, has failed, or saw a rule broken; the text says which and what to do."""


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClosedConversation(_Fact):
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


class Totals(_Fact):
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
    certificate there is no TLS. May be used by one thread, except `closed`.
    """

    def __init__(
        self, program: Path, *, certificate: trustme.LeafCert | None = None, speech: bytes | Path | None = None
    ) -> None:
        self._program = program
        self._certificate = certificate
        self._speech = speech
        self._facts: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._closed: list[ClosedConversation] = []
        self.ws_port = 0
        self.wss_port: int | None = None
        """None without a certificate."""
        self.audiosocket_port = 0
        self.totals: Totals | None = None
        """Once it has ended."""

    def __enter__(self) -> Self:
        with tempfile.TemporaryDirectory(prefix="far-end-") as directory:
            self._process = self._start(self._command(Path(directory)))
            self._reader = threading.Thread(target=self._read, args=(self._process,), name="far-end-facts", daemon=True)
            self._reader.start()
            try:
                # It has read its files by then.
                where = self.next_fact(_START_SECONDS)
            except FarEndError:
                self._stop(self._process)
                raise
        self.ws_port, self.wss_port = where["ws_port"], where["wss_port"]
        self.audiosocket_port = where["audiosocket_port"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        status = self._stop(self._running())
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
        return ProcessReader(self._running().pid)

    @property
    def closed(self) -> list[ClosedConversation]:
        """The conversations that have ended so far, in the order in which they did. For any thread."""
        with self._lock:
            return list(self._closed)

    def next_fact(self, timeout: float) -> dict[str, Any]:
        """What the far end tells next. Raises `FarEndError` after `timeout` seconds, or when it has ended."""
        try:
            fact = self._facts.get(timeout=timeout)
        except queue.Empty:
            raise FarEndError(f"the far end said nothing for {timeout:g} s") from None
        if fact is None:
            # For whoever asks again.
            self._facts.put(None)
            raise FarEndError("the far end ended by itself; its error stands above")
        return fact

    def wait_for(self, key: str, timeout: float) -> Any:
        """The value of the next fact with this key; those before it are skipped. Raises like `next_fact`."""
        deadline = time.monotonic() + timeout
        while True:
            fact = self.next_fact(max(0.0, deadline - time.monotonic()))
            if key in fact:
                return fact[key]

    def _command(self, directory: Path) -> list[str]:
        command = [str(self._program)]
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

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                # An interrupt at the terminal is for the measurement, which then ends the far end.
                start_new_session=True,
            )
        except OSError as error:
            raise FarEndError(
                f"{self._program} cannot be started: {error.strerror}; build it with `make test-programs`"
            ) from error

    def _stop(self, process: subprocess.Popen[str]) -> int:
        """Ends the process by the end of its input; returns its exit status."""
        assert process.stdin is not None
        process.stdin.close()
        try:
            status = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self._reader.join()
        assert process.stdout is not None
        process.stdout.close()
        return status

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise FarEndError("the far end is not running; use it in a `with` statement")
        return self._process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            fact: dict[str, Any] = json.loads(line)
            if "closed" in fact:
                with self._lock:
                    self._closed.append(ClosedConversation.model_validate(fact["closed"]))
            if "totals" in fact:
                self.totals = Totals.model_validate(fact["totals"])
            self._facts.put(fact)
        self._facts.put(None)
