"""Hostile services: what there is of them, that it is always the same, and that the way to each place is honest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from engine_client import EngineClient

from aiconvai.mock import MockOptions, mock_class
from aiconvai.mock.hostile import (
    Case,
    Kind,
    Outcome,
    Place,
    UnknownCaseError,
    all_cases,
    case_named,
    cases_matching,
    chosen,
    hostile_mock,
)
from aiconvai.mock.hostile.cases import PROVIDERS, kinds_at, places_of
from aiconvai.mock.hostile.places import HTTP_PLACES
from aiconvai.mock.hostile.service import CASE_BYTES
from aiconvai.mock.hostile.vocabulary import VOCABULARIES
from aiconvai.mock.hostile.wire import Write

_FOREIGN = ("PJSIP/anonymous-00000007", "1700000000.7")
in_a_conversation = pytest.mark.parametrize(
    ("provider", "place"),
    [(provider, place) for provider in PROVIDERS for place in places_of(provider) if place not in HTTP_PLACES],
)
every_kind = pytest.mark.parametrize(
    "case",
    [
        Case(provider, place, kind)
        for provider in PROVIDERS
        for place in (places_of(provider)[0], Place.AGENT_SPEAKS)
        for kind in kinds_at(provider, place)
    ],
    ids=lambda case: f"{case.provider} {case.place} {case.kind}",
)


def _digest(case: Case) -> str:
    digest = hashlib.sha256()
    for attack in case.attacks(_FOREIGN):
        digest.update(attack.name.encode())
        for step in attack.steps():
            digest.update(step.data if isinstance(step, Write) else repr(step).encode())
    return digest.hexdigest()


def test_a_few_rotations_leave_nothing_out() -> None:
    seen: set[Case] = set()
    for rotation in range(len(PROVIDERS)):
        cases = chosen(rotation)
        assert {case.provider for case in cases} == set(PROVIDERS)
        assert {case.place for case in cases} == set(Place)
        assert {case.kind for case in cases} == set(Kind)
        seen |= {replace(case, number=0) for case in cases}
    assert seen == set(all_cases())


@every_kind
def test_a_case_is_always_the_same_and_bounded(case: Case) -> None:
    assert _digest(case) == _digest(case)
    sizes = [len(step.data) for attack in case.attacks() for step in attack.steps() if isinstance(step, Write)]
    assert sum(sizes) < CASE_BYTES


@every_kind
def test_the_numbers_of_a_case_have_every_attack(case: Case) -> None:
    names = {attack.name for number in range(case.count()) for attack in replace(case, number=number).attacks()}
    more = {attack.name for number in range(2 * case.count()) for attack in replace(case, number=number).attacks()}
    assert names == more


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_service_says_is_what_it_would_say(provider: str) -> None:
    """Every hostile message is one of the service's own with something wrong in it."""
    agent = mock_class(provider).AGENT()
    for template in VOCABULARIES[provider].templates:
        message = json.loads(template.text())
        message.pop("streamSid", None)  # The mock adds that of its stream.
        agent.check_message(message)


@in_a_conversation
async def test_the_way_to_a_place_is_honest(provider: str, place: Place) -> None:
    """The strict mock has nothing to say against the client, who is still there when the attacks are over."""
    ended: list[Outcome] = []

    def report(event: str, outcome: Outcome) -> None:
        if event == "ended":
            ended.append(outcome)

    case = Case(provider, place, Kind.FOREIGN_ID)
    async with hostile_mock(provider, MockOptions(), [case], report, _FOREIGN) as service:
        settings = service.settings_by_path(case.name)
        client = EngineClient({**settings, "reconnect_attempts": "0"}, {"unique_id": "1.5", "caller_number": "+420"})
        client.speaks = place is Place.CALLER_SPEAKS
        await client.run(lambda client: place is Place.ENDING and len(client.heard) > 1600)
        [conversation] = service.conversations
        if place is not Place.OPENED:
            await conversation.wait_closed()
    [outcome] = ended
    assert outcome.reached
    assert outcome.problem == ""
    assert outcome.attacks == [attack.name for attack in case.attacks(_FOREIGN)]
    assert conversation.violations == []


def test_cases_are_known_by_their_names() -> None:
    case = Case("openai", Place.TOOL_OPEN, Kind.DEEP, 3)
    assert case_named("openai", case.name) == case
    assert case_named("openai", "tool_open/deep") == replace(case, number=0)
    assert {one.place for one in cases_matching("openai", "tool_open")} == {Place.TOOL_OPEN}
    assert {one.kind for one in cases_matching("openai", "deep")} == {Kind.DEEP}
    assert len(cases_matching("openai", "all")) == len([one for one in all_cases() if one.provider == "openai"])


@pytest.mark.parametrize("name", ["", "deep/tool_open", "tool_open/tools", "signed_url/deep", "opened/deep/x", "x"])
def test_a_case_that_there_is_not_is_named(name: str) -> None:
    with pytest.raises(UnknownCaseError, match="twilio has no hostile case"):
        cases_matching("twilio", name)
