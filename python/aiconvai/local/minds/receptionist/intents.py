"""What a receptionist can answer: a file in YAML. receptionist.yaml beside this one is the default, and explains it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from aiconvai.local.parts import PartError

LONGEST_FILE = 1 << 20
"""Bytes."""
MOST_INTENTS = 200
MOST_EXAMPLES = 8
"""Of an intent. All are read before the first call, at some 2 ms each."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_FILLED = re.compile(r"\{(\w+)\}(\.?)")
_LONGEST_SHOWN = 80
_ALWAYS_SAID = ("again", "what_else", "cannot", "putting_through", "nobody_there")
"""Whatever the file is about."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]
SlotKind = Literal["number", "digits", "time", "date", "choice", "name", "text"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slot(_Settings):
    """Something that is asked for."""

    name: Name
    question: Text
    kind: SlotKind
    choices: dict[str, tuple[Line, ...]] = {}
    """Of `choice`: what may be said for each; itself always."""
    least: Annotated[int, Field(ge=1, le=30)] = 1
    """Of `digits`: how many at least."""

    @field_validator("choices", mode="before")
    @classmethod
    def _of_a_list(cls, choices: Any) -> Any:
        """A list is as good where nothing else may be said for them."""
        return {choice: () for choice in choices} if isinstance(choices, list) else choices

    @model_validator(mode="after")
    def _has_choices(self) -> Slot:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("expected choices for the kind choice, and for no other")
        return self


class Then(_Settings):
    """What is done after the answer. One of them."""

    hangup: bool = False
    repeat: bool = False
    """What was said last is said again."""
    person: bool = False
    """The caller is put through to somebody."""
    transfer: Name | None = None
    """To that destination of the tool transfer_call, or by the tool transfer_to_NAME."""
    tool: Name | None = None
    parameters: dict[Name, Line] = {}
    """Of the tool; slots and variables are put in."""
    say: Text | None = None
    """Once the tool has succeeded; {result} is what it gave."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_word(cls, value: Any) -> Any:
        return {value: True} if isinstance(value, str) and value in ("hangup", "repeat", "person") else value

    @model_validator(mode="after")
    def _is_one(self) -> Then:
        if sum(map(bool, (self.hangup, self.repeat, self.person, self.transfer, self.tool))) != 1:
            raise ValueError("expected one of hangup, repeat, person, transfer: NAME and tool: NAME")
        if self.tool is None and (self.parameters or self.say):
            raise ValueError("expected parameters and say with tool: NAME only")
        return self


class Intent(_Settings):
    """Something that callers want."""

    name: Name
    label: Line = ""
    """What it is called in a question back; not given: its name."""
    examples: Annotated[tuple[Line, ...], Field(min_length=2, max_length=MOST_EXAMPLES)]
    answer: Text | None = None
    then: Then | None = None
    slots: tuple[Slot, ...] = ()
    """Asked for in this order before the answer, as far as the caller has not said them already."""
    keys: Annotated[str, StringConstraints(pattern=r"^[0-9*#]$")] | None = None
    """The key that chooses it."""
    is_topic: bool = Field(default=True, alias="topic")
    """Told where the caller was not understood."""

    @field_validator("keys", mode="before")
    @classmethod
    def _of_a_number(cls, keys: Any) -> Any:
        """YAML reads a lone digit as a number."""
        return str(keys) if type(keys) is int else keys

    @model_validator(mode="after")
    def _does_something(self) -> Intent:
        if self.answer is None and self.then is None:
            raise ValueError("expected answer or then")
        return self

    @property
    def title(self) -> str:
        """For a question back."""
        return self.label or self.name.replace("_", " ")


