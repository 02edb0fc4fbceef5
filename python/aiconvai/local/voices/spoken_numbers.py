"""Numbers as people say them in English.

"Zero", not "oh", which a voice makes like the letter, and which is another digit on a bad line.
"""

from __future__ import annotations

import re
from decimal import Decimal

from num2words import num2words

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LARGEST_DIGITS = 15
"""Of a number that is said as one: longer ones are said digit by digit."""
NUMBER = r"\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,12})?(?![\d,]*\d)|\d{1,15}(?:\.\d{1,12})?(?!\d)"
"""Matches a number of a sentence: with commas between its thousands, or without, and with decimals or without."""


def digits(text: str) -> str:
    """Each digit by itself; anything else is left out. "042" is "zero four two"."""
    return " ".join(DIGITS[int(one)] for one in text if one in "0123456789")


def grouped_digits(text: str) -> str:
    """Digit by digit, with a pause between the groups that are there: "020 7946" is "zero two zero, seven nine four
    six". A group of more than five is parted into threes, as people do, and the last has up to four.
    """
    groups = [part for group in re.findall(r"\d+", text) for part in ([group] if len(group) <= 5 else parted(group))]
    return ", ".join(digits(group) for group in groups)


def parted(group: str) -> list[str]:
    """Threes, and a last one of two to four digits."""
    parts = []
    while len(group) > 4:
        parts.append(group[:3])
        group = group[3:]
    return [*parts, group]


def cardinal(number: int) -> str:
    """ "one thousand two hundred and five": without the commas of writing, which a voice makes pauses of."""
    return str(num2words(number)).replace(",", "")


def ordinal(number: int) -> str:
    """ "twenty-second" """
    return str(num2words(number, to="ordinal")).replace(",", "")


def year(number: int) -> str:
    """ "nineteen ninety-nine", "nineteen oh five", "two thousand and five", "twenty twenty-six" """
    century, rest = divmod(number, 100)
    if rest < 10 and century % 10 == 0:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def plain(text: str) -> str:
    """A number as it is written, of `NUMBER`: "1,299.50" is "one thousand two hundred and ninety-nine point five
    zero". Digits that begin with zeros, or are too many, are said one by one.
    """
    whole, _, decimals = text.replace(",", "").partition(".")
    is_code = len(whole) > LARGEST_DIGITS or (len(whole) > 1 and whole.startswith("0"))
    said = grouped_digits(whole) if is_code else cardinal(int(whole))
    return f"{said} point {digits(decimals)}" if decimals else said


def counted(text: str) -> str:
    """A number without a mark of what it is: 1900 to 2099 are years, seven digits and more are no amount that anybody
    says ("02079460958"), unless it is round ("5000000").
    """
    if re.fullmatch(r"19\d\d|20\d\d", text):
        return year(int(text))
    if text.isdecimal() and len(text) >= 7 and not text.endswith("000"):
        return grouped_digits(text)
    return plain(text)


def reference(text: str) -> str:
    """Digits that name something, such as an extension or a room. Up to two are a number ("twelve"), round hundreds
    and thousands too ("two hundred"), and the rest is said digit by digit ("two zero four"), as on a telephone.
    """
    value = int(text[:LARGEST_DIGITS])
    if text.startswith("0") or len(text) > 4:
        return grouped_digits(text)
    if len(text) <= 2 or value % 1_000 == 0 or (len(text) == 3 and value % 100 == 0):
        return cardinal(value)
    return digits(text)


def is_one(text: str) -> bool:
    """Whether what is counted is one of it: "1", "1.00"."""
    return Decimal(text.replace(",", "")) == 1


def fraction(above: int, below: int) -> str:
    """ "one half", "three quarters", "five eighths"; `below` is 2 to 100."""
    name = {2: "half", 4: "quarter"}.get(below) or ordinal(below)
    if above == 1:
        return f"one {name}"
    return f"{cardinal(above)} {'halves' if below == 2 else name + 's'}"


def decade(number: int) -> str:
    """ "1990" is "nineteen nineties", "80" is "eighties"."""
    said = year(number) if number >= 1_000 else cardinal(number)
    return said[:-1] + "ies" if said.endswith("y") else said + "s"
