"""What is to be written: filled by rows of tables, a setting after the other."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from aiconvai.config.imports.given import Given
from aiconvai.config.imports.rows import Known, Row
from aiconvai.config.settings import read_value
from aiconvai.options import OptionDefinition, find_option, fold_case

HIDDEN = "****"
_LONGEST_LINE = 4_000
"""Bytes of a text that stands in aiconvai.conf; longer ones, and those of several lines, are in a file of prompts."""
_SECRETS = re.compile(r"key|token|pass|secret|credential|jwt", re.IGNORECASE)
_TOML = re.compile(r"serve\.toml \[([^\]]+)\] (.+)", re.DOTALL)
_PROMPT = re.compile(r"\[prompt-([^\]]+)\] (.+)", re.DOTALL)

Values = dict[str, list[str]]


@dataclass(slots=True)
class Prompt:
    """What an agent is told: its own file."""

    system_instruction: str = ""
    states: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a setting is for."""

    agents: tuple[str, ...]
    doors: tuple[str, ...] = ("pbx",)
    """Tables of [gateway.ari] and [health]."""


def looks_secret(key: str) -> bool:
    return _SECRETS.search(key) is not None


class Plan:
    """Of all files."""

    def __init__(self) -> None:
        self.general: Values = {}
        self.agents: dict[str, Values] = {}
        self.prompts: dict[str, Prompt] = {}
        """By the agent's name, which is that of their section."""
        self.serve: dict[str, Any] = {}
        self.dialplan: dict[str, str] = {}
        """What it is made of."""
        self.extensions: list[str] = []
        """Its lines."""
        self.to_do: list[str] = []
        """What whoever imports has to see to."""
        self._by: dict[tuple[str, ...], Given] = {}

    # Without a setting

    def add_agent(self, name: str, provider: str, **options: str) -> None:
        self.agents[name] = {key: [value] for key, value in {"provider": provider, **options}.items()}

    def provider(self, agent: str) -> str:
        return (self.agents[agent].get("provider") or ["elevenlabs"])[0]

    def option(self, agent: str, name: str) -> str:
        """The value that the agent has; empty: none."""
        return (self.agents[agent].get(name) or [""])[0]

    def table(self, name: str) -> dict[str, Any]:
        """Of serve.toml."""
        found = self.serve
        for part in name.split("."):
            found = found.setdefault(part, {})
        return found

    def need_keys(self) -> None:
        """An agent without the key that its service asks for has a place for one."""
        for name, values in self.agents.items():
            if self.provider(name) in ("openai", "gemini", "deepgram") and "api_key" not in values:
                values["api_key"] = ["your-key"]
                self.to_do.append(f"aiconvai.conf: [{name}] api_key: put the key of the account at the service there")

    def masked(self) -> Plan:
        """The same with no secrets in it, to be shown."""
        shown = copy.deepcopy(self)
        for values in (shown.general, *shown.agents.values()):
            for name in values:
                if (option := find_option(name)) is not None and option.secret:
                    values[name] = [HIDDEN for _ in values[name]]
        _mask(shown.serve)
        return shown

    # Of a setting

    def apply(self, row: Row, given: Given, known: Known, reach: Reach) -> str:
        """Sets what the row says; says what became of it."""
        if not row.to:
            return row.note
        if not given.value:
            return "not set there: the default here"
        try:
            value = row.by.apply(given.value, known)
        except ValueError as error:
            return f"ignored: expected {error}; the default here counts"
        if value is None:
            return row.without
        doors = reach.doors if "{ari}" in row.to else reach.doors[:1]
        said = dict.fromkeys(self._set(row, given, value, reach, door) for door in doors)
        text = "; ".join(said)
        return f"{text} ({row.note})" if row.note and not text.startswith(("not ", "ignored")) else text

    def _set(self, row: Row, given: Given, value: Any, reach: Reach, door: str) -> str:
        words = {"value": given.value, "last": given.key.rpartition(".")[2], "ari": door}
        # A value may have braces of its own.
        to = re.sub(r"\{(value|last|ari)\}", lambda found: words[found[1]], row.to)
        if (found := _TOML.fullmatch(to)) is not None:
            return self._in_toml(found[1], found[2], value, given, secret=row.secret)
        if (found := _PROMPT.fullmatch(to)) is not None:
            return self._in_prompt(found[1], found[2], str(value), given)
        if to.startswith("extensions "):
            name = to.removeprefix("extensions ")
            if taken := self._taken(("extensions", name), given):
                return taken
            self.dialplan[name] = str(value)
            return "extensions_aiconvai.conf"
        if to.startswith("[general] "):
            return self._in_general(to.removeprefix("[general] "), value, given)
        return self._in_agents(to, value, given, row, reach)

    def _taken(self, place: tuple[str, ...], given: Given) -> str:
        """Empty: it is this setting's now. Else which other one it is."""
        other = self._by.setdefault(place, given)
        return "" if other is given else f"not counted: {other.place} {other.key} goes before it"

    def _in_toml(self, table: str, key: str, value: Any, given: Given, *, secret: bool) -> str:
        if taken := self._taken(("serve.toml", table, key), given):
            # One that is made of several settings is the same from each.
            return taken if self.table(table).get(key) != value else f"serve.toml [{table}] {key}, as above"
        self.table(table)[key] = value
        return f"serve.toml [{table}] {key} = {HIDDEN if secret else _without_password(value)}"

    def _in_prompt(self, name: str, key: str, value: str, given: Given) -> str:
        if name not in self.agents:
            return f"not needed here: there is no agent {name}, for nothing says how to reach its service"
        if taken := self._taken(("prompt", name, key), given):
            return taken
        prompt = self.prompts.setdefault(name, Prompt())
        if key == "system_instruction":
            prompt.system_instruction = value
        else:
            prompt.states[key.removeprefix("state_")] = value
        return f"prompts-{name}.json {key}"

    def _in_general(self, name: str, value: Any, given: Given) -> str:
        option = _option(name)
        text = text_of(value)
        if not _fits(option, text):
            return f"ignored: expected {option.expected}; the default here counts"
        if taken := self._taken(("general", name), given):
            return taken
        self.general[name] = [text]
        return f"[general] {name} = {text}{_default_said(option.default_text, text)}"

    def _in_agents(self, name: str, value: Any, given: Given, row: Row, reach: Reach) -> str:
        option = _option(name)
        wanted = [one for one in reach.agents if not row.agents or one in row.agents]
        wanted = [one for one in wanted if not option.providers or self.provider(one) in option.providers]
        if not wanted:
            return "not needed here: there is no agent that it is for"
        said = [self._in_agent(agent, option, value, given) for agent in wanted]
        # Of many agents: what is the same for all is said once.
        return said[0] if len(set(said)) == 1 else "; ".join(f"[{a}] {s}" for a, s in zip(wanted, said, strict=True))

    def _in_agent(self, agent: str, option: OptionDefinition, value: Any, given: Given) -> str:
        text = text_of(value)
        if option.name == "prompt":
            return self._instruct(agent, text, given)
        if option.type == "string":
            text = " ".join(text.split())
        if not _fits(option, text):
            return f"ignored: expected {option.expected}; the default here counts"
        place = (agent, option.name, *([text.partition("=")[0]] if option.multiple else []))
        if taken := self._taken(place, given):
            return taken
        if option.multiple:
            self.agents[agent].setdefault(option.name, []).append(text)
        else:
            self.agents[agent][option.name] = [text]
        shown = HIDDEN if option.secret and option.name != "conversation_url" else _without_password(text)
        return f"{option.name} = {shown}{_default_said(option.default_for(self.provider(agent)), text)}"

    def _instruct(self, agent: str, text: str, given: Given) -> str:
        if taken := self._taken(("prompt", agent, "system_instruction"), given):
            return taken
        if "\n" in text or text != text.strip() or len(text.encode()) > _LONGEST_LINE:
            self.prompts.setdefault(agent, Prompt()).system_instruction = text
            return f"prompts-{agent}.json system_instruction"
        self.agents[agent]["prompt"] = [text]
        return "prompt"


