"""When frames are due: absolute deadlines, and audio that is passed on as it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import load_library

ENGINE = load_library().lib
FRAME = ENGINE.AIC_FRAME_MS * 1000
EARLY = ENGINE.AIC_PACE_EARLY_US
SHARED = ENGINE.AIC_PACE_SHARED_US
TO_SPARE = ENGINE.AIC_PACE_FRAMES_TO_SPARE

TIMES = st.integers(1, 10**12)
FEW = st.integers(0, TO_SPARE - 1)
MANY = st.integers(TO_SPARE, 10_000)


@given(TIMES, FEW | MANY)
def test_the_first_frame_of_all_is_played_when_it_comes(now: int, queued: int) -> None:
    assert ENGINE.aic_pace_plays_arrival(0, now, queued)


@given(TIMES, st.integers(0, 10 * FRAME), FEW | MANY)
def test_a_late_frame_is_played_when_it_comes(due: int, late: int, queued: int) -> None:
    assert ENGINE.aic_pace_plays_arrival(due, due + late, queued)


@given(st.integers(FRAME, 10**12), st.integers(1, FRAME), FEW)
def test_an_early_frame_is_played_when_it_comes_unless_it_is_too_early(due: int, early: int, queued: int) -> None:
    assert ENGINE.aic_pace_plays_arrival(due, due - early, queued) == (early <= EARLY)


@given(st.integers(FRAME, 10**12), st.integers(1, FRAME), MANY)
def test_nothing_is_early_that_has_frames_to_spare(due: int, early: int, queued: int) -> None:
    assert not ENGINE.aic_pace_plays_arrival(due, due - early, queued)


@given(TIMES, FEW)
def test_the_next_deadline_is_a_frame_later(now: int, queued: int) -> None:
    assert ENGINE.aic_pace_due_after_arrival(now, queued) == now + FRAME


@given(TIMES, MANY)
def test_deadlines_of_frames_to_spare_are_shared(now: int, queued: int) -> None:
    due = ENGINE.aic_pace_due_after_arrival(now, queued)
    assert due % SHARED == 0
    assert FRAME <= due - now < FRAME + SHARED


@given(st.integers(FRAME, 10**12), st.integers(-FRAME, 100 * FRAME))
def test_who_is_far_behind_begins_anew(due: int, behind: int) -> None:
    now = due + behind
    expected = now if behind > ENGINE.AIC_PACE_BEHIND_MAX_US else due
    assert ENGINE.aic_pace_due_now(due, now) == expected


@given(TIMES)
def test_the_look_whether_audio_still_comes_is_shared_and_after_the_deadline(due: int) -> None:
    look = ENGINE.aic_pace_dry_check(due)
    assert look % ENGINE.AIC_PACE_CHECK_US == 0
    assert 0 <= look - due - ENGINE.AIC_PACE_CHECK_AFTER_US < ENGINE.AIC_PACE_CHECK_US


@given(st.lists(st.integers(0, EARLY), min_size=2, max_size=200))
def test_a_stream_with_little_jitter_is_passed_on_as_it_comes(jitter: list[int]) -> None:
    """No frame waits for the latest moment any frame before it ever came at."""
    due = 0
    for number, late in enumerate(jitter):
        now = 10**6 + number * FRAME + late
        assert ENGINE.aic_pace_plays_arrival(due, now, 1)
        due = ENGINE.aic_pace_due_after_arrival(now, 1)


@given(TIMES, st.booleans())
def test_deadlines_are_a_frame_apart_or_a_little_less_where_audio_has_piled_up(due: int, crowded: bool) -> None:
    expected = FRAME - (ENGINE.AIC_PACE_HURRY_US if crowded else 0)
    assert ENGINE.aic_pace_due_after_frame(due, crowded) - due == expected


def test_neither_nothing_nor_much_is_a_crowd() -> None:
    assert [ENGINE.aic_pace_is_crowded(queued) for queued in (0, 1, TO_SPARE - 1, TO_SPARE)] == [
        False,
        True,
        True,
        False,
    ]
