"""What the sections of a configuration refer to: other agents, tools, prompts, and prompts in files of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aiconvai.config.section_verdict import JudgedSection, judge_section
from aiconvai.config.sections import Entry, Problem, Section
from aiconvai.options import fold_case

BUILTIN_TOOLS = (
    "end_call", "transfer_call", "transfer_to_agent", "collect_digits", "send_dtmf", "enter_state", "pause_recording",
    "resume_recording",
)  # fmt: skip

_STATES = "states"
_INSTRUCTION = "system_instruction"
_FILE_FORM = f'a JSON file {{"{_INSTRUCTION}": TEXT, "{_STATES}": {{NAME: TEXT}}}}'


def judge_references(judged: Sequence[JudgedSection]) -> list[Problem]:
    """What agents refer to and is not there."""
    agents = [one for one in judged if one.kind == "agent"]
    names = {fold_case(one.name) for one in agents}
    prompts = {fold_case(one.name): one for one in judged if one.kind == "prompt"}
    problems: list[Problem] = []
    for agent in agents:
        for entry in agent.lines("failover"):
            if fold_case(entry.value) not in names:
                problems.append(_problem(agent, entry, "the name of another agent", "correct it"))
        for entry in agent.lines("prompts"):
            if fold_case(entry.value) not in prompts:
                advice = "correct it or add the section"
                problems.append(_problem(agent, entry, "the NAME of a section [prompt-NAME]", advice))
        for entry, other in _listed(agent, "hand_over_to"):
            if fold_case(other) not in names:
                problems.append(_problem(agent, entry, "the name of another agent", "correct it", other))
        own = prompts.get(fold_case(agent.values.get("prompts", "")))
        told = own.values.get("state", []) if own is not None else []
        states = {fold_case(text.partition("=")[0]) for text in told}
        for entry, state in _listed(agent, "uninterruptible_states"):
            if fold_case(state) not in states:
                problems.append(_problem(agent, entry, "the name of a state of its prompts", "correct it", state))
        problems += _judge_tools(agent, own)
    return problems


def _listed(agent: JudgedSection, option: str) -> Iterable[tuple[Entry, str]]:
    """The members of a list, each with the line it stands in."""
    return ((entry, name) for entry in agent.lines(option)[-1:] for name in agent.values.get(option) or [])


def _judge_tools(agent: JudgedSection, prompts: JudgedSection | None) -> Iterable[Problem]:
    entries = agent.lines("tool")
    for entry, text in zip(entries, agent.values.get("tool", []), strict=True):
        name, _, how = text.partition("=")
        if how != "builtin":
            continue
        if name not in BUILTIN_TOOLS:
            yield _problem(agent, entry, "ami or gosub:CONTEXT", f"built in are {', '.join(BUILTIN_TOOLS)}")
        elif name == "transfer_call" and not agent.values.get("transfer_to"):
            yield _problem(agent, entry, "transfer_to_NAME beside it", "add a line for each destination")
        elif name == "transfer_to_agent" and not agent.values.get("hand_over_to"):
            yield _problem(agent, entry, "hand_over_to beside it", "add it with the names of the agents")
        elif name == "enter_state" and not (prompts and prompts.values.get("state")):
            yield _problem(agent, entry, "prompts beside it, with states", "add them or remove the tool")


def _problem(agent: JudgedSection, entry: Entry, expected: str, advice: str, value: str | None = None) -> Problem:
    value = entry.value if value is None else value
    return Problem(entry.file, entry.line, agent.section.name, entry.key, value, expected, advice)


def read_prompt_files(judged: Sequence[JudgedSection]) -> list[Problem]:
    """Add to the values of each section of prompts what its file says; what is wrong with the files."""
    problems: list[Problem] = []
    for section in judged:
        for entry in section.lines("file") if section.kind == "prompt" else ():
            problems += _read_prompt_file(section, Path(entry.file).parent / entry.value)
    return problems


def _read_prompt_file(section: JudgedSection, path: Path) -> list[Problem]:
    name = section.section.name

    def wrong(key: str | None, expected: str, advice: str) -> Problem:
        return Problem(str(path), 0, name, key, None, expected, advice)

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [wrong(None, _FILE_FORM, str(error))]
    if not isinstance(content, dict) or not isinstance(content.get(_STATES, {}), dict):
        return [wrong(None, _FILE_FORM, "correct it")]
    given = [(key, value) for key, value in content.items() if key != _STATES]
    given += [(f"state_{state}", text) for state, text in content.get(_STATES, {}).items()]
    problems = [wrong(key, "a text", "put it in quotation marks") for key, value in given if not isinstance(value, str)]
    problems += [
        wrong(key, f"{_INSTRUCTION} or {_STATES}", "remove it") for key in content if key not in (_INSTRUCTION, _STATES)
    ]
    if problems:
        return problems
    return _add(section, path, given)


def _add(section: JudgedSection, path: Path, given: Sequence[tuple[str, Any]]) -> list[Problem]:
    entries = tuple(Entry(key, value, str(path), 0) for key, value in given)
    values, problems = judge_section(Section(section.section.name, str(path), 0, entries))
    own = {state.partition("=")[0] for state in section.values.get("state", [])}
    problems += [
        Problem(str(path), 0, section.section.name, key, None, "it once, and the section has it already", "remove one")
        for key, _ in given
        if key.removeprefix("state_") in own or (key == _INSTRUCTION and _INSTRUCTION in section.values)
    ]
    section.values.update(values | {"state": section.values.get("state", []) + values.get("state", [])})
    return problems
