"""The Asterisk module and the Python package give the same verdict on a section, and read the same values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cffi import FFI
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from aiconvai.options import BLANKS, Entry, OptionDefinition, Section, options, validate

ROOT = Path(__file__).parents[2]

DECLARATIONS = """
struct aic_string_list { char **items; size_t count; };
struct aic_option_line { const char *file; int line; const char *name; const char *value; };
typedef void (*aic_problem_fn)(void *user, const char *problem);
int aic_settings_init(struct aic_settings *settings);
void aic_settings_free(struct aic_settings *settings);
int aic_settings_read_general(struct aic_settings *settings, const struct aic_option_line *lines,
	size_t count, aic_problem_fn problem, void *user);
int aic_settings_read_agent(struct aic_settings *settings, const struct aic_settings *general,
	const char *name, const struct aic_option_line *lines, size_t count, aic_problem_fn problem, void *user);
"""

Lines = Sequence[tuple[str, str]]


class EngineOptions:
    """app_aiconvai/core/options.c as a shared library of its own."""

    def __init__(self, directory: Path) -> None:
        core = ROOT / "app_aiconvai" / "core"
        generate = [
            sys.executable,
            str(ROOT / "tools" / "generate_options.py"),
            "--c-header",
            "options_table.h",
        ]
        definition = str(ROOT / "configs" / "options.json")
        subprocess.run([*generate, "--definition", definition], cwd=directory, check=True)
        flags = ["-shared", "-fPIC", "-std=gnu11", "-D_GNU_SOURCE", f"-I{directory}", f"-I{core}"]
        subprocess.run(["gcc", *flags, "-o", "options.so", str(core / "options.c")], cwd=directory, check=True)
        header = (directory / "options_table.h").read_text()
        struct = header.partition("#include <stdint.h>")[2].partition("#endif")[0]
        self.ffi = FFI()
        self.ffi.cdef("struct aic_settings;" + DECLARATIONS + struct)
        self.library = self.ffi.dlopen(str(directory / "options.so"))

    def judge(self, section: str, lines: Lines) -> tuple[list[str], dict[str, Any]]:
        """The problems of a section, and every setting as a Python value."""
        problems: list[str] = []
        report = self.ffi.callback(
            "aic_problem_fn",
            lambda _, problem: problems.append(self.ffi.string(problem).decode(errors="replace")),
        )
        texts = [self.ffi.new("char[]", text.encode()) for line in lines for text in line]
        file = self.ffi.new("char[]", b"a.conf")
        array = self.ffi.new("struct aic_option_line[]", len(lines))
        for index in range(len(lines)):
            array[index] = (file, index + 2, texts[2 * index], texts[2 * index + 1])
        general, agent = self.ffi.new("struct aic_settings *"), self.ffi.new("struct aic_settings *")
        for one in (general, agent):
            assert self.library.aic_settings_init(one) == 0
        if section == "general":
            result, null = general, self.ffi.NULL
            count = self.library.aic_settings_read_general(general, array, len(lines), report, null)
        else:
            result, name = agent, section.encode()
            count = self.library.aic_settings_read_agent(agent, general, name, array, len(lines), report, self.ffi.NULL)
        values = {option.name: self._value(option.values, getattr(result, option.name)) for option in options()}
        for one in (general, agent):
            self.library.aic_settings_free(one)
        assert count == len(problems)
        return problems, values

    def _value(self, words: Sequence[str], field: Any) -> Any:
        if words:
            return words[field]
        if isinstance(field, bool | int | float):
            return field
        if self.ffi.typeof(field) is self.ffi.typeof("struct aic_string_list"):
            return [self.ffi.string(field.items[index]).decode() for index in range(field.count)]
        return self.ffi.string(field).decode() if field else None


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> EngineOptions:
    return EngineOptions(tmp_path_factory.mktemp("options"))


NAMES = [name for option in options() for name in (option.name, *option.aliases)]
# fmt: off
AWKWARD = [
    "", "yes", "NO", "true  # c", "1", "0", "-1", "+1", "-", "- 5", "0x20", "20", "0240", "500", "501", "1e3",
    "9" * 20, "wss://h", "ws://h/x", "wss:///x", "wss://:1", "wss://h x", "WSS://h", "https://h/", "http://h",
    "https://?x", "wss://", "a=1", "_b=", "1a=2", "a b=1", "=1", "elevenlabs", "ElevenLabs", "openai",
    "X-A, X-B", ",,", " , ", ",".join("a" * 16), ",".join("a" * 17), "č", "čč", "x" * 16, "x" * 17, "á" * 8,
    "á" * 9, "x" * 256, "x" * 257, "x" * 513, "/etc/x", "file", "0.5", "1.0", "1.", ".5", "-0.5", "nan", "deepgram",
    "twilio",
]
# fmt: on
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\n"), max_size=20)
KEY = st.sampled_from([*NAMES, "agnet_id"]).flatmap(lambda name: st.sampled_from([name, name.upper()])) | TEXT
VALUE = (st.sampled_from(AWKWARD) | st.integers(-10, 130000).map(str) | TEXT).map(lambda text: text.strip(BLANKS))
LINES = st.tuples(st.sampled_from([[], [("agent_id", "agent_1")]]), st.lists(st.tuples(KEY, VALUE), max_size=4)).map(
    lambda parts: parts[0] + parts[1]
)


def compare(engine: EngineOptions, section: str, lines: Lines) -> None:
    problems, values = engine.judge(section, lines)
    entries = tuple(Entry(key, value, "a.conf", number) for number, (key, value) in enumerate(lines, start=2))
    report = validate([Section(section, "a.conf", 1, entries)])
    # Whether there is an agent of that name is for those who see the whole file: Python, and the module's agents.c.
    judged = [str(problem) for problem in report.problems if problem.expected != "the name of another agent"]
    assert len(problems) == len(judged), (problems, judged)
    if report.valid:
        model = report.general if section == "general" else report.agents[section]
        assert model is not None
        for name, value in model.model_dump().items():
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            assert values[name] == plain, name


@settings(max_examples=1000, deadline=None)
@given(section=st.sampled_from(["general", "sales"]), lines=LINES)
def test_any_section(engine: EngineOptions, section: str, lines: Lines) -> None:
    compare(engine, section, lines)


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_every_awkward_value_of_every_option(engine: EngineOptions, option: OptionDefinition) -> None:
    section = "general" if option.scope == "general" else "sales"
    beside = [] if option.name == "agent_id" or section == "general" else [("agent_id", "agent_1")]
    beside += [("signed_url_endpoint", "https://h/")] if option.name == "api_key" else []
    beside += [("api_key", "sk")] if option.name == "signed_url_endpoint" else []
    for value in AWKWARD:
        compare(engine, section, [*beside, (option.name, value)])
