"""Walks of the model for a real call: which events, and how long after its begin, by a seed.

Real time passes. So each step is given some, and what runs out does so by a clock of the plan's, on which nothing is
planned so close to another that it might as well come after it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from call_model.call import TIME, Agent, Call, Leaving, Model, Stage, Tool

UTTERANCE = 5.0
"""Seconds of what the agent says at once."""
GOES_ON = 0.2
RUNS = {
    "time.next_attempt": (0.1, 0.2),
    "time.decides": (4.0, 4.1),
    "time.leaves": (0.7, 0.9),
    "time.attempt_over": (5.0, 5.1),
    "time.service_lost": (7.9, 8.4),
    "time.tool_over": (9.0, 9.1),
}
"""Seconds from when each begins to run until it is over, at the least and at the most."""
ON_HOLD_LEAVES = (20.0, 20.3)
"""So long, from when it was called, a goodbye waits for a caller who does not hear it."""
OPTIONS = {
    "retry_backoff_ms": 100,
    "interruption_decision_ms": 4000,
    "connection_timeout_seconds": 5,
    "handshake_timeout_seconds": 5,
    "service_silence_seconds": 8,
    "tool_timeout_ms": 9000,
    "connect_audio_limit_ms": 30000,
}
"""The same in aiconvai.conf."""

STEP = 0.8
STEPS = {"caller.speaks": 2.2, "caller.presses": 1.0}
APART = 1.2
"""Between two things of which one has to come first."""
WAIT = {Stage.OPEN: 0.25, Stage.BETWEEN: 0.5}
"""How often time is let go on though something else could happen."""
SELDOM = 0.06
ENDS = ("caller.hangs_up", "operator.ends", "operator.redirects", "operator.hangs_up", "service.closes")
ON_HOLD = frozenset({"caller.speaks", "caller.presses"})
"""A telephone that has put the other one on hold sends nothing."""


@dataclass(frozen=True)
class PlannedStep:
    """One event of a walk."""

    event: str
    begins: float
    """Seconds since the call began."""
    ends: float
    """Until when all that comes of it has come."""


@dataclass
class _Clock:
    """What is running, and until when."""

    now: float = 0.0
    due: dict[str, tuple[float, float]] = field(default_factory=dict)
    """The earliest and the latest moment."""
    unheard: float = 0.0
    """Seconds of the agent that are kept for later, or being heard."""

    def copy(self) -> _Clock:
        return _Clock(self.now, dict(self.due), self.unheard)

    def next(self) -> str | None:
        return min(self.due, key=lambda name: self.due[name][0], default=None)

    def is_clear(self) -> bool:
        """Whether it is known in which order things run out."""
        spans = sorted(self.due.values())
        return all(later[0] > earlier[1] + APART for earlier, later in itertools.pairwise(spans))

    def go_on(self, before: Call, event: str, after: Call, early: float, ends: float) -> None:
        """The event has happened, now or so early, and its step is over then."""
        moment, self.now = (early, self.now), ends
        hears = before.hears_agent
        if "time.heard" in self.due:
            self.unheard = max(0.0, self.due["time.heard"][0] - moment[0])
        if event == "service.speaks":
            cut = before.agent in (Agent.PAUSED, Agent.INTERRUPTED) or (before.void and not before.forbidden)
            self.unheard = UTTERANCE + (0.0 if cut else self.unheard)
        elif event == "service.goes_on" and before.agent in (Agent.SPEAKING, Agent.PAUSED):
            self.unheard += GOES_ON
        elif event == "time.heard" or after.agent not in (Agent.SPEAKING, Agent.PAUSED):
            self.unheard = 0.0
        self._run("time.heard", moment, after.hears_agent, (self.unheard, self.unheard + 0.4), anew=True)
        self._run("time.next_attempt", moment, after.stage is Stage.BETWEEN, anew=before.stage is not Stage.BETWEEN)
        self._run("time.decides", moment, after.agent is Agent.PAUSED, anew=before.agent is not Agent.PAUSED)
        leaves = after.leaving is not Leaving.NO and not after.hears_agent and after.agent is not Agent.PAUSED
        waits = after.hold and after.agent is Agent.SPEAKING
        changed = hears or before.leaving is Leaving.NO or waits != (before.hold and before.agent is Agent.SPEAKING)
        self._run("time.leaves", moment, leaves, ON_HOLD_LEAVES if waits else None, anew=changed)
        attempts = after.stage in (Stage.CONNECTING, Stage.STARTING)
        self._run("time.attempt_over", moment, attempts, anew=before.stage is not after.stage)
        self._run("time.service_lost", moment, after.vanished, anew=not before.vanished)
        self._run("time.tool_over", moment, after.tool is not Tool.NONE, anew=before.tool is Tool.NONE)

    def _run(
        self,
        name: str,
        moment: tuple[float, float],
        is_on: bool,
        span: tuple[float, float] | None = None,
        *,
        anew: bool,
    ) -> None:
        least, most = span or RUNS[name]
        if not is_on:
            self.due.pop(name, None)
        elif anew or name not in self.due:
            self.due[name] = moment[0] + least, moment[1] + most


def plan(model: Model, seed: str, longest: int = 14) -> list[PlannedStep]:
    """A walk that ends with the call. It is the same for the same seed."""
    chance = random.Random(seed)
    call, clock = model.first(), _Clock()
    clock.due["time.attempt_over"] = RUNS["time.attempt_over"]
    # The call is answered and its first attempt begun.
    clock.now = 1.0
    steps: list[PlannedStep] = []
    while call.stage is not Stage.ENDED:
        choices = list(_choices(model, call, clock))
        if len(steps) >= longest:
            choices = [one for one in choices if one[0] in ENDS] or choices
        waits = [one for one in choices if one[0] in TIME]
        if not choices:
            # Nothing fits before what runs out, and what runs out is not clear.
            return _cut(model, steps)
        if waits and (len(waits) == len(choices) or chance.random() < WAIT.get(call.stage, SELDOM)):
            choices = waits
        _, clock, call, step = chance.choices(choices, [_weight(one[0], call) for one in choices])[0]
        steps.append(step)
    return steps


def _cut(model: Model, steps: list[PlannedStep]) -> list[PlannedStep]:
    """The caller hangs up in the place of the last step that had time for that."""
    while steps and steps[-1].event in TIME:
        steps.pop()
    begins = steps[-1].begins if steps else 1.0
    return [*steps[:-1], PlannedStep("caller.hangs_up", begins, begins + STEP)]


def _weight(event: str, call: Call) -> float:
    """Ends are many: a walk is to come further than to the first of them."""
    if event in ENDS or event in ("service.refuses_for_good", "service.hangs_up", "service.transfers"):
        return 0.15
    if event in ("service.accepts", "service.announces"):
        return 10.0
    if event == "service.speaks" and call.agent is not Agent.SPEAKING:
        return 3.0
    return 3.0 if event == "service.interrupts" else 1.0


def _choices(model: Model, call: Call, clock: _Clock) -> Iterator[tuple[str, _Clock, Call, PlannedStep]]:
    """What may happen now, with what is then."""
    first = clock.next()
    for event in (*(name for name in model.events(call) if name not in TIME), *([first] if first else [])):
        if call.hold and event in ON_HOLD:
            continue
        after = model.step(call, event).after
        then = clock.copy()
        begins = early = clock.now
        if event in TIME:
            early, latest = then.due.pop(event)
            begins = then.now = max(clock.now, latest)
        ends = begins + STEPS.get(event, STEP)
        if event not in TIME and first and clock.due[first][0] < ends + APART:
            continue
        then.go_on(call, event, after, early, ends)
        if after.stage is Stage.ENDED or then.is_clear():
            yield event, then, after, PlannedStep(event, begins, ends)


def with_options(model: Model) -> dict[str, object]:
    """What the agent's section says of such walks."""
    return {
        **OPTIONS,
        "max_connection_attempts": model.options.attempts,
        "reconnect_attempts": model.options.reconnects,
        "interruption": "confirmed" if model.options.confirmed else "service",
        "interruption_min_ms": 300,
        "dtmf_interdigit_ms": 0,
        "audio_frames_buffer_ms": 20,
        "answer_timeout_ms": 0,
        "playout_limit_seconds": 60,
    }


def described(steps: Sequence[PlannedStep]) -> str:
    """As it is printed, and kept."""
    return " ".join(f"{step.begins:.1f}:{step.event}" for step in steps)


def read_steps(text: str) -> list[PlannedStep]:
    """What `described` has written."""
    steps = []
    for word in text.split():
        begins, _, event = word.partition(":")
        steps.append(PlannedStep(event, float(begins), float(begins) + STEPS.get(event, STEP)))
    return steps
