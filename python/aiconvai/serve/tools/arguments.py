"""The arguments that an agent gives a tool, judged by the tool's JSON Schema."""

from __future__ import annotations

import itertools
import json
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from aiconvai.serve.tools.tool import ToolError

_PROBLEMS_TOLD = 5


def checked_arguments(parameters: str, schema: str) -> dict[str, Any]:
    """The arguments, as the tool's JSON Schema has them (empty: any). Raises `ToolError`, for the agent."""
    try:
        arguments = json.loads(parameters or "{}")
    except (ValueError, RecursionError) as error:
        raise ToolError(f"The arguments are no JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise ToolError("The arguments are no JSON object.")
    if not _is_text(parameters) or not _is_text(json.dumps(arguments, ensure_ascii=False)):
        raise ToolError("The arguments have half a character in them.")
    if schema:
        try:
            rules = json.loads(schema)
            Draft202012Validator.check_schema(rules)
            # What a schema refers to is in it, or nowhere: nothing is fetched.
            validator = Draft202012Validator(rules, registry=Registry())
            problems = list(itertools.islice(validator.iter_errors(arguments), _PROBLEMS_TOLD))
        except (ValueError, ArithmeticError, RecursionError, jsonschema.SchemaError, Unresolvable) as error:
            raise ToolError(f"The tool's schema is wrong: {error}") from error
        if problems:
            said = [f"{one.json_path.removeprefix('$.')}: {one.message:.200}" for one in problems]
            raise ToolError(f"The arguments are wrong: {'; '.join(said)}")
    return arguments


def _is_text(text: str) -> bool:
    """Whether it can be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
