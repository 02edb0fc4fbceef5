"""What is not to be kept is taken out before anything has it: numbers of cards, addresses of e-mail, long numbers.

Of what was said and what tools were told and answered; not of who called. Numbers in words stay: nobody can tell "four
seven one one" from what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Literal

from aiconvai.serve.events import CallEvent, Keys, ToolCall, ToolDone, Transcript

RedactionKind = Literal["cards", "emails", "numbers"]

_SHORTEST_NUMBER = 4
_CARD_DIGITS = range(13, 20)
"""ISO/IEC 7812-1: eight to nineteen; those in use have thirteen or more."""
# Digits with a blank, a dot, a dash or a slash between them. No part of it can be matched in two ways: it takes as long
# as the text is.
_DIGITS = re.compile(r"\d(?:[ ./-]?\d)*")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_TEXTS: tuple[tuple[type[CallEvent], str], ...] = (
    (Transcript, "text"),
    (ToolCall, "parameters"),
    (ToolDone, "result"),
    (Keys, "keys"),
)


def redacted(event: CallEvent, kinds: Collection[RedactionKind]) -> CallEvent:
    """The same without those; itself where there are none."""
    for model, name in _TEXTS:
        if isinstance(event, model):
            text = getattr(event, name)
            changed = redact(text, kinds)
            return event if changed == text else event.model_copy(update={name: changed})
    return event


def redact(text: str, kinds: Collection[RedactionKind]) -> str:
    """Each of them is what it was, in brackets: [card], [email], [number]."""
    if "emails" in kinds:
        text = _EMAIL.sub("[email]", text)
    if "cards" in kinds or "numbers" in kinds:
        text = _DIGITS.sub(_replacement(kinds), text)
    return text


def _replacement(kinds: Collection[RedactionKind]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match[0])
        if "cards" in kinds and len(digits) in _CARD_DIGITS and _is_checked(digits):
            return "[card]"
        if "numbers" in kinds and len(digits) >= _SHORTEST_NUMBER:
            return "[number]"
        return match[0]

    return replace


def _is_checked(digits: str) -> bool:
    """Whether the last digit is that of the others (ISO/IEC 7812-1, annex B: Luhn's formula)."""
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