class Intents(_Settings):
    """A whole file."""

    variables: dict[Name, str] = {}
    """For {NAME} in what is said. Variables of a call come before them."""
    greeting: Text | None = "Hello, how can I help you?"
    not_understood: Text = "I am sorry, I did not understand that. I can help you with {topics}."
    again: Text = "I am sorry, I did not understand that."
    """Before a question is asked again."""
    ask_between: Text = "Do you mean {first}, or {second}?"
    what_else: Text = "All right. What else can I do for you?"
    """Where the caller wants none of what was asked about."""
    cannot: Text = "I am sorry, I cannot do that at the moment."
    putting_through: Text = "I will put you through to somebody. One moment, please."
    nobody_there: Text = "I am sorry, nobody can take your call at the moment."
    person: Name | None = None
    """The destination where a person is; not set: the call's first one."""
    intents: Annotated[tuple[Intent, ...], Field(min_length=1, max_length=MOST_INTENTS)]

    @model_validator(mode="after")
    def _has_each_once(self) -> Intents:
        for what, given in (
            ("name", [intent.name for intent in self.intents]),
            ("keys", [intent.keys for intent in self.intents if intent.keys]),
        ):
            if twice := sorted({one for one in given if given.count(one) > 1}):
                raise ValueError(f"expected each intent to have its own {what}; {twice[0]} is there twice")
        return self

    @model_validator(mode="after")
    def _knows_its_placeholders(self) -> Intents:
        for where, text, known in self._texts():
            for name in _PLACEHOLDER.findall(text or ""):
                if name not in known and name not in self.variables:
                    raise ValueError(
                        f"{where}: {{{name}}} is nothing that is known there: expected one of"
                        f" {', '.join(sorted({*known, *self.variables})) or 'variables'}; a variable of calls needs a"
                        " value in variables, for calls that do not have it"
                    )
        return self

    def said(self) -> Iterator[str]:
        """What is said, with its placeholders: the greeting first, and then what is asked for most often."""
        yield from filter(None, (self.greeting,))
        for intent in self.intents:
            yield from filter(None, (intent.answer, *(slot.question for slot in intent.slots)))
        for name in _ALWAYS_SAID:
            yield getattr(self, name)

    def _texts(self) -> Iterator[tuple[str, str | None, set[str]]]:
        """Where it is, a text with placeholders, and those that it may have besides variables."""
        yield "greeting", self.greeting, set()
        yield "not_understood", self.not_understood, {"topics"}
        yield "ask_between", self.ask_between, {"first", "second"}
        for name in _ALWAYS_SAID:
            yield name, getattr(self, name), set()
        for intent in self.intents:
            slots: set[str] = set()
            for slot in intent.slots:
                yield f"{intent.name}, question of {slot.name}", slot.question, set(slots)
                slots.add(slot.name)
            yield f"{intent.name}, label", intent.label, set()
            yield f"{intent.name}, answer", intent.answer, {*slots, "topics"}
            if intent.then is not None:
                yield f"{intent.name}, say", intent.then.say, {*slots, "result"}
                for parameter, value in intent.then.parameters.items():
                    yield f"{intent.name}, parameter {parameter}", value, slots


def is_filled(text: str) -> bool:
    """There is no placeholder in it any more."""
    return _PLACEHOLDER.search(text) is None


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders' values; what is not known stays as it is. No stop comes after one."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        known = values[match[1]]
        return known if known.endswith((".", "!", "?")) else known + match[2]

    return _FILLED.sub(value, text)


def read_intents(path: Path | None = None) -> Intents:
    """Of a file, or the default; with small talk, where the file has nothing of that name. Raises `PartError`."""
    ours = resources.files(__package__ or "")
    if path is None:
        text, where = (ours / "receptionist.yaml").read_text(encoding="utf-8"), "receptionist.yaml"
    else:
        text, where = _text_of(path), str(path)
    given = parse_intents(text, where)
    small_talk = parse_intents((ours / "small_talk.yaml").read_text(encoding="utf-8"), "small_talk.yaml")
    names = {intent.name for intent in given.intents}
    besides = [intent for intent in small_talk.intents if intent.name not in names]
    return given.model_copy(update={"intents": (*given.intents, *besides)})


def parse_intents(text: str, where: str) -> Intents:
    """`where`: names the file in errors. Raises `PartError`, which names the key, its value and what was expected."""
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise PartError(f"{where} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise PartError(f"{where}: expected a mapping with the key intents, got {_shown(content)}")
    try:
        return Intents.model_validate(content)
    except ValidationError as error:
        problems = error.errors()
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise PartError(f"{where}: {_explained(problems[0], content)}{more}") from error


class _Loader(yaml.SafeLoader):
    """Takes no key twice, of which YAML would leave out the first one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        if len(content) > LONGEST_FILE:
            raise PartError(f"{path} is longer than {LONGEST_FILE} bytes: expected a file of intents")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PartError(f"{path} cannot be read as a file of intents: {error}") from error


def _explained(problem: ErrorDetails, content: Mapping[str, Any]) -> str:
    key = _key(problem["loc"], content)
    match problem["type"]:
        case "extra_forbidden":
            return f"{key} is no key that is known there: correct its name, or leave it out"
        case "missing":
            return f"{key} is missing"
        case "value_error":
            # Of ours: it says what was expected.
            reason = str(problem["ctx"]["error"]) if "ctx" in problem else problem["msg"]
            return f"{key}: {reason}" if key else reason
        case _:
            message = problem["msg"]
            return f"{key}: {_shown(problem['input'])}: {message[:1].lower()}{message[1:]}"


def _key(location: Iterable[int | str], content: Any) -> str:
    """intents.parking.slots.2.kind: an item of a list by its name, where it has one."""
    parts: list[str] = []
    for step in location:
        try:
            content = content[step]
        except (LookupError, TypeError):
            content = None
        name = content.get("name") if isinstance(step, int) and isinstance(content, dict) else None
        parts.append(str(name if isinstance(name, str) else step + 1 if isinstance(step, int) else step))
    return ".".join(parts)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
