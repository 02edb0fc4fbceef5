"""`aiconvai replay`: what a recorded call was, and what the engine makes of it now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.text import Text

from aiconvai.replay.player import Replay, Row
from aiconvai.replay.recorded import RecordedError, read_entries

STYLES = {"in": "cyan", "recorded": "dim", "now": "green", "differs": "bold red"}
DETAIL_MAX = 400

app = typer.Typer(add_completion=False)


def replayed(file: BinaryIO, until_ms: float | None) -> Iterator[Row | Replay]:
    """The rows of the time line, and the replay at its end."""
    entries = read_entries(file)
    first = next(entries)
    replay = Replay(first)
    for entry in entries:
        # What came of an input stands behind it, a little later.
        if until_ms is not None and entry.ms > until_ms and "in" in entry.members:
            break
        yield from replay.rows(entry)
    yield from replay.finish()
    yield replay


def _safe(text: str) -> str:
    """As it may be shown: what moves a terminal's cursor is escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _shown(detail: Any) -> str:
    text = json.dumps(detail, ensure_ascii=False) if detail else ""
    return _safe(text if len(text) <= DETAIL_MAX else f"{text[:DETAIL_MAX]}...")


def _print_row(console: Console, row: Row, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"ms": row.ms, "side": row.side, "what": row.what, "detail": row.detail}))
        return
    line = Text(f"{row.ms:12.1f} ms  ")
    line.append(f"{row.side:<9} {_safe(row.what):<22} ", style=STYLES[row.side])
    line.append(_shown(row.detail))
    console.print(line, soft_wrap=True)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="The recording of a call.")],
    until: Annotated[float | None, typer.Option(help="Stop after so many milliseconds of the call.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each row.")] = False,
) -> None:
    """Give the engine what a recorded call brought, and show what it does now.

    A tone as loud stands in for the caller's audio, silence for the agent's: what is decided by sound may differ. The
    exit status is 1 where events differ from those recorded, 2 where the file cannot be replayed.
    """
    console = Console(highlight=False)
    try:
        with file.open("rb") as opened:
            for row in replayed(opened, until):
                if isinstance(row, Row):
                    _print_row(console, row, as_json)
                else:
                    differences = row.differences
    except (OSError, RecordedError) as error:
        print(_safe(f"{file}: {error.strerror if isinstance(error, OSError) else error}"), file=sys.stderr)
        raise typer.Exit(2) from error
    if not as_json:
        console.print(f"{differences} differences" if differences else "what it tells now is what was told then")
    raise typer.Exit(1 if differences else 0)
