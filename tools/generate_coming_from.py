#!/usr/bin/env python3
"""Put the tables of what settings of earlier systems are here into docs/coming-from.md, from what the import reads.

    generate_coming_from.py [PAGE]

The page has a line `<!-- table: SYSTEM -->` where each begins, and `<!-- end -->` where it ends.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from aiconvai.config.imports.importing import SYSTEMS
from aiconvai.config.imports.rows import Row
from aiconvai.config.imports.system import System
from aiconvai.options import find_option

PAGE = Path(__file__).parents[1] / "docs" / "coming-from.md"
_TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with all its tables anew. Raises `KeyError` for a system that there is not."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{table(SYSTEMS[found[2]])}\n{found[3]}", page)


def table(system: type[System]) -> str:
    lines = ["| there | here | without it, there | |", "| --- | --- | --- | --- |"]
    return "\n".join(lines + [_row(one) for one in system.rows]) + "\n"


def _row(row: Row) -> str:
    keys = ", ".join(f"`{_short(one)}`" for one in row.keys)
    default = f"`{row.default}`" if row.default is not None else ""
    words = [one for one in (row.by.words, row.note) if one]
    return f"| {keys} | {_here(row)} | {default} | {'; '.join(words)} |".replace("  ", " ")


def _short(key: str) -> str:
    return key.replace("appConfig.appRecognitionConfig.", "...").replace("appConfig.", "...")


def _here(row: Row) -> str:
    if not row.to:
        return ""
    if row.to.startswith("extensions "):
        return "the dialplan"
    if row.to.startswith("serve.toml "):
        place = row.to.removeprefix("serve.toml ").replace("{ari}", "NAME").replace("{value}", "VALUE")
        return f"`{place}` of serve.toml"
    if row.to.startswith("[prompt-"):
        return f"`{row.to.partition('] ')[2].replace('{last}', 'NAME')}` of the agent's prompts"
    option = find_option(row.to.removeprefix("[general] "))
    assert option is not None, row
    return f"`{'[general] ' if row.to.startswith('[') else ''}{option.line_name}`"


def main(arguments: list[str]) -> int:
    page = Path(arguments[0]) if arguments else PAGE
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
