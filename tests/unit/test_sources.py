"""What holds for every line of C: nothing decides the size of a stack at run time, and what goes to people goes through
one filter.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "app_aiconvai"
FILES = sorted(path for path in SOURCE.rglob("*.[ch]"))

STACK = re.compile(r"\b(alloca|__builtin_alloca\w*|strdupa|strndupa|ast_strdupa|ast_str_alloca|ast_alloca)\s*\(")
EXCEPTION = re.compile(r"#\s*pragma\s+(GCC|clang)\s+diagnostic|_Pragma")
OUTPUT = re.compile(r"\b(ast_log|ast_log_safe|ast_verb|ast_verbose|ast_debug|ast_cli|astman_append|f?printf|f?puts)\(")
LINES = SOURCE / "asterisk" / "output.c"


def found(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_is_allocated_on_the_stack_by_its_length() -> None:
    """The compiler refuses it too (meson.build), unless somebody tells it to look away."""
    assert len(FILES) > 50
    assert found(STACK, FILES) == []
    assert found(EXCEPTION, FILES) == []


def width(line: str) -> int:
    """In columns, with tabs of four."""
    return len(line.expandtabs(4))


def test_lines_fit_120_columns() -> None:
    """But for a message of a service that is one literal: broken, it could not be read."""
    wide = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in FILES + sorted((ROOT / "tests").rglob("*.[ch]"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if width(line) > 120 and '\\"' not in line
    ]
    assert wide == []


def test_no_deadline_of_a_conversation_is_forgotten() -> None:
    """Each part of it that says when it is due is asked."""
    conversation = SOURCE / "core" / "conversation"
    told = re.compile(r"^uint64_t (\w+_due)\(const struct aic_conversation \*conversation\);", re.MULTILINE)
    parts = {name for path in conversation.glob("*.h") for name in told.findall(path.read_text())}
    rows = re.findall(r"^\t\{(\w+), (\w+)\},$", (conversation / "conversation_clock.c").read_text(), re.MULTILINE)
    assert len(rows) >= 11
    assert {due for due, _ in rows} == parts


def test_trees_of_json_are_built_nowhere() -> None:
    assert found(re.compile("yajl_tree"), FILES + sorted((ROOT / "tests").rglob("*.[ch]"))) == []


def test_logs_consoles_and_managers_are_written_to_in_one_place() -> None:
    assert len(found(OUTPUT, [LINES])) == 4
    assert found(OUTPUT, [path for path in FILES if path != LINES]) == []


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("int f(int n) { char text[n]; return g(text); }", True),
        ("int f(int n) { return g(__builtin_alloca(n)); }", True),
        ("int f(int n) { char text[9000]; return g(text) + n; }", True),
        ("int f(int n) { char text[6000]; return g(text) + n; }", False),
    ],
)
def test_the_build_refuses_it(code: str, refused: bool, tmp_path: Path) -> None:
    """With the arguments that every file of ours is compiled with, where warnings are errors as in CI."""
    commands = json.loads((ROOT / "build" / "compile_commands.json").read_text())
    (command,) = [one["command"] for one in commands if one["file"].endswith("core/text/utf8.c")]
    flags = [one for one in shlex.split(command) if one.startswith(("-W", "-std"))]
    (tmp_path / "code.c").write_text(f"int g(char *text);\nint f(int n);\n{code}\n")
    compiled = subprocess.run(
        ["gcc", *flags, "-Werror", "-c", "code.c"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (compiled.returncode != 0) == refused, compiled.stderr
