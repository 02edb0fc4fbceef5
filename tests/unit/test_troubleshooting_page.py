"""docs/troubleshooting.md: each of its blocks is printed by a test. Here are those without service and Asterisk.

The others: tests/gateway/test_doctor_program.py, tests/integration/test_troubleshooting.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from printed import PAGE, names, printed

TESTS = Path(__file__).parents[1]


def test_every_block_is_printed_by_one_test() -> None:
    texts = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    printing = [name for text in texts for name in re.findall(r'printed\(\s*"([\w-]+)"', text)]
    page = PAGE.read_text(encoding="utf-8")
    assert sorted(printing) == sorted(names(page))
    assert page.count("```console\n") == len(printing), "a block without a test"


def test_a_line_of_the_configuration_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "aiconvai.conf"
    path.write_text("[sales]\nprovider = openai\napi_key = sk-1\ngreeting_delay = 200\nidle_audio = nothing\n")
    command = [sys.executable, "-m", "aiconvai", "config", "check", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    printed(
        "config-error",
        ("aiconvai config check /etc/asterisk/aiconvai.conf", done.stdout + done.stderr),
        instead={re.escape(str(tmp_path)): "/etc/asterisk"},
    )
