"""Spells a sentence for the ear: numbers, times, amounts and addresses become the words that people say.

Voices disagree on them, and the small ones are wrong where it matters: "020 7946 0958" comes out as two years. English
only; of other languages only what is never said is left out. Pure, and made for one sentence at a time.
"""

from __future__ import annotations

import re
import unicodedata

from aiconvai.local.voices import spoken_abbreviations, spoken_amounts, spoken_moments
from aiconvai.local.voices.spelling_rule import replaced
from aiconvai.local.voices.spoken_names import ADDRESSES, KEYS, MIXED, REFERENCES
from aiconvai.local.voices.spoken_numbers import DIGITS, NUMBER, counted, fraction, grouped_digits, ordinal, plain
from aiconvai.local.voices.spoken_signs import tidied, without_signs

LONGEST = 4_000
"""Characters that are spelled; what comes after them is not said."""
MOST_EXPANSION = 16
"""An English output has at most so many times the characters of its input: "¾" becomes "three quarters"."""

_FRACTIONS = {
    "½": "1/2",
    "⅓": "1/3",
    "⅔": "2/3",
    "¼": "1/4",
    "¾": "3/4",
    "⅕": "1/5",
    "⅛": "1/8",
    "⅜": "3/8",
    "⅝": "5/8",
}
_POWERS = {"²": " squared", "³": " cubed"}
_VULGAR = re.compile("[½⅓⅔¼¾⅕⅛⅜⅝]")
_ROUND_THE_CLOCK = re.compile(r"(?<![\w/])24/7(?![\w/])")
_MIXED_FRACTION = re.compile(r"(?<![\w/.,])(?P<whole>\d{1,6}) (?P<above>\d)/(?P<below>\d{1,2})(?![\w/])")
_FRACTION = re.compile(r"(?<![\w/.,-])(?P<above>\d{1,4})/(?P<below>\d{1,4})(?![\w/])")
_NARROW_THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}(?:[\u00a0\u202f\u2009]\d{3}){1,4}(?![\w\u00a0\u202f\u2009])")
_SPACED_ZEROS = re.compile(r"(?<!\d )(?<![\w.,])\d{1,3}(?: 000){1,4}(?! ?\d)(?!\w)")
_ORDINAL = re.compile(r"(?<![\w.,])(?P<number>\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:st|nd|rd|th)\b", re.IGNORECASE)
_DOTS = re.compile(r"(?<![\w.,])v?(?P<parts>\d{1,5}(?:\.\d{1,5}){2,7})(?![\w]|\.\d)")
_RATIO = re.compile(r"(?<![\w:.,])(\d{1,4}):(\d{1,4})(?![\w:])")
_RANGE = re.compile(rf"(?<![\w.,-])(?P<low>{NUMBER}) ?[-\u2013\u2014] ?(?P<high>{NUMBER})(?![\w-])")
_TIMES = re.compile(
    r"(?<![\w.,])(?P<first>\d{1,6}) ?[x\u00d7] ?(?=\d{1,6}(?!\w))|(?<![\w.,])(?P<only>\d{1,6}) ?[x\u00d7](?!\w)"
)
_ABOUT = re.compile(r"(?<!\w)~ ?(?=\d)")
_PER = re.compile(r"(?<=\w)/(?=(?:second|minute|hour|night|day|week|month|year|person|user|head|line|call|item)\b)")
_ON_DATE = re.compile(
    r"(?:(?<=[Oo]n )|(?<=[Bb]y )|(?<=[Uu]ntil )|(?<=[Ff]rom ))(?P<one>\d{1,2})/(?P<two>\d{1,2})(?![\w/])"
)
_SIGN = re.compile(r"(?<!\S)(?P<sign>[@+=<>])(?=\s)")
_SUM = re.compile(r"(?<=\d) ?(?P<sign>[+=<>]) ?(?=\d)|(?<!\w)(?P<before>\+)(?=\d)")
_MINUS = re.compile(r"(?<![\w.,)\]-])[-\u2212](?=\d)")
_PLUS_AFTER = re.compile(r"(?<=\d)\+(?!\w)")
_NUMBER = re.compile(rf"(?<![\w.,])(?:{NUMBER})(?!\w)")
_DIGITS = re.compile(r"\d+")
_SIGN_WORDS = {"+": "plus", "=": "equals", "<": "is less than", ">": "is more than", "@": "at"}
_MEASURES: dict[str, str] = {"°": " degrees", "№": " number "}


