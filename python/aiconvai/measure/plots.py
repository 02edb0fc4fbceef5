"""The measurements as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from aiconvai.measure.results import PATHS, Cpu, Interruptions, Measurements, PacketSpacing

_COLOURS = {"Echo()": "#7c8a97", "20 ms chunks": "#1b7f8f", "240 ms chunks": "#d98e04"}
_INK, _FAINT, _AIM = "#22313f", "#8a97a3", "#c4161c"
_DPI = 110
_MAIN = 22
_LEGEND_ABOVE: dict[str, Any] = {
    "loc": "lower left",
    "bbox_to_anchor": (0.0, 1.0),
    "frameon": False,
    "fontsize": 9,
    "ncols": 3,
}


def draw_all(measurements: Measurements, folder: Path) -> list[Path]:
    """One PNG file for each measurement there is; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []

    def save(figure: Figure, name: str) -> None:
        path = folder / f"{name}.png"
        figure.savefig(path)
        pyplot.close(figure)
        paths.append(path)

    if measurements.round_trips_of(_MAIN, "Echo()") is not None:
        save(_round_trips(measurements), "round-trip")
    spacing = next((one for one in measurements.spacing if one.asterisk == _MAIN), None)
    if spacing is not None:
        save(_spacing(spacing), "packet-spacing")
    if measurements.interruptions:
        save(_interruptions(measurements.interruptions), "interruption")
    if measurements.cpu is not None:
        save(_cpu(measurements.cpu), "cpu")
    return paths


def ecdf(values: Sequence[float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sorted values, and the share of values, in per cent, up to each."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return ordered, np.arange(1, len(ordered) + 1) / len(ordered) * 100


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


def _aim(axes: Axes, value: float, text: str, *, horizontal: bool = False) -> None:
    if horizontal:
        axes.axhline(value, color=_AIM, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(
            text, (1.0, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=_AIM, fontsize=8.5
        )
    else:
        axes.axvline(value, color=_AIM, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(
            text, (value, 0.04), xycoords=("data", "axes fraction"), xytext=(-4, 0), textcoords="offset points",
            rotation=90, ha="right", va="bottom", color=_AIM, fontsize=8.5,
        )  # fmt: skip


def _round_trips(measurements: Measurements) -> Figure:
    figure, (short, long) = _new(2, "Round trip of a tone burst, caller to service and back")
    for path in PATHS:
        trips = measurements.round_trips_of(_MAIN, path)
        if trips is None:
            continue
        axes = long if path == "240 ms chunks" else short
        values, shares = ecdf(trips.delays_ms)
        axes.step(
            values,
            shares,
            where="post",
            color=_COLOURS[path],
            linewidth=2.0,
            label=f"{path}: median {trips.summary.p50:.2f} ms",
        )
    _aim(short, 5.0, "aim for the median with 20 ms")
    _aim(long, 245.0, "aim for the median with 240 ms")
    short.set_xlim(left=0)
    for axes in (short, long):
        axes.set_xlabel("ms")
        axes.set_ylim(0, 101)
        axes.legend(**_LEGEND_ABOVE)
    short.set_ylabel("per cent of bursts")
    return figure


def _spacing(spacing: PacketSpacing) -> Figure:
    figure, (bars, line) = _new(2, f"Packets heard by the caller while the agent speaks, {spacing.seconds:.0f} s")
    values = np.asarray(spacing.spacings_ms)
    error = np.cumsum(values - 20.0)
    widest = max(2.0, float(np.percentile(np.abs(values - 20.0), 99.9)))
    bars.hist(np.clip(values, 20 - widest, 20 + widest), bins=81, color=_COLOURS["20 ms chunks"], log=True)
    bars.axvspan(19.0, 21.0, color="#2b8a3e", alpha=0.08, linewidth=0)
    bars.set_xlabel(f"ms between two packets; {spacing.share_within_1_ms:.2%} within 1 ms of 20")
    bars.set_ylabel("packets")
    seconds = np.cumsum(values) / 1000
    step = max(1, len(seconds) // 4000)
    line.plot(seconds[::step], error[::step], color=_COLOURS["20 ms chunks"], linewidth=0.7)
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
    colours = [_COLOURS["20 ms chunks"], _COLOURS["240 ms chunks"]][: len(values)]
    axes.hist(values, bins=list(bins), stacked=True, color=colours, label=labels)
    axes.axvline(0.0, color=_INK, linewidth=1.4)
    axes.annotate(
        "the message is sent", (0.0, 0.97), xycoords=("data", "axes fraction"), xytext=(5, 0),
        textcoords="offset points", va="top", color=_INK, fontsize=9,
    )  # fmt: skip
    _aim(axes, 20.0, "aim for 99 %")
    axes.set_xlabel("ms after the service sent the interruption; packets come every 20 ms, so up to 20 ms before it")
    axes.set_ylabel("interruptions")
    axes.legend(**_LEGEND_ABOVE)
    return figure


def _cpu(cpu: Cpu) -> Figure:
    figure, (rounds, ratios) = _new(2, f"Processor time of Asterisk with {cpu.rounds[0].calls} calls", (1.7, 1.0))
    for number, one in enumerate(cpu.rounds):
        rounds.bar(number, one.cpu_percent_of_a_call, color=_COLOURS[one.path], width=0.8)
    rounds.set_xticks([])
    rounds.set_xlabel("rounds in their order")
    rounds.set_ylabel("per cent of a core for a call")
    patches = [Rectangle((0, 0), 1, 1, color=_COLOURS[path]) for path in PATHS]
    rounds.legend(patches, list(PATHS), **_LEGEND_ABOVE)
    names = {"Echo()": 1.0, "20 ms chunks": cpu.ratio_20_ms, "240 ms chunks": cpu.ratio_240_ms}
    for number, (path, ratio) in enumerate(names.items()):
        ratios.bar(number, ratio, color=_COLOURS[path], width=0.6)
        ratios.annotate(
            f"{ratio:.2f}", (number, ratio), ha="center", va="bottom", color=_INK, fontsize=10, weight="bold"
        )
    for number, aim in ((1, 2.0), (2, 1.3)):
        ratios.plot([number - 0.38, number + 0.38], [aim, aim], color=_AIM, linewidth=1.4, linestyle=(0, (4, 3)))
    ratios.set_xticks(range(3), list(names))
    ratios.set_ylabel("times Echo(); dashed: the aims")
    ratios.set_ylim(0, max(2.3, cpu.ratio_20_ms * 1.15))
    return figure
