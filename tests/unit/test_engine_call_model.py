"""The engine does in every state of a call what the model says, whatever happens, with every service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from call_model import Call, Model, Options, explore, tour
from modelled_engine import SERVICES, ModelledEngine, Subject, hurry_mocks

SAME_TO_THE_ENGINE = ("operator.redirects", "operator.hangs_up")
"""As other ends from this side."""


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


def compare(provider: str, options: Options) -> str:
    subject = Subject(provider, options)
    model = Model(subject.service, options)
    graph = explore(model, without=SAME_TO_THE_ENGINE)
    try:
        for events in tour(graph):
            walk(subject, model, events)
    finally:
        subject.close()
    return str(graph)


OPENAI_IS_ASKED = "an OpenAI that is to ask before it answers waits for us, which is no event of the model"


@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed", "service"])
@pytest.mark.parametrize("provider", SERVICES)
def test_every_transition(provider: str, confirmed: bool) -> None:
    if provider == "openai" and confirmed:
        pytest.skip(OPENAI_IS_ASKED)
    print(provider, compare(provider, Options(confirmed=confirmed)))
