"""Turns of a caller, out of how likely each 32 ms are speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.local.caller_turns import (
    WINDOW_MS,
    Began,
    CallerTurns,
    Ended,
    Paused,
    Resumed,
    TurnEvent,
    TurnSettings,
)
from aiconvai.local.parts import WINDOW

SETTINGS = TurnSettings()


def windows(ms: int) -> int:
    return round(ms / WINDOW_MS)


def hear(turns: CallerTurns, *stretches: tuple[float, int], first: int = 0) -> list[tuple[int, TurnEvent]]:
    """Each event and in which window it came. `stretches`: a probability, and for how many windows."""
    events: list[tuple[int, TurnEvent]] = []
    at = first
    for probability, count in stretches:
        for _ in range(count):
            window = np.full(WINDOW, at, np.int16)
            events += [(at, one) for one in turns.hear(window, probability)]
            at += 1
    return events


def kinds(events: list[tuple[int, TurnEvent]]) -> list[type[TurnEvent]]:
    return [type(one) for _, one in events]


def test_a_turn_has_what_was_said_and_a_little_before() -> None:
    events = hear(CallerTurns(), (0.0, 30), (1.0, 20), (0.0, 40))
    assert kinds(events) == [Began, Paused, Ended]
    (began, _), (paused_at, paused), (ended, _) = events
    assert began == 30 + windows(SETTINGS.begin_ms) - 1
    assert isinstance(paused, Paused)
    assert paused_at == 49 + windows(SETTINGS.pause_ms)
    assert ended == 49 + windows(SETTINGS.end_ms)
    assert paused.silence_ms == windows(SETTINGS.pause_ms) * WINDOW_MS
    numbers = paused.samples[::WINDOW].tolist()
    assert numbers == list(range(began - windows(SETTINGS.prefix_ms) + 1, paused_at + 1))


def test_a_click_is_no_turn() -> None:
    assert hear(CallerTurns(), (0.0, 10), (1.0, windows(SETTINGS.begin_ms) - 1), (0.0, 40)) == []


def test_who_goes_on_after_a_pause_is_listened_to() -> None:
    pause = windows(SETTINGS.pause_ms) + 2
    events = hear(CallerTurns(), (1.0, 20), (0.0, pause), (1.0, 10), (0.0, 40))
    assert kinds(events) == [Began, Paused, Resumed, Paused, Ended]
    first, last = (one for _, one in events if isinstance(one, Paused))
    assert len(last.samples) > len(first.samples)
    assert last.samples[: len(first.samples)].tolist() == first.samples.tolist()


def test_who_speaks_on_may_be_less_sure() -> None:
    """What begins no turn keeps one from ending."""
    assert hear(CallerTurns(), (0.4, 40)) == []
    assert kinds(hear(CallerTurns(), (1.0, 10), (0.4, 40))) == [Began]


def test_what_sounds_unfinished_is_waited_for() -> None:
    turns = CallerTurns()
    events = hear(turns, (1.0, 20), (0.0, windows(SETTINGS.pause_ms)))
    assert kinds(events) == [Began, Paused]
    turns.wait_longer()
    ((ended, _),) = hear(turns, (0.0, 60), first=20 + windows(SETTINGS.pause_ms))
    assert ended == 19 + windows(SETTINGS.unfinished_ms)
    # Of that pause alone.
    ended_at = [at for at, one in hear(turns, (1.0, 20), (0.0, 40)) if isinstance(one, Ended)]
    assert ended_at == [19 + windows(SETTINGS.end_ms)]


def test_a_television_is_cut_off() -> None:
    turns = CallerTurns(TurnSettings(longest_ms=2_000))
    events = hear(turns, (1.0, 200))
    assert kinds(events)[:3] == [Began, Paused, Ended]
    assert next(one.samples.size for _, one in events if isinstance(one, Paused)) <= windows(2_000) * WINDOW


def test_somebody_else_may_end_it() -> None:
    turns = CallerTurns()
    assert turns.finish() == []
    hear(turns, (1.0, 10))
    assert [type(one) for one in turns.finish()] == [Paused, Ended]
    assert not turns.is_speaking


@pytest.mark.parametrize("before", [[], [(1.0, 20), (0.0, 60)]])
@given(chances=st.lists(st.floats(0, 1), max_size=300))
def test_events_come_in_their_order(before: list[tuple[float, int]], chances: list[float]) -> None:
    turns = CallerTurns(TurnSettings(longest_ms=3_000))
    hear(turns, *before)
    may_follow: dict[type[TurnEvent] | None, set[type[TurnEvent]]] = {
        None: {Began}, Ended: {Began}, Began: {Paused}, Paused: {Resumed, Ended}, Resumed: {Paused},
    }  # fmt: skip
    last: type[TurnEvent] | None = None
    for _, event in hear(turns, *((chance, 1) for chance in chances)):
        assert type(event) in may_follow[last]
        last = type(event)
    assert turns.is_speaking == (last not in (None, Ended))
