"""The results as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.rig.bench.statistics import ecdf
from aiconvai.rig.talk.figures import Rate, echo_figures, interruption_figures
from aiconvai.rig.talk.lines import HEADSET, LINES, LOUD, USUAL, Line
from aiconvai.rig.talk.results import TalkResults
from aiconvai.rig.talk.run import OURS, SERVICE, Column, Recorded
from aiconvai.rig.talk.sounds import Kind
from aiconvai.rig.talk.telephone import RATE

_INK, _FAINT = "#22313f", "#8a97a3"
_OURS, _SERVICE, _CALLER = "#1b7f8f", "#d98e04", "#b08968"
_MARKS = {"caller": ("#b08968", "caller"), "pause": ("#c4161c", "paused"), "goes on": ("#4a7c59", "goes on"),
          "interruption": ("#5b5f97", "interrupted")}  # fmt: skip
_DPI = 110
_BEFORE_SECONDS, _AFTER_SECONDS = 2.5, 4.5
"""Of a recording that are drawn, around what happened."""


def draw_all(results: TalkResults, recordings: Sequence[tuple[str, Recorded]], folder: Path) -> list[Path]:
    """Everything there is something to draw for; the files, in the order of the page."""
    drawn: list[Path] = []
    for name, figure in (
        ("talk-recording.png", _recordings(recordings) if recordings else None),
        ("talk-rates.png", _rates(results)),
        ("talk-yield.png", _yields(results)),
    ):
        if figure is not None:
            drawn.append(folder / name)
            figure.savefig(drawn[-1], dpi=_DPI)
            pyplot.close(figure)
    return drawn


def _rates(results: TalkResults) -> Figure | None:
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    lines = [line for line in LINES if results.turns(OURS, [line], Kind.NOTHING)]
    if not lines:
        pyplot.close(figure)
        return None
    places = {line.name: len(lines) - 1 - index for index, line in enumerate(lines)}
    for column, colour, offset in ((SERVICE, _SERVICE, 0.16), (OURS, _OURS, -0.16)):
        for line in lines:
            broken_off = echo_figures(results.turns(column, [line], Kind.NOTHING)).broken_off
            _whisker(left, broken_off, places[line.name] + offset, colour)
            heard = interruption_figures(results.turns(column, [line], Kind.INTERRUPTION))
            _whisker(right, heard.decided_200, places[line.name] + offset, colour, hollow=True)
            _whisker(right, heard.decided_500, places[line.name] + offset / 2, colour)
        left.plot([], [], "o", color=colour, label=column.name)
    left.set_yticks(list(places.values()), list(places), fontsize=8)
    left.set_title("broken off by the agent's own voice", loc="left", color=_INK)
    right.set_title("interruptions decided within 200 (hollow), 500 ms", loc="left", color=_INK)
    for axes in (left, right):
        axes.set_xlim(-3, 103)
        axes.set_xlabel("%")
        _plain(axes)
    figure.legend(*left.get_legend_handles_labels(), frameon=False, loc="outside lower left", ncols=2)
    return figure


def _whisker(axes: Axes, rate: Rate | None, place: float, colour: str, *, hollow: bool = False) -> None:
    if rate is not None:
        axes.plot([rate.lowest * 100, rate.highest * 100], [place, place], color=colour, linewidth=1.2)
        axes.plot(rate.share * 100, place, "o", color=colour, markerfacecolor="white" if hollow else colour)


def _yields(results: TalkResults) -> Figure | None:
    shown: tuple[tuple[Column, Line, str, str], ...] = (
        (SERVICE, HEADSET, _SERVICE, "-"), (OURS, HEADSET, _OURS, "-"), (OURS, USUAL, _OURS, "--"),
        (OURS, LOUD, _OURS, ":"),
    )  # fmt: skip
    figure, axes = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
    for column, line, colour, style in shown:
        turns = results.turns(column, [line], Kind.INTERRUPTION)
        times = [turn.silent_ms for turn in turns if turn.cut and turn.silent_ms is not None]
        if times:
            # Those that never came are missing at the top.
            ordered, shares = ecdf(times)
            shares = shares * len(times) / len(turns)
            axes.step(ordered, shares, style, where="post", color=colour, label=f"{column.name}, {line.name}")
    if not axes.lines:
        pyplot.close(figure)
        return None
    axes.set_xlim(0, 1000)
    axes.set_ylim(0, 101)
    axes.set_xlabel("ms from the caller's first sound until the agent is silent at the caller's ear")
    axes.set_ylabel("% of interruptions")
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    _plain(axes)
    return figure


def _recordings(recordings: Sequence[tuple[str, Recorded]]) -> Figure:
    figure, rows = pyplot.subplots(len(recordings) * 2, 1, figsize=(11, 3.4 * len(recordings)), layout="constrained")
    for number, (title, recorded) in enumerate(recordings):
        upper, lower = rows[2 * number], rows[2 * number + 1]
        centre = next((one.ms for one in recorded.moments if one.what == "caller"), 3000.0) / 1000
        start, end = max(0.0, centre - _BEFORE_SECONDS), centre + _AFTER_SECONDS
        _waveform(upper, recorded.sent, start, end, _CALLER)
        _waveform(lower, recorded.heard, start, end, _OURS)
        upper.set_title(title, loc="left", color=_INK)
        upper.set_ylabel("caller sends", fontsize=8)
        lower.set_ylabel("caller hears", fontsize=8)
        lower.set_xlabel("s", fontsize=8)
        for one in recorded.moments:
            second = one.ms / 1000
            if start <= second <= end:
                colour, text = _MARKS[one.what]
                for axes in (upper, lower):
                    axes.axvline(second, color=colour, linewidth=1)
                # What comes right behind something else stands on the other side of its line.
                side, place = ("right", (-3, 0)) if one.what == "caller" else ("left", (3, 0))
                upper.annotate(text, (second, 0.86), color=colour, fontsize=8, xytext=place,
                               textcoords="offset points", ha=side)  # fmt: skip
    return figure


def _waveform(axes: Axes, samples: Samples, start: float, end: float, colour: str) -> None:
    part = samples[round(start * RATE) : round(end * RATE)] / FULL_SCALE
    axes.plot(start + np.arange(len(part)) / RATE, part, color=colour, linewidth=0.4)
    axes.set_xlim(start, end)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_FAINT, labelcolor=_INK)
