"""The verdict on a configuration, and what is generated from the definition of the options."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from agent_lines import lines_beside
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from aiconvai.config.references import BUILTIN_TOOLS
from aiconvai.config.sections import Entry, Section
from aiconvai.config.verdict import validate
from aiconvai.engine.settings import PromptSettings, Settings
from aiconvai.options import find_option, options, rules

ROOT = Path(__file__).parents[2]
GENERATOR = ROOT / "tools" / "generate_options.py"
DEFINITION = ROOT / "configs" / "options.json"

AGENT = (("agent_id", "agent_1"),)


def section(name: str, *lines: tuple[str, str]) -> Section:
    entries = (Entry(key, value, "a.conf", number) for number, (key, value) in enumerate(lines, start=2))
    return Section(name, "a.conf", 1, tuple(entries))


def problems(*sections: Section) -> list[str]:
    return [str(problem) for problem in validate(sections).problems]


def test_seed_configuration_is_valid() -> None:
    report = validate(
        [
            section("general", ("debug", "false")),
            section(
                "sales_agent",
                ("elevenlabs_api_key", "sk-your-api-key-here"),
                ("elevenlabs_get_signed_url_endpoint", "https://api.elevenlabs.io/v1/get-signed-url"),
                ("elevenlabs_agent_id", "agent_0301k2f1kzshe85t9w74t66vz1km"),
                ("elevenlabs_send_caller_number", "true"),
                ("elevenlabs_audio_frames_buffer_ms", "240"),
            ),
        ]
    )
    assert report.problems == ()
    agent = report.agents["sales_agent"].model_dump()
    assert agent["api_key"] == SecretStr("sk-your-api-key-here")
    assert agent["agent_id"] == "agent_0301k2f1kzshe85t9w74t66vz1km"
    assert agent["send_caller_number"] is True
    assert agent["audio_frames_buffer_ms"] == 240
    assert agent["max_connection_attempts"] == 3
    assert "sk-your" not in repr(report)


def test_no_section_at_all_is_valid() -> None:
    report = validate([])
    assert report.valid
    assert report.general is not None
    assert report.general.model_dump()["network_threads"] == 0
    assert report.agents == {}


def test_general_sets_the_default_of_agents() -> None:
    general = section("GENERAL", ("debug", "ON"), ("silence_padding_ms", "40"))
    report = validate([section("one", *AGENT), general, section("two", ("Debug", "f"), *AGENT)])
    assert [agent.model_dump()["debug"] for agent in report.agents.values()] == [True, False]
    assert report.agents["two"].model_dump()["silence_padding_ms"] == 40


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [("send_dtmf", "true  # comment")],
            "a.conf:3: [x] send_dtmf = true  # comment: expected yes or no; "
            "comments in .conf files begin with ';', so remove what begins with '#' or put a ';' before it",
        ),
        (
            [("send_dtmf", "enabled")],
            "a.conf:3: [x] send_dtmf = enabled: expected yes or no; write one of the two",
        ),
        (
            [("agnet_id", "a")],
            "a.conf:3: [x] agnet_id = ****: expected a known option; did you mean agent_id?",
        ),
        (
            [("api_kye", "sk-0123456789abcdef")],
            "a.conf:3: [x] api_kye = ****cdef: expected a known option; did you mean api_key?",
        ),
        (
            [("frobnicate", "1")],
            "a.conf:3: [x] frobnicate = ****: expected a known option; "
            "remove it; aiconvai.conf.sample lists every option",
        ),
        (
            [("audio_frames_buffer_ms", "19")],
            "a.conf:3: [x] audio_frames_buffer_ms = 19: expected 20 to 500 ms; "
            "write a whole number in that range, without its unit",
        ),
        (
            [("user_id", "")],
            "a.conf:3: [x] user_id = : expected text, 1 to 256 bytes, but it has no value; give one or remove the line",
        ),
        (
            [("elevenlabs_agent_id", "other")],
            "a.conf:3: [x] elevenlabs_agent_id = other: expected agent_id once, and agent_id on line 2 "
            "sets it already; remove one of the two",
        ),
        (
            [("network_threads", "2")],
            "a.conf:3: [x] network_threads = 2: expected it only in [general]; move it there",
        ),
        (
            [("dynamic_variable", "1st=x")],
            "a.conf:3: [x] dynamic_variable = 1st=x: expected text, 1 to 1024 bytes; "
            "write name=value, the name of letters, digits and _, not beginning with a digit",
        ),
        (
            [("conversation_endpoint", "https://h/")],
            "a.conf:3: [x] conversation_endpoint = https://h/: expected a URL beginning with "
            "wss:// or ws://, 1 to 2048 bytes; check the scheme, the host and that nothing in it is a space",
        ),
        (
            [("api_key", "sk-0123456789abcdef")],
            "a.conf:3: [x] api_key = ****cdef: expected signed_url_endpoint beside it; "
            "add it, or remove api_key for a public agent",
        ),
        (
            [("signed_url_endpoint", "https://h/")],
            "a.conf:3: [x] signed_url_endpoint = https://h/: expected api_key beside it; "
            "add it, or remove signed_url_endpoint for a public agent",
        ),
    ],
)
def test_what_is_said_about_a_bad_line(lines: list[tuple[str, str]], expected: str) -> None:
    assert problems(section("x", *AGENT, *lines)) == [expected]


def test_agent_option_in_general() -> None:
    assert problems(section("general", ("agent_id", "a"))) == [
        "a.conf:2: [general] agent_id = a: expected it only in an agent's section; move it to the agent it is meant for"
    ]


def test_agent_needs_an_identifier_or_a_fixed_url() -> None:
    assert problems(section("x")) == [
        "a.conf:1: [x] agent_id = : expected a value, which provider elevenlabs needs; add it, or set conversation_url"
    ]
    assert problems(section("x", ("conversation_url", "wss://h/?token=abc"))) == []


def test_a_section_given_twice() -> None:
    assert problems(section("x", *AGENT), section("X", *AGENT)) == [
        "a.conf:1: [X]: expected one section of this name, but a.conf:1 begins one too; rename one or join them"
    ]


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("language", "c", False),
        ("language", "cs", True),
        ("language", "čč", True),
        ("prompt", "á" * 8192, True),
        ("prompt", "á" * 8193, False),
        ("tool_timeout_ms", "+100", False),
        ("tool_timeout_ms", "100ms", False),
        ("tool_timeout_ms", "0100", True),
        ("tool_timeout_ms", "1e3", False),
        ("tool_timeout_ms", "-1", False),
        ("tool_timeout_ms", "9" * 40, False),
        (
            "tool_timeout_ms",
            "\N{ARABIC-INDIC DIGIT ONE}\N{ARABIC-INDIC DIGIT ZERO}\N{ARABIC-INDIC DIGIT ZERO}",
            False,
        ),
        ("provider", "ElevenLabs", True),
        ("provider", "elevenlab", False),
        ("conversation_endpoint", "WSS://example.com/a", True),
        ("conversation_endpoint", "wss://", False),
        ("conversation_endpoint", "wss:///a", False),
        ("conversation_endpoint", "wss://:80/a", False),
        ("conversation_endpoint", "wss://example.com/a b", False),
        ("conversation_url", "https://example.com/", False),
        ("send_sip_headers", "X-A, X-B,", True),
        ("send_sip_headers", ",".join(f"X-{number}" for number in range(17)), False),
        ("dynamic_variable", "a=", True),
        ("dynamic_variable", "a b=c", False),
        ("dynamic_variable", "plain", False),
    ],
)
def test_limits_of_values(name: str, value: str, valid: bool) -> None:
    assert validate([section("x", *AGENT, (name, value))]).valid is valid


def test_repeated_option_keeps_order() -> None:
    report = validate([section("x", *AGENT, ("dynamic_variable", "b=1"), ("dynamic_variable", "a=2=3"))])
    assert report.agents["x"].model_dump()["dynamic_variable"] == ["b=1", "a=2=3"]


def test_own_value_overrides_inherited_ones() -> None:
    def entry(value: str, line: int, *, inherited: bool) -> Entry:
        return Entry("tool_timeout_ms", value, "a.conf", line, inherited)

    identifier = Entry("agent_id", "a", "a.conf", 9)
    templates = (entry("bad", 2, inherited=True), entry("200", 3, inherited=True))
    report = validate([Section("x", "a.conf", 1, (*templates, identifier))])
    assert report.agents["x"].model_dump()["tool_timeout_ms"] == 200
    own = entry("300", 4, inherited=False)
    report = validate([Section("x", "a.conf", 1, (*templates, own, identifier))])
    assert report.agents["x"].model_dump()["tool_timeout_ms"] == 300
    again = entry("400", 5, inherited=False)
    report = validate([Section("x", "a.conf", 1, (*templates, own, again, identifier))])
    assert [problem.line for problem in report.problems] == [5]


@given(
    st.sampled_from(["general", "x"]),
    st.sampled_from(["api_key", "conversation_url", "api_kye"]),
    # Hypothesis tries texts of the source, too: an endpoint that is one, or a word of what is said of the line.
    st.text(min_size=12).map(lambda text: f"\N{SNOWMAN}{text}"),
)
def test_a_secret_is_never_shown(name: str, key: str, secret: str) -> None:
    verdict = problems(section(name, (key, secret)))
    assert verdict
    assert not any(secret in problem for problem in verdict)


@given(st.data())
def test_every_value_in_range_is_taken(data: st.DataObject) -> None:
    """Whatever an option's own default or range allows is valid, under each of its names, in any case."""
    plain = [one for one in options() if one.type in ("integer", "boolean")]
    option = data.draw(st.sampled_from([one for one in plain if one.scope in ("general", "agent", "both")]))
    name = data.draw(st.sampled_from([option.name, *option.aliases, option.name.upper()]))
    if option.type == "integer":
        assert option.range is not None
        value: int | bool = data.draw(st.integers(*option.range))
        text = str(value)
    else:
        text = data.draw(st.sampled_from(["yes", "NO", "True", "false", "On", "off", "y", "N", "t", "f", "1", "0"]))
        value = text.lower() in ("yes", "true", "on", "y", "t", "1")
    if option.scope == "general":
        report = validate([section("general", (name, text))])
        settings = report.general
    else:
        report = validate([section("x", *lines_beside(option.name), (name, text))])
        settings = report.agents.get("x")
    assert settings is not None, report.problems
    assert settings.model_dump()[option.name] == value


