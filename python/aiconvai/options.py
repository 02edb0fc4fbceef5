"""The options of aiconvai.conf. Their definition is configs/options.json and nothing else; the Asterisk module is built
from the same file.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

GENERAL = "general"
DECLARATIONS = ("tool", "prompt")
"""Scopes of what agents refer to: sections [SCOPE-NAME]."""

MASK_SHOWS_FROM = 12
"""Bytes of a secret whose last four characters may be shown; they would give a shorter one away."""

_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_TYPE_WORDS = {
    "string": "text",
    "secret": "a secret",
    "url": "a URL",
    "path": "the path of a file",
    "json": "a JSON object on one line",
}


def fold_case(name: str) -> str:
    """ASCII lower case. str.lower() would also fold letters such as the Kelvin sign; Asterisk does not."""
    return name.translate(_ASCII_LOWER)


def mask(secret: str) -> str:
    """A secret as it may be shown: **** and its last four characters, or none of them when it is short."""
    return "****" + (secret[-4:] if len(secret.encode("utf-8", "surrogatepass")) >= MASK_SHOWS_FROM else "")


def _written(value: bool | int | float | str) -> str:
    """As it would be in aiconvai.conf."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


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
        return None if self.default is None else _written(self.default)

    def default_for(self, provider: str) -> str | None:
        """The default of that provider's agents, likewise."""
        own = self.defaults.get(provider)
        return self.default_text if own is None else _written(own)

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
