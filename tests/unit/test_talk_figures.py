"""Rates with their intervals, and the page they stand on."""

from __future__ import annotations

import pytest

from aiconvai.rig.talk import plan
from aiconvai.rig.talk.document import render
from aiconvai.rig.talk.figures import echo_figures, interruption_figures, rate, selectivity_figures
from aiconvai.rig.talk.lines import HEADSET, LINES, USUAL
from aiconvai.rig.talk.results import TalkResults
from aiconvai.rig.talk.run import COLUMNS, OURS, SERVICE, Case
from aiconvai.rig.talk.sounds import Kind
from aiconvai.rig.talk.turn import Turn


def turn(**changes: object) -> Turn:
    """A whole answer, but for that."""
    usual: dict[str, object] = {
        "first": False,
        "said_ms": 6000,
        "heard_ms": 6000,
        "cut": False,
        "lost_ms": 0,
        "repeated_ms": 0,
        "pauses_ms": [],
        "silent_ms": None,
        "decided_ms": None,
        "silent_after_decision_ms": None,
        "service_heard": 0,
        "answered_ms": None,
        "caller_lost_ms": None,
        "spoken_to": False,
    }
    return Turn.model_validate({**usual, **changes})


def test_a_rate_has_wilsons_interval() -> None:
    """Against published values: 0 of 10 is 0 to 27.75 %, 5 of 10 is 23.66 to 76.34 %."""
    none, half = rate([False] * 10), rate([True, False] * 5)
    assert none is not None
    assert half is not None
    assert none.lowest == 0
    assert none.highest == pytest.approx(0.2775, abs=1e-4)
    assert (half.lowest, half.highest) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert str(half) == "50.0 % (5/10)"


def test_few_events_have_no_rate() -> None:
    assert rate([True] * 9) is None


def test_figures_of_turns() -> None:
    turns = [turn(first=number < 10, cut=number == 3) for number in range(20)]
    echo = echo_figures(turns)
    assert echo.broken_off is not None
    assert echo.first_broken_off is not None
    assert (echo.broken_off.count, echo.broken_off.of) == (1, 20)
    assert (echo.first_broken_off.count, echo.first_broken_off.of) == (1, 10)
    heard = [turn(cut=True, spoken_to=True, decided_ms=150.0 + 100 * (n % 2), silent_ms=300.0) for n in range(10)]
    figures = interruption_figures([*heard, *[turn(cut=True)] * 10])
    assert figures.decided_200 is not None
    assert figures.decided_500 is not None
    assert (figures.decided_200.count, figures.decided_500.count, figures.decided_500.of) == (5, 10, 20)
    assert figures.silent_ms is not None
    assert figures.silent_ms.p50 == 300
    sounds = selectivity_figures([*[turn(pauses_ms=[700], repeated_ms=200)] * 10, turn(cut=True, lost_ms=900)])
    assert sounds.rest_heard is not None
    assert (sounds.rest_heard.count, sounds.rest_heard.of) == (10, 11)
    assert (sounds.lost_ms, sounds.repeated_ms) == (0, 200)


def test_a_plan_compares_the_same_calls() -> None:
    for cases in (plan.full(), plan.quick()):
        known = {(one.column, one.line, one.kind, one.seed) for one in cases}
        assert len(known) == len(cases)
        assert {one.column for one in cases} <= set(COLUMNS)
    first_turns = sum(case.line.usual and case.kind is Kind.NOTHING and case.column is OURS for case in plan.full())
    assert first_turns >= 300, "fewer do not show that less than 1 % are broken off"


def test_the_page() -> None:
    results = TalkResults(made="2026-11-29 12:00", asterisk="22.1.0", processor="x", quick=True, took_seconds=1.0)
    for number in range(12):
        results.add(Case(OURS, USUAL, Kind.NOTHING, 1, number), [turn(first=True)], 0.5)
        results.add(Case(SERVICE, USUAL, Kind.NOTHING, 1, number), [turn(first=True, cut=True)], 0.5)
        results.add(Case(OURS, HEADSET, Kind.COUGH, 1, number), [turn(pauses_ms=[800], repeated_ms=120)], 0.5)
        results.add(Case(OURS, HEADSET, Kind.QUESTION, 1, number), [turn(answered_ms=500.0)], 0.5)
    page = render(TalkResults.model_validate_json(results.model_dump_json()), ["talk-rates.png"])
    assert f"| {USUAL.name} | ours | 0.0 % (0/12), 0 to 24 % |" in page
    assert "| 100.0 % (12/12) | 0.0 % (0/12) | < 1 % |" in page
    assert "| cough | headset | ours | 100.0 % (12/12)" in page
    assert "images/talk-rates.png" in page
    assert "images/talk-yield.png" not in page
    assert len({line.name for line in LINES}) == len(LINES)
