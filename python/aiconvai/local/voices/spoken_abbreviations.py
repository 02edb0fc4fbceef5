"""Abbreviations that people say as the words that they stand for, in English."""

from __future__ import annotations

import re

from aiconvai.local.voices.spelling_rule import Rule

TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Dr": "Doctor",
    "Prof": "Professor",
    "St": "Saint",
    "Capt": "Captain",
    "Sgt": "Sergeant",
    "Rev": "Reverend",
    "Hon": "Honorable",
}
"""Before a name."""
STREETS = {
    "St": "Street",
    "Dr": "Drive",
    "Ave": "Avenue",
    "Rd": "Road",
    "Blvd": "Boulevard",
    "Ln": "Lane",
    "Sq": "Square",
    "Hwy": "Highway",
    "Apt": "apartment",
    "Ste": "suite",
}
"""After a name."""
WORDS = {
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "et cetera",
    "vs.": "versus",
    "approx.": "approximately",
    "incl.": "including",
    "excl.": "excluding",
    "dept.": "department",
    "tel.": "telephone",
    "appt.": "appointment",
    "govt.": "government",
    "asst.": "assistant",
    "ext.": "extension",
    "inc.": "incorporated",
    "ltd.": "limited",
    "corp.": "corporation",
    "jr.": "junior",
    "sr.": "senior",
    "w/o": "without",
    "w/": "with",
    "a.k.a.": "also known as",
    "p.s.": "P.S.",
}
"""Lower case here; in capitals, or with one, where they are."""
_STREET_NAMES = "|".join(STREETS)
_ADDRESS = re.compile(
    rf"(?P<name>\b\d+\w* (?:[A-Z][\w']* ){{1,3}}|\b[A-Z][\w']+ )(?P<what>{_STREET_NAMES})\b(?P<dot>\.?)"
)
_TITLE = re.compile(rf"\b(?P<what>{'|'.join(TITLES)})\b\.? (?=[A-Z])")
_WORD = re.compile(
    r"(?<![\w.])(?P<what>" + "|".join(re.escape(word) for word in sorted(WORDS, key=len, reverse=True)) + r")(?!\w)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\b(?P<what>[Nn]os?)\. ?(?=\d)|№ ?(?=\d)|#(?=\d)")
_AND = re.compile(r"(?<=[\w.]) ?& ?(?=\w)")


def _ends_sentence(found: re.Match[str]) -> bool:
    """The dot of an abbreviation is the sentence's too."""
    rest = found.string[found.end() :].lstrip("\"')*_ ")
    return not rest or (rest[0].isupper() and found.string[found.end()].isspace())


def _address(found: re.Match[str]) -> str:
    """ "12 Main St." and "Sunset Dr" are streets, "In St. Louis" and "See Dr. Novak" are not."""
    name, what = found["name"], found["what"]
    is_numbered = name[0].isdigit()
    if not is_numbered and what in TITLES and re.match(r" [A-Z]", found.string[found.end() :]):
        return found[0]
    dot = found["dot"] if _ends_sentence(found) else ""
    return f"{name}{STREETS[what]}{dot}"


def _word(found: re.Match[str]) -> str:
    what = found["what"]
    said = WORDS[what.lower()]
    if what[0].isupper() and not said[0].isupper():
        said = said[0].upper() + said[1:]
    return f"{said}." if what.endswith(".") and not said.endswith(".") and _ends_sentence(found) else said


def _number(found: re.Match[str]) -> str:
    named = found["what"]
    if not named:
        return "number "
    return f"{'N' if named[0] == 'N' else 'n'}umber{'s' if named.endswith('s') else ''} "


RULES: tuple[Rule, ...] = (
    (_ADDRESS, _address),
    (_TITLE, lambda found: f"{TITLES[found['what']]} "),
    (_WORD, _word),
    (_NUMBER, _number),
    (_AND, lambda found: " and "),
)
"""What is to be replaced in a sentence, one after the other."""
