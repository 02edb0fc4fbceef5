"""The files of earlier systems as the import reads them: each value with its line, and nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiconvai.config.imports.given import DEEPEST, LARGEST_FILE, MOST_SETTINGS, SourceFile, UnusableError
from aiconvai.config.imports.reading import MOST_FILES, read_files


def reading(folder: Path, name: str, text: str | bytes) -> SourceFile:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_files([path])[0]


def settings_of(file: SourceFile) -> list[tuple[int, str, str]]:
    return [(one.line, one.key, one.value) for one in file.settings]


def unread_of(file: SourceFile) -> list[tuple[int, str]]:
    return [(one.line, one.why) for one in file.unread]


# Files of variables


def test_variables_are_read_as_node_reads_them(tmp_path: Path) -> None:
    file = reading(
        tmp_path,
        ".env",
        "\ufeff# a comment\n\nONE=1 # and a comment\nexport TWO='two # no comment'\nTHREE=\"a\nb\"\n\n\nFOUR=`four`\n"
        "FIVE=${ONE:-x}\nEMPTY=\nSIX = 6\n",
    )
    assert (file.kind, file.unread) == ("env", ())
    assert settings_of(file) == [
        (3, "ONE", "1"), (4, "TWO", "two # no comment"), (5, "THREE", "a\nb"), (9, "FOUR", "four"),
        (10, "FIVE", "${ONE:-x}"), (11, "EMPTY", ""), (12, "SIX", "6"),
    ]  # fmt: skip


def test_quotation_marks_inside_others_are_kept(tmp_path: Path) -> None:
    """As they are in the persona that comes with such a file."""
    file = reading(tmp_path, "config.conf", 'ONE="You say "hi" and "bye"."\nTWO="odd "one\nTHREE=3\n')
    assert settings_of(file) == [(1, "ONE", 'You say "hi" and "bye".'), (2, "TWO", '"odd "one'), (3, "THREE", "3")]


def test_a_line_that_is_no_setting_is_said(tmp_path: Path) -> None:
    file = reading(tmp_path, ".env", 'ONE=1\nnonsense\n= x "\nTWO=2\n')
    assert [line for line, _ in unread_of(file)] == [2, 3]
    assert [key for _, key, _ in settings_of(file)] == ["ONE", "TWO"]


# JavaScript and JSON


def test_constants_of_javascript_are_read(tmp_path: Path) -> None:
    file = reading(
        tmp_path,
        "prompts.js",
        """// prompts.js
const persona = "You are " + `kind`;
module.exports = {
    openai: {
        system_instruction: persona + '.', // a comment
        states: {
            greeting: `Hello,
it's me.`,
            'x-y': "a\\u00e9\\x41\\n\\u{1F600}\\ud83d\\ude00",
            persona,
            list: [1, -2.5, true, null, ("x")],
        },
    },
};
""",
    )
    assert file.kind == "javascript"
    assert file.unread == ()
    assert settings_of(file) == [
        (5, "openai.system_instruction", "You are kind."),
        (7, "openai.states.greeting", "Hello,\nit's me."),
        (9, "openai.states.x-y", "a\u00e9A\n\U0001f600\U0001f600"),
        (10, "openai.states.persona", "You are kind"),
        (11, "openai.states.list.0", "1"),
        (11, "openai.states.list.1", "-2.5"),
        (11, "openai.states.list.2", "true"),
        (11, "openai.states.list.3", ""),
        (11, "openai.states.list.4", "x"),
    ]


def test_what_is_computed_is_said_with_its_line_and_left_out(tmp_path: Path) -> None:
    file = reading(
        tmp_path,
        "prompts.js",
        """const fs = require('fs');
