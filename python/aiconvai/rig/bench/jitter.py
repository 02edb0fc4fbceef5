"""Gaps heard and delay added when a service's audio comes late: the engine's playout queue against simulated networks.

    python -m aiconvai.rig.bench.jitter [--minutes 10] [--plot docs/images/jitter.png]

A service speaks in turns at the pace of real time; its chunks arrive in order, each late by a delay of its own.
They go into the engine's real queue, from which frames are taken as the media clock takes them: one at once when
audio comes while nothing is queued, then one every 20 ms until the queue is found empty. What the caller hears is
judged by the times of the frames alone, not by the queue's own counters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.playout_queue import PlayoutQueue, PlayoutResult
from aiconvai.mock.jitter import Distribution, Jitter

LEVELS_MS = (0, 20, 60, 120)
CHUNKS_MS = (20, 60, 100)
DISTRIBUTIONS: tuple[Distribution, ...] = ("uniform", "exponential")
DEFAULT_MAX_DELAY_MS = 200

EventIds = Literal["chunk", "turn"]

_FORMAT = AudioFormat(Encoding.ULAW, 8000)
_FRAME_US = 20_000
_LIMIT_MS = 60_000
_TURN_SECONDS = 5.0
_PAUSE_SECONDS = 2.0
_HEARD_AS_GAP_US = 5_000


@dataclass(frozen=True)
class Arrival:
    """A chunk as it comes to the engine."""

    time_us: int
    turn: int
    event_id: int
    audio: bytes


@dataclass(frozen=True)
class Frame:
    """A frame as the caller hears it."""

    time_us: int
    audio: bytes


@dataclass(frozen=True)
class Playout:
    """What the caller hears of turns; all figures are of frames, none of the queue's own."""

    speech_ms: int
    gap_ms: float
    """Silence inside turns."""
    gaps: int
    """How often it was 5 ms or more."""
    delay_ms: float
    """From a turn's first chunk to its first frame, on average."""

    @property
    def gap_ms_per_minute(self) -> float:
        return self.gap_ms / self.speech_ms * 60_000

    @property
    def gaps_per_minute(self) -> float:
        return self.gaps / self.speech_ms * 60_000


@dataclass(frozen=True)
class Comparison:
    """The same arrivals without and with the delay."""

    distribution: Distribution
    jitter_ms: int
    chunk_ms: int
    without: Playout
    adapted: Playout


def arrivals(
    turns: int,
    jitter: Jitter,
    chunk_ms: int,
    *,
    turn_seconds: float = _TURN_SECONDS,
    pause_seconds: float = _PAUSE_SECONDS,
    event_ids: EventIds = "chunk",
) -> Iterator[Arrival]:
    """The chunks of so many turns; a turn's seed is the jitter's plus its number."""
    count = max(1, round(turn_seconds * 1000 / chunk_ms))
    begin_us = 0
    event_id = 0
    for turn in range(turns):
        delays = jitter.model_copy(update={"seed": jitter.seed + turn}).arrivals_ms(count, chunk_ms)
        event_id += event_ids == "turn"
        for late_ms in delays:
            event_id += event_ids == "chunk"
            audio = bytes([turn % 255]) * _FORMAT.bytes_of(chunk_ms)
            yield Arrival(begin_us + round(float(late_ms) * 1000), turn, event_id, audio)
        end_us = begin_us + round(float(max(delays[-1], (count - 1) * chunk_ms)) * 1000) + chunk_ms * 1000
        begin_us = end_us + round(pause_seconds * 1_000_000)


def play(queue: PlayoutQueue, coming: Iterable[Arrival]) -> list[Frame]:
    """The frames a caller hears, taken as the media clock takes them."""
    frames: list[Frame] = []
    due_us: int | None = None

    def take(now_us: int) -> int | None:
        frame = queue.take()
        if frame.result is PlayoutResult.FRAME:
            frames.append(Frame(now_us, frame.audio))
        return None if frame.result is PlayoutResult.EMPTY else now_us + _FRAME_US

    for arrival in coming:
        while due_us is not None and due_us < arrival.time_us:
            due_us = take(due_us)
        queue.append(arrival.event_id, arrival.audio, arrival.time_us)
        if due_us is None:
            due_us = take(arrival.time_us)
    while due_us is not None:
        due_us = take(due_us)
    return frames


