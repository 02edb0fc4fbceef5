"""The verdict on one section of aiconvai.conf by itself: its values, and what is wrong with it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from aiconvai.config.sections import Entry, Problem, Section
from aiconvai.config.settings import read_value
from aiconvai.options import (
    DECLARATIONS,
    GENERAL,
    OptionDefinition,
    find_option,
    fold_case,
    kind_of,
    mask,
    options_by_name,
    rules,
)


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
            values.setdefault(option.name, []).append(read_value(option, text))
        else:
            values[option.name] = read_value(option, entry.value)
    if kind_of(section.name)[0] == "agent" and not problems:
        problems += _judge_agent(section, lines, provider_of(values))
    return values, problems


def provider_of(values: dict[str, Any]) -> str:
    """The provider of an agent with these values."""
    return str(values.get("provider", options_by_name()["provider"].default))


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
        read_value(option, text)
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