module.exports = {
    a: fs.readFileSync('/etc/passwd', 'utf8'),
    b: `now ${Date.now()}`,
    c: "x" + process.env.HOME,
    ...fs,
    [fs]: 1,
    d() { return 1; },
    e: x ? 'y' : 'z',
    f: 1 + 2,
    g: a?.b ?? 'c',
    h: "kept",
};
""",
    )
    assert settings_of(file) == [(12, "h", "kept")]
    assert [line for line, _ in unread_of(file)] == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert all("left out" in why for _, why in unread_of(file))


@pytest.mark.parametrize(
    "text",
    [
        "export default {a: 'b'};",
        "export const a = 'b';",
        "exports.a = 'b';",
        "module.exports.a = 'b';",
        "const all = {a: 'b'};\nmodule.exports = all;",
    ],
)
def test_ways_to_export(tmp_path: Path, text: str) -> None:
    file = reading(tmp_path, "prompts.js", text)
    assert [(key, value) for _, key, value in settings_of(file)] == [("a", "b")]


def test_json_has_lines(tmp_path: Path) -> None:
    file = reading(tmp_path, "default.json", '{\n  "a": {"b": [1, true],\n\t"c": "x\\ud83d\\ude00"},\n  "d": null\n}\n')
    assert file.kind == "json"
    assert settings_of(file) == [(2, "a.b.0", "1"), (2, "a.b.1", "true"), (3, "a.c", "x\U0001f600"), (4, "d", "")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("prompts.js", "module.exports = {\n  a: 'b'\n  c: 'd'\n};\n", "it is no JavaScript"),
        ("prompts.js", "console.log('x');\n", "expected module.exports"),
        ("default.json", "{'a': 1}", "it is no JSON"),
        ("a.yaml", "a: b: c\n", "it is no YAML"),
        ("a.yaml", "- a\n- b\n", "expected a mapping"),
        (".env", b"A=\xff\n", "expected UTF-8"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, text: str | bytes, said: str) -> None:
    with pytest.raises(UnusableError, match=said):
        reading(tmp_path, name, text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match=r"nothing.env: No such file"):
        read_files([tmp_path / "nothing.env"])


# YAML


def test_yaml_is_expanded_with_the_variables_beside_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HOST=pbx\nEMPTY=\n")
    (tmp_path / "agent.yaml").write_text(
        "asterisk:\n  host: ${HOST}\n  port: ${PORT:-8088}\n  user: '${EMPTY:-asterisk}'\n  none: ${NONE}\n"
        "list: [1, two]\nnothing: ~\n"
    )
    _, file = read_files([tmp_path / ".env", tmp_path / "agent.yaml"])
    assert settings_of(file) == [
        (2, "asterisk.host", "pbx"), (3, "asterisk.port", "8088"), (4, "asterisk.user", "asterisk"),
        (5, "asterisk.none", ""), (6, "list.0", "1"), (6, "list.1", "two"), (7, "nothing", ""),
    ]  # fmt: skip


# Bounds


def doubled(levels: int) -> str:
    """A text that would be twice as long at each level."""
    names = [f"const a{at + 1} = a{at} + a{at};" for at in range(levels)]
    return "\n".join(["const a0 = 'x';", *names, f"module.exports = {{a: a{levels}}};"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.env", "A=1\n" * (LARGEST_FILE // 4 + 1)),
        ("a.env", "".join(f"A{at}=1\n" for at in range(MOST_SETTINGS + 1))),
        ("a.json", '{"a":' * (DEEPEST + 2) + "1" + "}" * (DEEPEST + 2)),
        ("a.yaml", "".join(f"{'  ' * at}a:\n" for at in range(DEEPEST + 3))),
        ("a.yaml", "a0: &a0 {}\n" + "".join(f"a{at + 1}: &a{at + 1} [*a{at}, *a{at}]\n" for at in range(30))),
        ("a.js", doubled(35)),
    ],
)
def test_there_is_an_end_to_everything(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UnusableError, match="expected at most"):
        reading(tmp_path, name, text)


def test_names_that_lead_to_each_other_end(tmp_path: Path) -> None:
    file = reading(tmp_path, "a.js", "const a = b; const b = a; module.exports = {a: a, c: 'd'};")
    assert settings_of(file) == [(1, "c", "d")]
    assert len(file.unread) == 1


def test_a_long_sum_of_texts(tmp_path: Path) -> None:
    """Deeper than Python's own calls could go."""
    file = reading(tmp_path, "a.js", "module.exports = {a: " + " + ".join(["'x'"] * 3000) + "};")
    assert settings_of(file) == [(1, "a", "x" * 3000)]


def test_there_are_at_most_so_many_files(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="expected at most"):
        read_files([tmp_path / str(at) for at in range(MOST_FILES + 1)])
