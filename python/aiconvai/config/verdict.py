"""The verdict on a configuration: what is wrong with it, or the settings it gives.

The Asterisk module gives the same verdicts (core/options/settings.c, asterisk/agents.c). The rules of both sides:

* names of options and of sections are compared without regard to ASCII case, as Asterisk does;
* a value is judged as a whole, in bytes of UTF-8; a line with an empty value is an error, never a reset;
* a section's own value overrides an inherited one, and of two inherited ones the later counts: what is
  overridden is not judged. Otherwise an option given twice is an error unless it may be repeated;
* what an agent's options ask of each other is judged once each of its lines is right by itself;
* what an unknown name was given is never shown: it may be a key under a misspelt name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiconvai.config.reader import read_configuration
from aiconvai.config.references import judge_references, read_prompt_files
from aiconvai.config.section_verdict import JudgedSection, judge_section, provider_of
from aiconvai.config.sections import Problem, Section
from aiconvai.config.settings import AgentSettings, GeneralSettings, PromptSettings, Settings, ToolSettings
from aiconvai.options import fold_case, options, options_by_name


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


def judge_file(path: Path) -> tuple[tuple[Section, ...], ConfigurationReport]:
    """Read and validate a file: its sections, and the verdict on its form and on its content together."""
    read = read_configuration(path)
    report = validate(read.sections)
    if not read.problems:
        return read.sections, report
    problems = (*read.problems, *report.problems)
    return read.sections, ConfigurationReport(tuple(sorted(problems, key=lambda one: (one.file, one.line))))


def validate(sections: Iterable[Section]) -> ConfigurationReport:
    """Judge a configuration: every problem, in the order of the file, or the settings it gives."""
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


def _provider_defaults(values: dict[str, Any]) -> dict[str, Any]:
    provider = provider_of(values)
    return {option.name: option.defaults[provider] for option in options() if provider in option.defaults}
