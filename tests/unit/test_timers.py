"""The loop's timers against a plain model of them, which a program in C plays (tests/host/timers_model.c)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "build" / "tests" / "host" / "timers_model"
STEPS = 20_000


@pytest.mark.parametrize("seed", range(10))
def test_timers_fire_in_order_and_none_is_forgotten(seed: int) -> None:
    done = subprocess.run([PROGRAM, str(seed), str(STEPS)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    fired = int(done.stdout.split()[0])
    assert fired > STEPS / 20