def test_the_builtin_tools_are_those_of_the_engine() -> None:
    source = (ROOT / "app_aiconvai" / "core" / "options" / "tools.c").read_text(encoding="utf-8")
    assert sorted(BUILTIN_TOOLS) == sorted(re.findall(r'^\t\{"(\w+)", AIC_TOOL_', source, re.MULTILINE))


def test_names_fold_ascii_case_only() -> None:
    assert find_option("AGENT_ID") is find_option("elevenlabs_agent_id")
    assert find_option("api_\N{KELVIN SIGN}ey") is None


# The generator


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_options", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = load_generator()


def test_generator_is_python_3_9() -> None:
    ast.parse(GENERATOR.read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize(
    ("argument", "committed"),
    [("--sample", "configs/aiconvai.conf.sample"), ("--reference", "docs/reference/options.md")],
)
def test_generated_file_is_up_to_date(argument: str, committed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert generator.main(["--definition", str(DEFINITION), argument, "-"]) == 0
    assert capsys.readouterr().out == (ROOT / committed).read_text(encoding="utf-8"), (
        f"run: tools/generate_options.py --definition configs/options.json {argument} {committed}"
    )


def test_generator_and_package_describe_options_alike() -> None:
    for described, option in zip(generator.load_definition(DEFINITION).options, options(), strict=True):
        assert generator.expected_text(described) == option.expected
        assert generator.default_text(described) == option.default_text


def test_defaults_are_valid() -> None:
    for option in options():
        if option.default_text is not None:
            where = {"agent": "x", "tool": "tool-x", "prompt": "prompt-x"}.get(option.scope, "general")
            lines = [(option.name, option.default_text), *(lines_beside(option.name) if where == "x" else ())]
            assert problems(section(where, *lines)) == []


HEADER_USER = r"""
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct aic_string_list { char **items; size_t count; };
#include "options_table.h"

enum aic_option_scope { AIC_SCOPE_GENERAL, AIC_SCOPE_AGENT, AIC_SCOPE_BOTH, AIC_SCOPE_TOOL, AIC_SCOPE_PROMPT };
enum aic_option_type {
	AIC_TYPE_BOOLEAN, AIC_TYPE_INTEGER, AIC_TYPE_NUMBER, AIC_TYPE_ENUM, AIC_TYPE_STRING, AIC_TYPE_URL, AIC_TYPE_PATH,
	AIC_TYPE_LIST, AIC_TYPE_JSON
};
struct aic_provider_default { enum aic_option_provider provider; const char *value; };
struct aic_option_rule { enum aic_option_provider provider; const char *with, *unless, *needs, *advice; };
struct aic_option {
	const char *name;
	const char *const *aliases;
	enum aic_option_scope scope;
	enum aic_option_type type;
	const char *unit;
	int64_t min, max;
	double number_min, number_max;
	uint32_t providers;
	const char *const *words;
	bool multiple, secret;
	const char *default_value;
	const struct aic_provider_default *provider_defaults;
	const char *help, *prefix;
	const char *const *forms;
	size_t offset;
};
#define AIC_OPTIONS_TABLE_IMPLEMENTATION
#include "options_table.h"

static void print_words(const char *const *words)
{
	for (; words && *words; words++) {
		printf("%s,", *words);
	}
}

int main(void)
{
	for (size_t i = 0; i < AIC_OPTION_COUNT; i++) {
		const struct aic_option *o = &option_table[i];

		printf("%s|", o->name);
		print_words(o->aliases);
		if (o->type == AIC_TYPE_NUMBER) {
			printf("|%d|%g|%g|", (int) o->scope, o->number_min, o->number_max);
		} else {
			printf("|%d|%lld|%lld|", (int) o->scope, (long long) o->min, (long long) o->max);
		}
		print_words(o->words);
		printf("|%d|%d|%s\n", o->multiple, o->secret, o->default_value ? o->default_value : "NULL");
		if (o->offset >= sizeof(struct aic_settings)) {
			return 1;
		}
	}
	for (size_t i = 0; i < sizeof(option_rules) / sizeof(option_rules[0]); i++) {
		printf("%d needs %s\n", (int) option_rules[i].provider, option_rules[i].needs);
	}
	return 0;
}
"""


def test_c_header_holds_the_definition(tmp_path: Path) -> None:
    assert generator.main(["--definition", str(DEFINITION), "--c-header", str(tmp_path / "options_table.h")]) == 0
    (tmp_path / "user.c").write_text(HEADER_USER, encoding="utf-8")
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]
    subprocess.run(["gcc", *flags, "-o", "user", "user.c"], cwd=tmp_path, check=True)
    output = subprocess.run([tmp_path / "user"], check=True, capture_output=True, text=True).stdout
    expected = ""
    for option in options():
        low, high = option.range or (0, 0)
        aliases, words = (
            "".join(f"{word}," for word in some) for some in (option.aliases, option.values or option.schemes)
        )
        scope = ("general", "agent", "both", "tool", "prompt").index(option.scope)
        flags_shown = f"{int(option.multiple)}|{int(option.secret)}"
        default = "NULL" if option.default_text is None else option.default_text
        expected += f"{option.name}|{aliases}|{scope}|{low}|{high}|{words}|{flags_shown}|{default}\n"
    providers = next(option.values for option in options() if option.name == "provider")
    expected += "".join(f"{providers.index(rule.provider)} needs {rule.needs}\n" for rule in rules())
    assert output == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Bad-Name"}, "no lower-case C identifier"),
        ({"aliases": ["debug"]}, "taken by another option"),
        ({"scope": "agents"}, "none of general, agent, both"),
        ({"type": "float"}, "none of boolean"),
        ({"providers": ["nobody"]}, "'nobody' is no value of the option provider"),
        ({"defaults": {"openai": 5}}, "default 5 is no integer from 20 to 500"),
        ({"scope": "both", "defaults": {"openai": 40}}, "only an agent's option depends on its provider"),
        ({"default": 501}, "no integer from 20 to 500"),
        ({"range": [500, 20]}, "upside down"),
        ({"range": [0, 2**31]}, "does not fit 32 bits"),
        ({"rnage": [1, 2]}, "unknown field 'rnage'"),
        ({"values": ["a"]}, "belongs to an enum"),
        ({"schemes": ["ws"]}, "belongs to a url"),
        ({"multiple": True}, "belongs to a string"),
        ({"help": "two\nlines"}, "one line"),
        ({"unit": None, "type": "enum", "values": ["a"], "default": "b"}, "none of its values"),
    ],
)
def test_generator_refuses_a_definition_that_contradicts_itself(
    change: dict[str, object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(DEFINITION.read_text(encoding="utf-8"))
    option = next(one for one in document["options"] if one["name"] == "audio_frames_buffer_ms")
    option.update(change)
    broken = tmp_path / "options.json"
    broken.write_text(json.dumps(document), encoding="utf-8")
    assert generator.main(["--definition", str(broken), "--sample", "-"]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


BESIDE = (section("y", *AGENT), section("prompt-p", ("state_greeting", "Hello.")))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([("failover", "nobody")], "failover = nobody: expected the name of another agent"),
        ([("hand_over_to", "y, nobody")], "hand_over_to = nobody: expected the name of another agent"),
        ([("prompts", "nobody")], "prompts = nobody: expected the NAME of a section [prompt-NAME]"),
        ([("prompts", "p"), ("uninterruptible_states", "terms, Greeting")], "= terms: expected the name of a state"),
        ([("tool_transfer_to_agent", "builtin")], "expected hand_over_to beside it"),
        ([("tool_sing", "builtin")], "built in are end_call"),
    ],
)
def test_a_reference_that_leads_nowhere(lines: list[tuple[str, str]], problem: str) -> None:
    (told,) = problems(section("x", *AGENT, *lines), *BESIDE)
    assert problem in told


def test_every_tool_that_is_built_in() -> None:
    """The same that the module knows."""
    own = {"agent_id": "a", "hand_over_to": "y", "transfer_to_desk": "a,b,1", "prompts": "p"}
    tools = {f"tool_{name}": "builtin" for name in BUILTIN_TOOLS}
    assert problems(section("x", *own.items(), *tools.items()), *BESIDE) == []
    prompts = PromptSettings("prompt-p", {"state_greeting": "Hello."})
    assert list(Settings.read_agent("x", own | tools, prompts=prompts).problems) == []
    (problem,) = Settings.read_agent("x", own | {"tool_sing": "builtin"}, prompts=prompts).problems
    assert all(name in problem for name in BUILTIN_TOOLS)
