"""Fixtures of the protocol tests: a mock service whose only agent is called `agent`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from start_mock import StartMock

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMock, MockOptions, Scenario

# As in the unit tests: a machine under load is no failure.
settings.register_profile("protocol", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("protocol")


@pytest.fixture
async def start_mock() -> AsyncIterator[StartMock]:
    """`await start_mock(scenario, private=True, options={...})` with the agent's settings as keywords."""
    async with AsyncExitStack() as stack:

        async def start(
            scenario: Scenario | None = None, options: dict[str, Any] | None = None, **agent: Any
        ) -> ElevenLabsMock:
            agents = {"agent": ElevenLabsAgent(scenario=scenario or Scenario(), **agent)}
            return await stack.enter_async_context(ElevenLabsMock(MockOptions(agents=agents, **(options or {}))))

        yield start
