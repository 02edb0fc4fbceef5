"""The engine does in every state of a call what the model says, whatever happens, with every service."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from call_model import Model, Options, explore, tour
from modelled_engine import SERVICES, ModelledEngine, Subject, hurry_mocks

SAME_TO_THE_ENGINE = ("operator.redirects", "operator.hangs_up")
"""As other ends from this side."""

CASES = [
    pytest.param(provider, confirmed, id=f"{provider}-{'confirmed' if confirmed else 'service'}")
    for provider in SERVICES
    for confirmed in (True, False)
    # What OpenAI says then it says when it is asked: when that is, is the engine's to know and not an event.
    if not (provider == "openai" and confirmed)
]
"""Each provider, and who decides what is an interruption."""


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry_mocks(monkeypatch.setattr)


def walk(subject: Subject, model: Model, events: Iterable[str]) -> None:
    """One call; what goes otherwise is told with all that came before."""
    engine, call = ModelledEngine(subject), model.first()
    taken: list[str] = []
    for event in events:
        step = model.step(call, event)
        taken.append(event)
        try:
            engine.take(event, call, step)
        except Exception as error:
            way = " ".join(taken)
            pytest.fail(f"{call}\n-- {event} -->\n{step}\n{type(error).__name__}: {error}\nthe walk: {way}")
        call = step.after


def compare(provider: str, options: Options, depth: int | None = None) -> None:
    """The engine with all transitions of the model, or those that so many events lead to."""
    subject = Subject(provider, options)
    model = Model(subject.service, options)
    graph = explore(model, depth, without=SAME_TO_THE_ENGINE)
    print(f"{provider}: {graph}")
    try:
        for events in tour(graph):
            walk(subject, model, events)
    finally:
        subject.close()


@pytest.mark.parametrize(("provider", "confirmed"), CASES)
def test_all_that_may_happen_first(provider: str, confirmed: bool) -> None:
    compare(provider, Options(confirmed=confirmed), depth=4)


def test_all_that_may_happen() -> None:
    """With a service that has everything the model has."""
    compare("websocket", Options(confirmed=True))


@pytest.mark.endurance
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("provider", "confirmed"), CASES)
def test_all_that_may_happen_with_more_attempts(provider: str, confirmed: bool) -> None:
    compare(provider, Options(attempts=3, reconnects=2, confirmed=confirmed))
