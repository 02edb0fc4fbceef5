"""All that may happen to a call: every state there is, and every event in it, breadth first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from call_model.call import Agent, Call, Leaving, Model, Stage, Step, Tool

Transition = tuple[Call, str]


@dataclass(frozen=True)
class Graph:
    """States and what leads from one to the other."""

    first: Call
    steps: dict[Call, dict[str, Step]] = field(default_factory=dict)
    depth: dict[Call, int] = field(default_factory=dict)
    """How many events a state is away from the first one."""
    came: dict[Call, Transition] = field(default_factory=dict)
    """How each state but the first was reached first."""

    def transitions(self) -> Iterator[Transition]:
        for call, steps in self.steps.items():
            for event in steps:
                yield call, event

    def __str__(self) -> str:
        count = sum(map(len, self.steps.values()))
        ends = sum(call.stage is Stage.ENDED for call in self.depth)
        return f"{len(self.depth)} states ({ends} ends), {count} transitions, {max(self.depth.values())} deep"


def explore(model: Model, depth: int | None = None, without: Iterable[str] = ()) -> Graph:
    """Every state that is reached by so many events at the most, or at all; some events may be left out."""
    left_out = frozenset(without)
    graph = Graph(model.first())
    graph.depth[graph.first] = 0
    waiting = deque([graph.first])
    while waiting:
        call = waiting.popleft()
        if depth is not None and graph.depth[call] >= depth:
            continue
        graph.steps[call] = {name: model.step(call, name) for name in model.events(call) if name not in left_out}
        for event, step in graph.steps[call].items():
            if step.after not in graph.depth:
                graph.depth[step.after] = graph.depth[call] + 1
                graph.came[step.after] = call, event
                waiting.append(step.after)
    return graph


def problems(graph: Graph) -> list[str]:
    """What is wrong with the model itself."""
    found = [f"{call}: {text}" for call in graph.depth for text in _wrong_state(call)]
    for call, event in graph.transitions():
        found += [f"{call} -- {event}: {text}" for text in _wrong_step(call, event, graph.steps[call][event])]
    ends = {call for call in graph.depth if call.stage is Stage.ENDED}
    found += [f"{call}: something happens after the end" for call in ends if graph.steps.get(call)]
    for text, only in (("cannot come to an end", ""), ("does not come to an end by itself", "time.")):
        leads = _that_lead_to(graph, ends, only)
        found += [f"{call}: {text}" for call in graph.steps if call not in leads]
    return found


def _wrong_state(call: Call) -> Iterator[str]:
    if (call.stage is Stage.ENDED) != bool(call.status):
        yield "a status without an end, or the other way round"
    if call.stage is not Stage.OPEN:
        if call.tool is not Tool.NONE:
            yield "somebody is waited for who cannot be answered"
        if call.void or call.agent in (Agent.PAUSED, Agent.INTERRUPTED):
            yield "an interruption of a service that is not there"
        if call.vanished or call.leaving is not Leaving.NO:
            yield "a service that is not there has vanished, or left"
    if call.void and call.agent is not Agent.SPEAKING:
        yield "something is void that is not heard"
    if call.stage is Stage.OPEN and call.key:
        yield "a key that the service was not told"
    if call.again and not call.losses:
        yield "reopened without a loss"


def _wrong_step(call: Call, event: str, step: Step) -> Iterator[str]:
    after, told = step.after, step.told
    ended = [text for text in told if text.startswith("ended ")]
    if ended != ([f"ended {after.status}"] if after.stage is Stage.ENDED else []):
        yield "the end is not told once"
    if ended and told[-1] != ended[0]:
        yield "something is told after the end"
    if len(set(told)) != len(told):
        yield "something is told twice"
    if ("ready" in told) != (after.stage is Stage.OPEN and call.stage is not Stage.OPEN):
        yield "that it is open is not told, or told although it was"
    tools = ("tool call" in told) - ("tool done" in told)
    if tools != (after.tool is not Tool.NONE) - (call.tool is not Tool.NONE):
        yield "calls and ends of tools do not match"
    pauses = ("pause begun" in told) - ("pause over" in told)
    if pauses != (after.agent is Agent.PAUSED) - (call.agent is Agent.PAUSED):
        yield "begins and ends of pauses do not match"
    holds = ("hold begun" in told) - ("hold over" in told)
    if after.stage is not Stage.ENDED and holds != after.hold - call.hold:
        yield "begins and ends of holds do not match"
    if call.agent is Agent.INTERRUPTED and after.hears_agent and event != "service.speaks":
        yield "the agent is heard again after it was interrupted"
    if "interrupted" in told and after.hears_agent and event != "service.speaks":
        yield "an interrupted agent is heard"
    if after.agent is Agent.PAUSED and after.forbidden:
        yield "it may be interrupted although that is forbidden"
    if "interrupted" in told and call.forbidden:
        yield "interrupted although that is forbidden"
    if step.gets == "close" and after.stage is not Stage.ENDED:
        yield "closed, and not over"


def _that_lead_to(graph: Graph, ends: set[Call], only: str = "") -> set[Call]:
    """The states from which one of these is reached; by events only whose names begin so."""
    before: dict[Call, set[Call]] = {}
    for call, event in graph.transitions():
        if event.startswith(only):
            before.setdefault(graph.steps[call][event].after, set()).add(call)
    # Those whose steps are beyond the depth may lead anywhere.
    reached = set(ends) | {call for call in graph.depth if call not in graph.steps}
    waiting = deque(reached)
    while waiting:
        for call in before.get(waiting.popleft(), ()):
            if call not in reached:
                reached.add(call)
                waiting.append(call)
    return reached
