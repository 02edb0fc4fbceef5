"""Where the commands of the rig write."""

from __future__ import annotations

import os

from rich.console import Console

_LOG_WIDTH = 150
"""Of a log that is no terminal: rich would fold at 80 columns."""


def wide_console() -> Console:
    """The terminal; where there is none, lines of a log, as wide as COLUMNS says."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=int(os.environ.get("COLUMNS", _LOG_WIDTH)))
