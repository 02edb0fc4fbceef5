"""The arithmetic of the benchmark, on readings that are made up."""

from __future__ import annotations

from io import StringIO
from typing import ClassVar, cast

import numpy as np
import pytest
from bench_results import callers, made_up, stretch
from rich.console import Console

from aiconvai.rig.bench import stretch as stretch_module
from aiconvai.rig.bench.capacity import limiting_resource, search
from aiconvai.rig.bench.comparison import compare
from aiconvai.rig.bench.costs import costs
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.headlines import HEADLINES, goals, headline
from aiconvai.rig.bench.interruption_silence import last_packet_after
from aiconvai.rig.bench.module_counters import Conversation
from aiconvai.rig.bench.paths import AUDIOSOCKET, CHAN_WEBSOCKET, CHUNKS_20, ECHO
from aiconvai.rig.bench.plan import (
    FULL,
    MANY_CALLS,
    QUICK,
    REFERENCE_CALLS,
    Cell,
    Plan,
    many_wanted,
    wanted,
    with_drift,
    with_many,
)
from aiconvai.rig.bench.results import Losses, Problem, Stretch
from aiconvai.rig.bench.run import Run
from aiconvai.rig.bench.stage import Stage
from aiconvai.rig.bench.statistics import (
    change_percent,
    distribution,
    drift_ppm,
    ecdf,
    ratios_to_neighbours,
    share_within,
)
from aiconvai.rig.bench.uplink_balance import lost_frames
from aiconvai.rig.bench.validity import REPEATED_AT_MOST, disturbed, not_held, stretch_problems


def test_percentiles_lie_between_the_readings() -> None:
    spread = distribution(np.arange(101.0))
    found = (spread.count, spread.minimum, spread.p50, spread.p95, spread.p99, spread.maximum)
    assert found == (101, 0, 50, 95, 99, 100)


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


def test_the_ecdf_ends_at_the_largest() -> None:
    values, shares = ecdf([3.0, 1.0])
    assert (values.tolist(), shares.tolist()) == ([1.0, 3.0], [50.0, 100.0])


def test_a_ratio_is_to_the_floors_before_and_after() -> None:
    """The machine became slower between the two."""
    assert ratios_to_neighbours([None, 2.0, None, 6.0], [1.0, None, 3.0, None]) == [1.0, 2.0]
    assert ratios_to_neighbours([2.0, None], [None, 4.0]) == [0.5]
    assert ratios_to_neighbours([2.0], [None]) == []


def test_a_change_is_in_per_cent_of_the_first() -> None:
    assert change_percent(2.0, 2.5) == pytest.approx(25.0)
    assert change_percent(0.0, 1.0) is None


def test_costs_are_by_path_and_number_of_calls() -> None:
    found = {(one.path, one.calls): one for one in costs(made_up().stretches)}
    assert found[ECHO.name, 50].ratio == 1.0
    assert found[ECHO.name, 50].stretches == 3
    assert found[CHUNKS_20.name, 50].ratio == pytest.approx(1.8)
    assert found[CHUNKS_20.name, 200].ratio is None, "no Echo() beside 200 calls"
    audiosocket = found[AUDIOSOCKET.name, 50]
    assert (audiosocket.ratio, audiosocket.asterisk_ratio) == (pytest.approx(2.5), pytest.approx(2.0))


def test_headlines_are_computed() -> None:
    values = made_up().headlines
    assert values["cpu_tls_on_top"] == pytest.approx(100 * (1.9 / 1.8 - 1))
    assert values["cpu_many"] == pytest.approx(1.7 / 1.8)
    assert values["round_trip_p50"] == pytest.approx(1.9)
    assert values["memory"] == pytest.approx(120 * 1.024)
    assert values["threads"] == 0
    assert values["cpu_churn"] == pytest.approx(1.1)
    assert values["context_switches"] == 0
    assert values["lost"] == 0
    assert "cpu_60" not in values


def test_goals_are_met_or_not_or_unknown() -> None:
    met = {goal.key: goal.met for goal in goals({"cpu_20": 1.51, "cpu_20_stretch": 1.2, "drift": -4.9})}
    assert (met["cpu_20"], met["cpu_20_stretch"], met["drift"], met["memory"]) == (False, True, True, None)


def test_keys_of_headlines_are_unique() -> None:
    keys = [one.key for one in HEADLINES]
    assert len(set(keys)) == len(keys)
    assert headline("memory").unit == "kB"


