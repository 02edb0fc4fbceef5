"""The table of faults, the tests that inject them, and the page that tells of both agree."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from faults import FAULTS
from reliability import read_results

ROOT = Path(__file__).parents[2]
_MARKER = re.compile(r"mark\.fault\(([^)]*)\)")


def marked() -> dict[str, set[str]]:
    """Of each fault that a test names, the files that do."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for names in _MARKER.findall(path.read_text(encoding="utf-8")):
            for name in re.findall(r'"([^"]+)"', names):
                found.setdefault(name, set()).add(path.name)
    return found


def test_every_fault_has_a_test_and_every_test_a_fault() -> None:
    assert FAULTS.keys() == marked().keys()


def test_no_result_is_of_a_fault_or_a_test_that_is_gone() -> None:
    for name, tests in read_results()["faults"].items():
        assert name in FAULTS
        for test in tests:
            file, _, function = test.partition("::")
            assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_reliability.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "run: tools/generate_reliability.py"