def text_of(value: Any) -> str:
    """As aiconvai.conf has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _option(name: str) -> OptionDefinition:
    """By its canonical name. A table that names another is wrong."""
    option = find_option(name)
    assert option is not None, name
    return option


def _fits(option: OptionDefinition, text: str) -> bool:
    try:
        read_value(option, text)
    except ValidationError:
        return False
    return True


def _default_said(default: str | None, text: str) -> str:
    same = default is not None and (fold_case(default) == fold_case(text) or _same_number(default, text))
    return ", the default here" if same else ""


def _same_number(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _without_password(value: Any) -> str:
    """An address as it may be shown: what is in it besides its host and path may be a secret."""
    text = str(value)
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if "://" not in text or not (parts.username or parts.password or parts.query):
        return text
    host = parts.netloc.rpartition("@")[2]
    user = f"{HIDDEN}@" if "@" in parts.netloc else ""
    return f"{parts.scheme}://{user}{host}{parts.path}{f'?{HIDDEN}' if parts.query else ''}"


def _mask(table: dict[str, Any]) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _mask(value)
        elif key == "secret":
            table[key] = HIDDEN
        elif isinstance(value, str):
            table[key] = _without_password(value)


def sources(given: Sequence[Given]) -> Known:
    """By key, the first of each."""
    known: dict[str, str] = {}
    for one in given:
        known.setdefault(one.key, one.value)
    return known
