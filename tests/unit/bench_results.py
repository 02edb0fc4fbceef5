"""Results of a benchmark that are made up."""

from __future__ import annotations

from aiconvai.rig.bench.costs import costs
from aiconvai.rig.bench.headlines import goals, headlines
from aiconvai.rig.bench.paths import AUDIOSOCKET, CHUNKS_20, CHUNKS_240, ECHO, SERVICES, TLS_20, CallPath
from aiconvai.rig.bench.plan import OVER_WIRE
from aiconvai.rig.bench.results import (
    CallersOwn,
    Capacity,
    ChurnCost,
    FirstAudio,
    Holdings,
    Interruptions,
    Machine,
    PacketSpacing,
    Results,
    RoundTrips,
    SetUp,
    Stretch,
)
from aiconvai.rig.bench.statistics import distribution


def stretch(path: CallPath, cpu: float, *, calls: int = 50, helper: float = 0.0) -> Stretch:
    """Ten seconds in which nothing went wrong; cpu and helper in CPU seconds for a second of a call."""
    return Stretch(
        asterisk=22, path=path.name, calls=calls, seconds=10.0, asterisk_cpu=cpu, helper_cpu=helper,
        echo_cpu=0.001 if calls == 50 else None,
        asterisk_share=cpu * calls, busiest_thread_share=0.05, run_queue=0.01, callers_share=0.1, far_end_share=0.1,
        other_share=0.0, stolen_share=0.0, context_switches=60.0, system_calls=150.0, least_packets_in=500,
        least_packets_out=500, expected_packets=500, underruns=3 if path.agent else None, callers=callers(),
    )  # fmt: skip


def callers(*, late: float = 0.2, heard: int = 500) -> CallersOwn:
    """Callers of ten seconds."""
    return CallersOwn(
        lateness_p50_ms=0.05, lateness_p99_ms=late, lateness_max_ms=3.0, least_heard=heard, expected=500, missing=0,
        longest_gap_ms=21.0, spacing_p99_ms=20.4,
    )  # fmt: skip


def over_wire(path: CallPath, cpu: float) -> Stretch:
    """As `stretch`, with the far end behind a wire."""
    return stretch(path, cpu).model_copy(update={"path": f"{path.name}, {OVER_WIRE.name}", "wire_cpu": 0.0002})


def made_up() -> Results:
    """A little of everything."""

    def trips(path: CallPath, others: int, around: float) -> RoundTrips:
        delays = [around, around + 0.5, around + 1.0]
        return RoundTrips(
            asterisk=22, path=path.name, others=others, delays_ms=delays, lost=0, summary=distribution(delays)
        )

    spacings = [20.0, 19.9, 20.1, 22.5]
    results = Results(
        made="2026-01-01T00:00+00:00",
        quick=False,
        took_seconds=1500.0,
        machine=Machine(
            processor="a processor", cores=2, memory_gib=4.0, kernel="6.1", system="Debian", asterisk={22: "22.10.1"},
            load_average=0.1,
        ),
        stretches=[
            stretch(ECHO, 0.0010), stretch(CHUNKS_20, 0.0018), stretch(ECHO, 0.0010), stretch(CHUNKS_240, 0.0013),
            stretch(ECHO, 0.0010), stretch(AUDIOSOCKET, 0.0020, helper=0.0005), stretch(TLS_20, 0.0019),
            stretch(CHUNKS_20, 0.0017, calls=200), stretch(SERVICES[0], 0.0020), stretch(SERVICES[3], 0.0025),
            over_wire(CHUNKS_20, 0.0015),
        ],
        churn=[
            ChurnCost(
                path=CHUNKS_20.name, calls=200, churn_path=CHUNKS_20.name, rate=5.0, lasting=2.0, steady_cpu=0.0020,
                churn_cpu=0.0022, ratio=1.1, begun=55, steady_gap_ms=21.0, churn_gap_ms=25.5, lateness_p99_ms=0.3,
            )
        ],
        round_trips=[
            trips(ECHO, 0, 0.1), trips(ECHO, 49, 0.1), trips(CHUNKS_20, 0, 1.0), trips(CHUNKS_20, 49, 2.0),
            trips(CHUNKS_240, 0, 250.0),
        ],
        spacing=[
            PacketSpacing(
                asterisk=22, others=0, seconds=600.0, summary=distribution(spacings), share_within_1_ms=0.75,
                drift_ppm=0.2, lost=0, spacings_ms=spacings,
            )
        ],
        interruptions=[
            Interruptions(
                asterisk=22, last_packets_ms=[-3.0, -19.0, 0.4], summary=distribution([0.0, 0.0, 0.4]),
                share_within_20_ms=1.0,
            )
        ],
        first_audio=[FirstAudio(asterisk=22, connection="plain", delays_ms=[9.0], summary=distribution([9.0]))],
        set_up=[SetUp(asterisk=22, connection="TLS", parts={"ReadyMs": distribution([6.0])})],
        holdings=[
            Holdings(
                path=path.name, few=50, many=200, memory_kib=memory, threads=1.0, file_descriptors=files,
                helper_memory_kib=0.0,
            )
            for path, memory, files in ((ECHO, 100.0, 4.0), (CHUNKS_20, 220.0, 5.0))
        ],
        capacity=[
            Capacity(path=CHUNKS_20.name, held=400, tried=[300, 400, 500], broken=stretch(CHUNKS_20, 0.003, calls=500),
                     limit="the machine's 2 cores")
        ],
    )  # fmt: skip
    results.costs = costs(results.stretches)
    results.headlines = headlines(results)
    results.goals = goals(results.headlines)
    return results
