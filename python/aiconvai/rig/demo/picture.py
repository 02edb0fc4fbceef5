"""The call as a picture: both voices on one time axis, what happened when, and the interruption enlarged."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.mock.record import ConversationRecord
from aiconvai.rig.caller import Call, find
from aiconvai.rig.caller.codecs import PACKET_MS
from aiconvai.rig.caller.rtp import NANOSECONDS
from aiconvai.rig.demo.interruption import HeardInterruption, heard_interruption
from aiconvai.rig.demo.moments import Kind, Moments
from aiconvai.rig.demo.script import AGENT, CALLER, CALLER_VOICE, CALLER_WORDS_PER_MINUTE, RATE, agent_speech
from aiconvai.speech import speak

AGENT_COLOUR = "#1b7f8f"
CALLER_COLOUR = "#d98e04"
STOP_COLOUR = "#c4161c"
QUIET_COLOUR = "#2b8a3e"
INK = "#22313f"
FAINT = "#8a97a3"

_WIDTH_INCHES, _HEIGHT_INCHES, _DPI = 16.0, 9.0, 130
_PLOT_INCHES = 14.2
_POINTS_PER_CHARACTER = 4.6
_CAPTION_POINTS = 8.5
_ENVELOPE_COLUMNS = 2600
_ENLARGED_SECONDS = 0.26
_LEAST_SIMILARITY = 0.6
_SCRIPTED = "a real SIP call, app_aiconvai, and a mock service with synthesised speech"

_MARKED: dict[Kind, tuple[str, str]] = {
    Kind.ANSWERED: ("answered", INK),
    Kind.READY: ("service ready", INK),
    Kind.TOOL_CALL: ("tool call", "#8e44ad"),
    Kind.INTERRUPTION: ("interruption", STOP_COLOUR),
    Kind.SILENCE: ("silence", QUIET_COLOUR),
    Kind.END: ("agent ends the conversation", INK),
    Kind.HANGUP: ("hangup", INK),
}


@dataclass(frozen=True)
class Caption:
    """Words and when they were heard, in seconds on the picture's axis."""

    text: str
    start: float
    end: float


def draw(path: Path, call: Call, record: ConversationRecord | None, moments: Moments) -> None:
    """Write the picture of the scripted call as a PNG file."""
    origin = call.answered or call.started
    agent, caller = voices_of(call)
    interruption = heard_interruption(record, call.heard) if record is not None else None
    end = max(len(agent), len(caller)) / RATE
    cut = (interruption.last_old_packet - origin + 0.02) if interruption is not None else end
    captions = _agent_captions(agent, cut), _caller_captions(caller)
    draw_call(path, call, moments, captions, _SCRIPTED, interruption)


def voices_of(call: Call) -> tuple[Samples, Samples]:
    """The agent's, as heard, and the caller's, at `RATE`, from the answer on."""
    origin = call.answered or call.started
    return call.heard_samples(rate=RATE, origin=origin), call.sent_timeline(rate=RATE, origin=origin)


def draw_call(
    path: Path,
    call: Call,
    moments: Moments,
    captions: tuple[Sequence[Caption], Sequence[Caption]],
    note: str,
    interruption: HeardInterruption | None = None,
) -> None:
    """Write the picture of a call as a PNG file. The time axis begins when the call was answered.

    `captions`: of the agent and of the caller; `note`: what kind of call it is; `interruption`: is enlarged.
    """
    origin = call.answered or call.started
    agent, caller = voices_of(call)
    end = max(len(agent), len(caller)) / RATE
    figure = pyplot.figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), dpi=_DPI, facecolor="white")
    try:
        grid = figure.add_gridspec(
            3, 1, height_ratios=(3.0, 3.0, 3.4), hspace=0.0, left=0.06, right=0.985, top=0.865, bottom=0.06,
        )  # fmt: skip
        upper = figure.add_subplot(grid[0])
        lower = figure.add_subplot(grid[1], sharex=upper)
        _draw_voice(upper, agent, AGENT_COLOUR, "agent", "as the caller hears it")
        _draw_voice(lower, caller, CALLER_COLOUR, "caller", "as sent to Asterisk")
        _draw_captions(upper, captions[0], AGENT_COLOUR, above=True)
        _draw_captions(lower, captions[1], CALLER_COLOUR, above=False)
        upper.set_xlim(min(-0.4, 0.0), end + 0.6)
        upper.tick_params(labelbottom=False, bottom=False)
        lower.set_xlabel("seconds since the call was answered", color=FAINT, fontsize=8.5, labelpad=2)
        _draw_markers(upper, lower, moments, origin)
        bottom = grid[2].subgridspec(2, 2, height_ratios=(0.34, 1.0), width_ratios=(2.0, 1.0), hspace=0, wspace=0.06)
        enlarged = figure.add_subplot(bottom[1, 0])
        if interruption is not None:
            _draw_interruption(enlarged, call, interruption)
        else:
            enlarged.set_axis_off()
        _write_figures(figure.add_subplot(bottom[1, 1]), call, moments, interruption)
        _write_title(figure, note)
        figure.savefig(path)
    finally:
        pyplot.close(figure)


