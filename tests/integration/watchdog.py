"""Two calls that must not notice anything, and somebody at the command line, in a process of their own.

One call hears itself through Echo(), the other one hears an honest agent; meanwhile the command line is asked again and
again. What this process's own caller does late is not Asterisk's fault, so it does nothing else.
"""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from aiconvai.rig.asterisk import control
from aiconvai.rig.caller import Call, Caller, RtpPacket
from aiconvai.rig.caller.codecs import PACKET_MS
from aiconvai.rig.caller.timeline import spacing_ms

_ANSWER_SECONDS = 15.0
_PAUSE_SECONDS = 0.05
_COMMAND_SECONDS = 10.0


@dataclass(frozen=True)
class CallSeen:
    """What came of one of the calls since it was last looked at."""

    alive: bool
    sent: int
    heard: int
    lost: int
    """Since the call began."""
    spacing_ms: npt.NDArray[np.float64]
    """Between the packets heard; of Echo() as if all had been sent in time."""


@dataclass
class Answers:
    """What the command line did since it was last looked at."""

    asked: int = 0
    slowest_seconds: float = 0.0
    slowest_command: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """All of it."""

    echo: CallSeen
    honest: CallSeen
    answers: Answers
    latest_ms: float
    """How late this process itself was woken up at the worst: what a loaded machine does to everybody."""


class Watchdog:
    """`with Watchdog(sip_port, control_socket, agent) as watchdog`: the extensions `echo` and `honest` are called.

    `agent` is what the honest one is called in the configuration.
    """

    def __init__(self, sip_port: int, control_socket: Path, agent: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_watch, args=(other, sip_port, str(control_socket), agent), name="watchdog", daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        self.channels: list[str] = self._receive()
        """Their names, Echo()'s first."""
        self.unique_ids: list[str] = self._receive()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.is_alive():
            self._pipe.send("stop")
            self._process.join(_ANSWER_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def look(self) -> Seen:
        """What has happened since the last time."""
        self._pipe.send("look")
        seen: Seen = self._receive()
        return seen

    def _receive(self) -> Any:
        if not self._pipe.poll(_ANSWER_SECONDS):
            raise TimeoutError(f"the watchdog said nothing within {_ANSWER_SECONDS:g} s")
        answer = self._pipe.recv()
        if isinstance(answer, BaseException):
            raise answer
        return answer


class _CommandLine:
    """Asks one question after the other."""

    def __init__(self, path: Path, commands: list[tuple[str, str]]) -> None:
        self._path = path
        self._commands = commands
        self._lock = threading.Lock()
        self._answers = Answers()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="command line", daemon=True)
        self._thread.start()

    def take(self) -> Answers:
        with self._lock:
            answers, self._answers = self._answers, Answers()
        return answers

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(_COMMAND_SECONDS)

    def _run(self) -> None:
        for command, expected in itertools.cycle(self._commands):
            if self._stopped.wait(_PAUSE_SECONDS):
                return
            began = time.monotonic()
            problem = ""
            try:
                output = control.run_command(self._path, command, _COMMAND_SECONDS)
                if expected not in output or "\x1b" in output:
                    problem = f"{command}: expected {expected!r} in {output[:500]!r}"
            except control.ControlError as error:
                problem = str(error)
            seconds = time.monotonic() - began
            with self._lock:
                self._answers.asked += 1
                if seconds > self._answers.slowest_seconds:
                    self._answers.slowest_seconds, self._answers.slowest_command = seconds, command
                if problem and len(self._answers.problems) < 5:
                    self._answers.problems.append(problem)


class _Sleeper:
    """Sleeps as long as a packet lasts, again and again, and notes how much longer it was."""

    def __init__(self) -> None:
        self._latest_ms = 0.0
        threading.Thread(target=self._run, name="sleeper", daemon=True).start()

    def take(self) -> float:
        latest, self._latest_ms = self._latest_ms, 0.0
        return latest

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            time.sleep(PACKET_MS / 1000)
            self._latest_ms = max(self._latest_ms, (time.monotonic() - began) * 1000 - PACKET_MS)


def _watch(pipe: Connection, sip_port: int, control_socket: str, agent: str) -> None:
    gc.disable()
    path = Path(control_socket)
    with Caller(sip_port, record=False) as caller:
        try:
            calls = [_begin(caller, name) for name in ("echo", "honest")]
            channels = {
                fields[2]: fields
                for fields in (line.split("!") for line in _ask(path, "core show channels concise").splitlines())
                if len(fields) > 2
            }
            names = [channels[name][0] for name in ("echo", "honest")]
            pipe.send(names)
            pipe.send([channels[name][-1] for name in ("echo", "honest")])
        except Exception as error:
            pipe.send(error)
            return
        line = _CommandLine(
            path,
            [
                ("core show uptime", "uptime"),
                ("aiconvai show calls", agent),
                (f"aiconvai show call {names[1]}", agent),
                ("aiconvai show stats", "Frames played"),
            ],
        )
        sleeper = _Sleeper()
        looked = [[0, 0], [0, 0]]
        while pipe.recv() == "look":
            echo, honest = _seen(calls[0], looked[0], echoes=True), _seen(calls[1], looked[1], echoes=False)
            pipe.send(Seen(echo, honest, line.take(), sleeper.take()))
            gc.collect()
        line.stop()


def _begin(caller: Caller, extension: str) -> Call:
    call = caller.call(extension).wait_answered()
    call.wait_heard(5)
    return call


def _ask(path: Path, command: str) -> str:
    return control.run_command(path, command, _COMMAND_SECONDS)


def _seen(call: Call, looked: list[int], *, echoes: bool) -> CallSeen:
    heard, sent = call.heard, call.sent
    first_heard, first_sent = looked
    looked[:] = len(heard), len(sent)
    spacing = spacing_ms(heard[max(0, first_heard - 1) :])
    if echoes and len(heard) > first_heard + 1:
        spacing = PACKET_MS + np.diff(_round_trips_ms(heard, sent)[max(0, first_heard - 1) :])
    return CallSeen(call.alive, len(sent) - first_sent, len(heard) - first_heard, call.lost(), spacing)


def _round_trips_ms(heard: list[RtpPacket], sent: list[RtpPacket]) -> npt.NDArray[np.float64]:
    """Of every packet that came back. Those sent before there was an echo did not, and the last ones will."""
    came = np.array([packet.time_ns for packet in heard]) / 1e6
    went = np.array([packet.time_ns for packet in sent]) / 1e6
    for ahead in range(len(went) - len(came), -1, -1):
        took = came - went[ahead : ahead + len(came)]
        if took.min() >= 0.0:
            return took
    raise RuntimeError(f"{len(came)} packets came back of {len(went)}")
