"""Reads what was asked for out of what the caller says: numbers, times, days, choices. By rules, for English; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiconvai.local.minds.receptionist.intents import Slot
from aiconvai.local.minds.receptionist.spoken_numbers import (
    HOUR_WORD,
    NUMBER_WORD,
    NUMBER_WORDS,
    digits_of,
    value_of,
)

LONGEST_VALUE = 300
"""Characters."""
MOST_DIGITS = 30

_NUMBER = re.compile(
    rf"\b(?:(?P<figures>\d{{1,3}}(?:,\d{{3}})+|\d{{1,9}})(?![\d.,]*\d)|(?P<words>{NUMBER_WORDS})"
    r"|(?P<two>a couple)|(?P<twelve>a dozen)|(?P<one>(?:just|only) me|myself|alone))\b",
    re.IGNORECASE,
)
_HOUR = rf"(?:\d{{1,2}}|{HOUR_WORD})"
_DAYTIME = r"(?:a\.?\s?m\b\.?|p\.?\s?m\b\.?|in the (?:morning|afternoon|evening)|at night|tonight)"
_CLOCK = re.compile(
    r"\b(?P<noon>noon|midday|midnight)\b"
    rf"|\b(?P<part>half|(?:a )?quarter|\d{{1,2}}|five|ten|twenty)(?: minutes)? (?P<way>past|after|to) (?P<of>{_HOUR})\b"
    rf"(?:\s*(?P<of_daytime>{_DAYTIME}))?"
    rf"|\b(?P<hour>{_HOUR})(?:[:.\s](?P<minute>[0-5]\d|fifteen|thirty|forty[- ]five))?\b"
    rf"(?P<oclock>\s*o'?\s?clock)?(?:\s*(?P<daytime>{_DAYTIME}))?",
    re.IGNORECASE,
)
_BEFORE_TIME = re.compile(r"\b(?:at|around|about|by|from|until|till|after|before)\s+$", re.IGNORECASE)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_ORDINAL = (
    r"(?:\d{1,2}(?:st|nd|rd|th)?|(?:twenty-|thirty-)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)"
    r"|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth"
    r"|thirtieth)"
)
_PART_OF_DAY = r"(?: (?:morning|afternoon|evening|night))?"
_DATE = re.compile(
    rf"\b(?:the day after tomorrow|today|tonight|tomorrow{_PART_OF_DAY}"
    rf"|{_MONTH}(?: the)? {_ORDINAL}\b(?:,? \d{{4}})?|(?:the )?{_ORDINAL}(?: of)? {_MONTH}\b(?:,? \d{{4}})?"
    rf"|(?:(?:next|this|coming) )?{_WEEKDAY}{_PART_OF_DAY}|(?:next|this) (?:week|weekend|month)"
    rf"|in (?:\d{{1,2}}|{NUMBER_WORD}|a) (?:days?|weeks?|months?)"
    r"|\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}(?:/\d{2,4})?|the \d{1,2}(?:st|nd|rd|th))\b",
    re.IGNORECASE,
)
_NAME_LEAD = re.compile(
    r"(?:(?:well|yes|sure|okay|ok|um|uh|hello|hi)[,.]?\s+)*"
    r"(?:(?:my (?:full )?|the )?name(?: is|'s)|this is|i am|i'm|it is|it's|that is|that's|call me)\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and where it is said, so that it is not read as something else, too."""

    value: str
    begin: int
    end: int


def read_slot(slot: Slot, said: str) -> str | None:
    """The value in an answer to the slot's question; None: there is none."""
    found = _READERS[slot.kind](slot, said)
    return found.value[:LONGEST_VALUE] if found is not None else None


