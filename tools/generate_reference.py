#!/usr/bin/env python3
"""Write the pages of docs/reference that are made from the code.

generate_reference.py            writes them
generate_reference.py --check    says which are not as they would be written; exit status 1 if any
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from reference_pages.asterisk_pages import ami_page, dialplan_page, events_page
from reference_pages.command_page import command_page
from reference_pages.http_page import http_page
from reference_pages.settings_page import settings_page

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "dialplan.md": dialplan_page,
    "ami.md": ami_page,
    "events.md": events_page,
    "cli.md": command_page,
    "serve-toml.md": settings_page,
    "http-api.md": http_page,
}


def main(arguments: list[str]) -> int:
    old = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make().rstrip() + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        old.append(f"docs/reference/{name}")
        if arguments != ["--check"]:
            path.write_text(text, encoding="utf-8")
    for one in old:
        print(f"{one}: {'is not as tools/generate_reference.py writes it' if arguments else 'written'}")
    return 1 if old and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
