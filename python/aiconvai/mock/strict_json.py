"""JSON objects and models of them, judged as strictly as the services do, with errors a person can use."""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aiconvai.mock.errors import InvalidMessageError

ModelT = TypeVar("ModelT", bound=BaseModel)


def validate(model: type[ModelT], value: Any, name: str, *, strict: bool | None = None) -> ModelT:
    """`value` as a `model`. Raises `InvalidMessageError`, which names what was expected and what was given."""
    try:
        return model.model_validate(value, strict=strict)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        missing = all(problem["type"] == "missing" for problem in problems)
        raise InvalidMessageError(
            "missing_fields" if missing else "value_error",
            f"{name}: " + "; ".join(_describe(problem) for problem in problems),
        ) from None


def refuse_unknown_keys(message: BaseModel, name: str) -> None:
    """For models that let unknown keys pass, as those of most vendors do. Raises `InvalidMessageError`."""
    unknown = sorted(unknown_keys(message))
    if unknown:
        raise InvalidMessageError("value_error", f"{name}: the service knows no {', '.join(unknown)}")


def unknown_keys(value: Any, place: str = "") -> Iterator[str]:
    """Where a message has keys that its model does not."""
    if isinstance(value, BaseModel):
        yield from (f"{place}{key}" for key in value.model_extra or {})
        for field in type(value).model_fields:
            yield from unknown_keys(getattr(value, field), f"{place}{field}.")
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from unknown_keys(each, place)


def _describe(problem: ErrorDetails) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    given = "" if problem["type"] == "missing" else f", got {_abbreviated(problem['input'])}"
    return f"{where}: {problem['msg']}{given}"


def _abbreviated(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def quoted(names: Any) -> str:
    """Names as a list for an error message."""
    return ", ".join(repr(name) for name in names) or "(none)"


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object in `text`. Raises `InvalidMessageError`."""
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidMessageError(
            "invalid_message", f"invalid JSON at character {error.pos}: {error.msg}: {_abbreviated(text)}"
        ) from None
    except RecursionError:
        raise InvalidMessageError("invalid_message", "invalid JSON: nested too deeply") from None
    except ValueError as error:
        # An integer of more digits than Python converts.
        raise InvalidMessageError("invalid_message", f"invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidMessageError("invalid_message", f"expected a JSON object, got {_abbreviated(value)}")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidMessageError("invalid_message", f"invalid JSON: key given twice: {quoted(twice)}")
    return value


def _no_constant(name: str) -> NoReturn:
    raise InvalidMessageError("invalid_message", f"invalid JSON: {name} is not a JSON value")


def read_message(value: dict[str, Any], key: str, models: Mapping[str, type[BaseModel]]) -> BaseModel:
    """The message in `value`, whose `key` names its model. Raises `InvalidMessageError`."""
    kind = value.get(key)
    model = models.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise InvalidMessageError("invalid_message", f"unknown {key} {kind!r}; there are {', '.join(models)}")
    message = validate(model, value, str(kind), strict=True)
    refuse_unknown_keys(message, str(kind))
    return message


def decode_base64(text: str, name: str) -> bytes:
    """The audio in `text`, the value of `name`. Raises `InvalidMessageError`."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise InvalidMessageError("value_error", f"{name}: not valid base64: {error}") from None
    if not data:
        raise InvalidMessageError("value_error", f"{name}: no audio in it")
    return data
