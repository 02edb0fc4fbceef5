"""The conversation as it happens: a live picture on a terminal, lines in a log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from aiconvai.rig.demo.moments import Kind, Moment, Moments
from aiconvai.rig.demo.observer import Observer
from aiconvai.rig.demo.voice_activity import VoiceActivity

_STYLES: dict[Kind, str] = {
    Kind.AGENT_SAYS: "bold cyan",
    Kind.CALLER_SAYS: "bold yellow",
    Kind.INTERRUPTION: "bold red",
    Kind.SILENCE: "bold green",
    Kind.TOOL_CALL: "magenta",
    Kind.TOOL_RESULT: "magenta",
    Kind.ERROR: "bold red",
    Kind.VOICE: "dim",
}
_WIDEST_NAME = max(len(kind.value) for kind in Kind)
_METER_SECONDS = 6.0
_METER_COLUMNS = 60
_BLOCKS = " ▁▂▃▄▅▆▇█"
_QUIETEST_DBFS, _LOUDEST_DBFS = -50.0, -10.0


def meter(levels: list[float]) -> str:
    """Levels in dBFS as a row of blocks."""
    steps = len(_BLOCKS) - 1
    span = _LOUDEST_DBFS - _QUIETEST_DBFS
    return "".join(_BLOCKS[round(steps * min(1.0, max(0.0, (level - _QUIETEST_DBFS) / span)))] for level in levels)


class Display(ABC):
    """`with display:`, and in it `refresh` whenever something may have changed. Times count from `origin`."""

    def __init__(self, console: Console, moments: Moments, observer: Observer, origin: float) -> None:
        self.console = console
        self._moments = moments
        self._observer = observer
        self._origin = origin
        self._shown = 0

    @abstractmethod
    def refresh(self, now: float) -> None:
        """Show what is new; `now` is CLOCK_MONOTONIC seconds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def _print_new(self) -> None:
        new = self._moments.since(self._shown)
        self._shown += len(new)
        for moment in new:
            self.console.print(self._row(moment))

    def _row(self, moment: Moment) -> RenderableType:
        style = _STYLES.get(moment.kind, "")
        row = Table.grid(padding=(0, 1))
        row.add_column(width=8, justify="right", style="dim", no_wrap=True)
        row.add_column(width=_WIDEST_NAME, style=style, no_wrap=True)
        row.add_column(overflow="fold")
        says = moment.kind in (Kind.AGENT_SAYS, Kind.CALLER_SAYS)
        text = Text(moment.text, style="" if says else style)
        row.add_row(f"{moment.time - self._origin:.2f} s", moment.kind.value, text)
        return row


class LogDisplay(Display):
    """A line for each moment."""

    def refresh(self, now: float) -> None:
        """See Display."""
        self._print_new()


class TerminalDisplay(Display):
    """The lines, and below them what both sides' voices do right now."""

    def __init__(self, console: Console, moments: Moments, observer: Observer, origin: float) -> None:
        super().__init__(console, moments, observer, origin)
        self._live = Live(console=console, refresh_per_second=12, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def refresh(self, now: float) -> None:
        """See Display."""
        self._print_new()
        self._live.update(self._meters(now))

    def _meters(self, now: float) -> RenderableType:
        voices = Table.grid(padding=(0, 1))
        voices.add_column(width=7)
        voices.add_column(no_wrap=True)
        voices.add_column()
        self._add_voice(voices, "caller", "yellow", self._observer.caller_voice, now)
        self._add_voice(voices, "agent", "cyan", self._observer.agent_voice, now)
        clock = Text(f"{now - self._origin:6.1f} s", style="bold")
        return Panel(Group(voices), title=clock, title_align="left", border_style="dim", expand=False)

    @staticmethod
    def _add_voice(table: Table, name: str, colour: str, voice: VoiceActivity, now: float) -> None:
        levels = voice.recent_levels(now, _METER_SECONDS, _METER_COLUMNS)
        state = (
            Text("speaks", style=f"bold {colour}") if voice.speaking_since is not None else Text("silent", style="dim")
        )
        table.add_row(Text(name, style=f"bold {colour}"), Text(meter(levels), style=colour), state)


def make_display(console: Console, moments: Moments, observer: Observer, origin: float) -> Display:
    """The one that fits where the output goes."""
    kind = TerminalDisplay if console.is_terminal else LogDisplay
    return kind(console, moments, observer, origin)
