"""A trial of an agent without a call: what was done, how long it took, and why it failed, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiconvai.serve.events import PREFIX

TRIAL = f"{PREFIX}Trial"
"""The module's event."""
LONGEST_SECONDS = 40.0
"""The module gives an agent 30 s to be ready and 5 to say something."""
_MOST_STEPS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One of them."""

    name: str
    failed: bool
    message: str
    ms: float | None = None
    """How long it took; None: it takes no time."""


@dataclass(frozen=True, slots=True)
class AgentTrial:
    """How it went."""

    agent: str
    is_good: bool
    """It can be talked with."""
    steps: tuple[Step, ...]


def read_trial(headers: Mapping[str, str]) -> AgentTrial:
    """Of the module's event. Raises `ValueError` where it is none."""
    count = int(headers.get("Steps", ""))
    if not 0 < count <= _MOST_STEPS:
        raise ValueError(f"Steps: expected 1 to {_MOST_STEPS}, got {count}")
    return AgentTrial(
        headers.get("Agent", ""),
        headers.get("Result") == "Good",
        tuple(_step(headers, f"Step{number}") for number in range(1, count + 1)),
    )


def _step(headers: Mapping[str, str], key: str) -> Step:
    ms = headers.get(f"{key}Ms")
    return Step(
        headers.get(key, ""),
        headers.get(f"{key}Failed") == "Yes",
        headers.get(f"{key}Message", ""),
        float(ms) if ms is not None else None,
    )
