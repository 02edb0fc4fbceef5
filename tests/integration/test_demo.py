"""`aiconvai demo` with every service: what it shows is what a newcomer sees first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aiconvai.mock import PROVIDERS

SECONDS = 150

pytestmark = pytest.mark.quiet


@pytest.mark.parametrize("of", [*(["--provider", one] for one in PROVIDERS), ["--local"]], ids=" ".join)
def test_every_check_of_the_demo_passes(of: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aiconvai", "demo", *of, "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert (tmp_path / "conversation.png").stat().st_size > 10_000
    assert (tmp_path / "conversation.wav").stat().st_size > 20 * 8000 * 2 * 2
