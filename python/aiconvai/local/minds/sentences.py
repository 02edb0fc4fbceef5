"""Cuts text into sentences for a voice while it still comes, and drops what is for the eye. No clock, no I/O.

A full stop ends a sentence where a blank comes after it, unless an abbreviation, an initial or a list's number comes
before it. Lines are sentences of their own: models write lists, and no voice hears where a line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_SENTENCE = 200
"""Characters; one that is longer is cut at a clause: a voice says nothing before it has a whole piece."""
SHORTEST_CLAUSE = 40
"""Characters at least before the clause's end at which a long sentence is cut."""
FIRST_CLAUSE = 30
"""The same for the first piece, which may end at any clause, so that it is heard soon."""
LONGEST_FIRST = 100
"""Characters of a first sentence that is not cut at a clause where the whole of it is there."""

_END = re.compile(
    r"(?P<stops>[.!?\u2026]+)[\"'\u201d\u2019)\]*_`]*(?=\s)"
    r"|[\u3002\uff01\uff1f]+[\u300d\u300f\u201d]*"
    r"|\n"
)
"""Where a sentence may end. Chinese and Japanese have no blank after it."""
_CLAUSE = re.compile(r"(?:[,;:\u2013\u2014]|(?<=\s)-)(?=\s)|[\u3001\uff0c\uff1b\uff1a]")
_LAST_WORD = re.compile(r"[^\s\"'\u201c\u2018(\[*_`]*$")
_BLANKS = re.compile(r"\s*")
_LETTERS = re.compile(r"[^\W\d_]*")
_LETTERS_WITH_STOPS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,3}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER_LAST = _words(
    "dr mr mrs ms prof st rev gen col capt lt sgt hon messrs vs cf approx tel ext e.g i.e incl resp z.b d.h bzw"
)
"""A name, a number or the rest of the sentence comes after them."""
_BEFORE_NUMBER = _words("no nos nr fig vol p pp art sec ca")
"""Abbreviations where a number comes after them; "No." is an answer otherwise."""
_MAYBE_LAST = _words("etc inc ltd co corp jr sr dept min max hr hrs ave blvd rd est usw")
"""They end a sentence where the next word begins as one does. So do a.m., p.m. and U.S.: letters with stops inside."""
_DATES = _words(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december"
)
"""Written with a capital, and no beginning of a sentence: 9 a.m. Monday."""

_NO_TEXT = re.compile(r"\s*(?:```.*|~~~.*|[\s:|=*_+-]*)$")
"""A fence of code, a rule, the line below a table's head."""
_LINE_MARKS = re.compile(r"\s*(?:>\s*)*(?:#{1,6}\s+|[-*+\u2022]\s+(?:\[[ xX]\]\s+)?)?")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_ADDRESS = re.compile(r"<([^\s<>]+[.@][^\s<>]+)>")
_PAIRED_SIGNS = re.compile(r"\*\*+|__+|~~+|`+")
_EMPHASIS = re.compile(r"(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
"""Not the signs in 3 * 4 and snake_case."""
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])")
_BETWEEN_CELLS = re.compile(r"\s*\|\s*")


class SentenceCutter:
    """Of one answer. Pieces go in as they come; sentences come out as soon as they are whole."""

    def __init__(self, *, early: bool = True) -> None:
        """`early`: the first piece may be a clause."""
        self._early = early
        self._text = ""
        """That no sentence was made of yet: at most `LONGEST_SENTENCE` characters between calls."""

    def feed(self, piece: str) -> list[str]:
        """The sentences that are whole now; each has a letter or a digit, and `LONGEST_SENTENCE` characters at most."""
        self._text += piece
        return list(self._take())

    def end(self) -> list[str]:
        """What is left, once nothing more comes."""
        return self.feed("\n")

    def _take(self) -> Iterator[str]:
        text, begin = self._text, 0
        while (end := self._end_of_piece(text, begin)) is not None:
            piece = spoken(text[begin:end])
            begin = end
            if piece:
                self._early = False
                yield piece
        self._text = text[begin:].lstrip(" \t")

    def _end_of_piece(self, text: str, begin: int) -> int | None:
        """Behind the next piece; None: it is not whole yet."""
        limit = begin + LONGEST_SENTENCE
        end = _end_of_sentence(text, begin, limit)
        if self._early and (end is None or end - begin > LONGEST_FIRST):
            clause = _CLAUSE.search(text, begin + FIRST_CLAUSE, limit if end is None else end)
            if clause is not None:
                return clause.end()
        if end is not None or len(text) <= limit:
            return end
        clauses = [clause.end() for clause in _CLAUSE.finditer(text, begin + SHORTEST_CLAUSE, limit)]
        if clauses:
            return clauses[-1]
        blank = text.rfind(" ", begin + 1, limit)
        return blank + 1 if blank > begin else limit


def sentences_of(text: str) -> list[str]:
    """Of a text that is there as a whole."""
    cutter = SentenceCutter(early=False)
    return cutter.feed(text) + cutter.end()


def spoken(text: str) -> str:
    """One line without the signs of Markdown; links are their text. "" where nothing of it can be spoken."""
    if _NO_TEXT.match(text):
        return ""
    text = _LINE_MARKS.sub("", text, count=1)
    text = _ADDRESS.sub(r"\1", _LINK.sub(r"\1", text))
    text = _EMPHASIS.sub("", _PAIRED_SIGNS.sub("", text))
    text = _ESCAPED.sub(r"\1", text)
    if text.count("|") >= 2:
        text = _BETWEEN_CELLS.sub(", ", text.strip(" \t|\n"))
    text = " ".join(text.split())
    return text if any(sign.isalnum() for sign in text) else ""


def _end_of_sentence(text: str, begin: int, limit: int) -> int | None:
    """Behind the first whole sentence, if it ends before `limit`; None: there is none, or it is not clear yet."""
    for match in _END.finditer(text, begin):
        if match.end() > limit:
            return None
        is_end = match["stops"] is None or _is_end(text[begin : match.start()], match["stops"], text, match.end())
        if is_end is None:
            return None
        if is_end:
            return match.end()
    return None


def _is_end(before: str, stops: str, text: str, behind: int) -> bool | None:
    """Whether these stops between `before` and `text[behind:]` end a sentence; None: what comes next will tell."""
    if "!" in stops or "?" in stops:
        return True
    last = _LAST_WORD.search(before)
    word = last[0] if last is not None else ""
    lower = word.lower()
    if stops == ".":
        if (
            _LIST_NUMBER.fullmatch(before)
            or lower in _NEVER_LAST
            or (len(word) == 1 and word.isupper() and word != "I")
        ):
            return False
        may_go_on = lower in _MAYBE_LAST or _LETTERS_WITH_STOPS.fullmatch(lower) is not None
        if not may_go_on and lower not in _BEFORE_NUMBER:
            return True
    blanks = _BLANKS.match(text, behind)
    assert blanks is not None  # It matches anywhere.
    next_sign = text[blanks.end() : blanks.end() + 1]
    if "\n" in blanks[0]:
        return True
    if not next_sign:
        return None
    if stops == "." and lower in _BEFORE_NUMBER:
        return not next_sign.isdigit()
    if not next_sign.isupper():
        # What goes on in small letters after an abbreviation or dots has not ended.
        return not next_sign.islower() and not next_sign.isdigit()
    letters = _LETTERS.match(text, blanks.end())
    next_word = letters[0] if letters is not None else ""
    if blanks.end() + len(next_word) == len(text):
        return None
    return next_word.lower() not in _DATES