def spell(sentence: str, language: str | None = None) -> str:
    """The sentence as it is to be given to a voice.

    `language`: ISO 639-1, with or without a region ("en", "en-GB"); None: English. English comes back without any
    digit, at most `MOST_EXPANSION` times as long; other languages keep their words and digits. Never raises.
    """
    text = sentence[:LONGEST]
    if language is not None and not re.match(r"en\b", language.replace("_", "-"), re.IGNORECASE):
        return without_signs(text)
    # Before signs go, and spaces become one kind.
    text = replaced(text, KEYS)
    text = _NARROW_THOUSANDS.sub(lambda found: re.sub(r"\s", ",", found[0]), text)
    return tidied(_english(without_signs(text)))


def _english(text: str) -> str:
    text = "".join(_decimal_digit(one) for one in text)
    text = _VULGAR.sub(lambda found: f" {_FRACTIONS[found[0]]}", text)
    text = _SPACED_ZEROS.sub(lambda found: found[0].replace(" ", ","), text)
    text = replaced(text, ADDRESSES)
    text = replaced(text, spoken_moments.RULES)
    text = replaced(text, spoken_abbreviations.RULES)
    text = replaced(text, spoken_amounts.RULES)
    text = _ROUND_THE_CLOCK.sub("twenty-four seven", text)
    text = _ORDINAL.sub(lambda found: ordinal(int(found["number"].replace(",", ""))), text)
    text = _numbers(replaced(text, REFERENCES))
    text = replaced(text, MIXED)
    text = _DIGITS.sub(lambda found: f" {grouped_digits(found[0])} ", text)
    return "".join(_without_digit(one) for one in text)


def _numbers(text: str) -> str:
    """What is left: fractions, ranges, sums, and numbers by themselves."""
    text = _DOTS.sub(_dots, text)
    text = _ON_DATE.sub(lambda found: f"{plain(found['one'])} slash {plain(found['two'])}", text)
    text = _MIXED_FRACTION.sub(lambda found: f"{plain(found['whole'])} and {_fraction(found)}", text)
    text = _FRACTION.sub(_fraction, text)
    text = _RATIO.sub(lambda found: f"{plain(found[1])} to {plain(found[2])}", text)
    text = _RANGE.sub(lambda found: f"{counted(found['low'])} to {counted(found['high'])}", text)
    text = _TIMES.sub(_times, text)
    text = _ABOUT.sub("about ", text)
    text = _PER.sub(" per ", text)
    text = _SIGN.sub(lambda found: _SIGN_WORDS[found["sign"]], text)
    text = _SUM.sub(lambda found: f" {_SIGN_WORDS[found['sign'] or found['before']]} ", text)
    text = _MINUS.sub("minus ", text)
    text = _PLUS_AFTER.sub(" plus", text)
    return _NUMBER.sub(lambda found: counted(found[0]), text)


def _fraction(found: re.Match[str]) -> str:
    above, below = found["above"], found["below"]
    if (
        (2 <= int(below) <= 10 or int(below) == 100)
        and 0 < int(above) < int(below)
        and not (above + below).startswith("0")
    ):
        return fraction(int(above), int(below))
    return f"{counted(above)} slash {counted(below)}"


def _dots(found: re.Match[str]) -> str:
    """A version, or the number of a chapter."""
    return " point ".join(plain(part) for part in found["parts"].split("."))


def _times(found: re.Match[str]) -> str:
    return f"{plain(found['first'])} by " if found["first"] else f"{plain(found['only'])} times"


def _decimal_digit(one: str) -> str:
    """Any script's digits as those of ASCII."""
    value = unicodedata.decimal(one, None)
    return one if value is None else str(value)


def _without_digit(one: str) -> str:
    if (said := _POWERS.get(one) or _MEASURES.get(one)) is not None:
        return said
    value = unicodedata.digit(one, None)
    return one if value is None else f" {DIGITS[value]} "
