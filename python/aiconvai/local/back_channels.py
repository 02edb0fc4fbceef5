"""What is said while somebody listens, and asks for no answer: "mm-hmm"."""

from __future__ import annotations

import re
from functools import cache

from aiconvai.options import options_by_name

_OTHER = re.compile(r"[^\w\s]", re.UNICODE)


def is_back_channel(text: str) -> bool:
    """Whether all of it is phrases of the option `back_channels`, as the module has them where nobody sets it.

    Capital letters, marks and hyphens do not matter.
    """
    words = _plain(text)
    if not words:
        return False
    at = 0
    while at < len(words):
        length = next((len(one) for one in _phrases() if tuple(words[at : at + len(one)]) == one), 0)
        if not length:
            return False
        at += length
    return True


@cache
def _phrases() -> tuple[tuple[str, ...], ...]:
    """The longest first."""
    given = str(options_by_name()["back_channels"].default).split(",")
    return tuple(sorted((tuple(_plain(one)) for one in given), key=len, reverse=True))


def _plain(text: str) -> list[str]:
    return _OTHER.sub("", text.replace("-", "")).casefold().split()
