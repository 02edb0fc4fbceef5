"""The options of aiconvai.conf: their definition, models of the settings, and the verdict on a configuration.

The definition is configs/options.json and nothing else; the Asterisk module is built from the same file and
gives the same verdicts. The rules, shared by both sides:

* names of options and of sections are compared without regard to ASCII case, as Asterisk does;
* a value is judged as a whole, in bytes of UTF-8; a line with an empty value is an error, never a reset;
* a section's own value overrides an inherited one, and of two inherited ones the later counts: what is
  overridden is not judged. Otherwise an option given twice is an error unless it may be repeated;
* what an agent's options ask of each other is judged once each of its lines is right by itself;
* what an unknown name was given is never shown: it may be a key under a misspelt name.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    create_model,
    model_validator,
)

GENERAL = "general"
DECLARATIONS = ("tool", "prompt")
"""Scopes of what agents refer to: sections [SCOPE-NAME]."""
BLANKS = "".join(map(chr, range(33)))
"""What Asterisk strips from around a value: every byte up to and including the space."""

MASK_SHOWS_FROM = 12
"""Bytes of a secret whose last four characters may be shown; they would give a shorter one away."""

SHOWN_VALUE_LIMIT = 200
"""Characters of a value that a problem repeats."""

TRUE_WORDS = frozenset(("yes", "true", "on", "y", "t", "1"))
FALSE_WORDS = frozenset(("no", "false", "off", "n", "f", "0"))

_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_TYPE_WORDS = {
    "string": "text",
    "secret": "a secret",
    "url": "a URL",
    "path": "the path of a file",
    "json": "a JSON object on one line",
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


def fold_case(name: str) -> str:
    """ASCII lower case. str.lower() would also fold letters such as the Kelvin sign; Asterisk does not."""
    return name.translate(_ASCII_LOWER)


def mask(secret: str) -> str:
    """A secret as it may be shown: **** and its last four characters, or none of them when it is short."""
    return "****" + (secret[-4:] if len(secret.encode("utf-8", "surrogatepass")) >= MASK_SHOWS_FROM else "")


class OptionDefinition(BaseModel):
    """One option as configs/options.json defines it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    aliases: tuple[str, ...] = ()
    scope: Literal["general", "agent", "both", "tool", "prompt"]
    type: Literal["boolean", "integer", "number", "enum", "string", "secret", "url", "path", "list", "json"]
    unit: str | None = None
    range: tuple[int, int] | tuple[float, float] | None = None
    values: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    multiple: bool = False
    """Every line adds an entry name=value."""
    prefix: str | None = None
    """A line PREFIXname = value adds one too."""
    forms: tuple[str, ...] = ()
    """What the value of an entry may be, or begin with where the form ends with a colon; none: anything."""
    providers: tuple[str, ...] = ()
    """Those it is for; none: all."""
    default: bool | int | float | str | None
    defaults: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """Defaults of single providers, which go before the other."""
    help: str

    @model_validator(mode="after")
    def _complete(self) -> OptionDefinition:
        if (self.type == "enum") != bool(self.values):
            raise ValueError(f"{self.name}: an enum, and only an enum, has values")
        if self.type == "integer" and (self.range is None or self.unit is None):
            raise ValueError(f"{self.name}: an integer has a range and a unit")
        if self.type == "number" and self.range is None:
            raise ValueError(f"{self.name}: a number has a range")
        return self

    @property
    def secret(self) -> bool:
        return self.type == "secret"

    @property
    def default_text(self) -> str | None:
        """The default as it would be written in aiconvai.conf; None when there is none."""
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        return None if self.default is None else str(self.default)

    @property
    def expected(self) -> str:
        """What the option takes, in a few words."""
        low, high = self.range or (0, 0)
        match self.type:
            case "boolean":
                return "yes or no"
            case "integer":
                return f"{low} to {high} {self.unit}"
            case "number":
                return f"{low} to {high}"
            case "enum":
                return ", ".join(self.values)
            case "list":
                return f"at most {high} entries separated by commas"
        if self.forms:
            return ", ".join(f"{form}..." if form.endswith(":") else form for form in self.forms)
        words = _TYPE_WORDS[self.type]
        if self.schemes:
            schemes = " or ".join(f"{scheme}://" for scheme in self.schemes)
            words += f" beginning with {schemes}" if self.type == "url" else f", a URL beginning with {schemes}"
        return f"{words}, {low} to {high} bytes" if self.range else words

    def in_section(self, section: str) -> bool:
        """Whether the option may stand in the section of this name."""
        kind, _ = kind_of(section)
        return self.scope == kind or (self.scope == "both" and kind not in DECLARATIONS)

    @property
    def line_name(self) -> str:
        """What a line that sets the option begins with."""
        return f"{self.prefix}NAME" if self.prefix else self.name

    def line(self, text: str) -> tuple[str, str]:
        """The name and the value of a line that gives the option that text: for one with a prefix, of name=value."""
        name, _, value = text.partition("=")
        return (f"{self.prefix}{name}", value) if self.prefix else (self.name, text)

    def entry_text(self, key: str, value: str) -> str:
        """What a line `key = value` gives the option: for one with a prefix, name=value."""
        prefixed = self.prefix is not None and fold_case(key).startswith(self.prefix)
        return f"{key[len(self.prefix or '') :]}={value}" if prefixed else value

    def shown(self, text: str) -> str:
        """The value's text as it may be printed."""
        return mask(text) if self.secret and text else text