def read_unasked(slots: Sequence[Slot], said: str) -> dict[str, str]:
    """What a caller has said of these before being asked: days and times first, which have numbers in them.

    Names, digits and free text are asked for: there is no telling where they begin.
    """
    values: dict[str, str] = {}
    for kind in ("date", "time", "choice", "number"):
        for slot in (slot for slot in slots if slot.kind == kind):
            found = _clock(said, is_asked=False) if kind == "time" else _READERS[kind](slot, said)
            if found is not None:
                values[slot.name] = found.value[:LONGEST_VALUE]
                said = f"{said[: found.begin]}; {said[found.end :]}"
    return values


def _number(slot: Slot, said: str) -> Found | None:
    match = _NUMBER.search(said)
    if match is None:
        return None
    if match["figures"] or match["words"]:
        value = value_of((match["figures"] or match["words"]).replace(",", ""))
    else:
        value = 2 if match["two"] else 12 if match["twelve"] else 1
    return Found(str(value), match.start(), match.end())


def _digits(slot: Slot, said: str) -> Found | None:
    digits, begin, end = digits_of(said)
    if len(digits) < slot.least:
        return None
    plus = "+" if "+" in said[:begin] else ""
    return Found(plus + digits[:MOST_DIGITS], begin, end)


def _time(slot: Slot, said: str) -> Found | None:
    return _clock(said, is_asked=True)


def _clock(said: str, *, is_asked: bool) -> Found | None:
    """As 7:30 p.m., or 7:30 where the half of the day is not said. `is_asked`: a number alone is an hour."""
    for match in _CLOCK.finditer(said):
        if match["noon"]:
            hour, minute, daytime = 12, 0, "a.m." if match["noon"].lower() == "midnight" else "p.m."
        elif match["part"]:
            part = match["part"].lower()
            hour = value_of(match["of"])
            minute = 30 if part == "half" else 15 if part.endswith("quarter") else value_of(part)
            if match["way"].lower() == "to":
                hour, minute = (hour - 1) or 12, 60 - minute
            daytime = _half_of_day(match["of_daytime"])
        else:
            is_bare = not (match["minute"] or match["oclock"] or match["daytime"])
            if is_bare and not is_asked and not _BEFORE_TIME.search(said[: match.start()]):
                continue
            hour, minute = value_of(match["hour"]), value_of(match["minute"] or "0")
            daytime = _half_of_day(match["daytime"])
        if hour <= 24 and minute < 60:
            return Found(f"{hour}:{minute:02} {daytime}".strip(), match.start(), match.end())
    return None


def _half_of_day(text: str | None) -> str:
    letters = re.sub(r"[^a-z]", "", (text or "").lower())
    if not letters:
        return ""
    return "a.m." if letters in ("am", "inthemorning") else "p.m."


def _date(slot: Slot, said: str) -> Found | None:
    match = _DATE.search(said)
    return Found(match[0], match.start(), match.end()) if match is not None else None


def _choice(slot: Slot, said: str) -> Found | None:
    """The one of which the longest words are said; of two as long the first."""
    found = [
        (len(words), -match.start(), Found(choice, match.start(), match.end()))
        for choice, others in slot.choices.items()
        for words in (choice, *others)
        if (match := re.search(rf"\b{re.escape(words)}(?:e?s)?\b", said, re.IGNORECASE)) is not None
    ]
    return max(found, key=lambda one: one[:2])[2] if found else None


def _name(slot: Slot, said: str) -> Found | None:
    lead = _NAME_LEAD.match(said.strip())
    text = said.strip()[lead.end() if lead is not None else 0 :].strip(" .,!?\"'")
    return Found(text, 0, len(said)) if any(sign.isalpha() for sign in text) else None


def _text(slot: Slot, said: str) -> Found | None:
    text = said.strip()
    return Found(text, 0, len(said)) if any(sign.isalnum() for sign in text) else None


_READERS: Mapping[str, Callable[[Slot, str], Found | None]] = {
    "number": _number,
    "digits": _digits,
    "time": _time,
    "date": _date,
    "choice": _choice,
    "name": _name,
    "text": _text,
}
