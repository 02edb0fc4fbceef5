"""The arithmetic of `aiconvai measure`, its page and its pictures, from readings that are made up."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from aiconvai.measure import document, plots
from aiconvai.measure.channel_statistics import ChannelPackets, parse
from aiconvai.measure.interruption_silence import last_packet_after
from aiconvai.measure.machine import busiest, process_times, used_by_others
from aiconvai.measure.results import (
    Cpu,
    CpuRound,
    Holdings,
    Interruptions,
    Machine,
    Measurements,
    PacketSpacing,
    RoundTrips,
)
from aiconvai.measure.results import Path as CallPath
from aiconvai.measure.statistics import distribution, drift_ppm, ratio_of_medians, share_within

CHANNEL_STATISTICS = """
                                             ...........Receive......... .........Transmit..........
 BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....
 ===========================================================================================================

          anonymous-00000000 00:00:05 ulaw      247       3    1   0.000    245       0    0   0.001   0.000
 7a8b9c   anonymous-0000000f 00:02:05 ulaw       12K      0    0   0.000     11K      0    0   0.001   0.000

Objects found: 2
"""


def made_up() -> Measurements:
    def trips(path: CallPath, around: float) -> RoundTrips:
        delays = [around, around + 0.5, around + 1.0]
        return RoundTrips(asterisk=22, path=path, delays_ms=delays, summary=distribution(delays))

    def one_round(path: CallPath, percent: float) -> CpuRound:
        return CpuRound(
            path=path, calls=50, seconds=20.0, cpu_seconds=1.0, cpu_percent_of_a_call=percent,
            service_share_of_a_core=0.1, other_share_of_a_core=0.0, least_packets_in=1000, least_packets_out=1000,
            underruns=0,
        )  # fmt: skip

    spacings = [20.0, 19.9, 20.1, 22.5]
    return Measurements(
        made="2026-01-01T00:00+00:00",
        quick=False,
        machine=Machine(
            processor="a processor", cores=2, memory_gib=4.0, kernel="6.1", system="Debian", asterisk={22: "22.10.1"},
            load_average=0.1,
        ),
        round_trips=[trips("Echo()", 0.1), trips("20 ms chunks", 2.0), trips("240 ms chunks", 250.0)],
        spacing=[
            PacketSpacing(
                asterisk=22, seconds=600.0, summary=distribution(spacings), share_within_1_ms=0.75, drift_ppm=0.2,
                lost=0, spacings_ms=spacings,
            )
        ],
        interruptions=[
            Interruptions(
                asterisk=22, last_packets_ms=[-3.0, -19.0, 0.4], summary=distribution([0.0, 0.0, 0.4]),
                share_within_20_ms=1.0,
            )
        ],
        cpu=Cpu(
            rounds=[one_round("Echo()", 0.1), one_round("20 ms chunks", 0.15), one_round("240 ms chunks", 0.14)],
            echo_percent_of_a_call=0.1, ratio_20_ms=1.5, ratio_240_ms=1.4,
        ),
        holdings=[Holdings(path="20 ms chunks", memory_kib=180.0, threads=1.0, file_descriptors=5.0)],
    )  # fmt: skip


def test_percentiles_lie_between_the_readings() -> None:
    spread = distribution(np.arange(101.0))
    assert (spread.count, spread.minimum, spread.p50, spread.p95, spread.p99, spread.maximum) == (
        101,
        0,
        50,
        95,
        99,
        100,
    )


def test_no_readings_are_no_distribution() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        distribution([])


def test_the_share_includes_the_edges() -> None:
    assert share_within([19.0, 20.0, 21.0, 21.5], 20.0, 1.0) == 0.75
    assert share_within([], 20.0, 1.0) == 0.0


@pytest.mark.parametrize("ppm", [-150.0, 0.0, 3.0])
def test_the_drift_is_found_under_jitter(ppm: float) -> None:
    """Half a millisecond of noise over ten minutes must not look like a drift of one millionth."""
    count = 30_000
    noise = np.random.default_rng(7).normal(0.0, 0.0005, count)
    arrivals = 1000.0 + np.arange(count) * 0.02 * (1 + ppm / 1e6) + noise
    assert drift_ppm(arrivals, 0.02) == pytest.approx(ppm, abs=0.1)


def test_a_ratio_is_that_of_the_medians() -> None:
    assert ratio_of_medians([2.0, 3.0, 100.0], [1.5, 0.1, 9.0]) == 2.0


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (1.050, -0.010),  # silent at once: the last packet came before
        (1.030, 0.010),  # one more packet came
        (0.935, 0.105),  # it went on
        (1.100, None),  # nothing was playing
        (0.500, None),  # nothing had begun
    ],
)
def test_the_last_packet_is_told_from_the_next_speech(moment: float, expected: float | None) -> None:
    old = [0.92 + 0.02 * number for number in range(7)]
    new = [1.40 + 0.02 * number for number in range(5)]
    found = last_packet_after([*old, *new], moment)
    assert found == (None if expected is None else pytest.approx(expected))


def test_channel_statistics_are_read() -> None:
    assert parse(CHANNEL_STATISTICS) == {
        "anonymous-00000000": ChannelPackets(247, 3, 245),
        "anonymous-0000000f": ChannelPackets(12000, 0, 11000),
    }


def test_an_ended_process_counts_once() -> None:
    """The compiler (7) has ended and is its parent's; 0.5 s of it were before."""
    before = {(2, "make"): 1.0, (7, "compiler"): 0.5, (8, "asterisk"): 0.0}
    after = {(2, "make"): 3.5, (8, "asterisk"): 9.0}
    assert used_by_others(before, after, {8}) == pytest.approx(2.0)


