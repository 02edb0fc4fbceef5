"""The few figures that sum a run up, and what is wanted of them. No input or output here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiconvai.rig.bench.paths import (
    AUDIOSOCKET,
    CHAN_WEBSOCKET,
    CHUNKS_20,
    CHUNKS_60,
    CHUNKS_240,
    ECHO,
    GATEWAY,
    GATEWAY_RTP,
    GREETINGS,
    RESAMPLED24_20,
    RESAMPLED_20,
    TLS_20,
    CallPath,
)
from aiconvai.rig.bench.plan import REFERENCE_CALLS
from aiconvai.rig.bench.results import Goal, Holdings, Results
from aiconvai.rig.bench.statistics import median, ratios_to_neighbours


@dataclass(frozen=True)
class Headline:
    """One figure."""

    key: str
    name: str
    unit: str
    of: Callable[[Results], float | None]
    aim: str = ""
    met: Callable[[float], bool] | None = None
    resolution: float = 0.0
    """Two runs that differ by less are alike, whatever that is in per cent."""


def headlines(results: Results) -> dict[str, float]:
    """Those that the run has, by key."""
    values = ((one.key, one.of(results)) for one in HEADLINES)
    return {key: value for key, value in values if value is not None}


def goals(values: Mapping[str, float]) -> list[Goal]:
    """What is wanted, in the order of `HEADLINES`, and whether these figures are so."""
    found = []
    for one in HEADLINES:
        if one.met is not None:
            value = values.get(one.key)
            met = None if value is None else one.met(value)
            found.append(Goal(key=one.key, aim=one.aim, value=value, met=met))
    return found


def headline(key: str) -> Headline:
    """By its key."""
    return next(one for one in HEADLINES if one.key == key)


def _ratio(path: CallPath, calls: int = REFERENCE_CALLS) -> Callable[[Results], float | None]:
    def of(results: Results) -> float | None:
        cost = results.cost(path.name, calls)
        return cost.ratio if cost is not None else None

    return of


def _cpu(path: CallPath, calls: int) -> Callable[[Results], float | None]:
    def of(results: Results) -> float | None:
        cost = results.cost(path.name, calls)
        return (cost.asterisk_cpu + cost.helper_cpu) * 1000 if cost is not None else None

    return of


def _tls_on_top(results: Results) -> float | None:
    plain, tls = _ratio(CHUNKS_20)(results), _ratio(TLS_20)(results)
    return None if plain is None or tls is None else (tls / plain - 1) * 100


def _many_against_reference(results: Results) -> float | None:
    """Many calls beside few, stretch by stretch."""
    row = [one for one in results.stretches if one.asterisk == 22 and one.path == CHUNKS_20.name]
    ratios = ratios_to_neighbours(
        [one.asterisk_cpu if one.calls == results.many_calls else None for one in row],
        [one.asterisk_cpu if one.calls == REFERENCE_CALLS else None for one in row],
    )
    return median(ratios) if ratios else None


def _round_trip(path: CallPath, percentile: str, *, others: bool) -> Callable[[Results], float | None]:
    """Above that of Echo() in the same run."""

    def of(results: Results) -> float | None:
        trips, floor = results.round_trip(path.name, others), results.round_trip(ECHO.name, others)
        if trips is None or floor is None:
            return None
        return float(getattr(trips.summary, percentile) - getattr(floor.summary, percentile))

    return of


def _spacing(field: str) -> Callable[[Results], float | None]:
    def of(results: Results) -> float | None:
        alone = next((one for one in results.spacing if not one.others and one.asterisk == 22), None)
        if alone is None:
            return None
        return float(getattr(alone, field) if field == "drift_ppm" else getattr(alone.summary, field))

    return of


def _interruption(results: Results) -> float | None:
    return next((one.summary.p99 for one in results.interruptions if one.asterisk == 22), None)


def _first_audio(results: Results) -> float | None:
    return next((one.summary.p50 for one in results.first_audio if one.connection == GREETINGS[0].name), None)


def _on_top_of_echo(field: str) -> Callable[[Results], float | None]:
    def of(results: Results) -> float | None:
        by_path: dict[str, Holdings] = {one.path: one for one in results.holdings}
        ours, floor = by_path.get(CHUNKS_20.name), by_path.get(ECHO.name)
        return None if ours is None or floor is None else float(getattr(ours, field) - getattr(floor, field))

    return of


def _memory_kb(results: Results) -> float | None:
    kib = _on_top_of_echo("memory_kib")(results)
    return None if kib is None else kib * 1.024


def _held(results: Results) -> float | None:
    return next((float(one.held) for one in results.capacity if one.path == CHUNKS_20.name), None)


def _lost(results: Results) -> float | None:
    """Where a search ended by losing something, that stretch is not among them."""
    if not results.stretches:
        return None
    return float(sum(one.losses.total() for one in results.stretches))


def _churn(calls: int | None, rate: float) -> Callable[[Results], float | None]:
    """Of calls that come and go through the same path as those that stay; calls: None for the run's many."""

    def of(results: Results) -> float | None:
        steady = results.many_calls if calls is None else calls
        found = (one for one in results.churn if (one.calls, one.rate, one.churn_path) == (steady, rate, one.path))
        return next((one.ratio for one in found), None)

    return of


