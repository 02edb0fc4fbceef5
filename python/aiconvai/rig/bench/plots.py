"""The results as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aiconvai.rig.bench.paths import (
    AUDIOSOCKET,
    CHAN_WEBSOCKET,
    CHUNKS_20,
    CHUNKS_60,
    CHUNKS_240,
    ECHO,
    GATEWAY,
    GATEWAY_RTP,
    GUARDED,
    HELD,
    IDLE,
    PATHS,
    RESAMPLED24_20,
    RESAMPLED24_20_TLS,
    RESAMPLED_20,
    RESAMPLED_20_TLS,
    TLS_20,
    TLS_240,
)
from aiconvai.rig.bench.plan import REFERENCE_CALLS
from aiconvai.rig.bench.results import Cost, Interruptions, PacketSpacing, Results
from aiconvai.rig.bench.statistics import ecdf

COLOURS = {
    ECHO.name: "#7c8a97",
    AUDIOSOCKET.name: "#b08968",
    CHAN_WEBSOCKET.name: "#8f5f3a",
    GATEWAY.name: "#c06c84",
    GATEWAY_RTP.name: "#8e4162",
    CHUNKS_20.name: "#1b7f8f",
    CHUNKS_60.name: "#5aa9a0",
    CHUNKS_240.name: "#d98e04",
    TLS_20.name: "#5b5f97",
    TLS_240.name: "#9a8fc4",
    RESAMPLED_20.name: "#6b8e23",
    RESAMPLED_20_TLS.name: "#9bb55a",
    RESAMPLED24_20.name: "#a0522d",
    RESAMPLED24_20_TLS.name: "#c98a6b",
    IDLE.name: "#4a7c59",
    HELD.name: "#8db596",
    GUARDED.name: "#b5a98d",
}
_INK, _FAINT, _AIM = "#22313f", "#8a97a3", "#c4161c"
_DPI = 110
_MAIN = 22
_HELPER_ALPHA = 0.45
_ROUND_TRIP_TICKS = (0.1, 0.3, 1, 3, 10, 30, 100, 300)
_LEGEND_ABOVE: dict[str, Any] = {
    "loc": "lower left",
    "bbox_to_anchor": (0.0, 1.0),
    "frameon": False,
    "fontsize": 8.5,
    "ncols": 3,
}


def draw_all(results: Results, folder: Path) -> list[Path]:
    """One PNG file for each kind of result there is; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []

    def save(figure: Figure, name: str) -> None:
        path = folder / f"{name}.png"
        figure.savefig(path)
        pyplot.close(figure)
        paths.append(path)

    reference = [
        cost
        for path in PATHS
        if (cost := results.cost(path.name, REFERENCE_CALLS)) is not None and cost.ratio is not None
    ]
    if reference:
        save(_cpu(reference), "cpu")
    if len({one.calls for one in results.costs if one.asterisk == _MAIN}) > 1:
        save(_cpu_by_calls(results), "cpu-by-calls")
    if any(one.asterisk == _MAIN for one in results.round_trips):
        save(_round_trips(results), "round-trip")
    if results.spacing:
        save(_spacing(results.spacing[0]), "packet-spacing")
    if results.interruptions:
        save(_interruptions(results.interruptions), "interruption")
    if results.holdings:
        save(_memory(results), "memory")
    return paths


def _new(columns: int, title: str, ratios: Sequence[float] | None = None) -> tuple[Figure, list[Axes]]:
    figure, axes = pyplot.subplots(
        1, columns, figsize=(11, 4.2), dpi=_DPI, facecolor="white", layout="constrained", squeeze=False,
        width_ratios=ratios,
    )  # fmt: skip
    figure.suptitle(title, fontsize=13, weight="bold", color=_INK, x=0.012, ha="left")
    flat = list(axes[0])
    for one in flat:
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            one.spines[side].set_color(_FAINT)
        one.tick_params(colors=_FAINT, labelsize=8.5)
        one.grid(color="#e7ebee", linewidth=0.8)
        one.set_axisbelow(True)
        one.xaxis.label.set_color(_INK)
        one.yaxis.label.set_color(_INK)
    return figure, flat


