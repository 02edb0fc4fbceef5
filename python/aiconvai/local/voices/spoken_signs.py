"""What is written and never said: Markdown, HTML, emoji, control characters. The same in all languages."""

from __future__ import annotations

import re
import unicodedata

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+|[ \t]+#{1,6}[ \t]*$", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]{0,3}>[ \t>]*", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+•‣◦][ \t]+", re.MULTILINE)
_TABLE_LINE = re.compile(r"^(?=[^\n]*--)[|: \t-]+$", re.MULTILINE)
_LINK = re.compile(
    r"!?\[(?P<text>[^\[\]\n]{0,300})\](?:\([^()\s]{0,2000}(?:[ \t]+\"[^\"\n]{0,200}\")?\)|\[[^\[\]\n]{0,100}\])"
)
_AUTO_LINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,500}|[^<>\s@]{1,64}@[^<>\s@]{1,255})>")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>|<!--[^\n]{0,500}?-->")
_EMPHASIS = re.compile(r"(\*{1,3}|~~|`{1,3})(?=\S)(?P<text>[^*~`\n]{1,1000})(?<=\S)\1")
_UNDERSCORES = re.compile(r"(?<!\w)(_{1,3})(?=\S)(?P<text>[^\n]{1,1000}?)(?<=\S)\1(?!\w)")
_LEFT_OVER = re.compile(r"(?<!\w)[*_`~|\\^{}\[\]]+(?!\w)|[*`\\^{}|]")
_LINES = re.compile(r"[ \t]*\n\s*")
_SPACES = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r" +(?=[,.;:!?](?:\s|$))")
_COMMAS = re.compile(r"(?:, ?){2,}")

_KEPT_SYMBOLS = "°№"
_EMOJI_PARTS = frozenset("\u200d\u20e3") | {chr(code) for code in (*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400))}
"""What joins and colours emoji; U+200D is a letter's too, in Hindi and in Persian."""


def without_signs(text: str) -> str:
    """Words and punctuation. Lines become one; an end of a line where a sentence goes on is a comma."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"[ \t]{2,}", " ", _without_emoji(text))
    for pattern in (_FENCE, _RULE, _TABLE_LINE, _HEADING, _QUOTE, _BULLET):
        text = pattern.sub("", text)
    text = _LINK.sub(lambda found: found["text"], text)
    text = _AUTO_LINK.sub(lambda found: found[1], text)
    text = _TAG.sub(" ", text)
    for _ in range(2):
        # One in the other: **all *of* it**.
        text = _EMPHASIS.sub(lambda found: found["text"], text)
        text = _UNDERSCORES.sub(lambda found: found["text"], text)
    text = re.sub(r"(?<=\S)[ \t]*\|[ \t]*(?=\S)", ", ", text)
    return tidied(_LINES.sub(_joined, _LEFT_OVER.sub(" ", text.strip())))


def tidied(text: str) -> str:
    """With one space between words, and none before punctuation."""
    text = _SPACE_BEFORE.sub("", _SPACES.sub(" ", text))
    return _COMMAS.sub(", ", text).strip().lstrip(",").strip()


def _joined(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    return ", " if before and before[-1].isalnum() else " "


def _without_emoji(text: str) -> str:
    """Without symbols that are pictures, and what no voice could be given (lone surrogates, control characters)."""
    kept: list[str] = []
    after_emoji = False
    for one in text:
        category = unicodedata.category(one)
        if one == "\u20e3" or "\ufe00" <= one <= "\ufe0f" or (one in _EMOJI_PARTS and after_emoji):
            continue
        if (category == "So" and one not in _KEPT_SYMBOLS) or category in ("Cs", "Co", "Cn", "Sk"):
            after_emoji = True
            if kept and not kept[-1].isspace():
                kept.append(" ")
            continue
        after_emoji = False
        if category in ("Cc", "Zl", "Zp") and one not in "\n\t":
            one = "\n" if category != "Cc" else " "
        kept.append(one)
    return "".join(kept)