def _context_switches(results: Results) -> float | None:
    cost, floor = (results.cost(path.name, REFERENCE_CALLS) for path in (CHUNKS_20, ECHO))
    return None if cost is None or floor is None else cost.context_switches - floor.context_switches


def _at_most(
    key: str, name: str, unit: str, of: Callable[[Results], float | None], goal: float, stretch: float | None = None,
    resolution: float = 0.0,
) -> tuple[Headline, ...]:  # fmt: skip
    """A figure that is to be no more than that, and where there is a stretch goal the same figure again."""
    behind = f" {unit}" if unit and not unit.startswith("x") else ""
    first = Headline(key, name, unit, of, f"<= {goal:g}{behind}", lambda x: x <= goal, resolution)
    if stretch is None:
        return (first,)
    name, aim = f"{name}: the stretch goal", f"<= {stretch:g}{behind}"
    second = Headline(f"{key}_stretch", name, unit, of, aim, lambda x: x <= stretch, resolution)
    return first, second


FILTER_MS = 8.0
"""What the resampler's filters hold back, 4 ms each way (speexdsp, quality 4), where a service wants another rate than
the line's."""

HEADLINES: tuple[Headline, ...] = (
    Headline("cpu_echo", "CPU, Echo() beside Echo(): the instrument itself", "x Echo()", _ratio(ECHO)),
    *_at_most("cpu_20", "CPU, 20 ms chunks, 50 calls", "x Echo()", _ratio(CHUNKS_20), 1.5, 1.2),
    Headline("cpu_60", "CPU, 60 ms chunks, 50 calls", "x Echo()", _ratio(CHUNKS_60)),
    *_at_most("cpu_240", "CPU, 240 ms chunks, 50 calls", "x Echo()", _ratio(CHUNKS_240), 1.0, 0.8),
    Headline("cpu_20_tls", "CPU, 20 ms chunks, TLS, 50 calls", "x Echo()", _ratio(TLS_20)),
    *_at_most("cpu_tls_on_top", "CPU that TLS adds to 20 ms", "%", _tls_on_top, 10, 5, resolution=3.0),
    *_at_most(
        "cpu_20_resampled", "CPU, 20 ms chunks of 16 kHz, 50 calls", "x Echo()", _ratio(RESAMPLED_20), 2.1, 1.8
    ),
    Headline("cpu_audiosocket", "CPU, AudioSocket() and its server, 50 calls", "x Echo()", _ratio(AUDIOSOCKET)),
    Headline("cpu_chan_websocket", "CPU, chan_websocket and its server, 50 calls", "x Echo()", _ratio(CHAN_WEBSOCKET)),
    *_at_most(
        "cpu_gateway", "CPU, aiconvai gateway by AudioSocket(), 20 ms, 50 calls", "x Echo()", _ratio(GATEWAY), 3.2
    ),
    *_at_most(
        "cpu_gateway_rtp", "CPU, aiconvai gateway by ARI and RTP, 20 ms, 50 calls", "x Echo()", _ratio(GATEWAY_RTP), 3.5
    ),
    Headline("cpu_echo_ms", "CPU of a call-second, Echo(), 50 calls", "ms", _cpu(ECHO, REFERENCE_CALLS)),
    Headline("cpu_20_ms", "CPU of a call-second, 20 ms chunks, 50 calls", "ms", _cpu(CHUNKS_20, REFERENCE_CALLS)),
    *_at_most(
        "cpu_many", "CPU of a call among many, 20 ms chunks, against one among 50", "x", _many_against_reference, 1.0
    ),
    Headline(
        "cpu_churn_50", "CPU, 50 calls and 5 set-ups a second, against the 50 alone", "x", _churn(REFERENCE_CALLS, 5.0)
    ),
    *_at_most(
        "cpu_churn", "CPU, many calls and 5 set-ups a second, against the many alone", "x", _churn(None, 5.0), 1.15
    ),
    *_at_most(
        "context_switches", "context switches of a call-second above Echo(), 20 ms, 50 calls", "", _context_switches,
        20, resolution=3.0,
    ),
    *_at_most(
        "round_trip_p50", "round trip above Echo(), 20 ms, 50 calls, p50", "ms",
        _round_trip(CHUNKS_20, "p50", others=True), 2, resolution=0.3,
    ),
    *_at_most(
        "round_trip_p99", "round trip above Echo(), 20 ms, 50 calls, p99", "ms",
        _round_trip(CHUNKS_20, "p99", others=True), 6, resolution=1.0,
    ),
    *_at_most(
        "round_trip_rtp_p50", "the same, aiconvai gateway by ARI and RTP, p50", "ms",
        _round_trip(GATEWAY_RTP, "p50", others=True), 25, resolution=1.0,
    ),
    *(
        one
        for key, rate, path in (("16", "16 kHz", RESAMPLED_20), ("24", "24 kHz", RESAMPLED24_20))
        for percentile, goal, resolution in (("p50", 2, 0.3), ("p99", 6, 1.0))
        for one in _at_most(
            f"round_trip_{key}_{percentile}",
            f"the same, {rate}, with the filters' {FILTER_MS:g} ms, {percentile}", "ms",
            _round_trip(path, percentile, others=True), goal + FILTER_MS, resolution=resolution,
        )
    ),
    Headline(
        "round_trip_alone_p50", "round trip above Echo(), 20 ms, alone, p50", "ms",
        _round_trip(CHUNKS_20, "p50", others=False), resolution=0.3,
    ),
    Headline(
        "spacing_p50", "packet spacing, p50", "ms", _spacing("p50"), "20.00 ms", lambda x: abs(x - 20) < 0.01, 0.01
    ),
    *_at_most("spacing_p99", "packet spacing, p99", "ms", _spacing("p99"), 21, 20.1),
    Headline("drift", "drift", "ppm", _spacing("drift_ppm"), "0 (below 5) ppm", lambda x: abs(x) < 5, 1.0),
    *_at_most("interruption_p99", "interruption to silence, p99", "ms", _interruption, 20, 0, resolution=1.0),
    Headline("first_audio_p50", "answer to first audio, p50", "ms", _first_audio, resolution=5.0),
    *_at_most("memory", "memory of a call on top of Echo()", "kB", _memory_kb, 67, resolution=10.0),
    Headline(
        "threads", "threads of a call on top of Echo()", "", _on_top_of_echo("threads"), "0", lambda x: x < 0.01, 0.02
    ),
    Headline(
        "file_descriptors", "file descriptors of a call on top of Echo()", "", _on_top_of_echo("file_descriptors"),
        "1", lambda x: x < 1.02, 0.02,
    ),
    Headline("calls_held", "calls held, 20 ms chunks", "", _held, ">= 500", lambda x: x >= 500, 100.0),
    Headline(
        "calls_held_stretch", "calls held, 20 ms chunks: the stretch goal", "", _held, ">= 700", lambda x: x >= 700,
        100.0,
    ),
    Headline("lost", "frames lost, all stretches that were held", "", _lost, "0", lambda x: x == 0),
)  # fmt: skip
"""In the order of the table."""
