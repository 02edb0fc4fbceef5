"""What the mock agents of all services have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiconvai.mock.scenario import Scenario, ScenarioError


@dataclass(frozen=True)
class MockAgent:
    """What its owner set, and what it does in a conversation."""

    api_key: str = "test-api-key"
    """The account's key, without which nobody is served."""
    max_duration_seconds: float = 600.0
    scenario: Scenario = field(default_factory=Scenario)

    def __post_init__(self) -> None:
        for step in self.scenario.all_steps():
            if step.send is not None:
                try:
                    self.check_message(step.send)
                except ValueError as error:
                    raise ScenarioError(f"{self.scenario.name}: send: {error}") from None

    @classmethod
    def with_key(cls) -> dict[str, Any]:
        """What makes an agent one that nobody reaches without the account's key."""
        return {}

    def check_message(self, message: dict[str, Any]) -> None:
        """Raises `ValueError` if the service has no such message."""
