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

from rich.console import Console

from aiconvai.rig.asterisk import VERSIONS, AsteriskError, AsteriskVersion, ManagerError, ensure_image
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
from aiconvai.rig.bench.machine import QUIET_LOAD, describe
from aiconvai.rig.bench.paths import GREETINGS, CallPath
from aiconvai.rig.bench.plan import REFERENCE_CALLS, Bursts, Cell, Coming, Elsewhere, Growth, Plan, Search, wanted
from aiconvai.rig.bench.programs import built_program
from aiconvai.rig.bench.results import Problem, Results, Stretch
from aiconvai.rig.bench.stage import USUAL, Agents, Setting, Stage, set_up
from aiconvai.rig.bench.system_calls import CannotCountError, system_calls_per_second
from aiconvai.rig.bench.validity import clock_problems
from aiconvai.rig.bench.wire import NoWireError
from aiconvai.rig.caller import SipError
from aiconvai.rig.caller.rtp import KernelClock


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
        clock = KernelClock()
        plan = self._plan
        self._on_22(plan)
        for elsewhere in plan.elsewhere:
            self._elsewhere(elsewhere)
        for growth in plan.growths:
            self._do(f"22 {growth.name}", partial(self._growth, growth))
        self._on_16(plan)
        self._note(clock_problems(clock, KernelClock()))
        results = self.results
        results.costs = costs(results.stretches)
        results.headlines = headlines(results)
        results.goals = goals(results.headlines)
        results.took_seconds = round(time.monotonic() - began, 1)

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
            self._bursts(stage, plan.bursts)
            self._cells(stage, plan.cells)
            if not self.results.bursts:
                for coming in plan.churn:
                    self._do(f"22 {coming.name}", partial(self._churn, stage, coming))
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
                self.results.machine.asterisk[version] = stage.exact_version()
                yield stage
        except FarEndError as error:
            self._note([Problem(kind="calls", text=f"Asterisk {version}: {error}")])

    def _do(self, name: str, step: Callable[[], None]) -> None:
        """Unless it is not asked for."""
        if not wanted(name, self._only):
            return
        self._console.print(f"{time.strftime('%H:%M:%S')}  Asterisk {name}", highlight=False)
        # The callers that measure are in this process and stand still while its garbage is collected.
        gc.collect()
        gc.freeze()
        try:
            step()
        except (AsteriskError, BenchError, FarEndError, ManagerError, SipError, TimeoutError) as error:
            self._note([Problem(kind="calls", text=f"{name}: {error}")])

    # Calls through a path -------------------------------------------------------------------------

    def _bursts(self, stage: Stage, all_bursts: Iterable[Bursts]) -> None:
        for bursts in all_bursts:
            name = f"{stage.asterisk.version} {bursts.name}"
            self._do(f"{name} alone", partial(self._alone, stage, bursts))
            if bursts.measured:
                self._do(f"{name} among {REFERENCE_CALLS}", partial(self._among, stage, bursts))

    def _alone(self, stage: Stage, bursts: Bursts) -> None:
        trips, problems = round_trip.measure_alone(stage, bursts.path, bursts.alone, bursts.alone_seconds)
        self.results.round_trips.append(trips)
        self._note(problems)

    def _among(self, stage: Stage, bursts: Bursts) -> None:
        trips, problems = round_trip.measure_among_others(
            stage, bursts.path, bursts.measured, REFERENCE_CALLS, bursts.among_seconds
        )
        self.results.round_trips.append(trips)
        self._note(problems)

    def _cells(self, stage: Stage, cells: Iterable[Cell]) -> None:
        for cell in cells:
            self._do(f"{stage.asterisk.version} {cell.name}", partial(self._cell, stage, cell))

    def _elsewhere(self, elsewhere: Elsewhere) -> None:
        """With a setting that is not the usual one."""
        cells = [cell for cell in elsewhere.cells if wanted(f"22 {elsewhere.name(cell)}", self._only)]
        if not cells:
            return
        try:
            with self._stage(22, Agents(), floor=True, setting=elsewhere.setting) as stage:
                for cell in cells:
                    self._do(f"22 {elsewhere.name(cell)}", partial(self._cell, stage, cell, elsewhere.setting))
        except NoWireError as error:
            self.results.notes.append(f"nothing was measured over a wire: {error}")

    def _churn(self, stage: Stage, coming: Coming) -> None:
        cost, problems = churn.measure(
            stage, coming.path, coming.calls, coming.churn_path, coming.rate, coming.seconds
        )
        self.results.churn.append(cost)
        self._note(problems)

    def _cell(self, stage: Stage, cell: Cell, setting: Setting = USUAL) -> None:
        count = setting is USUAL and cell.calls == REFERENCE_CALLS and cell.path.name in self._uncounted
        done = stretch.measure(
            stage, cell.path, cell.calls, cell.seconds, beside_echo=True, count_system_calls=count, setting=setting
        )
        if count:
            self._uncounted.remove(cell.path.name)
        self.results.stretches.append(done)
        self._note(done.problems)

    def _search(self, stage: Stage, search: Search) -> None:
        def attempt(calls: int) -> Stretch:
            self._console.print(f"{time.strftime('%H:%M:%S')}    {calls} calls", highlight=False)
            return stretch.measure(stage, search.path, calls, search.seconds)

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
        if plan.spacing_seconds:
            self._do(f"{version} spacing alone", partial(self._spacing, stage, plan.spacing_seconds, 0))
        if plan.spacing_among_seconds:
            step = partial(self._spacing, stage, plan.spacing_among_seconds, REFERENCE_CALLS - 1)
            self._do(f"{version} spacing among {REFERENCE_CALLS}", step)
        self._do(f"{version} interruption", partial(self._interruption, stage))
        for path in GREETINGS:
            self._do(f"{version} first audio {path.name}", partial(self._first_audio, stage, path))

    def _spacing(self, stage: Stage, seconds: float, others: int) -> None:
        spacing, problems = packet_spacing.measure(stage, seconds, others)
        self.results.spacing.append(spacing)
        self._note(problems)

    def _interruption(self, stage: Stage) -> None:
        interruptions, problems = interruption_silence.measure(stage)
        self.results.interruptions.append(interruptions)
        self._note(problems)

    def _first_audio(self, stage: Stage, path: CallPath) -> None:
        first, set_up_parts, problems = first_audio.measure(stage, path, self._plan.greetings)
        self.results.first_audio.append(first)
        self.results.set_up.append(set_up_parts)
        self._note(problems)

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
