"""The page of a benchmark, its pictures and the reference of its numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_results import made_up

from aiconvai.rig.bench import document, paths, plots, reference
from aiconvai.rig.bench.results import Problem, Results

ROOT = Path(__file__).parents[2]


def test_a_goal_that_is_missed_says_no() -> None:
    lines = {line.split(" | ")[0]: line for line in document.render(made_up(), []).splitlines()}
    assert lines["| CPU, 20 ms chunks, 50 calls"].endswith("| 1.80 x Echo() | <= 1.5 | **no** |")
    assert lines["| calls held, 20 ms chunks"].endswith("| 400.00 | >= 500 | **no** |")


def test_what_is_special_is_told_beside_the_usual() -> None:
    lines = document.render(made_up(), []).splitlines()
    assert "| 20 ms | over a wire | 50 | 1.50 ms | 0.20 ms | 1.50 | 1.80 | 60 |" in lines


def test_calls_that_come_and_go_have_a_table() -> None:
    lines = document.render(made_up(), []).splitlines()
    steady, coming = "200 of 20 ms", "5 a second of 20 ms, 2 s each"
    assert f"| {steady} | {coming} | 2.00 ms | 2.20 ms | 1.10 | 21.0 ms | 25.5 ms |" in lines


def test_services_are_told_beside_elevenlabs() -> None:
    lines = document.render(made_up(), []).splitlines()
    assert "| elevenlabs | mu-law, base64 in JSON | 2.00 ms | 2.00 | 1.00 | 60 |" in lines
    (gemini,) = [line for line in lines if line.startswith("| gemini |")]
    assert gemini.endswith(" | 2.50 ms | 2.50 | 1.25 | 60 |")
    # They have a table of their own, and only that.
    assert not [line for line in lines if line.startswith("| service ") and " 50 " in line]


def test_the_page_says_why_a_run_is_invalid() -> None:
    results = made_up()
    assert "invalid.**" not in document.render(results, [])
    results.problems.append(Problem(kind="machine", text="a cat sat on it"))
    page = document.render(results, [])
    assert "**This run is invalid.**" in page
    assert "- machine: a cat sat on it" in page


def test_a_run_of_nothing_has_a_page(tmp_path: Path) -> None:
    full = made_up()
    nothing = Results(made=full.made, quick=True, machine=full.machine)
    assert plots.draw_all(nothing, tmp_path) == []
    assert "Not measured in this run." in document.render(nothing, [])


def test_every_path_has_a_colour() -> None:
    """One that is drawn without is found out half an hour later."""
    assert {path.name for path in paths.PATHS} <= plots.COLOURS.keys()


def test_what_is_written_is_read_back() -> None:
    results = made_up()
    again = Results.model_validate_json(results.model_dump_json())
    assert document.render(again, []) == document.render(results, [])


def test_every_picture_is_on_the_page(tmp_path: Path) -> None:
    results = made_up()
    drawn = [path.name for path in plots.draw_all(results, tmp_path)]
    page = document.render(results, drawn)
    shown = {part.partition(")")[0] for part in page.split("](")[1:] if part.startswith("images/")}
    assert shown == {f"images/{name}" for name in drawn}
    assert len(drawn) == 6
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())


def test_what_a_program_complains_of_stays_in_its_row() -> None:
    results = made_up()
    complaint = "the run queue. sipp: exit status 1\n| Content-Length: 0\n" + "more\n" * 1000
    results.capacity[0] = results.capacity[0].model_copy(update={"limit": complaint})
    results.problems.append(Problem(kind="calls", text=complaint))
    page = document.render(results, []).splitlines()
    reasons = [line for line in page if "exit status 1" in line]
    assert len(reasons) == 2
    assert all(line.endswith(("... |", "...")) and len(line) < 500 for line in reasons)
    assert "more" not in page


def test_the_reference_is_up_to_date() -> None:
    committed = (ROOT / reference.PATH).read_text(encoding="utf-8")
    assert reference.reference() == committed, "run: .venv/bin/python -m aiconvai.rig.bench.reference"


def test_every_key_is_documented() -> None:
    lines = [line for line in reference.reference().splitlines() if line.startswith("| `")]
    assert len(lines) > 80
    assert [line for line in lines if line.endswith("|  |")] == []


@pytest.mark.parametrize("key", ["cpu_20", "calls_held", "lost"])
def test_headlines_are_in_the_numbers(key: str) -> None:
    assert f'"{key}":' in made_up().model_dump_json()
