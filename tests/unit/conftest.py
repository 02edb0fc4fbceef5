"""Unit tests run without a network, a container or Asterisk; those of the engine need it built."""

from __future__ import annotations

import pytest
from engine_host import Host
from hypothesis import HealthCheck, settings

from aiconvai.engine.library import EngineNotBuiltError, load_library

settings.register_profile(
    "unit",
    max_examples=60,
    # A machine under load is no failure, and the sanitizers make everything several times slower.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of an engine that is not there are an error of the run, said once."""
    if any(item.path.name.startswith("test_engine_") for item in items):
        try:
            load_library()
        except EngineNotBuiltError as error:
            raise pytest.UsageError(str(error)) from error


@pytest.fixture
def host() -> Host:
    """The host of an announced conversation that sends chunks of 20 ms."""
    started = Host(audio_frames_buffer_ms=20)
    started.start()
    return started
