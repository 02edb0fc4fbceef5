"""Many calls at once that speak, made by SIPp, as they were before tests/callers: all packets leave in one burst, and
nobody hears what comes. They flatter whatever serves several calls with one wake-up, and are here to say by how much.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

from aiconvai.audio import ulaw_encode
from aiconvai.rig.asterisk.process import ProcessReader
from aiconvai.rig.bench.callers import CALLS_A_SECOND
from aiconvai.rig.bench.errors import BenchError, CallsFailedError
from aiconvai.rig.bench.speech_sample import speech

_RATE = 8000
_SPEECH_SECONDS = 20.0
_END_SECONDS = 30.0


def ramp_seconds(calls: int) -> float:
    """Until the last of so many calls has begun."""
    return calls / CALLS_A_SECOND


class SippCalls:
    """`with SippCalls(...) as calls`: so many calls to one extension, each lasting `seconds`. Leaving waits for
    their end and raises `CallsFailedError` if any of them failed.
    """

    def __init__(self, host: str, sip_port: int, extension: str, calls: int, seconds: float) -> None:
        self._target = f"{host}:{sip_port}"
        self._host = host
        self._extension = extension
        self._calls = calls
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="aiconvai-sipp-")
        self._ends = 0.0

    def __enter__(self) -> Self:
        program = shutil.which("sipp")
        if program is None:
            raise BenchError("sipp is not installed; it makes the calls. Install the Debian package sip-tester")
        folder = Path(self._folder.name)
        (folder / "speech.ulaw").write_bytes(ulaw_encode(speech(_SPEECH_SECONDS, _RATE)))
        scenario = (resources.files("aiconvai.rig.bench") / "calls.xml").read_text(encoding="utf-8")
        (folder / "calls.xml").write_text(scenario.replace("@SPEECH@", str(folder / "speech.ulaw")), encoding="utf-8")
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [
                    program, self._target, "-sf", "calls.xml", "-s", self._extension,
                    "-i", self._host, "-mi", self._host,
                    "-m", str(self._calls), "-l", str(self._calls), "-r", str(CALLS_A_SECOND),
                    "-d", str(round(self._seconds * 1000)), "-nostdin", "-trace_err", "-error_file", "errors",
                ],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self._ends = time.monotonic() + ramp_seconds(self._calls) + self._seconds
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            process = self._running()
            if error is not None:
                process.terminate()
            try:
                status = process.wait(max(0.0, self._ends - time.monotonic()) + _END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = -1
            if error is None and status != 0:
                raise CallsFailedError(
                    f"sipp: {self._calls} calls to {self._extension}: exit status {status}\n{self._complaints()}"
                )
        finally:
            self._folder.cleanup()

    @property
    def reader(self) -> ProcessReader:
        """The process, as the kernel sees it."""
        return ProcessReader(self._running().pid)

    def wait_up(self) -> None:
        """Until the last has begun: SIPp does not say when it has."""
        time.sleep(ramp_seconds(self._calls))

    def mark(self) -> None:
        """It does not listen."""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BenchError("sipp is not running; use it in a `with` statement")
        return self._process

    def _complaints(self) -> str:
        folder = Path(self._folder.name)
        texts = [
            (folder / name).read_text(encoding="utf-8", errors="replace")[-500:]
            for name in ("errors", "output")
            if (folder / name).exists()
        ]
        return "\n".join(texts)
