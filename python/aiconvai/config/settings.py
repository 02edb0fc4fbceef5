"""The settings that lines of aiconvai.conf give: models built from the definition of the options, a field for each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter, create_model

from aiconvai.options import OptionDefinition, fold_case, mask, options, options_by_name

TRUE_WORDS = frozenset(("yes", "true", "on", "y", "t", "1"))
FALSE_WORDS = frozenset(("no", "false", "off", "n", "f", "0"))

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


# Types: each takes the text of aiconvai.conf or the value itself


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
    return [stripped for entry in _entries(value) if (stripped := entry.strip(" \t\n\v\f\r"))]


def _entries(text: str) -> Iterator[str]:
    """What commas separate that are not within brackets: those are arguments of a function."""
    depth = begin = 0
    for at, letter in enumerate(text):
        if letter == "," and not depth:
            yield text[begin:at]
            begin = at + 1
        depth += (letter == "(") - (letter == ")" and depth > 0)
    yield text[begin:]


def _check_bytes(low: int, high: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not low <= len(value.encode("utf-8", "surrogatepass")) <= high:
            raise ValueError("wrong length")
        return value

    return check


SECRET_FILE = "file:"
"""With what a secret begins that is the first line of a file (app_aiconvai/asterisk/secret_file.h)."""


def _check_url(schemes: Sequence[str], *, or_file: bool = False) -> Callable[[str], str]:
    pattern = re.compile(rf"(?:{'|'.join(schemes)})://[^/: \t][^ \t]*", re.IGNORECASE | re.ASCII | re.DOTALL)

    def check(value: str) -> str:
        if not pattern.fullmatch(value) and not (or_file and value.startswith(SECRET_FILE)):
            raise ValueError("no such URL")
        return value

    return check


def _check_variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError("not name=value")
    return value


def _check_form(forms: Sequence[str], *, of_entry: bool) -> Callable[[str], str]:
    """`of_entry`: of the value in a name=value."""

    def check(text: str) -> str:
        value = text.partition("=")[2] if of_entry else text
        for form in forms:
            if (value.startswith(form) and value != form) if form.endswith(":") else value == form:
                return text
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
        checks.append(AfterValidator(_check_url(option.schemes, or_file=option.secret)))
    if option.multiple:
        checks.append(AfterValidator(_check_variable))
    if option.forms:
        checks.append(AfterValidator(_check_form(option.forms, of_entry=option.multiple)))
    if option.type == "json":
        checks.append(AfterValidator(_check_json_object))
    text: Any = str
    for check in checks:
        text = Annotated[text, check]
    return text


@cache
def _entry_adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_entry_type(options_by_name()[name]))


def read_value(option: OptionDefinition, text: str) -> Any:
    """What one line's text gives the option. Raises pydantic.ValidationError where it is not what the option takes."""
    return _entry_adapter(option.name).validate_python(text)


# Models


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
        read_value(option, value.get_secret_value())
        return value

    return check


GeneralSettings = _build_model("GeneralSettings", ("general", "both"), "The settings of [general].")
AgentSettings = _build_model("AgentSettings", ("agent", "both"), "The settings of one agent.")
ToolSettings = _build_model("ToolSettings", ("tool",), "What one tool is for.")
PromptSettings = _build_model("PromptSettings", ("prompt",), "What an agent is told.")
