"""Many calls at once, each on a walk of its own, beside two calls that must not notice anything."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from call_model import Model
from call_model.plan import described, plan, read_steps
from walked_call import DIALPLAN, KINDS, Result, Walk, WalkedCall, section
from walked_service import Doors
from watchdog import Watchdog

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, parse_scenario
from aiconvai.rig.asterisk import Asterisk, LeakCheck
from aiconvai.rig.caller import Caller
from aiconvai.rig.caller.codecs import PACKET_MS

SEEDS = Path(__file__).parents[1] / "model" / "seeds.json"
"""Walks that failed once, and what it was. They are kept as they were: a plan is another one when plans are made
otherwise.
"""
_HONEST = "honest_agent"
_HONEST_TALK = "steps: [{tone: {seconds: 550, hz: 1000}}, {wait: 7200}]"
SLOWEST_ANSWER_SECONDS = 1.0
ECHO_OFF_MS = 250.0


def walk_of(kind: str, seed: str) -> Walk:
    """The same for the same kind and seed."""
    return Walk(kind, seed, tuple(plan(Model(*KINDS[kind]), f"{kind} {seed}")))


def walks_of(seed: str, first: int = 0) -> Iterator[Walk]:
    """Walk after walk of a run, of all kinds."""
    while True:
        kind = random.Random(f"{seed}-{first}").choice(list(KINDS))
        yield walk_of(kind, f"{seed}-{first}")
        first += 1


def kept_walks() -> list[Walk]:
    """Those of seeds.json, the newest first."""
    kept = json.loads(SEEDS.read_text(encoding="utf-8"))
    return [Walk(one["kind"], one["seed"], tuple(read_steps(one["walk"]))) for one in kept[::-1]]


def keep(walk: Walk, problem: str) -> None:
    """Add a walk to seeds.json, unless it is there."""
    kept = json.loads(SEEDS.read_text(encoding="utf-8"))
    if not any((one["kind"], one["seed"]) == (walk.kind, walk.seed) for one in kept):
        what = problem.splitlines()[-1][:200]
        kept.append({"kind": walk.kind, "seed": walk.seed, "walk": described(walk.steps), "problem": what})
        SEEDS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


@dataclass
class Counts:
    """What a run has seen."""

    walks: int = 0
    steps: int = 0
    late: int = 0
    failed: list[Result] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    """What was wrong beside the walks."""
    statuses: Counter[str] = field(default_factory=Counter)
    transitions: set[tuple[str, str, str]] = field(default_factory=set)
    """Kind, state and event."""
    echo_packets: int = 0
    echo_lost: int = 0
    echo_off_ms: float = 0.0
    slowest_answer: float = 0.0

    @property
    def problems(self) -> list[str]:
        return [f"{one.walk}\n{one.problem}\ntold: {one.told}, {one.errors}" for one in self.failed] + self.verdicts


class Walks:
    """An Asterisk with the services, the agents and the dialplan of walks. A context manager."""

    def __init__(self, asterisk: Asterisk, at_once: int) -> None:
        self.asterisk = asterisk
        self.at_once = at_once
        self.counts = Counts()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        providers = {service.name for service, _ in KINDS.values()}
        self._doors = {name: self._stack.enter_context(Doors(name)) for name in sorted(providers)}
        talker = ElevenLabsAgent(max_duration_seconds=86400, scenario=parse_scenario(_HONEST_TALK))
        honest = ElevenLabsMockThread(MockOptions(agents={"honest": talker}))
        self._honest = self._stack.enter_context(honest)
        self._configure()
        self._watchdog = self._stack.enter_context(
            Watchdog(self.asterisk.sip_port, self.asterisk.control_socket, _HONEST)
        )
        self._pool = self._stack.enter_context(ThreadPoolExecutor(self.at_once))
        self._watchdog.look()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def _configure(self) -> None:
        sections: dict[str, dict[str, Any]] = {"general": {}, _HONEST: self._honest.settings("honest")}
        for kind, (service, _) in KINDS.items():
            for slot in range(self.at_once):
                agent = _agent(kind, slot)
                sections[agent] = section(self._doors[service.name], agent, kind)
        text = "\n".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in options.items())
            for name, options in sections.items()
        )
        self.asterisk.write_config("aiconvai.conf", text)
        answer = self.asterisk.cli("aiconvai reload")
        assert "Loaded" in answer, answer
        self.asterisk.set_dialplan(f"exten => honest,1,AIConvAI({_HONEST})\n{DIALPLAN}")

    def take(self, walks: Iterable[Walk]) -> list[Result]:
        """All of them at once, as many as there may be; then what is left behind is looked at."""
        check = LeakCheck(self.asterisk)
        with Caller(self.asterisk.sip_port) as caller:
            waiting = [self._pool.submit(self._take, caller, slot, walk) for slot, walk in enumerate(walks)]
            results = [one.result() for one in waiting]
        self._count(results)
        try:
            check.verify()
        except AssertionError as error:
            self.counts.verdicts.append(f"{error}\nafter {'; '.join(str(one.walk) for one in results)}")
        self._look()
        return results

    def _take(self, caller: Caller, slot: int, walk: Walk) -> Result:
        agent = _agent(walk.kind, slot)
        door = self._doors[KINDS[walk.kind][0].name].door(agent)
        try:
            return WalkedCall(self.asterisk, caller, door, agent, walk).take_all()
        finally:
            door.shut()

    def _count(self, results: list[Result]) -> None:
        counts = self.counts
        for result in results:
            counts.walks += 1
            counts.steps += result.taken
            counts.late += result.late
            if result.problem:
                counts.failed.append(result)
            model = Model(*KINDS[result.walk.kind])
            call = model.first()
            for step in result.walk.steps[: result.taken]:
                counts.transitions.add((result.walk.kind, str(call), step.event))
                call = model.step(call, step.event).after
            if call.status:
                counts.statuses[call.status] += 1

    def _look(self) -> None:
        """What the calls beside have noticed, and the command line; a machine that stood still is nobody's fault."""
        seen = self._watchdog.look()
        counts, late = self.counts, seen.latest_ms
        counts.echo_packets += seen.echo.heard
        counts.echo_lost = max(counts.echo_lost, seen.echo.lost)
        counts.slowest_answer = max(counts.slowest_answer, seen.answers.slowest_seconds)
        counts.verdicts += seen.answers.problems
        if seen.answers.slowest_seconds > SLOWEST_ANSWER_SECONDS + 4 * late / 1000:
            took = f"{seen.answers.slowest_seconds:.2f} s, on a machine {late:.0f} ms late"
            counts.verdicts.append(f"{seen.answers.slowest_command} took {took}")
        off = float(np.max(np.abs(np.cumsum(seen.echo.spacing_ms - PACKET_MS)), initial=0.0))
        counts.echo_off_ms = max(counts.echo_off_ms, off)
        if off > ECHO_OFF_MS + 4 * late:
            counts.verdicts.append(f"a packet of Echo() was {off:.0f} ms off its time, on a machine {late:.0f} ms late")
        for name, call in (("Echo()", seen.echo), ("the honest agent's", seen.honest)):
            if not call.alive:
                counts.verdicts.append(f"the call {name} has ended")


def _agent(kind: str, slot: int) -> str:
    return f"walk-{kind}-{slot}"
