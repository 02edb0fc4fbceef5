"""What was found about one thing of an installation."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from aiconvai.inspect_module import Verdict

_MARKS = {Verdict.GOOD: "[green]ok[/]  ", Verdict.WEAK: "[yellow]note[/]", Verdict.BAD: "[red]BAD[/] "}


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, and for what is not good the line that mends it. Weak: calls work, and something else does not, or
    will not. Bad: calls do not work because of this, or others may read what they must not.
    """

    area: str
    grade: Verdict
    what: str
    mend: str = ""

    def print_to(self, console: Console) -> None:
        """For people: a line, and one below it that mends it."""
        console.print(f"{_MARKS[self.grade]} {self.area}: {escape(self.what)}", highlight=False)
        if self.mend:
            console.print(f"     -> {escape(self.mend)}", highlight=False)


def good(area: str, what: str) -> Finding:
    return Finding(area, Verdict.GOOD, what)


def weak(area: str, what: str, mend: str) -> Finding:
    return Finding(area, Verdict.WEAK, what, mend)


def bad(area: str, what: str, mend: str) -> Finding:
    return Finding(area, Verdict.BAD, what, mend)
