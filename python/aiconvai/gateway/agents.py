"""The agents of aiconvai.conf as the gateway's conversations take them.

A reload makes new ones; a call keeps those it began with for as long as it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiconvai.config.sections import Entry, Section
from aiconvai.config.settings import SECRET_FILE
from aiconvai.config.verdict import judge_file
from aiconvai.engine.library import load_library
from aiconvai.engine.settings import Line, PromptSettings, Settings, ToolSettings
from aiconvai.options import find_option, fold_case, kind_of
from aiconvai.toml_settings import SettingsError, first_line

MOST_FAILOVER = 8


class AgentsError(ValueError):
    """What is wrong with a configuration: a line for each thing."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One of them."""

    name: str
    at: int
    """In the array that C has."""
    settings: Settings

    @property
    def failover(self) -> str:
        return str(self.settings["failover"] or "")


class Agents:
    """All of a configuration. Must outlive the calls that began with it: they hold it."""

    def __init__(self, path: Path) -> None:
        """Raises `AgentsError` where it cannot be used as it is."""
        sections, report = judge_file(path)
        problems = [str(one) for one in report.problems]
        if problems:
            raise AgentsError("\n".join(problems))
        general = Settings.read_general(_lines(_of_kind(sections, "general")))
        tools = {name: ToolSettings(one.name, _lines([one])) for name, one in _named(sections, "tool")}
        prompts = {fold_case(name): _prompts(one, path.parent) for name, one in _named(sections, "prompt")}
        self.general = general
        self.path = path
        self._agents: dict[str, Agent] = {}
        for name, section in _named(sections, "agent"):
            lines = _lines([section])
            named = next((one.value for one in lines if fold_case(one.name) == "prompts"), "")
            settings = Settings.read_agent(name, lines, general, tools=tools, prompts=prompts.get(fold_case(named)))
            problems += settings.problems
            self._agents[fold_case(name)] = Agent(name, len(self._agents), settings)
        if problems:
            raise AgentsError("\n".join(problems))
        self._make_array()

    def _make_array(self) -> None:
        library = load_library()
        ffi = library.ffi
        self._names = [library.c_text(one.name) for one in self._agents.values()]
        self._array = ffi.new("struct aic_gateway_agent[]", max(1, len(self._agents)))
        for at, agent in enumerate(self._agents.values()):
            self._array[at].name = self._names[at]
            self._array[at].choice = agent.settings.c_choice
        self.c_agents: Any = ffi.new("struct aic_gateway_agents *")
        self.c_agents.agents, self.c_agents.count = self._array, len(self._agents)

    def names(self) -> list[str]:
        return [one.name for one in self._agents.values()]

    def find(self, name: str) -> Agent | None:
        return self._agents.get(fold_case(name))

    def failover(self, agent: Agent) -> list[Agent]:
        """Who is tried one after the other where it cannot be reached; each once, as the module has it."""
        chain: list[Agent] = []
        while (other := self.find(agent.failover)) is not None and other not in chain and len(chain) < MOST_FAILOVER:
            chain.append(other)
            agent = other
        return chain


def _of_kind(sections: Sequence[Section], kind: str) -> list[Section]:
    return [one for one in sections if kind_of(one.name)[0] == kind]


def _named(sections: Sequence[Section], kind: str) -> list[tuple[str, Section]]:
    return [(kind_of(one.name)[1], one) for one in _of_kind(sections, kind)]


def _lines(sections: Sequence[Section]) -> list[Line]:
    entries = [entry for section in sections for entry in section.effective_entries()]
    return [Line(entry.key, _value(entry), entry.file, entry.line) for entry in entries]


def _value(entry: Entry) -> str:
    """Of a secret in a file of its own what that has. Raises `AgentsError`."""
    option = find_option(entry.key)
    if option is None or not option.secret or not entry.value.startswith(SECRET_FILE):
        return entry.value
    path = Path(entry.file).parent / entry.value.removeprefix(SECRET_FILE)
    try:
        secret = first_line(path)
    except SettingsError as error:
        raise AgentsError(f"{entry.file}:{entry.line}: {entry.key}: {error}") from error
    if not secret:
        raise AgentsError(f"{entry.file}:{entry.line}: {entry.key}: {path}: expected a key in its first line")
    return secret


def _prompts(section: Section, folder: Path) -> PromptSettings:
    """With what its file says. Raises `AgentsError`."""
    lines = _lines([section])
    file = next((one for one in lines if fold_case(one.name) == "file"), None)
    if file is not None:
        lines += _lines_of_file(folder / file.value)
    settings = PromptSettings(section.name, lines)
    if settings.problems:
        raise AgentsError("\n".join(settings.problems))
    return settings


def _lines_of_file(path: Path) -> list[Line]:
    """Prompts in JSON, as lines of a section. Raises `AgentsError`."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AgentsError(f"{path}: {error}") from error
    states = given.get("states", {}) if isinstance(given, Mapping) else None
    if not isinstance(states, Mapping) or set(given) - {"system_instruction", "states"}:
        raise AgentsError(f'{path}: expected {{"system_instruction": TEXT, "states": {{NAME: TEXT}}}}')
    texts = {f"state_{name}": text for name, text in states.items()}
    if "system_instruction" in given:
        texts["system_instruction"] = given["system_instruction"]
    if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise AgentsError(f"{path}: {wrong[0]}: expected a text; put it in quotation marks")
    return [Line(name, text, str(path)) for name, text in texts.items()]
