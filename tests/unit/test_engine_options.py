"""The engine's verdict on a configuration: option by option, and against the Python one."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from agent_lines import lines_beside
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from aiconvai import options as python_options
from aiconvai.config.section_verdict import judge_section
from aiconvai.config.sections import Entry, Section
from aiconvai.config.settings import AgentSettings
from aiconvai.config.verdict import validate
from aiconvai.engine.settings import (
    Line,
    OptionScope,
    OptionType,
    PromptSettings,
    Settings,
    SettingValue,
    ToolSettings,
    find_option,
    mask_secret,
    option_table,
)
from aiconvai.engine.settings import Option as EngineOption

TABLE = option_table()
INTEGERS = [option for option in TABLE if option.type is OptionType.INTEGER]
BOOLEANS = [option for option in TABLE if option.type is OptionType.BOOLEAN]
TEXTS = [
    option
    for option in TABLE
    if option.type in (OptionType.STRING, OptionType.PATH, OptionType.URL) and not option.multiple
]
ALIASED = [(option, alias) for option in TABLE for alias in option.aliases]
SECRET = "sk-0123456789abcdef-very-secret"


def by_name(option: Any) -> str:
    return option.name if isinstance(option, EngineOption) else str(option)


SECTIONS = {
    OptionScope.GENERAL: "general",
    OptionScope.AGENT: "sales",
    OptionScope.BOTH: "sales",
    OptionScope.TOOL: "tool-find",
    OptionScope.PROMPT: "prompt-desk",
}


def read(
    option: EngineOption, value: str, *, name: str | None = None, times: int = 1
) -> Settings | ToolSettings | PromptSettings:
    """The settings of the section the option belongs to, with that line and what else an agent needs."""
    lines = [Line(name or option.name, value, number=5 + at) for at in range(times)]
    match option.scope:
        case OptionScope.GENERAL:
            return Settings.read_general(lines)
        case OptionScope.TOOL:
            return ToolSettings("tool-find", lines)
        case OptionScope.PROMPT:
            return PromptSettings("prompt-desk", lines)
    lines += [Line(*line, number=3) for line in lines_beside(option.name)]
    return Settings.read_agent("sales", lines)


def good_text(option: EngineOption, length: int) -> str:
    prefix = f"{option.words[0]}://" if option.words else ""
    if not option.multiple:
        prefix = next((form for form in option.forms if form.endswith(":")), prefix)
    return prefix + "x" * (length - len(prefix))


def test_the_table_is_the_definition() -> None:
    definition = python_options.options()
    assert [option.name for option in TABLE] == [option.name for option in definition]
    for engine, python in zip(TABLE, definition, strict=True):
        assert engine.aliases == python.aliases
        assert engine.scope.value == python.scope
        assert engine.default == python.default_text
        assert engine.secret == python.secret
        assert engine.multiple == python.multiple
        assert engine.words == (python.values or python.schemes)
        assert (engine.prefix, engine.forms) == (python.prefix, python.forms)
        assert (engine.minimum, engine.maximum) == (python.range or (0, 0))


def test_defaults() -> None:
    values = Settings().values() | ToolSettings("tool-x", {}).values() | PromptSettings("prompt-x", {}).values()
    for definition in python_options.options():
        expected: SettingValue = definition.default
        if definition.type == "list" or definition.multiple:
            expected = []
        assert values[definition.name] == expected, definition.name


@pytest.mark.parametrize(("option", "alias"), ALIASED, ids=by_name)
def test_aliases_and_case(option: EngineOption, alias: str) -> None:
    assert find_option(alias) == find_option(alias.upper()) == find_option(option.name.title()) == option
    value = "240" if option.type is OptionType.INTEGER else "yes"
    if option.type in (OptionType.STRING, OptionType.URL):
        value = good_text(option, min(20, int(option.maximum)))
    settings = read(option, value, name=alias.upper())
    assert settings.problems == ()
    assert settings[option.name] == {"240": 240, "yes": True}.get(value, value)


@pytest.mark.parametrize("text", ["0", "1", "0.5", "1.0", "0.05"])
def test_numbers_have_a_fraction(text: str) -> None:
    option = find_option("vad_threshold")
    assert option is not None
    settings = read(option, text)
    assert settings.problems == ()
    assert settings["vad_threshold"] == float(text)


@pytest.mark.parametrize(
    "text", ["1.01", "-0.1", ".5", "1.", "1,0", "5e-1", "0x1", "nan", "inf", "+1", " 1", "1 ", "x"]
)
def test_what_is_no_number(text: str) -> None:
    option = find_option("vad_threshold")
    assert option is not None
    (problem,) = read(option, text).problems
    assert f"vad_threshold = {text}: expected a number from 0 to 1" in problem


@pytest.mark.parametrize("option", INTEGERS, ids=by_name)
def test_integers_have_a_range(option: EngineOption) -> None:
    for value in (option.minimum, option.maximum):
        settings = read(option, str(value))
        assert settings.problems == ()
        assert settings[option.name] == value
    wrong = [
        str(option.minimum - 1),
        str(option.maximum + 1),
        "5x",
        "x",
        "1.5",
        "+5",
        " 5",
        "5 ",
        "0x10",
        "--5",
        "-",
        "٣",
        "99999999999999999999",
        "-99999999999999999999",
        "4294967297",
        "1e2",
        "5 # five",
    ]
    for text in wrong:
        settings = read(option, text)
        (problem,) = settings.problems
        assert problem.startswith(f"aiconvai.conf:5: [{SECTIONS[option.scope]}]")
        assert f"{option.name} = {text}: expected a whole number from {option.minimum} to {option.maximum}" in problem
        assert ("';'" in problem) == ("#" in text)
        assert settings[option.name] == int(option.default or 0)


@pytest.mark.parametrize("option", BOOLEANS, ids=by_name)
def test_booleans_take_the_words_of_asterisk(option: EngineOption) -> None:
    for words, value in (
        (("yes", "true", "y", "t", "1", "on"), True),
        (("no", "false", "n", "f", "0", "off"), False),
    ):
        for word in words:
            settings = read(option, word.upper() if value else word.title())
            assert settings.problems == ()
            assert settings[option.name] is value
    for wrong in ("2", "ja", "yess", "true # on", "enabled", " yes"):
        (problem,) = read(option, wrong).problems
        assert "expected yes or no" in problem
        assert ("';'" in problem) == ("#" in wrong)


@pytest.mark.parametrize("option", TEXTS, ids=by_name)
def test_texts_have_a_length(option: EngineOption) -> None:
    shortest = max(int(option.minimum), len(good_text(option, 0)) + 1)
    for length in (shortest, option.maximum):
        settings = read(option, good_text(option, length))
        assert settings.problems == ()
        assert settings[option.name] == good_text(option, length)
    wrong = [good_text(option, option.maximum + 1)]
    if option.minimum > 1:
        wrong.append("x" * (option.minimum - 1))
    for text in wrong:
        settings = read(option, text)
        (problem,) = settings.problems
        assert f"expected {option.minimum} to {option.maximum} characters, this has {len(text)}" in problem
        assert settings[option.name] == option.default
        assert len(problem) < 600


@pytest.mark.parametrize("option", [option for option in TEXTS if option.words], ids=by_name)
def test_urls_have_a_scheme_and_a_host(option: EngineOption) -> None:
    scheme = option.words[0]
    for right in (f"{scheme}://h", f"{scheme.upper()}://h:80/p?q=1#f", f"{scheme}://[::1]/"):
        assert read(option, right).problems == ()
    for wrong in (
        f"{scheme}://",
        f"{scheme}:///p",
        f"{scheme}://:80",
        f"{scheme}:/h",
        scheme,
        "h",
        "ftp://h",
        "://h",
        f"{scheme}://h/a b",
        f"{scheme}://h\t",
        f" {scheme}://h",
        f"x{scheme}://h",
    ):
        (problem,) = read(option, wrong).problems
        assert "expected a URL that begins with" in problem
        assert " or ".join(f"{word}://" for word in option.words) in problem


@pytest.mark.parametrize("option", TABLE, ids=by_name)
def test_an_empty_value_is_a_problem(option: EngineOption) -> None:
    problems = read(option, "").problems
    assert any(f"{option.name} = : expected a value, it has none" in problem for problem in problems)


@pytest.mark.parametrize("option", TABLE, ids=by_name)
def test_given_twice(option: EngineOption) -> None:
    value = "a=ami" if option.multiple else good_text(option, min(20, int(option.maximum)))
    if option.type in (OptionType.BOOLEAN, OptionType.INTEGER, OptionType.NUMBER, OptionType.ENUM):
        value = option.default or ""
    if option.type is OptionType.LIST:
        value = "X-A"
    if option.name == "language":
        value = "en"
    if option.type is OptionType.JSON:
        value = "{}"
    problems = read(option, value, times=2).problems
    if option.multiple and not option.prefix:
        assert problems == ()
    else:
        (problem,) = problems
        assert "aiconvai.conf:6:" in problem
        reason = "it is there already" if option.prefix else "line 5 sets it already"
        assert f"expected once, {reason}" in problem


@pytest.mark.parametrize("option", TABLE, ids=by_name)
def test_the_wrong_section(option: EngineOption) -> None:
    lines = [Line(option.name, SECRET if option.secret else "x")]
    if option.scope is OptionScope.AGENT:
        (problem,) = Settings.read_general(lines).problems
        assert "expected in an agent's section" in problem
        assert SECRET not in problem
    if option.scope is OptionScope.GENERAL:
        (problem,) = Settings.read_agent("sales", [*lines, Line("agent_id", "a")]).problems
        assert "expected in [general]" in problem
    if option.scope in (OptionScope.TOOL, OptionScope.PROMPT):
        (problem,) = Settings.read_agent("sales", [*lines, Line("agent_id", "a")]).problems
        assert f"expected in a section [{option.scope.value}-NAME]" in problem
    else:
        (problem,) = ToolSettings("tool-find", lines).problems
        assert SECRET not in problem
        assert "move it there" in problem


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("agent_idd", "agent_id"),
        ("AGENT-ID", "agent_id"),
        ("elevenlabs_api_keys", "elevenlabs_api_key"),
        ("audio_frame_buffer_ms", "audio_frames_buffer_ms"),
        ("promt", "prompt"),
        ("debugg", "debug"),
        ("something_else_entirely", None),
        ("", None),
        ("x" * 5000, None),
    ],
)
def test_an_unknown_name(name: str, nearest: str | None) -> None:
    (problem,) = Settings.read_agent("sales", [Line("agent_id", "a"), Line(name, SECRET)]).problems
    assert SECRET not in problem
    assert ("did you mean" in problem) == (nearest is not None)
    if nearest:
        assert f"expected a known option; did you mean {nearest}?" in problem
    elif len(name) < 100:
        assert "remove it" in problem


def test_every_problem_is_reported_in_order() -> None:
    lines = [
        Line("debug", "x", "a.conf", 2),
        Line("agent_id", "", "b.conf", 7),
        Line("nonsense", "1", "a.conf", 9),
    ]
    problems = Settings.read_agent("sales", lines).problems
    assert [problem.split(" ")[0] for problem in problems] == ["a.conf:2:", "b.conf:7:", "a.conf:9:"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({}, ["agent_id"]),
        ({"api_key": SECRET}, ["agent_id", "signed_url_endpoint"]),
        ({"agent_id": "a", "api_key": SECRET}, ["signed_url_endpoint"]),
        ({"agent_id": "a", "signed_url_endpoint": "https://h"}, ["api_key"]),
        ({"agent_id": "a", "signed_url_endpoint": "https://h", "api_key": SECRET}, []),
        ({"agent_id": "a"}, []),
        ({"conversation_url": "wss://h/x"}, []),
        ({"conversation_url": "wss://h/x", "api_key": SECRET}, []),
    ],
)
def test_what_an_agent_needs(lines: dict[str, str], words: list[str]) -> None:
    problems = Settings.read_agent("sales", lines).problems
    assert len(problems) == len(words)
    for problem, word in zip(problems, words, strict=True):
        assert f"expected {word} " in problem
        assert "[sales]" in problem
        assert SECRET not in problem


def test_general_sets_defaults_for_agents() -> None:
    general = Settings.read_general({"debug": "yes", "silence_padding_ms": "40", "max_concurrent_calls": "7"})
    agent = Settings.read_agent("sales", {"agent_id": "a", "silence_padding_ms": "60"}, general)
    assert general.problems == agent.problems == ()
    assert (agent["debug"], agent["silence_padding_ms"], agent["max_concurrent_calls"]) == (True, 60, 7)


def test_variables_may_be_repeated_and_have_names() -> None:
    lines = [
        Line("agent_id", "a"),
        *(Line("dynamic_variable", value) for value in ("a=1", "_b2=x=y,z", "c=")),
    ]
    settings = Settings.read_agent("sales", lines)
    assert settings.problems == ()
    assert settings["dynamic_variable"] == ["a=1", "_b2=x=y,z", "c="]
    for wrong in ("a", "=1", "2a=1", "a b=1", "ž=1", "a-b=1"):
        (problem,) = Settings.read_agent("sales", {"agent_id": "a", "dynamic_variable": wrong}).problems
        assert "expected name=value" in problem


def test_lists() -> None:
    headers = ", ".join(f"X-{number}" for number in range(16))
    settings = Settings.read_agent("sales", {"agent_id": "a", "send_sip_headers": f" {headers} ,, "})
    assert settings.problems == ()
    assert settings["send_sip_headers"] == [f"X-{number}" for number in range(16)]
    (problem,) = Settings.read_agent("sales", {"agent_id": "a", "send_sip_headers": headers + ",X"}).problems
    assert "at most 16" in problem


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("CALLERID(name), FROM_DID,a=CUT(b,-,1)", ["CALLERID(name)", "FROM_DID", "a=CUT(b,-,1)"]),
        ("A(B(c,d),e),f", ["A(B(c,d),e)", "f"]),
        ("a),b", ["a)", "b"]),
        ("A(b,c", ["A(b,c"]),
    ],
)
def test_commas_within_brackets_separate_nothing(text: str, entries: list[str]) -> None:
    assert Settings.read_agent("sales", {"agent_id": "a", "send_variables": text})["send_variables"] == entries
    assert (
        AgentSettings.model_validate({"agent_id": "a", "send_variables": text}).model_dump()["send_variables"]
        == entries
    )


def test_the_provider_is_one_of_the_known() -> None:
    assert Settings.read_agent("sales", {"agent_id": "a", "provider": "ElevenLabs"})["provider"] == "elevenlabs"
    (problem,) = Settings.read_agent("sales", {"agent_id": "a", "provider": "other"}).problems
    assert "expected elevenlabs" in problem


def test_seed_configuration() -> None:
    general = Settings.read_general({"debug": "false"})
    agent = Settings.read_agent(
        "sales_agent",
        {
            "elevenlabs_api_key": "sk-your-api-key-here",
            "elevenlabs_get_signed_url_endpoint": "https://api.elevenlabs.io/v1/convai/conversation/get-signed-url",
            "elevenlabs_agent_id": "agent_0301k2f1kzshe85t9w74t66vz1km",
            "elevenlabs_send_caller_number": "true",
            "elevenlabs_audio_frames_buffer_ms": "240",
        },
        general,
    )
    assert general.problems == agent.problems == ()
    assert agent["api_key"] == "sk-your-api-key-here"
    assert agent["signed_url_endpoint"] == "https://api.elevenlabs.io/v1/convai/conversation/get-signed-url"
    assert agent["agent_id"] == "agent_0301k2f1kzshe85t9w74t66vz1km"
    assert agent["send_caller_number"] is True
    assert agent["audio_frames_buffer_ms"] == 240


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("", "****"), ("abc", "****"), ("12345678901", "****"), ("123456789012", "****9012")],
)
def test_a_secret_as_it_is_shown(secret: str, shown: str) -> None:
    assert mask_secret(secret) == shown == python_options.mask(secret)


# Generated configurations: the two implementations agree

BLANKS = "".join(map(chr, range(33)))
NAMES = [name for option in TABLE for name in (option.name, *option.aliases)]
WORDS = [
    "yes",
    "NO",
    "t",
    "0",
    "1",
    "240",
    "-1",
    "20",
    "500",
    "501",
    "100000",
    "007",
    "0.5",
    "1.",
    ".5",
    "-0.5",
    "1e-1",
    "openai",
    "elevenlabs",
    "ELEVENLABS",
    "wss://h/x",
    "ws://h",
    "https://h/p",
    "HTTP://h",
    "http:///x",
    "wss://:1",
    "a=1",
    "_=",
    "1=a",
    "X-A, X-B",
    ",",
    "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p",
    "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
    "x",
    "en",
    "xx # y",
    "#",
    "ž" * 8,
    "ž" * 9,
    "wss://h/a b",
    "x" * 127,
    "x" * 129,
    "x" * 513,
    "K",
    "9223372036854775808",
    "ami",
    "AMI",
    "gosub:x",
    "a=gosub:x,s,1",
    "a=builtin",
    "mcp:x/y",
    "mcp:",
    "{}",
    '{"a":1}',
    "{a:1}",
    "[]",
    '{"a":NaN}',
    "{} x",
]
VALUES = st.sampled_from(WORDS) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
).map(lambda text: text.strip(BLANKS))
KEYS = st.sampled_from(NAMES) | st.sampled_from(NAMES).map(str.upper) | st.sampled_from(["agentid", "x", "debug_"])


def fitting_value(option: EngineOption) -> st.SearchStrategy[str]:
    """Values of which most are right, so that whole sections are valid now and then."""
    match option.type:
        case OptionType.BOOLEAN:
            return st.sampled_from(["yes", "no", "True", "f"])
        case OptionType.INTEGER:
            return st.integers(int(option.minimum), int(option.maximum)).map(str)
        case OptionType.NUMBER:
            return st.integers(int(option.minimum * 100), int(option.maximum * 100)).map(lambda part: f"{part / 100:g}")
        case OptionType.ENUM:
            return st.sampled_from(option.words)
        case OptionType.LIST:
            return st.lists(st.sampled_from(["X-A", " b ", ""]), min_size=2, max_size=16).map(",".join)
    if option.multiple:
        return st.sampled_from(["a=ami", "b_2=gosub:x", "c=builtin"])
    if option.type is OptionType.JSON:
        return st.sampled_from(["{}", '{"a":[1,"x"]}'])
    longest = int(option.maximum)
    return st.sampled_from([good_text(option, max(int(option.minimum), 15)), good_text(option, longest)])


def fitting_lines(general: bool) -> st.SearchStrategy[list[tuple[str, str]]]:
    allowed = [
        option
        for option in TABLE
        if option.scope is OptionScope.BOTH or option.scope is (OptionScope.GENERAL if general else OptionScope.AGENT)
        # What these name has to be there, which is for those to say who see the whole file.
        if option.name not in ("failover", "prompts")
    ]
    line = st.sampled_from(allowed).flatmap(
        lambda option: st.tuples(st.sampled_from((option.name, *option.aliases)), fitting_value(option))
    )
    return st.lists(line, max_size=8, unique_by=lambda item: getattr(find_option(item[0]), "name", item[0]))


ANY_LINES = st.lists(st.tuples(KEYS, VALUES), max_size=5)


def lines_strategy(general: bool) -> st.SearchStrategy[list[tuple[str, str]]]:
    return (
        fitting_lines(general)
        | ANY_LINES
        | st.tuples(fitting_lines(general), ANY_LINES).map(lambda two: two[0] + two[1])
    )


def plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


Lines = list[tuple[str, str]]


def numbered(lines: Lines) -> list[Line]:
    return [Line(*line, "a.conf", at) for at, line in enumerate(lines, 2)]


def section(name: str, lines: Lines) -> Section:
    entries = [Entry(*line, "a.conf", at) for at, line in enumerate(lines, 2)]
    return Section(name, "a.conf", 1, tuple(entries))


def compare(general_lines: Lines, agent_lines: Lines) -> None:
    """The problems are as many; where there are none the values are the same."""
    sections = [section("general", general_lines), section("sales", agent_lines)]
    general = Settings.read_general(numbered(general_lines))
    agent = Settings.read_agent("sales", numbered(agent_lines), general)
    judged = [judge_section(one)[1] for one in sections]
    # What a tool needs is told once every section has been read.
    told = [
        [problem for problem in one.problems if not problem.startswith("[sales] tool_")] for one in (general, agent)
    ]
    assert [len(one) for one in judged] == [len(one) for one in told], (judged, told)
    report = validate(sections)
    if report.general is not None:
        for model, engine in ((report.general, general), (report.agents["sales"], agent)):
            for name in type(model).model_fields:
                assert engine[name] == plain(getattr(model, name)), name


@settings(max_examples=250)
@given(lines_strategy(general=True), lines_strategy(general=False), st.booleans())
def test_the_verdict_is_the_python_one(general_lines: Lines, agent_lines: Lines, with_agent_id: bool) -> None:
    if with_agent_id and not any(find_option(name) == find_option("agent_id") for name, _ in agent_lines):
        agent_lines = [*agent_lines, ("agent_id", "agent_1")]
    compare(general_lines, agent_lines)


@pytest.mark.parametrize("option", TABLE, ids=by_name)
def test_the_verdict_is_the_python_one_for_every_value(option: EngineOption) -> None:
    names = [option.name, *([f"{option.prefix}x"] if option.prefix else [])]
    for name, value in product(names, WORDS):
        line = (name, value.strip(BLANKS))
        match option.scope:
            case OptionScope.GENERAL:
                compare([line], [("agent_id", "a")])
            case OptionScope.TOOL | OptionScope.PROMPT:
                where = SECTIONS[option.scope]
                told = (ToolSettings if option.scope is OptionScope.TOOL else PromptSettings)(where, numbered([line]))
                assert len(told.problems) == len(judge_section(section(where, [line]))[1]), line
            case _:
                compare([], [*lines_beside(option.name), line])


TOOLS = {"agent_id": "a", "tool_find": "gosub:crm,find,1", "TOOL_open": "ami"}


def test_tools_are_named_by_their_lines() -> None:
    agent = Settings.read_agent("sales", TOOLS)
    assert agent.problems == ()
    assert agent["tool"] == ["find=gosub:crm,find,1", "open=ami"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("perhaps", "expected ami or builtin or gosub:"),
        ("gosub:", "expected ami or builtin or gosub:"),
        (
            "builtin",
            "built in are end_call, transfer_call, transfer_to_agent, collect_digits, send_dtmf, enter_state",
        ),
    ],
)
def test_a_tool_is_run_in_some_way(how: str, expected: str) -> None:
    (problem,) = Settings.read_agent("sales", {"agent_id": "a", "tool_find": how}).problems
    assert expected in problem


@pytest.mark.parametrize("place", ["ami", "https://crm.example/caller", "mcp:crm/caller", "python:crm.caller"])
def test_a_lookup_is_run_in_some_way(place: str) -> None:
    assert Settings.read_agent("sales", {"agent_id": "a", "lookup": place}).problems == ()


@pytest.mark.parametrize("place", ["crm.example", "mcp:", "AMI", "gosub:x"])
def test_a_lookup_that_nobody_would_run_is_a_problem(place: str) -> None:
    settings = Settings.read_agent("sales", {"agent_id": "a", "lookup": place})
    (problem,) = settings.problems
    assert "expected ami or http: or https: or mcp: or python:" in problem
    assert settings["lookup"] is None


def test_built_in_tools_need_what_they_are_about() -> None:
    (transfer,) = Settings.read_agent("sales", {"agent_id": "a", "tool_transfer_call": "builtin"}).problems
    assert "transfer_to_NAME beside it" in transfer
    (state,) = Settings.read_agent("sales", {"agent_id": "a", "tool_enter_state": "builtin"}).problems
    assert "prompts beside it, with states" in state


def test_a_long_prompt_is_whole() -> None:
    text = "word " * 2000 + "end"
    prompts = PromptSettings("prompt-desk", {"state_greeting": text})
    assert prompts.problems == ()
    assert prompts["state"] == [f"greeting={text}"]


SECRETIVE = [option.name for option in TABLE if option.secret] + [alias for option, alias in ALIASED if option.secret]


@given(
    st.sampled_from(SECRETIVE) | st.text("abkpiey_", max_size=12),
    st.booleans(),
    st.integers(1, 3),
    st.integers(5, 20),
)
def test_a_secret_is_never_in_a_problem(name: str, general: bool, times: int, repeats: int) -> None:
    """Whether the option is secret or its name misspelt; too long, given twice, in the wrong section."""
    value = SECRET * repeats
    lines = [Line(name, value) for _ in range(times)]
    problems = (Settings.read_general(lines) if general else Settings.read_agent("sales", lines)).problems
    assert problems
    assert not any(SECRET in problem for problem in problems)