def judge(coming: Sequence[Arrival], frames: Sequence[Frame]) -> Playout:
    """What was heard of these arrivals. Raises `ValueError` where something is missing or out of order."""
    if b"".join(frame.audio for frame in frames) != b"".join(arrival.audio for arrival in coming):
        raise ValueError("what was played is not what came")
    first_arrival: dict[int, int] = {}
    lengths: dict[int, int] = {}
    for arrival in coming:
        first_arrival.setdefault(arrival.turn, arrival.time_us)
        lengths[arrival.turn] = lengths.get(arrival.turn, 0) + len(arrival.audio)
    gap_us = gaps = delay_us = at = 0
    for turn, length in lengths.items():
        times = np.array([frame.time_us for frame in frames[at : at + length // _FORMAT.bytes_of(20)]])
        at += len(times)
        silences = np.diff(times) - _FRAME_US
        gap_us += int(np.sum(silences))
        gaps += int(np.count_nonzero(silences >= _HEARD_AS_GAP_US))
        delay_us += int(times[0]) - first_arrival[turn]
    return Playout(len(frames) * 20, gap_us / 1000, gaps, delay_us / 1000 / len(lengths))


def compare(
    distribution: Distribution,
    jitter_ms: int,
    chunk_ms: int,
    *,
    minutes: float = 10.0,
    max_delay_ms: int = DEFAULT_MAX_DELAY_MS,
    seed: int = 1,
    event_ids: EventIds = "chunk",
) -> Comparison:
    """So many minutes of speech at one level of jitter, without the delay and with it."""
    turns = max(1, round(minutes * 60 / _TURN_SECONDS))
    jitter = Jitter(ms=jitter_ms, distribution=distribution, seed=seed)
    coming = list(arrivals(turns, jitter, chunk_ms, event_ids=event_ids))
    without, adapted = (
        judge(coming, play(PlayoutQueue(_FORMAT, _LIMIT_MS, limit_ms), coming)) for limit_ms in (0, max_delay_ms)
    )
    return Comparison(distribution, jitter_ms, chunk_ms, without, adapted)


def compare_all(
    *, minutes: float = 10.0, max_delay_ms: int = DEFAULT_MAX_DELAY_MS, seed: int = 1, event_ids: EventIds = "chunk"
) -> list[Comparison]:
    """Every distribution, level and size of chunk."""
    return [
        compare(
            distribution,
            level_ms,
            chunk_ms,
            minutes=minutes,
            max_delay_ms=max_delay_ms,
            seed=seed,
            event_ids=event_ids,
        )
        for distribution in DISTRIBUTIONS
        for level_ms in LEVELS_MS
        for chunk_ms in CHUNKS_MS
    ]


def table(results: Iterable[Comparison]) -> str:
    """The results in Markdown."""
    lines = [
        "| jitter | chunks | gaps a minute, without | with | ms of gap a minute, without | with | delay added |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in results:
        added_ms = one.adapted.delay_ms - one.without.delay_ms
        lines.append(
            f"| {one.distribution} {one.jitter_ms} ms | {one.chunk_ms} ms "
            f"| {one.without.gaps_per_minute:.1f} | {one.adapted.gaps_per_minute:.1f} "
            f"| {one.without.gap_ms_per_minute:.0f} | {one.adapted.gap_ms_per_minute:.0f} | {added_ms:.0f} ms |"
        )
    return "\n".join(lines) + "\n"


def draw(results: Sequence[Comparison], path: Path, chunk_ms: int = 20) -> None:
    """A PNG file of what is heard with chunks of one size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(11, 3.8), dpi=110, layout="constrained", sharey=True)
    figure.suptitle(f"Silence inside the agent's turns, chunks of {chunk_ms} ms", fontsize=13, weight="bold")
    for axes, distribution in zip(panels, DISTRIBUTIONS, strict=True):
        ones = [one for one in results if one.distribution == distribution and one.chunk_ms == chunk_ms]
        _bars(axes, ones)
        axes.set_xlabel(f"jitter in ms, {distribution}; ms above: delay added")
    panels[0].set_ylabel("ms of gap in a minute of speech")
    panels[0].legend(loc="upper left", frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)


def _bars(axes: Any, ones: Sequence[Comparison]) -> None:
    places = np.arange(len(ones))
    without = [one.without.gap_ms_per_minute for one in ones]
    adapted = [one.adapted.gap_ms_per_minute for one in ones]
    axes.bar(places - 0.2, without, 0.38, color="#7c8a97", label="first frame played at once")
    axes.bar(places + 0.2, adapted, 0.38, color="#1b7f8f", label="delay adapts, at most 200 ms")
    for place, one, height in zip(places, ones, adapted, strict=True):
        added_ms = one.adapted.delay_ms - one.without.delay_ms
        axes.annotate(f"+{added_ms:.0f}", (place + 0.2, height), ha="center", va="bottom", fontsize=8.5)
    axes.set_xticks(places, [str(one.jitter_ms) for one in ones])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#e7ebee")
    axes.set_axisbelow(True)


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="Speech at each level.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    plot: Annotated[Path | None, typer.Option(help="Draw this PNG file.")] = None,
) -> None:
    """Print what is heard at each level of jitter, without and with the adaptive playout delay."""
    results = compare_all(minutes=minutes, seed=seed)
    typer.echo(table(results), nl=False)
    if plot is not None:
        draw(results, plot)


if __name__ == "__main__":
    typer.run(main)