class OptionRule(BaseModel):
    """What the options of an agent ask of each other: `needs`, where `beside` is set and `unless` is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    beside: str | None = Field(default=None, alias="with")
    unless: str | None = None
    needs: str
    advice: str


class _Definition(BaseModel):
    model_config = ConfigDict(extra="forbid")

    about: str
    fields: dict[str, str]
    options: tuple[OptionDefinition, ...]
    rules: tuple[OptionRule, ...]


def definition_path() -> Path:
    """options.json: inside an installed package, or in the repository's configs/ of an editable one."""
    packaged = Path(__file__).with_name("options.json")
    return packaged if packaged.is_file() else Path(__file__).parents[2] / "configs" / "options.json"


@cache
def _definition() -> _Definition:
    return _Definition.model_validate(json.loads(definition_path().read_text(encoding="utf-8")))


def options() -> tuple[OptionDefinition, ...]:
    """Every option, in the order of the definition."""
    return _definition().options


def rules() -> tuple[OptionRule, ...]:
    """What the options of an agent ask of each other."""
    return _definition().rules


@cache
def options_by_name() -> dict[str, OptionDefinition]:
    """Options by canonical name and by alias."""
    return {name: option for option in options() for name in (option.name, *option.aliases)}


def find_option(name: str) -> OptionDefinition | None:
    """The option of this name, alias or prefix, whatever its case; None when there is none."""
    folded = fold_case(name)
    prefixed = (one for one in options() if one.prefix and folded.startswith(one.prefix) and folded != one.prefix)
    return options_by_name().get(folded) or next(prefixed, None)


def kind_of(section: str) -> tuple[Literal["general", "agent", "tool", "prompt"], str]:
    """What the section of this name is about, and what it is called among its kind."""
    folded = fold_case(section)
    if folded == GENERAL:
        return "general", section
    if folded.startswith("tool-"):
        return "tool", section[len("tool-") :]
    if folded.startswith("prompt-"):
        return "prompt", section[len("prompt-") :]
    return "agent", section


# Types of the settings: each takes the text of aiconvai.conf or the value itself


def _parse_boolean(value: object) -> object:
    if not isinstance(value, str):
        return value
    word = fold_case(value)
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("no boolean")


