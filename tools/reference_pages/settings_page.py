"""serve.toml, from the models that read it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

from pydantic import BaseModel

from aiconvai.serve import settings as module
from aiconvai.serve.settings import ServeSettings
from reference_pages.markdown import mark, table

MACHINES = {"data": "`/var/lib/aiconvai` of root", "loops": "one for each processor, at most 4"}
"""Defaults that depend on where it runs."""


def settings_page() -> str:
    schema = ServeSettings.model_json_schema()
    parts = [mark("python/aiconvai/serve/settings.py"), "# serve.toml\n\n"]
    parts.append("`/etc/aiconvai/serve.toml`, or `--config FILE`. All of it may be left out. What it is good for: "
                 "[serve](../serve.md), [gateway](../gateway.md), [outbound](../outbound.md).\n\n")  # fmt: skip
    for place, kind in _tables(schema, schema, ""):
        model = ServeSettings if kind is schema else getattr(module, kind["title"])
        parts.append(f"## {f'[{place}]' if place else 'At the top'}\n\n")
        if place and (about := _about(model)):
            parts.append(f"{about}\n\n")
        parts.append(table(("key", "takes", "default", ""), _rows(schema, kind, model)))
    return "".join(parts)


def _tables(schema: dict[str, Any], kind: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those that have keys of their own, each behind the one that it is in."""
    yield place, kind
    for name, field in kind["properties"].items():
        for inner, is_named in _inner(field):
            below = schema["$defs"][inner.rpartition("/")[2]]
            if below.get("type") == "object":
                yield from _tables(schema, below, f"{place}.{name}".lstrip(".") + (".NAME" if is_named else ""))


def _inner(field: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for one in (field, *field.get("anyOf", ())):
        if "$ref" in one:
            yield one["$ref"], False
        for more in (one.get("additionalProperties"), *one.get("patternProperties", {}).values()):
            if isinstance(more, dict) and "$ref" in more:
                yield more["$ref"], True


def _rows(schema: dict[str, Any], kind: dict[str, Any], model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    words = _docstrings(model)
    for name, field in kind["properties"].items():
        if any(schema["$defs"][one.rpartition("/")[2]].get("type") == "object" for one, _ in _inner(field)):
            continue
        yield f"`{name}`", _takes(schema, field), _default(name, field, model), words.get(name, "")


def _takes(schema: dict[str, Any], field: dict[str, Any]) -> str:
    if "$ref" in field:
        return _takes(schema, schema["$defs"][field["$ref"].rpartition("/")[2]])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_takes(schema, one) for one in field["anyOf"] if one.get("type") != "null"))
    if "const" in field or "enum" in field:
        return ", ".join(f'`"{one}"`' for one in field.get("enum", [field.get("const")]))
    kind = field.get("type", "text")
    if kind == "array":
        within = field.get("items", {}) or (field.get("prefixItems") or [{}])[0]
        return f"list of {_takes(schema, within)}"
    if kind == "object":
        return "table"
    if kind in ("integer", "number"):
        least, most = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
        bounds = f" {least:g} to {most:g}" if most is not None and least is not None else ""
        return {"integer": "integer", "number": "number"}[kind] + bounds
    return {"boolean": "true or false"}.get(kind, "a secret" if field.get("format") == "password" else "text")


def _default(name: str, field: dict[str, Any], model: type[BaseModel]) -> str:
    info = model.model_fields[name]
    if info.is_required():
        return "must be given"
    if name in MACHINES:
        return MACHINES[name]
    value = info.get_default(call_default_factory=True, validated_data={})
    if value in (None, "", (), {}, []):
        return ""
    return f"`{_toml(value)}`"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, int | float):
        return f"{value:g}" if value < 1e6 else str(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml(key).strip(chr(34))} = {_toml(one)}' for key, one in value.items())} }}"
    text = str(value)
    return f'"{text[:60]}..."' if len(text) > 60 else f'"{text}"'


def _about(model: type[BaseModel]) -> str:
    """Its docstring, without the name of the table that it begins with."""
    text = " ".join(inspect.cleandoc(model.__doc__ or "").split())
    about = text.partition("`: ")[2] if text.startswith("`[") else text
    return about[:1].upper() + about[1:]


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field, of the model and those that it is made from."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind is BaseModel or not issubclass(kind, BaseModel):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
                found[field.target.id] = str(below.value.value) if is_text else ""  # type: ignore[attr-defined]
    return found
