"""Whatever the API is asked, it answers as its description says, and never with a fault of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from serve_events import a_start, an_end, said
from serve_page import Serving

from aiconvai.serve.access import Role
from aiconvai.serve.settings import ServeSettings

ENDLESS = ["/api/live/events", "/api/live/{asterisk}/{record}/events"]
ENOUGH = 5
MANY = 100
"""Requests of each kind; `make reliability`: many more."""
# A fault, 500, is none of the statuses that are described.
CHECKS = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    usual: dict[str, Any] = {
        "data": tmp_path_factory.mktemp("serve"),
        "asterisk": {"pbx": {"user": "u", "secret": "s", "port": 1}},
        "outbound": {"dial": "PJSIP/{number}@trunk"},
        "phones": {"desk": "PJSIP/200"},
    }
    with Serving(ServeSettings.model_validate(usual)) as one:
        one.publish(a_start("1.1"), said("hello", "1.1"), an_end("1.1"), a_start("1.2"))
        yield one


def conforms(serving: Serving, examples: int) -> None:
    issuing = serving.application.tokens.issue(f"fuzz {examples}", Role.ADMIN)
    token = asyncio.run_coroutine_threadsafe(issuing, serving.loop).result(30)
    schema = schemathesis.openapi.from_url(f"{serving.address}/api/openapi.json").exclude(path=ENDLESS)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        failed: dict[str, Exception] = {}
        for found in schema.get_all_operations():
            operation = found.ok()

            @given(case=operation.as_strategy())
            @settings(
                max_examples=examples, deadline=None, database=None, derandomize=examples == ENOUGH,
                suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate),
            )  # fmt: skip
            def ask(case: Any) -> None:
                case.call_and_validate(session=session, checks=CHECKS)

            try:
                ask()
            except Exception as error:
                failed[operation.label] = error
        assert not failed, "\n\n".join(f"{label}: {error}" for label, error in failed.items())


def test_the_api_answers_as_it_says(serving: Serving) -> None:
    conforms(serving, ENOUGH)


@pytest.mark.endurance
@pytest.mark.timeout(3600)
def test_the_api_answers_as_it_says_however_long_it_is_asked(serving: Serving) -> None:
    conforms(serving, MANY)