def test_runs_agree_within_per_cent_or_resolution() -> None:
    before, after = made_up(), made_up()
    before.headlines = {"cpu_20": 1.5, "cpu_240": 1.0, "drift": 0.01, "threads": 0.0, "cpu_60": 1.2}
    after.headlines = {"cpu_20": 1.7, "cpu_240": 1.2, "drift": -0.9, "threads": 0.0}
    found = {one.headline.key: (one.agrees, one.percent) for one in compare(before, after)}
    assert found["cpu_20"] == (True, pytest.approx(13.333, abs=0.01))
    assert found["cpu_240"] == (False, pytest.approx(20.0))
    assert found["drift"][0]
    assert found["threads"] == (True, None)
    assert "cpu_60" not in found


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


@pytest.mark.parametrize(
    ("conversations", "got", "chunk_ms", "lost"),
    [
        ([(100, 100), (50, 50)], [50, 100], 20, 0),
        ([(101, 100)], [100], 20, 0),  # hung up before the last frame was sent
        ([(108, 100)], [100], 20, 2),
        ([(100, 100)], [98], 20, 2),  # sent and never received
        ([(100, 100)], [101], 20, 1),  # received twice
        ([(131, 10)], [10], 240, 0),
        ([(149, 10)], [9], 240, 24),
    ],
)
def test_frames_lost_on_the_way_up(
    conversations: list[tuple[int, int]], got: list[int], chunk_ms: int, lost: int
) -> None:
    ended = [Conversation(frames, chunks) for frames, chunks in conversations]
    assert lost_frames(ended, got, chunk_ms) == lost


def test_some_frames_may_be_behind() -> None:
    ended = [Conversation(112, 100)]
    assert lost_frames(ended, [100], 20, behind_frames=5) == 1
    assert lost_frames(ended, [100], 20) == 6


def test_a_stretch_in_which_nothing_went_wrong_is_valid() -> None:
    assert stretch_problems(stretch(CHUNKS_20, 0.002)) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"losses": Losses(dropped_bytes=160)}, "loss"),
        ({"least_packets_out": 0}, "calls"),
        ({"least_packets_in": 480}, "timing"),
        ({"far_end_share": 0.95}, "timing"),
        ({"other_share": 0.2}, "machine"),
        ({"stolen_share": 0.1}, "machine"),
        ({"callers": callers(late=2.1)}, "timing"),
        ({"callers": callers(heard=480)}, "timing"),
        ({"callers": callers(heard=0)}, "calls"),
        ({"echo_callers": callers(late=2.1)}, "timing"),
        ({"losses": Losses(heard_packets=1)}, "loss"),
    ],
)
def test_a_stretch_says_what_is_wrong_with_it(change: dict[str, object], kind: str) -> None:
    wrong = stretch(CHUNKS_20, 0.002).model_copy(update=change)
    assert [problem.kind for problem in stretch_problems(wrong)] == [kind]


def test_a_search_ends_where_a_rule_is_broken() -> None:
    def measure(calls: int) -> Stretch:
        done = stretch(CHUNKS_20, 0.002, calls=calls)
        done.problems.append(Problem(kind="machine", text="the cat again"))
        if calls > 400:
            done.problems.append(Problem(kind="loss", text="a packet fell off"))
        return done

    found, held = search(CHUNKS_20.name, (300, 400, 500, 600), measure, 2)
    assert (found.held, found.tried, [one.calls for one in held]) == (400, [300, 400, 500], [300, 400])
    assert found.broken is not None
    assert found.limit.endswith("a packet fell off")
    found, held = search(CHUNKS_20.name, (300, 400), measure, 2)
    assert (found.held, found.broken, len(held)) == (400, None, 2)


def test_a_search_ends_where_nothing_can_be_told() -> None:
    def measure(calls: int) -> Stretch:
        if calls > 300:
            raise BenchError("the callers fell asleep")
        return stretch(CHUNKS_20, 0.002, calls=calls)

    found, held = search(CHUNKS_20.name, (300, 400, 500), measure, 2)
    assert (found.held, found.tried, found.broken, len(held)) == (300, [300, 400], None, 1)
    assert found.limit == "nothing could be told: the callers fell asleep"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"asterisk_share": 1.2, "callers_share": 0.5, "far_end_share": 0.2}, "the machine's 2 cores"),
        ({"asterisk_share": 1.0, "busiest_thread_share": 0.9}, "one thread of asterisk"),
        ({"asterisk_share": 0.5, "far_end_share": 0.95}, "the far end's one thread"),
        ({"asterisk_share": 0.5, "run_queue": 3.0}, "the run queue"),
        ({"asterisk_share": 0.5}, "audio was lost or late though"),
    ],
)
def test_the_limiting_resource_is_named(change: dict[str, object], words: str) -> None:
    assert limiting_resource(stretch(CHUNKS_20, 0.002).model_copy(update=change), 2).startswith(words)