def test_the_busiest_process_is_named_and_ours_are_not() -> None:
    before = {(1, "init"): 5.0, (7, "compiler"): 1.0, (8, "asterisk"): 0.0}
    after = {(1, "init"): 5.1, (7, "compiler"): 3.5, (8, "asterisk"): 9.0, (9, "new one"): 0.5}
    assert busiest(before, after, {8}) == "compiler (7) 2.5 s, new one (9) 0.5 s, init (1) 0.1 s"


def test_this_process_is_among_the_processes() -> None:
    assert os.getpid() in {pid for pid, _ in process_times()}


def test_an_aim_that_is_missed_says_no() -> None:
    by_name = {row.name: row for row in document.rows(made_up())}
    assert by_name["round trip, 20 ms chunks"].met is True
    assert by_name["round trip, 240 ms chunks"].met is False
    assert by_name["median more than Echo(), 20 ms chunks"].value == "1.90 ms"
    assert by_name["packets within 1 ms of 20 ms"].met is False
    assert by_name["silence within 20 ms of an interruption (3 of them)"].met is True
    assert by_name["the same with 20 ms chunks"].met is True
    assert by_name["the same with 240 ms chunks"].met is False


def test_the_page_says_why_a_run_is_invalid() -> None:
    measurements = made_up()
    assert "invalid.**" not in document.render(measurements)
    measurements.invalid.append("a cat sat on the machine")
    page = document.render(measurements)
    assert "**This run is invalid.**" in page
    assert "- a cat sat on the machine" in page


def test_what_is_written_is_read_back() -> None:
    measurements = made_up()
    again = Measurements.model_validate_json(measurements.model_dump_json())
    assert document.render(again) == document.render(measurements)


def test_every_picture_of_the_page_is_drawn(tmp_path: Path) -> None:
    measurements = made_up()
    drawn = {f"images/{path.name}" for path in plots.draw_all(measurements, tmp_path)}
    page = document.render(measurements)
    assert drawn == {part.partition(")")[0] for part in page.split("](")[1:]}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
