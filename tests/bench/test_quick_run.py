"""A quick benchmark: whether it measures, and whether every packet arrived. Never how fast anything was."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiconvai.rig.bench.headlines import HEADLINES
from aiconvai.rig.bench.paths import ALL_SERVICES, COMPARED, GATEWAY, GATEWAY_RTP, TLS_240
from aiconvai.rig.bench.plan import QUICK
from aiconvai.rig.bench.results import Results

SECONDS = 600
NOT_IN_A_QUICK_RUN = {
    "calls_held", "calls_held_stretch", "cpu_churn", "cpu_gateway", "cpu_gateway_rtp", "cpu_many", "round_trip_rtp_p50",
}  # fmt: skip


def numbers(value: Any) -> list[float]:
    """Every number in it, however deep."""
    if isinstance(value, dict):
        return [one for inner in value.values() for one in numbers(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in numbers(inner)]
    return [float(value)] if isinstance(value, int | float) else []


@pytest.mark.timeout(SECONDS + 60)
def test_quick_benchmark(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aiconvai", "bench", "--quick", "--anyway", "--output", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, env={**os.environ, "NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    results = Results.model_validate_json((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert [one for one in results.problems if one.kind in ("calls", "loss")] == []
    assert all(math.isfinite(one) for one in numbers(results.model_dump()))
    assert {one.key for one in HEADLINES} - set(results.headlines) == NOT_IN_A_QUICK_RUN
    paths = {path.name for path in (*COMPARED, ALL_SERVICES) if path not in (GATEWAY, GATEWAY_RTP, TLS_240)}
    elsewhere = [f"{cell.path.name}, {one.setting.name}" for one in QUICK.elsewhere for cell in one.cells]
    if any("over a wire" in note for note in results.notes):
        elsewhere = []
    assert {one.path for one in results.stretches} == paths | set(elsewhere)
    assert set(results.machine.asterisk) == {16, 22}
    assert len(results.stretches) == len(QUICK.cells) + len(QUICK.cells_16) + len(elsewhere)
    assert all(one.callers is not None for one in results.stretches)
    assert len(results.churn) == len(QUICK.churn)
    assert results.headlines["lost"] == 0
    assert "# Performance" in (tmp_path / "performance.md").read_text(encoding="utf-8")