def test_parts_are_asked_for_by_name() -> None:
    assert wanted("cpu 20 ms 50", None)
    assert wanted("cpu 20 ms 50", "20 ms")
    assert wanted("cpu 20 ms 50", "cpu*50")
    assert not wanted("round trip 20 ms", "cpu*50")


def test_the_drift_may_be_watched_longer() -> None:
    assert with_drift(FULL, 30).spacing_seconds == 1800
    assert with_drift(QUICK, None) is QUICK


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_a_plan_has_echo_beside_what_is_compared_with_it(plan: Plan) -> None:
    assert ECHO in [cell.path for cell in plan.cells if cell.calls == REFERENCE_CALLS]
    assert ECHO in [bursts.path for bursts in plan.bursts]
    assert ECHO in [growth.path for growth in plan.growths]


def test_many_calls_are_as_many_as_the_machine_holds() -> None:
    assert many_wanted(FULL)
    assert not many_wanted(QUICK)
    fewer = with_many(FULL, 150)
    every = [*fewer.cells, *fewer.churn, *(cell for one in fewer.elsewhere for cell in one.cells)]
    numbers = {one.calls for one in every} | {one.many for one in fewer.growths}
    assert 150 in numbers
    assert MANY_CALLS not in numbers
    assert with_many(FULL, MANY_CALLS) == FULL
    assert fewer.searches == FULL.searches


@pytest.mark.parametrize(
    ("kinds", "stolen", "again"),
    [
        ([], 0.3, False),
        (["machine"], 0.0, True),
        (["timing"], 0.01, True),
        (["timing"], 0.0, False),
        (["timing", "machine", "loss"], 0.3, False),
        (["calls"], 0.3, False),
    ],
)
def test_only_what_the_machine_disturbed_is_measured_again(kinds: list[str], stolen: float, again: bool) -> None:
    problems = [Problem.model_validate({"kind": kind, "text": "so it was"}) for kind in kinds]
    assert disturbed(problems, stolen) is again


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [([], False), (["timing"], True), (["timing", "loss"], True), (["timing", "machine"], False), (["calls"], False)],
)
def test_calls_that_are_too_many_for_a_path(kinds: list[str], expected: bool) -> None:
    assert not_held([Problem.model_validate({"kind": kind, "text": "late"}) for kind in kinds]) is expected


def test_another_product_that_does_not_hold_so_many_calls_is_said_to_and_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours is held to it: a run in which it does not is invalid."""

    class Measured:
        system_calls = None
        problems: ClassVar = [Problem(kind="timing", text="150 calls, x: 314 packets to a caller; expected about 364")]

    monkeypatch.setattr(stretch_module, "measure", lambda *_, **__: Measured())
    run = Run(FULL, Console(file=StringIO()), quick=False)
    stage = cast(Stage, None)
    run._cell(stage, Cell(CHAN_WEBSOCKET, 150, 1.0), "22 chan_websocket 150")
    (note,) = run.results.notes
    assert note.startswith("chan_websocket did not hold 150 calls: ")
    assert (run.results.problems, run.results.stretches) == ([], [])
    run._cell(stage, Cell(CHUNKS_20, 150, 1.0), "22 20 ms 150")
    assert run.results.problems == Measured.problems


def test_it_is_measured_again_a_bounded_number_of_times() -> None:
    run = Run(FULL, Console(file=StringIO()), quick=False)
    late = Problem(kind="machine", text="somebody else ran")
    taken: list[int] = []

    def take() -> tuple[int, list[Problem]]:
        taken.append(len(taken))
        return taken[-1], [late] if always or len(taken) < 3 else []

    always, kept = False, []
    run._measure("one", take, kept.append)
    assert (kept, len(taken), run.results.problems) == ([2], 3, [])
    assert [one.name for one in run.results.repeated] == ["one", "one"]
    always, kept = True, []
    taken.clear()
    run._measure("two", take, kept.append)
    assert (kept, len(taken), run.results.problems) == ([3], REPEATED_AT_MOST + 1, [late])
    for _ in range(FULL.repeats):
        run._measure("three", take, kept.append)
    assert len(run.results.repeated) == FULL.repeats
