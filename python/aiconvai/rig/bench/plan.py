"""What a full and what a quick run measure, and how long: a full one within 40 minutes, a quick one within 3."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from aiconvai.rig.bench.paths import (
    ALL_SERVICES,
    AUDIOSOCKET,
    CHAN_WEBSOCKET,
    CHUNKS_20,
    CHUNKS_60,
    CHUNKS_240,
    COMPARED,
    DEFAULTS,
    ECHO,
    GATEWAY,
    GATEWAY_RTP,
    GUARDED,
    HELD,
    IDLE,
    RESAMPLED24_20,
    RESAMPLED24_20_TLS,
    RESAMPLED_20,
    RESAMPLED_20_TLS,
    SERVICES,
    SILENT,
    TLS_20,
    CallPath,
)
from aiconvai.rig.bench.stage import Setting

REFERENCE_CALLS = 50
"""The number of calls at which paths are compared."""
MANY_CALLS = 200
"""The number at which it is asked whether a call costs more among many, where the machine holds so many."""
FEWER_MANY_CALLS = (150, 100)
"""Instead, one after the other, where it does not: what is measured must not be a machine that is full."""


@dataclass(frozen=True)
class Cell:
    """So many calls through a path, for so many seconds."""

    path: CallPath
    calls: int
    seconds: float

    @property
    def name(self) -> str:
        """As `--only` knows it."""
        return f"cpu {self.path.name} {self.calls}"


@dataclass(frozen=True)
class Bursts:
    """Tone bursts through a path: in `alone` calls one after another, then in `measured` of `REFERENCE_CALLS`."""

    path: CallPath
    alone: int
    alone_seconds: float
    measured: int
    among_seconds: float

    @property
    def name(self) -> str:
        """As `--only` knows it."""
        return f"round trip {self.path.name}"


@dataclass(frozen=True)
class Search:
    """Numbers of calls to try until a rule is broken."""

    path: CallPath
    steps: tuple[int, ...]
    seconds: float

    @property
    def name(self) -> str:
        """As `--only` knows it."""
        return f"capacity {self.path.name}"


@dataclass(frozen=True)
class Growth:
    """Memory, threads and descriptors between two numbers of calls."""

    path: CallPath
    few: int
    many: int

    @property
    def name(self) -> str:
        """As `--only` knows it."""
        return f"holdings {self.path.name}"


@dataclass(frozen=True)
class Coming:
    """Calls through a path, alone and while others come and go, for so many seconds each."""

    path: CallPath
    calls: int
    churn_path: CallPath
    rate: float
    """Of those, set-ups a second."""
    seconds: float

    @property
    def name(self) -> str:
        """As `--only` knows it."""
        return f"churn {self.path.name} {self.calls} with {self.rate:g} of {self.churn_path.name}"


@dataclass(frozen=True)
class Elsewhere:
    """Cells with a setting that is not the usual one, on an Asterisk of their own."""

    setting: Setting
    cells: tuple[Cell, ...]

    def name(self, cell: Cell) -> str:
        """As `--only` knows it."""
        return f"{cell.name} {self.setting.name}"


@dataclass(frozen=True)
class Plan:
    """One run on Asterisk 22; of Asterisk 16 `cells_16` and `bursts_16`."""

    cells: tuple[Cell, ...]
    counted: tuple[CallPath, ...]
    """Paths whose system calls are counted, once, with `REFERENCE_CALLS`."""
    churn: tuple[Coming, ...]
    elsewhere: tuple[Elsewhere, ...]
    bursts: tuple[Bursts, ...]
    spacing_seconds: float
    spacing_among_seconds: float
    interruptions: int
    greetings: int
    growths: tuple[Growth, ...]
    searches: tuple[Search, ...]
    cells_16: tuple[Cell, ...]
    bursts_16: tuple[Bursts, ...]
    repeats: int
    """Times that something may be measured again because the machine was taken away meanwhile, in all."""


def wanted(name: str, pattern: str | None) -> bool:
    """Whether `--only` asks for a part: part of its name, or a shell pattern; no pattern asks for everything."""
    return pattern is None or pattern in name or fnmatchcase(name, pattern)


def with_drift(plan: Plan, minutes: int | None) -> Plan:
    """The same with another time to watch packet spacing and drift, if there is one."""
    return plan if minutes is None else replace(plan, spacing_seconds=minutes * 60.0)


def with_many(plan: Plan, many: int) -> Plan:
    """The same with so many calls wherever it has `MANY_CALLS`, but in its searches."""

    def those(calls: int) -> int:
        return many if calls == MANY_CALLS else calls

    def cells(of: tuple[Cell, ...]) -> tuple[Cell, ...]:
        return tuple(replace(cell, calls=those(cell.calls)) for cell in of)

    return replace(
        plan,
        cells=cells(plan.cells),
        churn=tuple(replace(one, calls=those(one.calls)) for one in plan.churn),
        elsewhere=tuple(replace(one, cells=cells(one.cells)) for one in plan.elsewhere),
        growths=tuple(replace(one, many=those(one.many)) for one in plan.growths),
    )


def many_wanted(plan: Plan) -> bool:
    """Whether it measures among many calls, beside as many to Echo()."""
    return MANY_CALLS in {*(cell.calls for cell in plan.cells), *(one.calls for one in plan.churn)}


_SECONDS = 6.0
_TIMES = 3
"""Each path at the number of calls at which paths are compared: of three the one in the middle counts."""

_RESAMPLED = (RESAMPLED_20, RESAMPLED_20_TLS, RESAMPLED24_20, RESAMPLED24_20_TLS)
OVER_WIRE = Setting("over a wire", over_wire=True)
TWO_THREADS = Setting("two network threads", network_threads=2)

_FOR_ROUND_TRIPS = (
    ECHO, AUDIOSOCKET, CHAN_WEBSOCKET, GATEWAY, GATEWAY_RTP, CHUNKS_20, CHUNKS_60, CHUNKS_240, TLS_20,
)  # fmt: skip

FULL = Plan(
    cells=(
        *(Cell(path, REFERENCE_CALLS, _SECONDS) for _ in range(_TIMES) for path in COMPARED),
        *(Cell(path, REFERENCE_CALLS, _SECONDS) for path in (*SERVICES, *DEFAULTS, IDLE, HELD, GUARDED)),
        # Few beside many: a call among many is compared with one among few right before and after.
        *(Cell(CHUNKS_20, calls, _SECONDS) for calls in (MANY_CALLS, REFERENCE_CALLS) * 2),
        *(
            Cell(path, MANY_CALLS, _SECONDS)
            for path in (ECHO, CHUNKS_240, TLS_20, AUDIOSOCKET, CHAN_WEBSOCKET, GATEWAY)
        ),
        *(Cell(path, calls, _SECONDS) for calls in (1, 10, 100) for path in (ECHO, CHUNKS_20, CHUNKS_240)),
        *(Cell(path, calls, _SECONDS) for calls in (25, 100) for path in (GATEWAY, GATEWAY_RTP)),
    ),
    counted=COMPARED,
    churn=(
        *(
            Coming(CHUNKS_20, calls, CHUNKS_20, rate, _SECONDS)
            for calls in (REFERENCE_CALLS, MANY_CALLS)
            for rate in (1.0, 5.0)
        ),
        *(Coming(CHUNKS_20, calls, SILENT, 1.0, _SECONDS) for calls in (REFERENCE_CALLS, MANY_CALLS)),
    ),
    elsewhere=(
        Elsewhere(
            OVER_WIRE,
            tuple(Cell(path, REFERENCE_CALLS, _SECONDS) for path in (AUDIOSOCKET, CHUNKS_20, CHUNKS_240, TLS_20)),
        ),
        Elsewhere(
            TWO_THREADS,
            (Cell(CHUNKS_20, REFERENCE_CALLS, _SECONDS), Cell(CHUNKS_20, MANY_CALLS, _SECONDS)),
        ),
    ),
    bursts=tuple(
        Bursts(path, alone=2 if path in _RESAMPLED else 4, alone_seconds=3.0, measured=5, among_seconds=10.0)
        for path in (*_FOR_ROUND_TRIPS, *_RESAMPLED)
    ),
    spacing_seconds=120.0,
    spacing_among_seconds=20.0,
    interruptions=100,
    greetings=15,
    growths=tuple(
        Growth(path, REFERENCE_CALLS, MANY_CALLS)
        for path in (ECHO, CHUNKS_20, CHUNKS_240, TLS_20, AUDIOSOCKET, CHAN_WEBSOCKET)
    ),
    searches=(
        Search(CHUNKS_20, (200, 300, 400, 500, 600, 700, 800), 6.0),
        Search(CHUNKS_240, (300, 500, 600, 800), 6.0),
        Search(ECHO, (400, 600, 900), 6.0),
        Search(GATEWAY, (100, 200, 300), 6.0),
        Search(GATEWAY_RTP, (100, 150, 200, 300), 6.0),
    ),
    cells_16=tuple(Cell(path, REFERENCE_CALLS, _SECONDS) for path in (ECHO, CHUNKS_20)),
    bursts_16=(Bursts(ECHO, 2, 2.0, 0, 0.0), Bursts(CHUNKS_20, 2, 2.0, 0, 0.0)),
    repeats=30,
)

QUICK = Plan(
    cells=(
        *(
            Cell(path, REFERENCE_CALLS, 2.0)
            for path in (ECHO, CHUNKS_20, CHUNKS_240, AUDIOSOCKET, CHAN_WEBSOCKET, CHUNKS_60, TLS_20, RESAMPLED_20)
        ),
        Cell(ALL_SERVICES, REFERENCE_CALLS, 2.0),
        Cell(CHUNKS_20, 1, 2.0),
    ),
    counted=(ECHO, CHUNKS_20),
    churn=(Coming(CHUNKS_20, REFERENCE_CALLS, CHUNKS_20, 5.0, 3.0),),
    elsewhere=(Elsewhere(OVER_WIRE, (Cell(CHUNKS_20, REFERENCE_CALLS, 2.0),)),),
    bursts=tuple(
        Bursts(path, alone=1, alone_seconds=1.5, measured=5, among_seconds=3.0)
        for path in (ECHO, CHUNKS_20, RESAMPLED_20, RESAMPLED24_20)
    ),
    spacing_seconds=8.0,
    spacing_among_seconds=0.0,
    interruptions=8,
    greetings=3,
    growths=(Growth(ECHO, 10, 30), Growth(CHUNKS_20, 10, 30)),
    searches=(),
    cells_16=(Cell(ECHO, 10, 2.0), Cell(CHUNKS_20, 10, 2.0)),
    bursts_16=(),
    repeats=0,
)
