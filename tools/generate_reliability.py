#!/usr/bin/env python3
"""Write docs/reliability.md from the table of faults (tests/helpers/faults) and docs/reliability.json.

generate_reliability.py            writes it
generate_reliability.py --check    says if it is not as it would be written; exit status 1 then
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

from reliability import PAGE, page, read_results


def main(arguments: list[str]) -> int:
    text = page(read_results())
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if arguments == ["--check"]:
        print("docs/reliability.md: is not as tools/generate_reliability.py writes it")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print("docs/reliability.md: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
