"""Lines of ours in a file that is somebody else's: between two marks, put there and taken out again."""

from __future__ import annotations

import re

BEGIN = "; >>> aiconvai freepbx: made by this command; what is changed between these lines is lost"
END = "; <<< aiconvai freepbx"
_BLOCK = re.compile(rf"^{re.escape(BEGIN)}\n(.*?)^{re.escape(END)}(?:\n|\Z)", re.MULTILINE | re.DOTALL)
_HALF = re.compile(rf"^(?:{re.escape(BEGIN[:20])}|{re.escape(END)})", re.MULTILINE)


class BrokenBlock(ValueError):
    """One of the marks is there without the other, or they are there twice: nothing is guessed."""


def block_of(text: str) -> str:
    """What stands between the marks; empty: there are none. Raises `BrokenBlock`."""
    found = _BLOCK.findall(text)
    if len(_HALF.findall(text)) != 2 * len(found) or len(found) > 1:
        raise BrokenBlock(f"expected one line {BEGIN!r} and one {END!r} behind it, or neither; mend that by hand")
    return str(found[0]) if found else ""


def without_block(text: str) -> str:
    """The rest. Raises `BrokenBlock`."""
    if not block_of(text):
        return text
    before, _, after = _BLOCK.sub("\0", text).partition("\0")
    # The blank line that parted them was ours.
    return before.removesuffix("\n") + after if before.endswith("\n\n") else before + after


def with_block(text: str, lines: str) -> str:
    """The text with the lines in a block, in the place of one that is there, else at the end. Raises `BrokenBlock`."""
    block = f"{BEGIN}\n{lines.rstrip()}\n{END}\n"
    if block_of(text):
        return _BLOCK.sub(lambda _: block, text)
    if not text.strip():
        return block
    return f"{text.rstrip()}\n\n{block}"


def with_block_in_section(text: str, section: str, lines: str) -> str:
    """The same, where the lines belong to a section that the file may have already: behind its header then. Sections
    that are there twice are not the same to all who read such files.
    """
    rest = without_block(text)
    header = re.search(rf"^\[{re.escape(section)}\][^\n]*(?:\n|\Z)", rest, re.MULTILINE)
    if header is None:
        return with_block(rest, f"[{section}]\n{lines}")
    block = f"{BEGIN}\n{lines.rstrip()}\n{END}\n"
    return f"{rest[: header.end()].rstrip()}\n{block}{rest[header.end() :]}"