def _aim(axes: Axes, value: float, text: str) -> None:
    axes.axvline(value, color=_AIM, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.annotate(
        text, (value, 0.04), xycoords=("data", "axes fraction"), xytext=(-4, 0), textcoords="offset points",
        rotation=90, ha="right", va="bottom", color=_AIM, fontsize=8.5,
    )  # fmt: skip


def _bar_labels(axes: Axes, values: Sequence[float], form: str) -> None:
    for number, value in enumerate(values):
        axes.annotate(
            form.format(value), (number, value), ha="center", va="bottom", color=_INK, fontsize=10, weight="bold"
        )


def _name_bars(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xticks(range(len(names)), [name.replace(" TLS", "\nTLS").replace(", ", "\n") for name in names])
    axes.tick_params(axis="x", colors=_INK)
    axes.grid(visible=False, axis="x")


def _cpu(costs: Sequence[Cost]) -> Figure:
    figure, (axes,) = _new(
        1, f"Processor time of asterisk with {REFERENCE_CALLS} calls; hatched: of its helper process"
    )
    alone = [cost.asterisk_ratio or 0.0 for cost in costs]
    whole = [cost.ratio or 0.0 for cost in costs]
    for number, cost in enumerate(costs):
        colour = COLOURS[cost.path]
        axes.bar(number, alone[number], color=colour, width=0.65)
        axes.bar(
            number, whole[number] - alone[number], bottom=alone[number], color=colour, alpha=_HELPER_ALPHA, width=0.65,
            hatch="//", edgecolor="white", linewidth=0,
        )  # fmt: skip
    _bar_labels(axes, whole, "{:.2f}")
    for path, aim in ((CHUNKS_20, 1.5), (CHUNKS_240, 1.0), (RESAMPLED_20, 2.1)):
        for number, cost in enumerate(costs):
            if cost.path == path.name:
                axes.plot([number - 0.4, number + 0.4], [aim, aim], color=_AIM, linewidth=1.4, linestyle=(0, (4, 3)))
    _name_bars(axes, [cost.path for cost in costs])
    axes.set_ylabel("times Echo(); dashed: goals")
    axes.set_ylim(0, max(whole) * 1.12)
    return figure


def _cpu_by_calls(results: Results) -> Figure:
    figure, (cost_axes, ratio_axes) = _new(2, "Processor time of a call among more and more calls")
    for path in PATHS:
        own = sorted(
            (one for one in results.costs if (one.asterisk, one.path) == (_MAIN, path.name)), key=lambda one: one.calls
        )
        if len(own) < 2:
            continue
        style: dict[str, Any] = {"color": COLOURS[path.name], "marker": "o", "markersize": 4, "linewidth": 1.8}
        cost_axes.plot(
            [one.calls for one in own], [(one.asterisk_cpu + one.helper_cpu) * 1000 for one in own], label=path.name,
            **style,
        )  # fmt: skip
        known = [(one.calls, one.ratio) for one in own if one.ratio is not None]
        if known and path is not ECHO:
            ratio_axes.plot([calls for calls, _ in known], [ratio for _, ratio in known], **style)
    for axes in (cost_axes, ratio_axes):
        axes.set_xscale("log")
        ticks = sorted({one.calls for one in results.costs if one.asterisk == _MAIN})
        axes.set_xticks(ticks, [str(one) for one in ticks])
        axes.minorticks_off()
        axes.set_xlabel("calls at once")
        axes.set_ylim(bottom=0)
    cost_axes.set_ylabel("ms of CPU for a second of a call")
    ratio_axes.set_ylabel("times Echo() with as many calls")
    cost_axes.legend(**_LEGEND_ABOVE)
    return figure


def _round_trips(results: Results) -> Figure:
    figure, both = _new(2, "Round trip of a tone burst, caller to far end and back")
    for axes, others in zip(both, (False, True), strict=True):
        for path in PATHS:
            trips = results.round_trip(path.name, others)
            if trips is not None:
                values, shares = ecdf(trips.delays_ms)
                axes.step(
                    values, shares, where="post", color=COLOURS[path.name], linewidth=1.8,
                    label=f"{path.name}: {trips.summary.p50:.2f} ms",
                )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xticks(_ROUND_TRIP_TICKS, [f"{one:g}" for one in _ROUND_TRIP_TICKS])
        axes.minorticks_off()
        axes.set_xlim(0.03, 600)
        axes.set_xlabel("ms, logarithmic; in the legend the medians")
        axes.set_ylim(0, 101)
        axes.legend(**_LEGEND_ABOVE)
    both[0].set_ylabel("per cent of bursts, one call alone")
    both[1].set_ylabel(f"per cent of bursts, {REFERENCE_CALLS} calls")
    return figure


def _spacing(spacing: PacketSpacing) -> Figure:
    figure, (bars, line) = _new(2, f"Packets heard by the caller while the agent speaks, {spacing.seconds:.0f} s")
    values = np.asarray(spacing.spacings_ms)
    error = np.cumsum(values - 20.0)
    widest = max(2.0, float(np.percentile(np.abs(values - 20.0), 99.9)))
    bars.hist(np.clip(values, 20 - widest, 20 + widest), bins=81, color=COLOURS[CHUNKS_20.name], log=True)
    bars.axvspan(19.0, 21.0, color="#2b8a3e", alpha=0.08, linewidth=0)
    bars.set_xlabel(f"ms between two packets; {spacing.share_within_1_ms:.2%} within 1 ms of 20")
    bars.set_ylabel("packets")
    seconds = np.cumsum(values) / 1000
    step = max(1, len(seconds) // 4000)
    line.plot(seconds[::step], error[::step], color=COLOURS[CHUNKS_20.name], linewidth=0.7)
    line.set_xlabel(f"seconds; drift {spacing.drift_ppm:+.2f} ppm")
    line.set_ylabel("ms late against one packet each 20 ms")
    return figure


def _interruptions(all_of_them: Sequence[Interruptions]) -> Figure:
    figure, (axes,) = _new(1, "The last packet of what the agent was saying when it was interrupted")
    values = [one.last_packets_ms for one in all_of_them]
    latest = max(max(one) for one in values)
    bins = np.arange(-22.0, max(25.0, latest + 2.0), 1.0)
    labels = [
        f"Asterisk {one.asterisk}: {one.summary.count} times, silence after at most {one.summary.maximum:.1f} ms"
        for one in all_of_them
    ]
    colours = [COLOURS[CHUNKS_20.name], COLOURS[CHUNKS_240.name]][: len(values)]
    axes.hist(values, bins=list(bins), stacked=True, color=colours, label=labels)
    axes.axvline(0.0, color=_INK, linewidth=1.4)
    axes.annotate(
        "the message is sent", (0.0, 0.97), xycoords=("data", "axes fraction"), xytext=(5, 0),
        textcoords="offset points", va="top", color=_INK, fontsize=9,
    )  # fmt: skip
    _aim(axes, 20.0, "goal for 99 %")
    axes.set_xlabel("ms after the far end sent the interruption; packets come every 20 ms, so up to 20 ms before it")
    axes.set_ylabel("interruptions")
    axes.legend(**_LEGEND_ABOVE)
    return figure


def _memory(results: Results) -> Figure:
    few, many = results.holdings[0].few, results.holdings[0].many
    figure, (axes,) = _new(1, f"Memory of asterisk for one more call, between {few} and {many}; hatched: of its helper")
    values = [one.memory_kib + one.helper_memory_kib for one in results.holdings]
    for number, one in enumerate(results.holdings):
        colour = COLOURS[one.path]
        axes.bar(number, one.memory_kib, color=colour, width=0.65)
        axes.bar(
            number, one.helper_memory_kib, bottom=one.memory_kib, color=colour, alpha=_HELPER_ALPHA, width=0.65,
            hatch="//", edgecolor="white", linewidth=0,
        )  # fmt: skip
    _bar_labels(axes, values, "{:.0f}")
    _name_bars(axes, [one.path for one in results.holdings])
    axes.set_ylabel("KiB")
    axes.set_ylim(0, max(1.0, *values) * 1.12)
    return figure
