"""Numbers as people say them, and as a recogniser writes them. English; pure."""

from __future__ import annotations

import re

_UNITS = {
    word: number
    for number, word in enumerate(
        re.findall(
            r"\w+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
            " seventeen eighteen nineteen",
        )
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_LIKE_ZERO = ("oh", "o", "nought")
_TIMES_SAID = {"double": 2, "triple": 3}
_WORD = re.compile(r"\d+|[a-z]+", re.IGNORECASE)

NUMBER_WORD = "|".join([*_UNITS, *_TENS, "hundred", "thousand"])
"""Of a regular expression: one of them."""
NUMBER_WORDS = rf"(?:{NUMBER_WORD})(?:(?:\s+and)?[\s-]+(?:{NUMBER_WORD}))*"
"""Of a regular expression: a number of more than one."""
HOUR_WORD = "|".join(word for word, number in _UNITS.items() if 1 <= number <= 12)


def value_of(words: str) -> int:
    """Of what `NUMBER_WORDS` matches, in any case: two hundred and five; or of figures."""
    total = part = 0
    for word in re.split(r"[\s-]+", words.lower()):
        if word.isdigit():
            part += int(word)
        elif word == "hundred":
            part = (part or 1) * 100
        elif word == "thousand":
            total, part = total + (part or 1) * 1000, 0
        elif word != "and":
            part += _UNITS.get(word, 0) + _TENS.get(word, 0)
    return total + part


def digits_of(said: str) -> tuple[str, int, int]:
    """All digits that are said one after the other or together, and where they begin and end: oh two oh, double seven,
    fifty-five, 0946. "" where there are none.
    """
    digits, times, tens = "", 1, ""
    begin, end = 0, 0
    for match in _WORD.finditer(said):
        word = match[0].lower()
        if word in _TIMES_SAID:
            times = _TIMES_SAID[word]
            continue
        if word.isdigit():
            value = word
        elif word in _LIKE_ZERO:
            value = "0"
        elif word in _UNITS or word in _TENS:
            value = str(_UNITS.get(word, _TENS.get(word)))
        else:
            # Another word; "twenty, and five" is no 25.
            tens = ""
            continue
        if tens and len(value) == 1 and value != "0":
            digits = digits[:-1] + value
        else:
            digits += value * times
        begin, end = (begin if end else match.start()), match.end()
        tens, times = (word if word in _TENS else ""), 1
    return digits, begin, end
