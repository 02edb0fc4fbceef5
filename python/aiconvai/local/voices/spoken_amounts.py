"""Amounts of money and of other units, as people say them in English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiconvai.local.voices.spelling_rule import Rule
from aiconvai.local.voices.spoken_numbers import NUMBER, cardinal, is_one, plain


@dataclass(frozen=True, slots=True)
class Currency:
    """Its words."""

    one: str
    many: str
    one_part: str = ""
    """Of its hundredths; empty: nobody speaks of them."""
    many_parts: str = ""


_DOLLAR = Currency("dollar", "dollars", "cent", "cents")
_EURO = Currency("euro", "euros", "cent", "cents")
_POUND = Currency("pound", "pounds", "penny", "pence")
_YEN = Currency("yen", "yen")
_RUPEE = Currency("rupee", "rupees", "paisa", "paise")
CURRENCIES = {
    "$": _DOLLAR,
    "US$": Currency("US dollar", "US dollars", "cent", "cents"),
    "USD": Currency("US dollar", "US dollars", "cent", "cents"),
    "CAD": Currency("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "AUD": Currency("Australian dollar", "Australian dollars", "cent", "cents"),
    "€": _EURO,
    "EUR": _EURO,
    "£": _POUND,
    "GBP": _POUND,
    "¥": _YEN,
    "JPY": _YEN,
    "₹": _RUPEE,
    "INR": _RUPEE,
    "CHF": Currency("Swiss franc", "Swiss francs", "centime", "centimes"),
    "CZK": Currency("Czech crown", "Czech crowns"),
    "Kč": Currency("crown", "crowns"),
    "PLN": Currency("zloty", "zlotys"),
    "SEK": Currency("Swedish krona", "Swedish kronor"),
    "NOK": Currency("Norwegian krone", "Norwegian kroner"),
    "DKK": Currency("Danish krone", "Danish kroner"),
}
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}
UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "ml": ("milliliter", "milliliters"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "kB": ("kilobyte", "kilobytes"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "kB/s": ("kilobyte per second", "kilobytes per second"),
    "MB/s": ("megabyte per second", "megabytes per second"),
    "GB/s": ("gigabyte per second", "gigabytes per second"),
    "Gbit/s": ("gigabit per second", "gigabits per second"),
    "Mbit/s": ("megabit per second", "megabits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "ft": ("foot", "feet"),
    "lbs": ("pound", "pounds"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "h": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "secs": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "s": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "%": ("percent", "percent"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
}
"""What follows a number, and its words for one and for more."""


def _any_of(words: dict[str, object]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_CURRENCY = _any_of(dict.fromkeys(CURRENCIES))
_EUROPEAN = r"\d{1,3}(?:\.\d{3}){1,4},\d\d(?!\d)|\d{1,9},\d\d(?!\d)"
"""1.299,99 as most of Europe writes it."""
_AMOUNT = rf"{_EUROPEAN}|{NUMBER}"
_RANGE = rf"(?:(?P<low>{_AMOUNT}) ?[-\u2013] ?)?"
_SCALE = r"(?: ?(?P<scale>thousand|million|billion|trillion|bn|[kKmMbB])(?![a-zA-Z]))?"
_MINUS = r"(?P<minus>(?<![\w.)])[-\u2212] ?)?"
_BEFORE = re.compile(
    rf"{_MINUS}(?<![A-Za-z])(?P<currency>{_CURRENCY}) ?(?P<minus2>[-\u2212])?"
    rf"{_RANGE}(?:{_CURRENCY})?(?P<amount>{_AMOUNT}){_SCALE}"
)
_AFTER = re.compile(rf"{_MINUS}(?<![\w.,]){_RANGE}(?P<amount>{_AMOUNT}){_SCALE} ?(?P<currency>{_CURRENCY})(?![A-Za-z])")
_UNIT = re.compile(
    rf"{_MINUS}(?<![\w.,]){_RANGE}(?P<amount>{NUMBER}) ?(?P<unit>{_any_of(dict.fromkeys(UNITS))})"
    r"(?!\w)(?!/[a-z]\b)(?P<dot>\.(?= [a-z]|[,;)]))?"
)


def _english(amount: str) -> str:
    """1.299,99 as 1299.99; what is English already is left."""
    if re.fullmatch(_EUROPEAN, amount):
        return amount.replace(".", "").replace(",", ".")
    return amount.replace(",", "")


def money(amount: str, currency: Currency) -> str:
    """ "5.20" of a dollar is "five dollars and twenty cents"."""
    whole, _, decimals = amount.partition(".")
    if len(decimals) != 2 or not currency.one_part:
        if decimals.strip("0"):
            return f"{plain(amount)} {currency.many}"
        return f"{plain(whole)} {currency.one if is_one(whole) else currency.many}"
    parts = int(decimals)
    said = [f"{plain(whole)} {currency.one if is_one(whole) else currency.many}"]
    if parts:
        said.append(f"{cardinal(parts)} {currency.one_part if parts == 1 else currency.many_parts}")
        if int(whole) == 0:
            del said[0]
    return " and ".join(said)


def _money(found: re.Match[str]) -> str:
    currency = CURRENCIES[found["currency"]]
    amount = _english(found["amount"])
    named = found.groupdict()
    is_minus = named["minus"] or named.get("minus2")
    low = f"{plain(_english(named['low']))} to " if named["low"] else ""
    if scale := named["scale"]:
        said = f"{plain(amount)} {_SCALES.get(scale.lower(), scale)} {currency.many}"
    else:
        said = money(amount, currency)
    return f"{'minus ' if is_minus else ''}{low}{said}"


def _unit(found: re.Match[str]) -> str:
    one, many = UNITS[found["unit"]]
    amount, low = found["amount"], found["low"]
    said = f"{plain(amount)} {one if is_one(amount) and not low else many}"
    return f"{'minus ' if found['minus'] else ''}{f'{plain(_english(low))} to ' if low else ''}{said}"


RULES: tuple[Rule, ...] = ((_BEFORE, _money), (_AFTER, _money), (_UNIT, _unit))
"""What is to be replaced in a sentence, one after the other."""
