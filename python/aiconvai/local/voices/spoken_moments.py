"""Dates and times as people say them in English.

Hours after noon are told as "two thirty P.M", not "fourteen thirty": "fourteen" and "forty" are one on a bad line.
A date of which nobody can tell the month (03/04/2026) is said as it is written, and a caller reads it as usual.
"""

from __future__ import annotations

import re

from aiconvai.local.voices.spelling_rule import Rule
from aiconvai.local.voices.spoken_numbers import cardinal, decade, ordinal, plain, year

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Thur": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
_MONTH_NUMBERS = {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)}
_MONTH = rf"(?P<month>{'|'.join(MONTHS)}|Sept|{'|'.join(name[:3] for name in MONTHS)})"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>(?:19|20)\d\d)(?![\d:]))?"
_DAY_NAME = "|".join(sorted(DAYS, key=len, reverse=True))
_ISO = re.compile(r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?:T(?=\d\d:)|(?![\w-]))")
_SLASHED = re.compile(r"(?<![\w/])(?P<one>\d{1,2})/(?P<two>\d{1,2})/(?P<year>(?:19|20)\d\d)(?![\w/])")
_DOTTED = re.compile(r"(?<![\w.])(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>(?:19|20)\d\d)(?!\w)")
_FIRST = r"(?:(?P<first>[0-3]?\d)(?:st|nd|rd|th)?(?: ?[-\u2013] ?| to ))?"
_DAY_MONTH = re.compile(rf"(?<![\w:.,$€£-])(?P<the>[Tt]he )?{_FIRST}{_DAY} (?:of )?{_MONTH}\b\.?{_YEAR}")
_MONTH_DAY = re.compile(rf"\b{_MONTH}\.? (?:the )?{_FIRST}{_DAY}(?![\w:%-]|\.\d){_YEAR}")
_MONTH_YEAR = re.compile(rf"\b{_MONTH}\.? (?P<year>(?:19|20)\d\d)(?![\w:])")
_DECADE = re.compile(
    r"(?<![\w.])(?P<decade>(?:1[5-9]|20)\d0)'?s\b|"
    r"(?:(?<=[Tt]he )|(?<=early )|(?<=late )|(?<=mid-)|(?<!\w)')(?P<short>[2-9]0)'?s\b"
)
_DAY_RANGE = re.compile(rf"\b(?P<one>{_DAY_NAME})\.? ?[-\u2013] ?(?P<two>{_DAY_NAME})\b\.?")
_DAY_BEFORE = re.compile(
    rf"\b(?P<one>{_DAY_NAME})(?:\.?(?=[,:]? (?:\d|{'|'.join(n[:3] for n in MONTHS)}))|\.(?= [a-z]))"
)

_HALF = r"(?: ?(?P<half{0}>[AaPp])\.?[Mm]\b\.?)"
_CLOCK = r"(?P<hour{0}>[01]?\d|2[0-4])"
_MINUTES = r":(?P<minutes{0}>[0-5]\d)(?!\d)(?::(?P<seconds{0}>[0-5]\d)(?:\.\d+)?)?"
_TIME = "(?:" + _CLOCK + _MINUTES + _HALF + "?)"
_TIME_RANGE = re.compile(
    rf"(?<![\w:.]){_TIME.format(1)} ?[-\u2013] ?{_TIME.format(2)}(?![\w:])|"
    rf"(?<![\w:.]){_CLOCK.format(3)}(?:[:.](?P<minutes3>[0-5]\d))?{_HALF.format(3)}? ?[-\u2013] ?"
    rf"{_CLOCK.format(4)}(?:[:.](?P<minutes4>[0-5]\d))?{_HALF.format(4)}"
)
_WITH_HALF = re.compile(rf"(?<![\w:.,$€£]){_CLOCK.format('')}(?:[:.](?P<minutes>[0-5]\d))?{_HALF.format('')}")
_ONE_TIME = re.compile(rf"(?<![\w:.])(?P<whole>{_TIME.format('')})(?:Z| ?h(?:rs)?\b)?(?![\w:]|\.\d)")


_NEXT_SENTENCE = re.compile(rf" +(?!(?:{'|'.join((*DAYS, *(name[:3] for name in MONTHS)))}))[A-Z][a-z']")


def _date(day: int, month: int, its_year: str | None, the: str = "the ") -> str:
    return f"{the}{ordinal(day)} of {MONTHS[month - 1]}{_of_year(its_year)}"


def _of_year(its_year: str | None) -> str:
    return f" {year(int(its_year))}" if its_year else ""


def _is_date(day: int, month: int) -> bool:
    return 1 <= day <= 31 and 1 <= month <= 12


def _month_of(found: re.Match[str]) -> int:
    return _MONTH_NUMBERS[found["month"][:3].lower()]


def _numeric(found: re.Match[str]) -> str:
    day, month = int(found["day"]), int(found["month"])
    after = " at " if found[0].endswith("T") else ""
    return _date(day, month, found["year"]) + after if _is_date(day, month) else found[0]


