"""Asterisk's .conf format: comments, templates, additions, includes, and what is wrong with a file's form."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.config.reader import ConfigurationFile, read_configuration
from aiconvai.config.writer import format_line


def read(directory: Path, text: str | bytes, name: str = "a.conf") -> ConfigurationFile:
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_configuration(path)


def values(file: ConfigurationFile) -> dict[str, list[tuple[str, str]]]:
    assert file.problems == ()
    return {section.name: [(entry.key, entry.value) for entry in section.entries] for section in file.sections}


def test_lines_and_comments(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "\ufeff; a comment\n"
        "[one]   ; about it\r\n"
        "  a = 1 ; one\n"
        "b=>2\n"
        "c = x\\;y ; not y\n"
        "d = before ;-- inside --; after\n"
        ";-- e = 1\n"
        "f = 2 ;-- nested --; still a comment\n"
        "--; g = 3\n"
        ";--- a line of dashes ---\n"
        "h = a=b\n"
        "\\#i = 4\n"
        "j =\n"
        "k = 1\n"
        "k += 2\n",
    )
    assert values(file) == {
        "one": [
            ("a", "1"),
            ("b", "2"),
            ("c", "x;y"),
            ("d", "before  after"),
            ("g", "3"),
            ("h", "a=b"),
            ("#i", "4"),
            ("j", ""),
            ("k", "1 2"),
        ]
    }
    assert [entry.line for entry in file.sections[0].entries] == [3, 4, 5, 6, 9, 11, 12, 13, 14]


def test_templates_and_additions(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "[base](!)\na = 1\n[more](!,base)\nb = 2\n[one](more)\na = 3\n[two](base)\n[ONE](+)\nc = 4\n"
        "[base](+TEMPLATES=include)\nz = 1\n",
    )
    assert values(file) == {"one": [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")], "two": [("a", "1")]}
    assert [(entry.inherited, entry.line) for entry in file.sections[0].entries] == [
        (True, 2),
        (True, 4),
        (False, 6),
        (False, 9),
    ]


def test_includes(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "1.conf").write_text("b = 2\n[two]\nc = 3\n")
    (tmp_path / "more" / "2.conf").write_text("d = 4\n")
    file = read(tmp_path, '[one]\na = 1\n#include "more/*.conf"\ne = 5\n#tryinclude <missing.conf>\n')
    assert values(file) == {"one": [("a", "1"), ("b", "2"), ("e", "5")], "two": [("c", "3"), ("d", "4")]}
    assert file.sections[1].file == str(tmp_path / "more" / "1.conf")
    assert file.sections[1].line == 2


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("a = 1\n", 1, "a [section] before the first option"),
        ("[one\na = 1\n", 1, "] after the section's name"),
        ("[one](!\n", 1, "[one] or [one](...) alone"),
        ("[one] (!)\n", 1, "[one] or [one](...) alone"),
        ("[one](base)\na = 1\n", 1, "[base] further up to inherit from"),
        ("[one](+)\n", 1, "[one] further up, as (+) says"),
        ("[one](!)\n[one](+)\n", 2, "[one] further up, as (+) says"),
        ("[one]\njust words\n", 2, "name = value in [one]"),
        ("[one]\n= 1\n", 2, "a name before the '=' in [one]"),
        ("[one]\n# a comment\n", 2, "#include or #tryinclude, not #"),
        ("[one]\n#include\n", 2, "a file's name after #include"),
        ("[one]\n#exec /bin/true\n", 2, "no #exec, whose output only Asterisk could read"),
        ("[one]\n;-- never\nclosed\n", 2, "--; to end the comment that begins here"),
        (b"[one]\na = \xff\n", 2, "UTF-8, not what is in byte 5"),
        ("[one]\na = " + "x" * 8190 + "\n", 2, "at most 8190 bytes in a line"),
    ],
)
def test_what_is_said_about_a_bad_form(tmp_path: Path, text: str | bytes, line: int, expected: str) -> None:
    file = read(tmp_path, text)
    assert [(problem.line, problem.expected) for problem in file.problems] == [(line, expected)]
    assert str(file.problems[0]).startswith(f"{tmp_path / 'a.conf'}:{line}: expected {expected}; ")


def test_missing_files(tmp_path: Path) -> None:
    file = read_configuration(tmp_path / "none.conf")
    assert [str(problem) for problem in file.problems] == [
        f"{tmp_path / 'none.conf'}:0: expected a readable file; "
        "No such file or directory: check its name and its permissions"
    ]
    file = read(tmp_path, "[one]\n#include none.conf\n")
    assert [problem.expected for problem in file.problems] == [f"a file {tmp_path / 'none.conf'}"]


def test_file_including_itself(tmp_path: Path) -> None:
    file = read(tmp_path, "[one]\n#include a.conf\n")
    assert [problem.advice for problem in file.problems] == ["look for a file including itself"]


LINE = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\n\r"), max_size=60)


@given(LINE.map(lambda text: text.strip("".join(map(chr, range(33))))))
def test_a_written_value_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    directory = tmp_path_factory.mktemp("conf", numbered=True)
    assert values(read(directory, f"[one]\n{format_line('prompt', value)}\n")) == {"one": [("prompt", value)]}


@pytest.mark.parametrize("value", ["two\nlines", "a\0b", " blank"])
def test_a_value_no_file_can_hold_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected a value of one line"):
        format_line("prompt", value)


@given(st.binary(max_size=200))
def test_any_file_can_be_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = read(tmp_path_factory.mktemp("conf", numbered=True), content.replace(b"#", b"%"))
    assert all(problem.line >= 1 for problem in file.problems)
