"""How much is spoken at once, whatever a mind says and a voice's program or server gives."""

from __future__ import annotations

from aiconvai.local.parts import PartError

LONGEST_SENTENCE = 2_000
"""Characters; about two minutes."""
LONGEST_SECONDS = 240.0
"""Of a sentence's sound."""
LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000
"""In Hz."""
MOST_BYTES = int(LONGEST_SECONDS * HIGHEST_RATE) * 2
"""Of a sentence's sound, 16 bits a sample."""


def sayable(sentence: str) -> str:
    """The sentence in one line, which can be encoded and has no NUL; "" where there is nothing to say. Raises
    `PartError`: it is too long.
    """
    if len(sentence) > LONGEST_SENTENCE:
        raise PartError(f"a sentence of {len(sentence)} characters: at most {LONGEST_SENTENCE} are spoken at once")
    line = " ".join(sentence.encode(errors="ignore").decode().replace("\0", " ").split())
    return line if any(one.isalnum() for one in line) else ""