def _slashed(found: re.Match[str]) -> str:
    one, two = int(found["one"]), int(found["two"])
    if one == two and _is_date(one, two):
        return _date(one, two, found["year"])
    if one > 12 and _is_date(one, two):
        return _date(one, two, found["year"])
    if two > 12 and _is_date(two, one):
        return _date(two, one, found["year"])
    return f"{cardinal(one)} slash {cardinal(two)} slash {year(int(found['year']))}"


def _day_month(found: re.Match[str]) -> str:
    day = int(found["day"])
    the = found["the"] or "the "
    if not _is_date(day, 1):
        return found[0]
    if found["first"]:
        the = f"{the}{ordinal(int(found['first']))} to the "
    return _date(day, _month_of(found), found["year"], the)


def _month_day(found: re.Match[str]) -> str:
    day = int(found["day"])
    its_year = found["year"]
    if not _is_date(day, 1):
        return found[0]
    first = f"{ordinal(int(found['first']))} to " if found["first"] else ""
    return f"{MONTHS[_month_of(found) - 1]} {first}{ordinal(day)}{',' if its_year else ''}{_of_year(its_year)}"


def _month_year(found: re.Match[str]) -> str:
    return f"{MONTHS[_month_of(found) - 1]}{_of_year(found['year'])}"


def time_of_day(hour: int, minutes: int, half: str, seconds: int = 0, *, is_24_hours: bool = False) -> str:
    """`half`: "A", "P", or "" where it is not written. "nine oh five P.M", "nine o'clock", "midnight"."""
    if not half and (is_24_hours or hour > 12 or hour == 0):
        half = "P" if 12 <= hour < 24 else "A"
        if not minutes and not seconds and hour in (0, 24):
            return "midnight"
    if half:
        hour = hour % 12 or 12
    said = cardinal(hour)
    if minutes:
        said += f" {'oh ' if minutes < 10 else ''}{cardinal(minutes)}"
    elif not half and not seconds:
        said += " o'clock"
    if seconds:
        said += f" and {cardinal(seconds)} second{'' if seconds == 1 else 's'}"
    return f"{said} {half}.M" if half else said


def _time(found: re.Match[str], number: str = "", *, is_24_hours: bool = False) -> str:
    given = found.groupdict()
    hour = given[f"hour{number}"]
    half = (given[f"half{number}"] or "").upper()
    minutes, seconds = (int(given.get(f"{name}{number}") or 0) for name in ("minutes", "seconds"))
    is_24_hours = is_24_hours or (not half and hour.startswith("0"))
    return time_of_day(int(hour), minutes, half, seconds, is_24_hours=is_24_hours)


def _ended(found: re.Match[str], said: str) -> str:
    """ "P.M", and with a full stop where "p.m." ends a sentence; in its middle voices would end there too."""
    rest = found.string[found.end() :]
    is_end = found[0].endswith(".") and (not rest.strip(" \"')") or _NEXT_SENTENCE.match(rest) is not None)
    return f"{said}." if is_end else said


def _time_range(found: re.Match[str]) -> str:
    one, two = ("1", "2") if found["hour1"] else ("3", "4")
    hours = (found[f"hour{one}"], found[f"hour{two}"])
    has_half = found[f"half{one}"] or found[f"half{two}"]
    is_24_hours = not has_half and any(int(hour) > 12 or hour.startswith("0") for hour in hours)
    first = _time(found, one, is_24_hours=is_24_hours)
    if not found[f"half{one}"] and has_half:
        first = first.removesuffix(" o'clock")
    return _ended(found, f"{first} to {_time(found, two, is_24_hours=is_24_hours)}")


def _one_time(found: re.Match[str]) -> str:
    return _ended(found, _time(found))


def _day_names(found: re.Match[str]) -> str:
    two = found.groupdict().get("two")
    return f"{DAYS[found['one']]} to {DAYS[two]}" if two else DAYS[found["one"]]


def _day_hours(found: re.Match[str]) -> str:
    """Hours after a day's name are hours: "Mon-Fri 9-17"."""
    hours = (int(found["from"]), int(found["until"]))
    is_24_hours = any(hour > 12 for hour in hours)
    if not is_24_hours:
        return f"{found['day']} {plain(found['from'])} to {plain(found['until'])}"
    first, last = (time_of_day(hour, 0, "", is_24_hours=True) for hour in hours)
    return _ended(found, f"{found['day']} {first} to {last}")


_DAY_HOURS = re.compile(
    r"\b(?P<day>(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?[,:]?) (?P<from>[01]?\d|2[0-4]) ?[-\u2013] ?"
    r"(?P<until>[01]?\d|2[0-4])(?![\w:.-]*\w)"
)

RULES: tuple[Rule, ...] = (
    (_DAY_RANGE, _day_names),
    (_DAY_BEFORE, _day_names),
    (_ISO, _numeric),
    (_SLASHED, _slashed),
    (_DOTTED, _numeric),
    (_TIME_RANGE, _time_range),
    (_WITH_HALF, _one_time),
    (_ONE_TIME, _one_time),
    (_DAY_HOURS, _day_hours),
    (_DAY_MONTH, _day_month),
    (_MONTH_DAY, _month_day),
    (_MONTH_YEAR, _month_year),
    (_DECADE, lambda found: decade(int(found["decade"] or found["short"]))),
)
"""What is to be replaced in a sentence, one after the other."""
