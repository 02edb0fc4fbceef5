"""The HTTP API, from its own description: what /api/openapi.json has."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from aiconvai.serve.application import Application
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.web.api import make_api
from reference_pages.markdown import mark, table

_HEAD = """\
Of `aiconvai serve` and `aiconvai gateway`, by default at `http://127.0.0.1:8070`; for programs: `/api/openapi.json`. \
A request has a token, `Authorization: Bearer aic_...` (`aiconvai serve token NAME --role viewer`), but for those of \
*health*. Which role it needs says the answer 403.

"""


def http_page() -> str:
    description = openapi()
    parts = [mark("the API's own description"), "# HTTP API\n\n"]
    parts.append(_HEAD)
    by_tag: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            (tag,) = operation["tags"]
            by_tag.setdefault(tag, []).append("".join(_operation(description, method, path, operation)))
    for tag, operations in by_tag.items():
        parts += [f"## {tag.capitalize()}\n\n", *operations]
    parts.append("## Objects\n\n")
    for name, kind in description["components"]["schemas"].items():
        if "ValidationError" not in name:
            parts += _object(name, kind)
    return "".join(parts)


def openapi() -> dict[str, Any]:
    """Of everything that there can be: of the gateway, too."""
    from aiconvai.engine.library import use_gateway

    use_gateway()
    from aiconvai.gateway.api import gateway_api
    from aiconvai.gateway.gateway_source import GatewaySource

    with tempfile.TemporaryDirectory() as folder:
        application = Application(ServeSettings(data=Path(folder)))
        api = make_api(application)
        # It is asked nothing here.
        api.include_router(gateway_api(application, cast(GatewaySource, None)), prefix="/api")
        return api.openapi()


def _operation(description: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"### {method.upper()} {path}\n\n"
    if about := " ".join(operation.get("description", "").split()):
        yield f"{about}\n\n"
    parameters = [one for one in operation.get("parameters", ()) if one["in"] != "path"]
    yield table(("parameter", "takes", ""), (
        (f"`{one['name']}`", _takes(one["schema"]), one.get("description", one["schema"].get("description", "")))
        for one in parameters
    ))  # fmt: skip
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        yield f"Takes {_takes(body)}, as JSON.\n\n"
    answer = operation["responses"].get("200", operation["responses"].get("201", {}))
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema and "$ref" in str(schema):
        yield f"Answers with {_takes(schema)}.\n\n"


def _object(name: str, kind: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}\n\n"
    if about := " ".join(kind.get("description", "").split()):
        yield f"{about}\n\n"
    required = kind.get("required", ())
    yield table(("member", "takes", "must be given", ""), (
        (f"`{member}`", _takes(one), "yes" if member in required else "", one.get("description", ""))
        for member, one in kind.get("properties", {}).items()
    ))  # fmt: skip


def _takes(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_takes(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{one or chr(34) * 2}`" for one in schema.get("enum", [schema.get("const")]))
    kind: str = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_takes(schema.get('items', {}))}"
    if kind in ("integer", "number") and "minimum" in schema and "maximum" in schema:
        return f"{kind} {schema['minimum']:g} to {schema['maximum']:g}"
    return {"string": "text", "boolean": "true or false", "object": "object"}.get(kind, kind)
