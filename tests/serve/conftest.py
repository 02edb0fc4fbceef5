"""What tests of `aiconvai serve` stand on: a store in each of its databases, which are real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres_server

from aiconvai.serve.costs import Prices
from aiconvai.serve.settings import AgentSettings
from aiconvai.serve.store.store import Store

PRICES = Prices({"sales": AgentSettings(price_minute=0.6, price_call=0.01, price_million_output_tokens=10.0)})


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as one:
        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database that is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/calls.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return await server.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    one = Store(url, PRICES)
    await one.open()
    yield one
    await one.close()
