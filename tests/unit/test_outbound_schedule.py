"""When people are called: hours across changes of the clock, limits, attempts. Nothing here knows what time it is."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.serve.outbound.hours import Hours, HoursError, read_span
from aiconvai.serve.outbound.outcome import State, of_no_answer
from aiconvai.serve.outbound.schedule import Candidate, Limits, Next, after, choose, when_to_begin

PRAGUE = ZoneInfo("Europe/Prague")
ALWAYS = Hours([], PRAGUE)
WEEK = Hours([read_span("mon-fri 09:00-17:30"), read_span("sat 10:00-12:00")], PRAGUE)
LIMITS = Limits(at_once=2, per_second=2.0)


def at(text: str, fold: int = 0, zone: ZoneInfo = PRAGUE) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-30 08:59:59", "2026-11-30 09:00:00"),
        ("2026-11-30 09:00:00", "2026-11-30 09:00:00"),
        ("2026-11-30 17:29:59", "2026-11-30 17:29:59"),
        ("2026-11-30 17:30:00", "2026-12-01 09:00:00"),
        ("2026-12-04 18:00:00", "2026-12-05 10:00:00"),
        ("2026-12-05 12:00:00", "2026-12-07 09:00:00"),
    ],
)
def test_people_are_called_in_their_hours(moment: str, opens: str) -> None:
    assert WEEK.next_opening(at(moment)) == at(opens)
    assert WEEK.are_open(at(moment)) == (moment == opens)


def test_hours_are_those_of_the_clock_on_the_wall_when_it_changes() -> None:
    # Monday after the last Sunday of March, and of October: 09:00 is at 07:00 and 08:00 UTC.
    for day, utc in (("2026-03-30", "07:00"), ("2026-10-26", "08:00"), ("2026-03-27", "08:00")):
        opening = WEEK.next_opening(at(f"{day} 00:00:00"))
        assert opening == at(f"{day} {utc}:00", zone=ZoneInfo("UTC"))


def test_an_hour_that_there_is_twice_is_open_twice() -> None:
    hours = Hours([read_span("sun 02:00-02:30")], PRAGUE)
    first, second = at("2026-10-25 02:00:00", fold=0), at("2026-10-25 02:00:00", fold=1)
    assert second - first == 3600
    assert hours.next_opening(first - 60) == first
    assert hours.next_opening(first + 1800) == second
    assert hours.next_opening(second + 1800) == at("2026-11-01 02:00:00")


def test_an_hour_that_there_is_not_does_not_open() -> None:
    hours = Hours([read_span("sun 02:00-02:30")], PRAGUE)
    assert hours.next_opening(at("2026-03-29 00:00:00")) == at("2026-04-05 02:00:00")
    reaching_beyond = Hours([read_span("sun 02:15-03:15")], PRAGUE)
    assert reaching_beyond.next_opening(at("2026-03-29 00:00:00")) == at("2026-03-29 03:00:00")


@given(st.floats(min_value=at("2026-01-01 00:00:00"), max_value=at("2027-12-31 00:00:00")))
def test_an_opening_is_open_and_the_moment_before_it_is_not(moment: float) -> None:
    opening = WEEK.next_opening(moment)
    assert opening >= moment
    assert WEEK.are_open(opening)
    assert opening == moment or not WEEK.are_open(opening - 1)


@pytest.mark.parametrize(
    "wrong",
    ["", "mon", "mon 9-17", "mon-fry 09:00-17:00", "mon 17:00-09:00", "mon 09:00-24:01", "mon 09:60-10:00",
     "mon 09:00-09:00"],
)  # fmt: skip
def test_what_are_no_hours_is_said(wrong: str) -> None:
    with pytest.raises(HoursError, match="expected"):
        read_span(wrong)


def test_days_go_around_the_week() -> None:
    assert read_span("sat-mon 09:00-24:00").days == {5, 6, 0}
    assert read_span("Mon, wed 9:00 - 10:00").days == {0, 2}
    assert read_span("09:00-10:00").days == set(range(7))


def candidate(number: int, list_id: int | None = None, due: float = 0.0, *, any_hour: bool = False) -> Candidate:
    return Candidate(number, list_id, due, any_hour)


def begins(one: Candidate, hours: Hours = ALWAYS, *, last: float = 0.0, now: float) -> float:
    return when_to_begin(LIMITS, hours, one, last_begun=last, now=now)


def test_a_call_begins_when_there_is_room_and_time() -> None:
    now = at("2026-11-30 10:00:00")
    assert begins(candidate(1), now=now) == now
    assert [LIMITS.have_room(calls) for calls in (0, 1, 2)] == [True, True, False]
    assert begins(candidate(1), last=now - 0.1, now=now) == pytest.approx(now + 0.4), "per_second"
    assert begins(candidate(1, due=now + 60), now=now) == now + 60


def test_a_call_waits_for_the_hours_unless_somebody_wants_it_now() -> None:
    now = at("2026-11-29 10:00:00")
    assert begins(candidate(1), WEEK, now=now) == at("2026-11-30 09:00:00")
    assert begins(candidate(1, due=at("2026-12-04 17:29:59")), WEEK, now=now) == at("2026-12-04 17:29:59")
    assert begins(candidate(1, due=at("2026-12-04 17:30:00")), WEEK, now=now) == at("2026-12-05 10:00:00")
    assert begins(candidate(1, any_hour=True), WEEK, now=now) == now


def test_single_calls_come_first_and_lists_take_turns() -> None:
    single, first, second = candidate(9), candidate(1, 1), candidate(5, 2)
    later = candidate(2, due=500.0)
    assert choose([first, second, single], {}, 100.0) is single
    assert choose([first, second], {1: 2, 2: 1}, 100.0) is second
    assert choose([second, first], {}, 100.0) is first
    assert choose([later, first], {1: 5}, 100.0) is first, "who is due comes before who is not yet"
    assert choose([], {}, 100.0) is None


def test_attempts_end() -> None:
    again = {State.BUSY: 300.0, State.NO_ANSWER: 3600.0}

    def following(result: State, attempts: int, most: int = 3) -> Next:
        return after(result, attempts, most_attempts=most, again=again, now=1000.0)

    assert following(State.BUSY, 1) == Next(State.WAITING, 1300.0)
    assert following(State.NO_ANSWER, 2) == Next(State.WAITING, 4600.0)
    assert following(State.BUSY, 3) == Next(State.GAVE_UP)
    assert following(State.ENDED, 1) == Next(State.ENDED)
    assert following(State.UNKNOWN, 1) == Next(State.UNKNOWN), "nobody is called twice blindly"
    assert following(State.BUSY, 1, most=1) == Next(State.BUSY)


@pytest.mark.parametrize(
    ("reason", "cause", "state"),
    [
        (5, 17, State.BUSY), (None, 17, State.BUSY), (5, None, State.BUSY), (3, 16, State.NO_ANSWER),
        (None, 19, State.NO_ANSWER), (1, 0, State.NO_ANSWER), (None, 16, State.NO_ANSWER), (None, 0, State.NO_ANSWER),
        (8, 34, State.CONGESTION), (8, None, State.CONGESTION), (1, 1, State.FAILED), (8, 21, State.FAILED),
        (0, None, State.FAILED),
    ],
)  # fmt: skip
def test_what_came_of_a_call_is_understood(reason: int | None, cause: int | None, state: State) -> None:
    assert of_no_answer(reason, cause) is state
