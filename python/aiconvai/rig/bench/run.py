"""One run of a plan: what is measured after what, and what is put into the results."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from rich.console import Console

from aiconvai.rig.asterisk import VERSIONS, AsteriskError, AsteriskVersion, ManagerError, ensure_image
from aiconvai.rig.asterisk.control import ControlError
from aiconvai.rig.awake import LATENCY_PATH, processors_awake
from aiconvai.rig.bench import (
    capacity,
    churn,
    first_audio,
    holdings,
    interruption_silence,
    packet_spacing,
    round_trip,
    stretch,
)
from aiconvai.rig.bench.costs import costs
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.far_end import FarEndError
from aiconvai.rig.bench.headlines import goals, headlines
from aiconvai.rig.bench.machine import QUIET_LOAD, describe, stolen_seconds
from aiconvai.rig.bench.paths import CHUNKS_20, GREETINGS
from aiconvai.rig.bench.plan import (
    FEWER_MANY_CALLS,
    MANY_CALLS,
    REFERENCE_CALLS,
    Bursts,
    Cell,
    Coming,
    Elsewhere,
    Growth,
    Plan,
    Search,
    many_wanted,
    wanted,
    with_many,
)
from aiconvai.rig.bench.programs import built_program
from aiconvai.rig.bench.results import FirstAudio, Problem, Repeated, Results, SetUp, Stretch
from aiconvai.rig.bench.stage import USUAL, Agents, Setting, Stage, set_up
from aiconvai.rig.bench.system_calls import CannotCountError, system_calls_per_second
from aiconvai.rig.bench.validity import REPEATED_AT_MOST, clock_problems, disturbed, not_held
from aiconvai.rig.bench.wire import NoWireError
from aiconvai.rig.caller import SipError
from aiconvai.rig.caller.rtp import KernelClock

T = TypeVar("T")
"""What one measurement finds."""

_TRIED_SECONDS = 6.0
_MOST_BUSY = 0.65
"""Of all cores, so that what many calls cost is not what a full machine makes of them."""


_FAILURES = (AsteriskError, BenchError, ControlError, FarEndError, ManagerError, SipError, TimeoutError)
"""What ends a measurement and not the run."""


class Run:
    """Measures into `results`; console hears what is under way. only: see `plan.wanted`. bursts: as SIPp's
    callers speak.

    What fails is a problem in the results and does not end the run: the rest is still worth to be seen.
    """

    def __init__(
        self, plan: Plan, console: Console, *, quick: bool, only: str | None = None, bursts: bool = False
    ) -> None:
        made = datetime.now(UTC).isoformat(timespec="minutes")
        self.results = Results(made=made, quick=quick, bursts=bursts, machine=describe())
        self._plan = plan
        self._console = console
        self._only = only
        self._uncounted = {path.name for path in plan.counted} if self._check_counting() else set()
        """Paths whose system calls are yet to be counted."""

    def check_quiet(self, *, anyway: bool) -> None:
        """Raises `BenchError` on a busy machine; anyway: notes it as a problem instead."""
        load = self.results.machine.load_average
        if load > QUIET_LOAD:
            text = f"the load average before the run was {load:.2f}, above {QUIET_LOAD:g}"
            if not anyway:
                raise BenchError(f"{text}: end what runs, wait a minute, or give --anyway")
            self._note([Problem(kind="machine", text=text)])

    def measure(self) -> None:
        """Everything that is asked for."""
        began = time.monotonic()
        for name in ("far_end", "callers"):
            built_program(name)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # callers inherit it: sockets of many calls
        for version in VERSIONS:
            ensure_image(version, console=self._console)
        with processors_awake() as awake:
            if not awake:
                self.results.notes.append(f"processors may have slept: {LATENCY_PATH} could not be opened")
            self._measure_all(self._plan)
        results = self.results
        results.costs = costs(results.stretches)
        results.headlines = headlines(results)
        results.goals = goals(results.headlines)
        results.took_seconds = round(time.monotonic() - began, 1)

    def _measure_all(self, plan: Plan) -> None:
        clock = KernelClock()
        self._on_22(plan)
        for elsewhere in self._plan.elsewhere:
            self._elsewhere(elsewhere)
        for growth in self._plan.growths:
            self._do(f"22 {growth.name}", partial(self._growth, growth))
        self._on_16(plan)
        self._note(clock_problems(clock, KernelClock()))

    def _on_22(self, plan: Plan) -> None:
        beside_echo = [f"22 {name}" for name in (*(one.name for one in plan.cells), *(one.name for one in plan.churn))]
        others = [f"22 {one.name} alone" for one in plan.bursts]
        others += [f"22 {one.name} among {REFERENCE_CALLS}" for one in plan.bursts if one.measured]
        others += [f"22 {one.name}" for one in plan.searches]
        others += ["22 spacing alone", f"22 spacing among {REFERENCE_CALLS}", "22 interruption"]
        others += [f"22 first audio {path.name}" for path in GREETINGS]
        if not any(wanted(name, self._only) for name in (*beside_echo, *others)):
            return
        with self._stage(22, self._agents(), floor=any(wanted(name, self._only) for name in beside_echo)) as stage:
            if self._only is None and many_wanted(plan):
                self._find_many(stage)
            self._bursts(stage, plan.bursts)
            self._cells(stage, self._plan.cells)
            if not self.results.bursts:
                for coming in self._plan.churn:
                    self._churn(stage, coming)
            self._agents_that_speak(stage)
            for search in plan.searches:
                self._do(f"22 {search.name}", partial(self._search, stage, search))

    def _on_16(self, plan: Plan) -> None:
        cells = [f"16 {cell.name}" for cell in plan.cells_16]
        bursts = [f"16 {one.name} alone" for one in plan.bursts_16]
        if any(wanted(name, self._only) for name in (*cells, *bursts)):
            with self._stage(16, Agents(), floor=any(wanted(name, self._only) for name in cells)) as stage:
                self._cells(stage, plan.cells_16)
                self._bursts(stage, plan.bursts_16)

    def _agents(self) -> Agents:
        seconds = max(self._plan.spacing_seconds, self._plan.spacing_among_seconds)
        return Agents(
            talk_seconds=round(seconds) + packet_spacing.MARGIN_SECONDS, interruptions=self._plan.interruptions
        )

    @contextmanager
    def _stage(
        self, version: AsteriskVersion, agents: Agents, *, floor: bool, setting: Setting = USUAL
    ) -> Iterator[Stage]:
        try:
            with set_up(
                version, agents, self._console, floor=floor, setting=setting, bursts=self.results.bursts
            ) as stage:
                self.results.machine.asterisk[version] = stage.asterisk.exact_version()
                yield stage
        except FarEndError as error:
            self._note([Problem(kind="calls", text=f"Asterisk {version}: {error}")])

    def _do(self, name: str, step: Callable[[], None]) -> None:
        """Unless it is not asked for."""
        if not wanted(name, self._only):
            return
        self._say(f"Asterisk {name}")
        # The callers that measure are in this process and stand still while its garbage is collected.
        gc.collect()
        gc.freeze()
        try:
            step()
        except _FAILURES as error:
            self._note([Problem(kind="calls", text=f"{name}: {error}")])

    def _measure(self, name: str, take: Callable[[], tuple[T, list[Problem]]], keep: Callable[[T], None]) -> None:
        """Unless it is not asked for; what is kept is what the machine was there for, if it ever was."""

        def step() -> None:
            found, problems = self._undisturbed(name, take)
            keep(found)
            self._note(problems)

        self._do(name, step)

    def _undisturbed(self, name: str, take: Callable[[], tuple[T, list[Problem]]]) -> tuple[T, list[Problem]]:
        """Taken again while the machine is taken away, as often as is allowed."""
        for times_left in reversed(range(REPEATED_AT_MOST + 1)):
            stolen, began = stolen_seconds(), time.monotonic()
            found, problems = take()
            share = (stolen_seconds() - stolen) / (time.monotonic() - began)
            allowed = times_left and len(self.results.repeated) < self._plan.repeats
            if not allowed or not disturbed(problems, share):
                break
            self._say(f"  again, as the hypervisor took {share:.3f} of a core: {problems[0].text}")
            self.results.repeated.append(Repeated(name=name, reasons=[one.text for one in problems]))
        return found, problems

    def _say(self, text: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')}  {text}", highlight=False, markup=False)

    # Calls through a path -------------------------------------------------------------------------

    def _find_many(self, stage: Stage) -> None:
        """How many calls many are here: none of theirs may lose a packet, nor of those to Echo() beside them."""
        for many in (MANY_CALLS, *FEWER_MANY_CALLS):
            self._say(f"Asterisk 22: are {many} calls held beside {many} to Echo()?")
            self.results.many_calls = many
            try:
                tried = stretch.measure(stage, CHUNKS_20, many, _TRIED_SECONDS, beside_echo=True)
            except _FAILURES:
                continue
            busy = tried.asterisk_share + tried.callers_share * 2 + tried.far_end_share
            busy += (tried.echo_cpu or 0.0) * many
            held = all(one.kind == "machine" for one in tried.problems)
            if held and busy < _MOST_BUSY * self.results.machine.cores:
                break
        self._plan = with_many(self._plan, self.results.many_calls)

    def _bursts(self, stage: Stage, all_bursts: Iterable[Bursts]) -> None:
        keep = self.results.round_trips.append
        for one in all_bursts:
            name = f"{stage.asterisk.version} {one.name}"
            alone = partial(round_trip.measure_alone, stage, one.path, one.alone, one.alone_seconds)
            self._measure(f"{name} alone", alone, keep)
            if one.measured:
                among = partial(
                    round_trip.measure_among_others, stage, one.path, one.measured, REFERENCE_CALLS, one.among_seconds
                )
                self._measure(f"{name} among {REFERENCE_CALLS}", among, keep)

    def _cells(self, stage: Stage, cells: Iterable[Cell]) -> None:
        for cell in cells:
            self._cell(stage, cell, f"{stage.asterisk.version} {cell.name}")

    def _elsewhere(self, elsewhere: Elsewhere) -> None:
        """With a setting that is not the usual one."""
        cells = [cell for cell in elsewhere.cells if wanted(f"22 {elsewhere.name(cell)}", self._only)]
        if not cells:
            return
        try:
            with self._stage(22, Agents(), floor=True, setting=elsewhere.setting) as stage:
                for cell in cells:
                    self._cell(stage, cell, f"22 {elsewhere.name(cell)}", elsewhere.setting)
        except NoWireError as error:
            self.results.notes.append(f"nothing was measured over a wire: {error}")

    def _churn(self, stage: Stage, coming: Coming) -> None:
        take = partial(churn.measure, stage, coming.path, coming.calls, coming.churn_path, coming.rate, coming.seconds)
        self._measure(f"22 {coming.name}", take, self.results.churn.append)

    def _cell(self, stage: Stage, cell: Cell, name: str, setting: Setting = USUAL) -> None:
        def take() -> tuple[Stretch, list[Problem]]:
            count = setting is USUAL and cell.calls == REFERENCE_CALLS and cell.path.name in self._uncounted
            done = stretch.measure(
                stage, cell.path, cell.calls, cell.seconds, beside_echo=True, count_system_calls=count, setting=setting
            )
            # What is not the module's may hold fewer calls than that; then there is nothing to compare.
            return done, [] if cell.path.helper and not_held(done.problems) else done.problems

        def keep(done: Stretch) -> None:
            if cell.path.helper and not_held(done.problems):
                self.results.notes.append(f"{cell.path.name} did not hold {cell.calls} calls: {done.problems[0].text}")
                return
            if done.system_calls is not None:
                self._uncounted.discard(cell.path.name)
            self.results.stretches.append(done)

        self._measure(name, take, keep)

    def _search(self, stage: Stage, search: Search) -> None:
        def attempt(calls: int) -> Stretch:
            self._say(f"  {calls} calls")

            def take() -> tuple[Stretch, list[Problem]]:
                done = stretch.measure(stage, search.path, calls, search.seconds)
                return done, done.problems

            return self._undisturbed(f"22 {search.name} {calls}", take)[0]

        found, held = capacity.search(search.path.name, search.steps, attempt, self.results.machine.cores)
        self.results.capacity.append(found)
        self.results.stretches += held
        for one in held:
            self._note(one.problems)

    def _growth(self, growth: Growth) -> None:
        grown = holdings.measure(growth.path, growth.few, growth.many, self._console, bursts=self.results.bursts)
        self.results.holdings.append(grown)

    # Agents that speak by themselves --------------------------------------------------------------

    def _agents_that_speak(self, stage: Stage) -> None:
        plan, version = self._plan, stage.asterisk.version
        results = self.results
        if plan.spacing_seconds:
            alone = partial(packet_spacing.measure, stage, plan.spacing_seconds, 0)
            self._measure(f"{version} spacing alone", alone, results.spacing.append)
        if plan.spacing_among_seconds:
            among = partial(packet_spacing.measure, stage, plan.spacing_among_seconds, REFERENCE_CALLS - 1)
            self._measure(f"{version} spacing among {REFERENCE_CALLS}", among, results.spacing.append)
        interruption = partial(interruption_silence.measure, stage)
        self._measure(f"{version} interruption", interruption, results.interruptions.append)
        for path in GREETINGS:
            greeted = partial(first_audio.measure, stage, path, plan.greetings)
            self._measure(f"{version} first audio {path.name}", greeted, self._keep_first_audio)

    def _keep_first_audio(self, found: tuple[FirstAudio, SetUp]) -> None:
        first, parts = found
        self.results.first_audio.append(first)
        self.results.set_up.append(parts)

    # Notes ----------------------------------------------------------------------------------------

    def _check_counting(self) -> bool:
        try:
            system_calls_per_second(os.getpid(), 0.1)
        except CannotCountError as error:
            self.results.notes.append(f"system calls were not counted: {error}")
            return False
        return True

    def _note(self, problems: Iterable[Problem]) -> None:
        self.results.problems += problems
