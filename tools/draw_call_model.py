#!/usr/bin/env python3
"""Draw docs/images/call-model.svg from the model of a call (tests/model/call_model): boxes and arrows.

draw_call_model.py            writes it
draw_call_model.py --check    says if it is not as it would be written; exit status 1 then

Where a box is, and how an arrow goes, is chosen here; which boxes and arrows there are, and what is written at them,
comes from the model.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "model"))

from call_model import EVENTS, Agent, Call, Graph, Model, Options, Stage, Tool, explore  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "call-model.svg"
WIDTH, HEIGHT = 1180, 960
COLOURS = {"caller": "#1d4ed8", "service": "#15803d", "operator": "#b45309", "dialplan": "#7e22ce", "time": "#57534e"}
BOX = 150, 44
LINE = 15

Edge = tuple[str, str]

PLACES = {
    "connecting": (120, 150),
    "starting": (470, 150),
    "between attempts": (295, 330),
    "open": (820, 150),
    "ended": (820, 330),
    "agent silent": (160, 560),
    "agent speaking": (600, 560),
    "agent paused": (600, 800),
    "agent interrupted": (160, 800),
}
"""The middle of each box."""

BENDS: dict[Edge, float] = {
    ("connecting", "between attempts"): 30.0,
    ("between attempts", "connecting"): 30.0,
    ("starting", "between attempts"): 0.0,
    ("open", "between attempts"): 0.0,
    ("agent silent", "agent speaking"): 34.0,
    ("agent speaking", "agent silent"): 34.0,
    ("agent speaking", "agent paused"): 60.0,
    ("agent paused", "agent speaking"): 60.0,
    ("agent paused", "agent interrupted"): 0.0,
    ("agent interrupted", "agent speaking"): 0.0,
    ("agent speaking", "agent interrupted"): 34.0,
}
"""How far an arrow swings to its right."""

LABELS: dict[Edge, tuple[float, float]] = {
    ("connecting", "starting"): (0, -14),
    ("starting", "open"): (0, -14),
    ("connecting", "between attempts"): (-118, 26),
    ("between attempts", "connecting"): (26, -38),
    ("starting", "between attempts"): (-56, -14),
    ("open", "between attempts"): (60, 34),
    ("agent silent", "agent speaking"): (0, 24),
    ("agent speaking", "agent silent"): (0, -20),
    ("agent speaking", "agent paused"): (-74, -6),
    ("agent paused", "agent speaking"): (56, -8),
    ("agent paused", "agent interrupted"): (0, 22),
    ("agent interrupted", "agent speaking"): (-96, 4),
}
"""From the middle of the arrow to that of its text."""


def of_connection(call: Call) -> str:
    return call.stage.value


def of_agent(call: Call) -> str:
    """While the conversation is open."""
    return f"agent {call.agent.value}" if call.stage is Stage.OPEN else ""


def edges(graph: Graph, name: Callable[[Call], str]) -> dict[Edge, list[str]]:
    """What leads from one box to another, in the order in which the model has it."""
    found: dict[Edge, set[str]] = {}
    for call, event in graph.transitions():
        before, after = name(call), name(graph.steps[call][event].after)
        if before and after and before != after:
            found.setdefault((before, after), set()).add(event)
    return {edge: sorted(events, key=EVENTS.index) for edge, events in found.items()}


def ends(graph: Graph) -> dict[str, list[str]]:
    """For each status, what leads to it."""
    found: dict[str, set[str]] = {}
    for call, event in graph.transitions():
        status = graph.steps[call][event].after.status
        if status:
            found.setdefault(status, set()).add(event)
    return {status: sorted(events, key=EVENTS.index) for status, events in sorted(found.items())}


def picture() -> str:
    graph = explore(Model(options=Options(confirmed=True)))
    connection, agent = edges(graph, of_connection), edges(graph, of_agent)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13">',
        "<title>The states of a call, and what leads from one to another</title>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#334155"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_legend(),
        *_text(24, 84, "The connection to the service", size=16, weight=600),
        *_text(24, 470, "While it is open: what the caller hears of the agent", size=16, weight=600),
    ]
    # Each end has a table of its own.
    drawn = {edge: events for edge, events in (connection | agent).items() if edge[1] != "ended"}
    for edge, events in drawn.items():
        parts += _arrow(edge, events)
    parts += _end_arrow()
    for name in PLACES:
        parts += _box(name, graph)
    parts += _ends(graph)
    parts += _beside(graph)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    x = 24.0
    yield from _text(x, 40, "Who brings it about:", colour="#334155")
    x += 140
    for who, colour in COLOURS.items():
        yield from _text(x, 40, who, colour=colour, weight=600)
        x += 30 + 8 * len(who)


def _text(
    x: float, y: float, text: str, *, size: int = 13, colour: str = "#0f172a", weight: int = 400, anchor: str = "start"
) -> Iterator[str]:
    yield (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _box(name: str, graph: Graph) -> Iterator[str]:
    x, y = PLACES[name]
    width, height = BOX
    heard = any(of_agent(call) == name and call.hears_agent for call in graph.depth)
    fill = "#dcfce7" if heard else "#e2e8f0" if name == "ended" else "#f1f5f9"
    yield (
        f'<rect x="{x - width / 2:.0f}" y="{y - height / 2:.0f}" width="{width}" height="{height}" rx="8" '
        f'fill="{fill}" stroke="#334155" stroke-width="1.5"/>'
    )
    yield from _text(x, y + 5, name, weight=600, anchor="middle")


def _arrow(edge: Edge, events: list[str]) -> Iterator[str]:
    (x1, y1), (x2, y2) = PLACES[edge[0]], PLACES[edge[1]]
    length = math.hypot(x2 - x1, y2 - y1)
    # To the right, as the arrow goes.
    right = -(y2 - y1) / length, (x2 - x1) / length
    bend = BENDS.get(edge, 0.0)
    middle = (x1 + x2) / 2 + right[0] * bend, (y1 + y2) / 2 + right[1] * bend
    control = (x1 + x2) / 2 + right[0] * bend * 2, (y1 + y2) / 2 + right[1] * bend * 2
    start, end = _border((x1, y1), control), _border((x2, y2), control)
    yield (
        f'<path d="M{start[0]:.0f} {start[1]:.0f} Q{control[0]:.0f} {control[1]:.0f} {end[0]:.0f} {end[1]:.0f}" '
        'fill="none" stroke="#334155" stroke-width="1.5" marker-end="url(#head)"/>'
    )
    dx, dy = LABELS[edge]
    yield from _labels(middle[0] + dx, middle[1] + dy, events, upwards=dy < 0)


def _labels(x: float, y: float, events: list[str], *, upwards: bool) -> Iterator[str]:
    first = y - LINE * (len(events) - 1) if upwards else y
    for number, event in enumerate(events):
        who, _, what = event.partition(".")
        yield from _text(x, first + number * LINE, what.replace("_", " "), colour=COLOURS[who], anchor="middle")


def _border(box: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    dx, dy = towards[0] - box[0], towards[1] - box[1]
    scale = min(
        (BOX[0] / 2 + 2) / abs(dx) if dx else math.inf,
        (BOX[1] / 2 + 2) / abs(dy) if dy else math.inf,
    )
    return box[0] + dx * scale, box[1] + dy * scale


def _end_arrow() -> Iterator[str]:
    x, y = PLACES["open"]
    bottom, top = y + BOX[1] / 2 + 2, PLACES["ended"][1] - BOX[1] / 2 - 2
    yield f'<path d="M{x} {bottom:.0f} V{top:.0f}" stroke="#334155" stroke-width="1.5" marker-end="url(#head)"/>'
    yield from _text(x + 8, (bottom + top) / 2 + 4, "from every state", colour="#334155")


def _ends(graph: Graph) -> Iterator[str]:
    x, y = 930.0, 262.0
    yield from _text(x, y, "Status, and what leads to it", weight=600)
    for status, events in ends(graph).items():
        y += LINE * 1.5
        yield from _text(x, y, status, weight=600, size=12)
        for line in _lines(events):
            y += LINE
            for at, event in line:
                who, _, what = event.partition(".")
                yield from _text(x + at, y, what.replace("_", " "), colour=COLOURS[who], size=12)


def _lines(events: Iterable[str], width: float = 235.0) -> list[list[tuple[float, str]]]:
    """The events side by side, with how far to the right each is."""
    lines: list[list[tuple[float, str]]] = [[]]
    at = 0.0
    for event in events:
        size = 7.0 * len(event.partition(".")[2]) + 12
        if lines[-1] and at + size > width:
            lines.append([])
            at = 0.0
        lines[-1].append((at, event))
        at += size
    return lines


def _beside(graph: Graph) -> Iterator[str]:
    """What else a state has, and how large all of it is."""
    calls = list(graph.depth)
    facts = [
        ("on hold", lambda call: call.hold),
        ("the caller may not interrupt", lambda call: call.forbidden),
        ("a tool of the operator's is open", lambda call: call.tool is Tool.OPERATOR),
        ("a subroutine of the dialplan runs", lambda call: call.tool is Tool.SUBROUTINE),
        ("the agent has hung up, or transferred", lambda call: call.leaving.value != "no"),
        ("the service has vanished", lambda call: call.vanished),
        ("a key waits for the service", lambda call: call.key),
        ("the conversation is being reopened", lambda call: call.again),
        ("what is heard is void to the service", lambda call: call.void and call.agent is Agent.SPEAKING),
    ]
    x, y = 790.0, 700.0
    yield from _text(x, y, "Beside these, a state says whether", weight=600)
    for words, holds in facts:
        y += LINE * 1.2
        yield from _text(x, y, f"{words}  ({sum(map(holds, calls))} states)", size=12)
    y += LINE * 2
    count = sum(map(len, graph.steps.values()))
    yield from _text(x, y, f"{len(calls)} states, {count} transitions in all", weight=600)


def main(arguments: list[str]) -> int:
    text = picture()
    if PICTURE.exists() and PICTURE.read_text(encoding="utf-8") == text:
        return 0
    if arguments == ["--check"]:
        print("docs/images/call-model.svg: is not as tools/draw_call_model.py draws it")
        return 1
    PICTURE.write_text(text, encoding="utf-8")
    print("docs/images/call-model.svg: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
