"""Walks over a graph that take every transition at least once, in about as few steps as there can be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from call_model.call import Call, Stage
from call_model.explore import Graph

LONGEST = 30
"""Events of one walk, so that one that fails can be read."""


def tour(graph: Graph) -> Iterator[list[str]]:
    """Calls, each the events from the first state on, until every transition was taken.

    Each end costs a call of its own. So calls first go wherever something is new and end where they happen to be; then
    the ends that are left are gone to on the shortest way.
    """
    left = {call: list(steps) for call, steps in graph.steps.items()}
    while True:
        call, path = graph.first, []
        while len(path) < LONGEST and (way := _to_the_nearest(graph, left, call)):
            for event in way:
                _take(left, call, event)
                path.append(event)
                call = graph.steps[call][event].after
        if not path:
            break
        if ends := left.get(call):
            path.append(ends.pop())
        yield path
    for call in graph.steps:
        for event in left[call]:
            yield [*way_to(graph, call), event]


def way_to(graph: Graph, wanted: Call) -> list[str]:
    """The fewest events that lead there."""
    events: list[str] = []
    while wanted != graph.first:
        before, event = graph.came[wanted]
        events.append(event)
        wanted = before
    return events[::-1]


def _take(left: dict[Call, list[str]], call: Call, event: str) -> None:
    if event in left.get(call, ()):
        left[call].remove(event)


def _to_the_nearest(graph: Graph, left: dict[Call, list[str]], start: Call) -> list[str]:
    """The events that lead to the nearest transition that is left and is no end, and it itself; none: there is none."""
    ways: dict[Call, list[str]] = {start: []}
    waiting = deque([start])
    while waiting:
        call = waiting.popleft()
        for event, step in graph.steps.get(call, {}).items():
            if step.after.stage is Stage.ENDED:
                continue
            if event in left.get(call, ()):
                return [*ways[call], event]
            if step.after not in ways:
                ways[step.after] = [*ways[call], event]
                waiting.append(step.after)
    return []