def envelope(samples: Samples, rate: int, columns: int) -> tuple[npt.NDArray[np.float64], ...]:
    """Times, lowest and highest values (-1 to 1) of the samples in each of at most so many equal parts."""
    size = max(1, -(-len(samples) // columns))
    padded = np.zeros(-(-len(samples) // size) * size)
    padded[: len(samples)] = np.asarray(samples, dtype=np.float64) / FULL_SCALE
    parts = padded.reshape(-1, size)
    times = (np.arange(len(parts)) + 0.5) * size / rate
    return times, parts.min(axis=1), parts.max(axis=1)


def _draw_voice(axes: Axes, samples: Samples, colour: str, name: str, note: str) -> None:
    times, lowest, highest = envelope(samples, RATE, _ENVELOPE_COLUMNS)
    peak = max(0.05, float(np.max(np.abs(np.concatenate((lowest, highest)))))) if len(times) else 1.0
    axes.axhline(0.0, color=colour, linewidth=0.6, alpha=0.5)
    axes.fill_between(times, lowest / peak, highest / peak, color=colour, linewidth=0.3)
    axes.set_ylim(*((-1.25, 2.5) if name == "agent" else (-2.5, 1.25)))
    axes.set_yticks([])
    for side in ("left", "right", "top", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=FAINT, labelsize=8.5)
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    axes.text(-0.004, 0.0, name, transform=beside, ha="right", va="bottom", color=colour, fontsize=14, weight="bold")
    axes.text(-0.004, -0.12, textwrap.fill(note, 11), transform=beside, ha="right", va="top", color=FAINT, fontsize=7.5)


def _agent_captions(heard: Samples, cut: float) -> list[Caption]:
    captions = []
    for text in AGENT.in_order():
        speech = agent_speech(text)
        # Of the explanation only the beginning was heard; the rest must not drag its place elsewhere.
        part = speech[: 2 * RATE] if text == AGENT.explanation else speech
        match = find(part, heard)
        if match.similarity < _LEAST_SIMILARITY:
            continue
        start, full = match.position / RATE, len(speech) / RATE
        if text == AGENT.explanation and start + full > cut:
            share = (cut - start) / full
            words = text[: round(len(text) * share)].rsplit(" ", 1)[0]
            captions.append(Caption(f"{words} …", start, cut))
        else:
            captions.append(Caption(text, start, start + full))
    return captions


def _caller_captions(sent: Samples) -> list[Caption]:
    captions = []
    for text in CALLER.in_order():
        speech = speak(text, RATE, CALLER_VOICE, CALLER_WORDS_PER_MINUTE)
        match = find(speech, sent)
        if match.similarity >= _LEAST_SIMILARITY:
            start = match.position / RATE
            captions.append(Caption(text, start, start + len(speech) / RATE))
    return captions


def _draw_captions(axes: Axes, captions: Sequence[Caption], colour: str, *, above: bool) -> None:
    low, high = axes.get_xlim()
    for number, caption in enumerate(captions):
        # Beside it there is silence to write in, up to the neighbours.
        left = captions[number - 1].end if number else low
        right = captions[number + 1].start if number + 1 < len(captions) else high
        room = min(right - caption.end, caption.start - left, 2.0)
        seconds = caption.end - caption.start + 0.9 * max(0.0, room)
        inches = seconds / (high - low) * _PLOT_INCHES
        characters = max(10, int(inches * 72 / _POINTS_PER_CHARACTER))
        axes.text(
            (caption.start + caption.end) / 2,
            1.18 if above else -1.18,
            textwrap.fill(caption.text, characters),
            ha="center",
            va="bottom" if above else "top",
            fontsize=_CAPTION_POINTS,
            color=INK,
            linespacing=1.25,
            zorder=5,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )
        axes.plot(
            [caption.start, caption.end],
            [1.1 if above else -1.1] * 2,
            color=colour,
            linewidth=2.0,
            solid_capstyle="round",
        )


def _draw_markers(upper: Axes, lower: Axes, moments: Moments, origin: float) -> None:
    low, high = upper.get_xlim()
    right_ends: list[float] = []
    place = blended_transform_factory(upper.transData, upper.transAxes)
    for moment in moments.in_order():
        if moment.kind not in _MARKED:
            continue
        name, colour = _MARKED[moment.kind]
        time = moment.time - origin
        for axes in (upper, lower):
            axes.axvline(time, color=colour, linewidth=0.9, alpha=0.55, linestyle=(0, (4, 2)), zorder=0)
        label = f"{name}  {time:.2f} s"
        width = len(label) * _POINTS_PER_CHARACTER / 72 / _PLOT_INCHES * (high - low)
        near_end = time + width > high
        start = time - width if near_end else time
        row = next((row for row, end in enumerate(right_ends) if end < start), len(right_ends))
        right_ends[row : row + 1] = [start + width + 0.3]
        upper.text(
            time, 1.02 + 0.085 * row, label, transform=place, ha="right" if near_end else "left",
            va="bottom", fontsize=8.5, color=colour, weight="bold",
        )  # fmt: skip
        upper.plot([time, time], [1.0, 1.02 + 0.085 * row], transform=place, color=colour, linewidth=0.9, clip_on=False)


def _draw_interruption(axes: Axes, call: Call, interruption: HeardInterruption) -> None:
    """What the caller heard around the interruption, packet by packet; 0 is when the service sent it."""
    around = [
        ((packet.time_ns / NANOSECONDS - interruption.sent) * 1000, samples)
        for packet, _, samples in call.stream.decoded_heard()
        if abs(packet.time_ns / NANOSECONDS - interruption.sent) <= _ENLARGED_SECONDS
    ]
    peak = max((float(np.max(np.abs(samples.astype(np.float64)))) for _, samples in around), default=1.0) or 1.0
    for arrival, samples in around:
        # Each from its arrival on, where a receiver without a jitter buffer would play it.
        axes.plot(
            arrival + np.arange(len(samples)) * 1000 / call.sample_rate,
            samples / peak,
            color=AGENT_COLOUR,
            linewidth=0.8,
        )
        axes.plot([arrival], [-1.3], "|", color=AGENT_COLOUR, markersize=9, markeredgewidth=1.6)
    last = (interruption.last_old_packet - interruption.sent) * 1000
    widest = _ENLARGED_SECONDS * 1000
    axes.axvspan(last + PACKET_MS, widest, color=QUIET_COLOUR, alpha=0.07, linewidth=0)
    axes.axvline(0.0, color=STOP_COLOUR, linewidth=1.4)
    axes.axvline(last, color=QUIET_COLOUR, linewidth=1.4, linestyle=(0, (4, 2)))
    axes.set_xlim(-widest, widest)
    axes.set_ylim(-1.55, 1.9)
    axes.text(6, 1.85, "the service sends the interruption", color=STOP_COLOUR, va="top", fontsize=9, weight="bold")
    when = f"{last:.1f} ms after" if last > 0 else f"{-last:.1f} ms before"
    words = (
        f"last packet of what the agent was saying: {when} it\n"
        f"{interruption.unheard_seconds:.1f} s more were queued, and are not heard"
    )
    axes.text(max(last, 0.0) + PACKET_MS + 6, 0.85, words, color=QUIET_COLOUR, va="center", fontsize=9, linespacing=1.5)
    axes.text(-widest + 3, -1.17, "packets", color=FAINT, fontsize=7.5, va="bottom")
    axes.set_yticks([])
    axes.set_title("the interruption, enlarged", loc="left", fontsize=10, color=INK, weight="bold", pad=4)
    axes.set_xlabel("milliseconds since the interruption was sent", color=FAINT, fontsize=8.5, labelpad=2)
    axes.tick_params(colors=FAINT, labelsize=8.5)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)


def _write_figures(axes: Axes, call: Call, moments: Moments, interruption: HeardInterruption | None) -> None:
    axes.set_axis_off()
    spacing = call.heard_spacing_ms()
    adjacent = spacing[spacing < 2 * PACKET_MS]  # where the agent falls silent, nothing is sent
    rows = [
        ("answer to the INVITE", f"{((call.answered or call.started) - call.started) * 1000:.0f} ms"),
        ("packets heard, lost", f"{len(call.heard)}, {call.lost()}"),
    ]
    if len(adjacent):
        rows.append(("packet spacing, median", f"{np.median(adjacent):.2f} ms"))
    if interruption is not None:
        rows.append(("old audio after the interruption", f"{interruption.silence_after_ms:.1f} ms"))
    end = moments.first(Kind.END)
    if end is not None:
        rows.append(("conversation", end.text.partition(":")[0]))
    axes.set_title("this call", loc="left", fontsize=10, color=INK, weight="bold", pad=4)
    for number, (name, value) in enumerate(rows):
        height = 0.9 - 0.17 * number
        axes.text(0.0, height, name, transform=axes.transAxes, fontsize=9, color=FAINT, va="center")
        axes.text(
            0.47,
            height,
            textwrap.shorten(value, 40, placeholder=" …"),
            transform=axes.transAxes,
            fontsize=9,
            color=INK,
            va="center",
        )


def _write_title(figure: Figure, note: str) -> None:
    figure.text(
        0.06, 0.965, "A caller and an AI agent, through Asterisk", fontsize=17, weight="bold", color=INK, va="center"
    )
    figure.text(
        0.985, 0.965, note, fontsize=10, color=FAINT, va="center", ha="right",
    )  # fmt: skip
