"""The reference of bench.json, made from the models' own documentation: `python -m aiconvai.rig.bench.reference`."""

from __future__ import annotations

import typing
from pathlib import Path
from types import NoneType, UnionType

from pydantic.fields import FieldInfo

from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench.model import Result
from aiconvai.rig.bench.results import Results

_HEAD = """\
<!-- Made by python -m aiconvai.rig.bench.reference from python/aiconvai/rig/bench/results.py: change that instead. -->

# bench.json

What `aiconvai bench` writes: one object of the kind `Results`. Paths are named as in
[performance.md](../performance.md#paths).
"""
PATH = Path("docs/reference/bench.md")
"""In the repository."""


def reference() -> str:
    """The page, in Markdown: a table for each kind of object, each behind the first that has it."""
    kinds: list[type[Result]] = []
    _collect(Results, kinds)
    return _HEAD + "".join(_table(kind) for kind in kinds)


def _collect(kind: type[Result], kinds: list[type[Result]]) -> None:
    if kind in kinds:
        return
    kinds.append(kind)
    for field in kind.model_fields.values():
        for inner in _results_in(field.annotation):
            _collect(inner, kinds)


def _results_in(annotation: object) -> list[type[Result]]:
    if isinstance(annotation, type) and issubclass(annotation, Result):
        return [annotation]
    return [one for part in typing.get_args(annotation) for one in _results_in(part)]


def _table(kind: type[Result]) -> str:
    rows = "".join(f"| `{name}` | {_words(field)} | {_meaning(field)} |\n" for name, field in kind.model_fields.items())
    about = " ".join((kind.__doc__ or "").split())
    return f"\n## {kind.__name__}\n\n{about}\n\n| key | takes | meaning |\n| --- | --- | --- |\n{rows}"


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


def _words(field: FieldInfo) -> str:
    return _type_words(field.annotation)


def _type_words(annotation: object) -> str:
    names: dict[object, str] = {
        bool: "true or false", int: "integer", float: "number", str: "text", NoneType: "null",
    }  # fmt: skip
    if annotation in names:
        return names[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Result):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return f"list of {_type_words(parts[0])}"
    if origin is dict:
        return f"{_type_words(parts[1])} by {_type_words(parts[0])}"
    if origin is typing.Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (UnionType, typing.Union):
        return " or ".join(_type_words(part) for part in parts)
    raise TypeError(f"{annotation!r}: no words for this type; add them here")


if __name__ == "__main__":
    (repository_root() / PATH).write_text(reference(), encoding="utf-8")
