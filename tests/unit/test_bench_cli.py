"""`aiconvai bench` on numbers that are there already."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_results import made_up
from typer.testing import CliRunner

from aiconvai.rig.bench.cli import app
from aiconvai.rig.bench.results import Problem, Results


def saved(folder: Path, results: Results, name: str = "saved.json") -> str:
    path = folder / name
    path.write_text(results.model_dump_json(), encoding="utf-8")
    return str(path)


def test_a_page_is_made_again(tmp_path: Path) -> None:
    output = tmp_path / "made"
    done = CliRunner().invoke(app, ["--from", saved(tmp_path, made_up()), "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert {path.name for path in output.iterdir()} == {"performance.md", "images"}
    assert "calls held, 20 ms chunks" in done.output


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [("machine", [], 1), ("timing", ["--anyway"], 0), ("loss", ["--anyway"], 1), ("calls", ["--anyway"], 1)],
)
def test_an_invalid_run_fails(tmp_path: Path, kind: str, more: list[str], status: int) -> None:
    results = made_up()
    results.problems.append(Problem.model_validate({"kind": kind, "text": "a cat sat on it"}))
    done = CliRunner().invoke(app, ["--from", saved(tmp_path, results), "--output", str(tmp_path), *more])
    assert done.exit_code == status
    assert "a cat sat on it" in done.output


def test_two_runs_are_compared(tmp_path: Path) -> None:
    older = made_up()
    older.headlines["cpu_20"] /= 2
    arguments = ["--from", saved(tmp_path, made_up()), "--compare", saved(tmp_path, older, "older.json")]
    done = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path)], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    assert "+100.0 %" in done.output


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"version": 2}', encoding="utf-8")
    done = CliRunner().invoke(app, ["--from", str(other), "--output", str(tmp_path)])
    assert done.exit_code == 1
    assert "Nothing was measured" in done.output
