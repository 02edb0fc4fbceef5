"""The model of a call holds itself what it says of others, and its walks go where they should."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from call_model import Agent, Call, Model, Options, Service, Stage, Step, Tool, explore, problems, tour
from call_model.plan import APART, described, plan

ROOT = Path(__file__).parents[2]
KINDS = {
    "usual": Model(),
    "confirmed": Model(options=Options(confirmed=True)),
    "more attempts": Model(options=Options(attempts=3, reconnects=2, confirmed=True)),
    "plain service": Model(Service(has_tools=False, has_interruptions=False, has_context=False, announces=False)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_states_hold(kind: str) -> None:
    graph = explore(KINDS[kind])
    print(f"{kind}: {graph}")
    assert problems(graph) == []
    assert {call.status for call in graph.depth if call.stage is Stage.ENDED} == {
        "COMPLETED",
        "CALLER_HANGUP",
        "TIMEOUT",
        "UNAVAILABLE",
        "LOST",
    }


class _TellsTheEndTwice(Model):
    def _caller_hangs_up(self, call: Call) -> Step:
        step = super()._caller_hangs_up(call)
        return replace(step, told=(*step.told, step.told[-1]))


class _LetsTheInterruptedBeHeard(Model):
    def _service_goes_on(self, call: Call) -> Step:
        return Step(replace(call, agent=Agent.SPEAKING))


class _ForgetsATool(Model):
    def _time_tool_over(self, call: Call) -> Step:
        return replace(super()._time_tool_over(call), told=("error",))


class _NeverGivesUp(Model):
    def _time_attempt_over(self, call: Call) -> Step:
        return Step(replace(call, stage=Stage.BETWEEN))


class _KeepsATool(Model):
    def _lost(self, call: Call) -> Step:
        step = super()._lost(call)
        return step if step.after.status else replace(step, after=replace(step.after, tool=Tool.OPERATOR))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (_TellsTheEndTwice, "the end is not told once"),
        (_LetsTheInterruptedBeHeard, "heard again after it was interrupted"),
        (_ForgetsATool, "ends of tools do not match"),
        (_NeverGivesUp, "does not come to an end by itself"),
        (_KeepsATool, "somebody is waited for who cannot be answered"),
    ],
)
def test_a_wrong_model_is_noticed(wrong: type[Model], text: str) -> None:
    assert any(text in problem for problem in problems(explore(wrong())))


@pytest.mark.parametrize("depth", [3, None])
def test_a_tour_takes_every_transition(depth: int | None) -> None:
    graph = explore(Model(), depth)
    taken = set()
    for events in tour(graph):
        call = graph.first
        for event in events:
            taken.add((call, event))
            call = graph.steps[call][event].after
    assert taken == set(graph.transitions())


@pytest.mark.parametrize("kind", KINDS)
def test_planned_walks_are_walks_of_the_model(kind: str) -> None:
    model = KINDS[kind]
    for seed in map(str, range(200)):
        steps = plan(model, seed)
        assert described(plan(model, seed)) == described(steps), "it is not repeated by its seed"
        call = model.first()
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            assert step.event.startswith("time.") or step.event in model.events(call)
            call = model.step(call, step.event).after
            assert step.begins < step.ends < step.begins + 2 * APART
            assert following is None or following.begins >= step.ends
        assert call.stage is Stage.ENDED


def test_the_picture_is_of_this_model() -> None:
    drawn = subprocess.run([sys.executable, ROOT / "tools" / "draw_call_model.py", "--check"], capture_output=True)
    assert drawn.returncode == 0, drawn.stdout.decode()
