"""Every block of code in the README and in docs/, and what it says that it is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<margin> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]*)\"| \w+)?\s*$")


@dataclass(frozen=True)
class Block:
    """Of a page."""

    path: Path
    line: int
    """Of its fence."""
    language: str
    title: str
    """A file that it is part of; empty: none."""
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(*languages: str, title: str | None = None) -> list[Block]:
    """Of those languages; none: all. `title`: with that one alone."""
    found = [one for path in pages() for one in _blocks(path)]
    return [one for one in found if (not languages or one.language in languages) and title in (None, one.title)]


def _blocks(path: Path) -> Iterator[Block]:
    begun: tuple[int, re.Match[str]] | None = None
    lines: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if begun is not None and line.strip() == "```":
            at, opening = begun
            text = "".join(f"{one.removeprefix(opening['margin'])}\n" for one in lines)
            yield Block(path, at, opening["language"], opening["title"] or "", text)
            begun = None
        elif begun is not None:
            lines.append(line)
        elif fence:
            begun, lines = (number, fence), []
        elif line.lstrip().startswith("```"):
            raise ValueError(f'{path}:{number}: {line!r}: expected ```LANGUAGE, or ```LANGUAGE title="FILE"')
    if begun is not None:
        raise ValueError(f"{path}:{begun[0]}: expected the end of the block: ```")


def indented(path: Path) -> Iterator[int]:
    """Lines that begin a block by being indented, in a list or not: of those nobody knows what they are."""
    before, is_fenced, in_list = "", False, False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        is_fenced ^= line.lstrip().startswith("```")
        in_list = bool(re.match(r"(\d+\.|-) ", line)) or (in_list and (not line or line.startswith(" ")))
        margin = 8 if in_list else 4
        if not is_fenced and not before.strip() and re.match(rf" {{{margin},}}\S", line):
            yield number
        before = line


@dataclass(frozen=True)
class Command:
    """One of a shell's, as its words."""

    block: Block
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def commands() -> list[Command]:
    """Of all blocks of a shell: in `console` what stands behind `$ `."""
    found = []
    for block in blocks("sh", "bash", "console"):
        text = block.text.replace("\\\n", " ")
        if block.language == "console":
            text = "\n".join(line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ "))
        for line in text.splitlines():
            found += [Command(block, words) for words in _simple(line)]
    return found


def _simple(line: str) -> Iterator[tuple[str, ...]]:
    """Simple commands of a line, without redirections and what stands before them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;"):
            while words and (words[0] == "sudo" or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0])):
                words = words[3:] if words[:2] == ["sudo", "-u"] else words[1:]
            if words:
                yield tuple(words[: next((at for at, one in enumerate(words) if set(one) <= set("<>")), len(words))])
            words = []
        else:
            words.append(word)
