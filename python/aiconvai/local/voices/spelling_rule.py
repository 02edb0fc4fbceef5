"""How what is written is replaced by what is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
"""What is looked for, and what is said instead."""


def replaced(text: str, rules: Iterable[Rule]) -> str:
    """The text after all of them, one after the other."""
    for pattern, said in rules:
        text = pattern.sub(said, text)
    return text