def _parse_integer(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError("no decimal number")
    return int(value)


def _parse_number(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", value, re.ASCII):
        raise ValueError("no decimal number")
    return float(value)


def _parse_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [stripped for entry in value.split(",") if (stripped := entry.strip(" \t\n\v\f\r"))]


def _check_bytes(low: int, high: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not low <= len(value.encode("utf-8", "surrogatepass")) <= high:
            raise ValueError("wrong length")
        return value

    return check


def _check_url(schemes: Sequence[str]) -> Callable[[str], str]:
    pattern = re.compile(rf"(?:{'|'.join(schemes)})://[^/: \t][^ \t]*", re.IGNORECASE | re.ASCII | re.DOTALL)

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError("no such URL")
        return value

    return check


def _check_variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError("not name=value")
    return value


def _check_form(forms: Sequence[str]) -> Callable[[str], str]:
    def check(entry: str) -> str:
        value = entry.partition("=")[2]
        for form in forms:
            if (value.startswith(form) and value != form) if form.endswith(":") else value == form:
                return entry
        raise ValueError("of no known form")

    return check


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _check_json_object(value: str) -> str:
    try:
        if not isinstance(json.loads(value, parse_constant=_refuse_constant), dict) or not value.startswith("{"):
            raise ValueError("no object")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _entry_type(option: OptionDefinition) -> Any:
    """The annotated type of one line's value."""
    low, high = option.range or (None, None)
    match option.type:
        case "boolean":
            return Annotated[bool, Field(strict=True), BeforeValidator(_parse_boolean)]
        case "integer":
            return Annotated[int, Field(strict=True, ge=low, le=high), BeforeValidator(_parse_integer)]
        case "number":
            return Annotated[float, Field(ge=low, le=high), BeforeValidator(_parse_number)]
        case "enum":
            folded = BeforeValidator(lambda value: fold_case(value) if isinstance(value, str) else value)
            return Annotated[Literal[option.values], folded]
        case "list":
            entries = Annotated[list[str], Field(min_length=low, max_length=high)]
            return Annotated[entries, BeforeValidator(_parse_list)]
    checks: list[AfterValidator] = []
    if low is not None and high is not None:
        checks.append(AfterValidator(_check_bytes(int(low), int(high))))
    if option.schemes:
        checks.append(AfterValidator(_check_url(option.schemes)))
    if option.multiple:
        checks.append(AfterValidator(_check_variable))
    if option.forms:
        checks.append(AfterValidator(_check_form(option.forms)))
    if option.type == "json":
        checks.append(AfterValidator(_check_json_object))
    text: Any = str
    for check in checks:
        text = Annotated[text, check]
    return text


@cache
def _entry_adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_entry_type(options_by_name()[name]))


class Settings(BaseModel):
    """Base of the models built from the definition: one field for every option, named as the option."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def shown(self) -> dict[str, str | None]:
        """Every setting as text for people, secrets masked; None when it is not set."""
        texts: dict[str, str | None] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None or value == []:
                texts[name] = None
            elif isinstance(value, bool):
                texts[name] = "yes" if value else "no"
            elif isinstance(value, SecretStr):
                texts[name] = mask(value.get_secret_value())
            elif isinstance(value, list):
                texts[name] = "\n".join(value) if options_by_name()[name].multiple else ", ".join(value)
            else:
                texts[name] = str(value)
        return texts


def _build_model(name: str, scopes: tuple[str, ...], about: str) -> type[Settings]:
    fields: dict[str, Any] = {}
    for option in options():
        if option.scope not in scopes:
            continue
        kind: Any = _entry_type(option)
        if option.secret:
            kind = Annotated[SecretStr, AfterValidator(_secret_check(option))]
        if option.multiple:
            kind = list[kind]
        if option.multiple or option.type == "list":
            fields[option.name] = (kind, Field(default_factory=list, description=option.help))
        elif option.default is None:
            fields[option.name] = (kind | None, Field(default=None, description=option.help))
        else:
            fields[option.name] = (kind, Field(default=option.default, description=option.help))
    return create_model(name, __base__=Settings, __doc__=about, **fields)


def _secret_check(option: OptionDefinition) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        _entry_adapter(option.name).validate_python(value.get_secret_value())
        return value

    return check


GeneralSettings = _build_model("GeneralSettings", ("general", "both"), "The settings of [general].")
AgentSettings = _build_model("AgentSettings", ("agent", "both"), "The settings of one agent.")
ToolSettings = _build_model("ToolSettings", ("tool",), "What one tool is for.")
PromptSettings = _build_model("PromptSettings", ("prompt",), "What an agent is told.")


# A configuration and the verdict on it


@dataclass(frozen=True, slots=True)
class Entry:
    """One line `key = value` of a section, already stripped; `inherited` when it comes from a template."""

    key: str
    value: str
    file: str
    line: int
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One section, with what it inherits first; file and line are those of its header."""

    name: str
    file: str
    line: int
    entries: tuple[Entry, ...] = ()

    def effective_entries(self) -> tuple[Entry, ...]:
        """The entries that count: no inherited one that the section or a later template overrides."""
        names = [option.name if (option := find_option(entry.key)) else None for entry in self.entries]
        last_inherited = {name: at for at, name in enumerate(names) if self.entries[at].inherited}
        own = {name for at, name in enumerate(names) if not self.entries[at].inherited}
        return tuple(
            entry
            for at, (name, entry) in enumerate(zip(names, self.entries, strict=True))
            if not entry.inherited
            or name is None
            or options_by_name()[name].multiple
            or (name not in own and last_inherited[name] == at)
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration. `value` is already fit to be shown."""

    file: str
    line: int
    section: str | None
    key: str | None
    value: str | None
    expected: str
    advice: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:"
        if self.section is not None:
            place += f" [{self.section}]"
        if self.key is not None:
            place += f" {self.key} = {(self.value or '')[:SHOWN_VALUE_LIMIT]}"
        return f"{place.removesuffix(':')}: expected {self.expected}; {self.advice}"


@dataclass(frozen=True, slots=True)
class ConfigurationReport:
    """The verdict: what is wrong, and the settings when nothing is (None and empty otherwise)."""

    problems: tuple[Problem, ...]
    general: Settings | None = None
    agents: dict[str, Settings] = field(default_factory=dict)
    tools: dict[str, Settings] = field(default_factory=dict)
    """By name, without what the names of their sections begin with; so are the prompts."""
    prompts: dict[str, Settings] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class JudgedSection:
    """A section, and the values of those of its lines that are right: by the options' names."""

    section: Section
    values: dict[str, Any]

    @property
    def kind(self) -> str:
        return kind_of(self.section.name)[0]

    @property
    def name(self) -> str:
        """Among its kind."""
        return kind_of(self.section.name)[1]

    def lines(self, option: str) -> list[Entry]:
        """The lines that set the option."""
        return [one for one in self.section.effective_entries() if (o := find_option(one.key)) and o.name == option]


def validate(sections: Iterable[Section]) -> ConfigurationReport:
    """Judge a configuration: every problem, in the order of the file, or the settings it gives."""
    # They are made of what is defined here.
    from aiconvai.references import judge_references, read_prompt_files

    problems: list[Problem] = []
    seen: dict[str, Section] = {}
    judged: list[JudgedSection] = []
    for section in sections:
        if (other := seen.setdefault(fold_case(section.name), section)) is not section:
            problems.append(
                Problem(
                    section.file, section.line, section.name, None, None,
                    f"one section of this name, but {other.file}:{other.line} begins one too",
                    "rename one or join them",
                )
            )  # fmt: skip
        values, section_problems = judge_section(section)
        problems += section_problems
        judged.append(JudgedSection(section, values))
    problems = problems or read_prompt_files(judged) or judge_references(judged)
    if problems:
        return ConfigurationReport(tuple(problems))
    general_values = next((one.values for one in judged if one.kind == "general"), {})
    inherited = {name: value for name, value in general_values.items() if options_by_name()[name].scope == "both"}

    def of_kind(kind: str) -> list[JudgedSection]:
        return [one for one in judged if one.kind == kind]

    return ConfigurationReport(
        (),
        GeneralSettings.model_validate(general_values),
        {
            one.name: AgentSettings.model_validate(_provider_defaults(one.values) | inherited | one.values)
            for one in of_kind("agent")
        },
        {one.name: ToolSettings.model_validate(one.values) for one in of_kind("tool")},
        {one.name: PromptSettings.model_validate(one.values) for one in of_kind("prompt")},
    )


def _provider(values: dict[str, Any]) -> str:
    return str(values.get("provider", options_by_name()["provider"].default))


def _provider_defaults(values: dict[str, Any]) -> dict[str, Any]:
    provider = _provider(values)
    return {option.name: option.defaults[provider] for option in options() if provider in option.defaults}


def judge_section(section: Section) -> tuple[dict[str, Any], list[Problem]]:
    """The values of a section's lines, and what is wrong with it by itself."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    lines: dict[str, Entry] = {}
    for entry in section.effective_entries():
        option = find_option(entry.key)
        if option is None:
            problems.append(_unknown(section, entry))
            continue
        fault = _judge_entry(section, entry, option, lines.get(option.name), values.get(option.name))
        lines.setdefault(option.name, entry)
        if fault is not None:
            shown = option.shown(entry.value)
            problems.append(Problem(entry.file, entry.line, section.name, entry.key, shown, *fault))
        elif option.multiple:
            text = option.entry_text(entry.key, entry.value)
            values.setdefault(option.name, []).append(_entry_adapter(option.name).validate_python(text))
        else:
            values[option.name] = _entry_adapter(option.name).validate_python(entry.value)
    if kind_of(section.name)[0] == "agent" and not problems:
        problems += _judge_agent(section, lines, _provider(values))
    return values, problems


def _judge_entry(
    section: Section, entry: Entry, option: OptionDefinition, before: Entry | None, given: Any
) -> tuple[str, str] | None:
    """What is wrong with one line: what was expected and what to do. None when nothing is. `before` is the line that
    set the option before, `given` what the option has so far.
    """
    if not option.in_section(section.name):
        if option.scope == GENERAL:
            return "it only in [general]", "move it there"
        if option.scope in DECLARATIONS:
            return f"it only in a section [{option.scope}-NAME]", "move it there"
        if option.scope == "both":
            return "it only in [general] or an agent's section", "move it there"
        return "it only in an agent's section", "move it to the agent it is meant for"
    if before is not None and not option.multiple:
        where = f"{before.key} on line {before.line} sets it already"
        return f"{option.name} once, and {where}", "remove one of the two"
    if not entry.value:
        return f"{option.expected}, but it has no value", "give one or remove the line"
    text = option.entry_text(entry.key, entry.value)
    try:
        _entry_adapter(option.name).validate_python(text)
    except ValidationError:
        return option.expected, _advice(option, entry.value)
    name = text.partition("=")[0] + "="
    if option.prefix and any(one.startswith(name) for one in given or ()):
        return "it once, and it is there already", "remove one of the two"
    return None


def _unknown(section: Section, entry: Entry) -> Problem:
    near = difflib.get_close_matches(fold_case(entry.key), options_by_name(), n=1)
    advice = f"did you mean {near[0]}?" if near else "remove it; aiconvai.conf.sample lists every option"
    shown = mask(entry.value) if entry.value else ""
    return Problem(entry.file, entry.line, section.name, entry.key, shown, "a known option", advice)


def _advice(option: OptionDefinition, value: str) -> str:
    if "#" in value and option.type in ("boolean", "integer", "number", "enum"):
        return "comments in .conf files begin with ';', so remove what begins with '#' or put a ';' before it"
    match option.type:
        case "boolean":
            return "write one of the two"
        case "integer":
            return "write a whole number in that range, without its unit"
        case "number":
            return "write a number in that range, its fraction behind a point"
        case "enum":
            return "write one of these"
        case "list":
            return "remove some"
        case "url":
            return "check the scheme, the host and that nothing in it is a space"
    if option.forms:
        return "write one of these, something behind the colon"
    if option.multiple:
        return "write name=value, the name of letters, digits and _, not beginning with a digit"
    return "check that nothing is missing and nothing came in by mistake"


def _judge_agent(section: Section, lines: dict[str, Entry], provider: str) -> list[Problem]:
    """What an agent's options ask of its provider and of each other; `lines` holds what is given."""
    problems: list[Problem] = []

    def report(name: str, expected: str, advice: str) -> None:
        entry = lines.get(name)
        shown = options_by_name()[name].shown(entry.value) if entry else None
        file, line = (entry.file, entry.line) if entry else (section.file, section.line)
        problems.append(Problem(file, line, section.name, entry.key if entry else name, shown, expected, advice))

    for name in lines:
        if (known := options_by_name()[name].providers) and provider not in known:
            advice = "remove it or change the provider"
            report(name, f"it with provider {' or '.join(known)}, and this agent's is {provider}", advice)
    for rule in rules():
        holds = rule.provider == provider and (rule.beside is None or rule.beside in lines)
        if not holds or rule.unless in lines or rule.needs in lines:
            continue
        if rule.beside is None:
            report(rule.needs, f"a value, which provider {provider} needs", rule.advice)
        else:
            report(rule.beside, f"{rule.needs} beside it", rule.advice)
    return problems
