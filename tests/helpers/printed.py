"""What docs/troubleshooting.md says that a program prints is what it prints.

A block of that page stands below a line `<!-- printed: NAME -->`. A test breaks the thing that the entry is about, runs
what stands there behind `$ `, and compares. With AICONVAI_RENEW_PRINTED=1 it writes the block instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
RENEW = "AICONVAI_RENEW_PRINTED"
_LOG_LINE = re.compile(r"^\[[^]]*\] (\w+)\[\d+\](?:\[C-\w+\])? (?:\S*\/)?(\w+\.c): ", re.MULTILINE)


def printed(name: str, *runs: tuple[str, str], instead: Mapping[str, str] | None = None) -> None:
    """Compare. A run is a command and what it printed. `instead`: what differs from one run to the next (regular
    expressions), and what stands on the page for it.
    """
    text = "\n\n".join(f"$ {command}\n{output.strip()}" for command, output in runs)
    for pattern, word in (instead or {}).items():
        text = re.sub(pattern, word, text)
    page = PAGE.read_text(encoding="utf-8")
    block = _block(name)
    found = block.search(page)
    assert found is not None, f"{PAGE}: expected a line <!-- printed: {name} --> and a block below it"
    if os.environ.get(RENEW):
        PAGE.write_text(block.sub(lambda one: f"{one[1]}{text}\n{one[3]}", page), encoding="utf-8")
    else:
        assert found[2] == f"{text}\n", f"{PAGE}: {name}: to renew it, run this test with {RENEW}=1"


def log_lines(text: str, *words: str) -> str:
    """Lines of Asterisk's log that have one of these words, without times and numbers of processes and lines."""
    lines = [line for line in text.splitlines() if any(word in line for word in words)]
    return _LOG_LINE.sub(r"\1: \2: ", "\n".join(lines))


def names(page: str) -> list[str]:
    """Of all blocks."""
    return re.findall(r"^<!-- printed: (\S+) -->$", page, re.MULTILINE)


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(^<!-- printed: {name} -->\n```console\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)
