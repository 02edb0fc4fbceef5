"""By which of a call's tools its caller is put through, and where to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TRANSFER_CALL = "transfer_call"
"""The module's tool; its parameter `destination` has the places that there are."""
TRANSFER_TO = "transfer_to_"
"""A tool of its own for each place."""
_NO_PLACE = "transfer_to_agent"
"""Hands over to another agent, and to nobody."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool."""

    tool: str
    arguments: Mapping[str, str] = field(default_factory=dict)


def transfer_to(tools: Sequence[Mapping[str, Any]], destination: str | None) -> ToolUse | None:
    """`destination`: None: the first there is. None: the call has no such place."""
    for tool in tools:
        name = str(tool.get("name"))
        if name == TRANSFER_CALL:
            places = _destinations(tool)
            if destination is None and places:
                return ToolUse(name, {"destination": places[0]})
            # A tool that does not tell its places may have this one.
            if destination is not None and (destination in places or not places):
                return ToolUse(name, {"destination": destination})
        elif name.startswith(TRANSFER_TO) and name != _NO_PLACE and destination in (None, name[len(TRANSFER_TO) :]):
            return ToolUse(name)
    return None


def _destinations(tool: Mapping[str, Any]) -> list[str]:
    try:
        places = tool["parameters"]["properties"]["destination"]["enum"]
    except (KeyError, TypeError):
        return []
    return [place for place in places if isinstance(place, str)] if isinstance(places, list) else []
