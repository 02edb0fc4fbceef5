"""What `aiconvai bench talk` says of calls is what is heard in them. How often: docs/talk-measured.md."""

from __future__ import annotations

import pytest

from aiconvai.audio import rms_dbfs
from aiconvai.rig.asterisk import build_module
from aiconvai.rig.talk.lines import HEADSET, USUAL
from aiconvai.rig.talk.run import NOTHING, OURS, Case, Played, TalkError, talk_run
from aiconvai.rig.talk.sounds import Kind

# Rooms, voices and five telephones keep a processor busy.
pytestmark = pytest.mark.alone

SPOKEN = 24
"""A seed whose caller is a voice that is made, as is the agent with it and those below: recordings of people are in
packages that need not be here.
"""
QUIET = Case(OURS, USUAL, Kind.NOTHING, 2, 18)
INTERRUPTED = Case(OURS, HEADSET, Kind.INTERRUPTION, 1, SPOKEN)
HELLO = Case(OURS, HEADSET, Kind.HELLO, 1, 12)
NOT_TO_BE_INTERRUPTED = Case(NOTHING, HEADSET, Kind.INTERRUPTION, 1, SPOKEN)
COUGHED_AT = Case(OURS, HEADSET, Kind.COUGH, 1, 13)
CASES = (QUIET, INTERRUPTED, NOT_TO_BE_INTERRUPTED, COUGHED_AT, HELLO)


@pytest.fixture(scope="module")
def played() -> dict[Case, Played]:
    calls: dict[Case, Played] = {}

    def done(case: Case, one: Played | TalkError) -> None:
        assert isinstance(one, Played), str(one)
        calls[case] = one

    with talk_run(22, build_module(22)) as run:
        run.prepare(CASES)
        run.play_all(CASES, done)
    return calls


def test_an_agent_that_nobody_interrupts_is_heard_to_its_end(played: dict[Case, Played]) -> None:
    for turn in played[QUIET].turns:
        assert (turn.cut, turn.lost_ms, turn.decided_ms, turn.spoken_to) == (False, 0, None, False)
        assert turn.heard_ms == pytest.approx(turn.said_ms, abs=300)
    assert [turn.first for turn in played[QUIET].turns] == [True, False]


def test_a_caller_who_speaks_is_decided_for_and_the_agent_is_silent(played: dict[Case, Played]) -> None:
    (turn,) = played[INTERRUPTED].turns
    assert turn.spoken_to
    assert turn.cut
    assert turn.decided_ms is not None
    assert turn.silent_ms is not None
    assert turn.heard_ms < turn.said_ms


def test_an_agent_that_is_not_to_be_interrupted_speaks_on(played: dict[Case, Played]) -> None:
    (turn,) = played[NOT_TO_BE_INTERRUPTED].turns
    assert turn.spoken_to
    assert (turn.cut, turn.decided_ms, turn.silent_ms) == (False, None, None)


@pytest.mark.parametrize("case", [COUGHED_AT, HELLO], ids=["cough", "hello?"])
def test_what_is_no_interruption_takes_nothing_of_what_was_to_be_heard(played: dict[Case, Played], case: Case) -> None:
    (turn,) = played[case].turns
    assert turn.spoken_to
    assert (turn.cut, turn.lost_ms) == (False, 0)


def test_a_recording_has_both_sides_and_what_was_decided(played: dict[Case, Played]) -> None:
    recorded = played[INTERRUPTED].recorded()
    for side in (recorded.sent, recorded.heard):
        assert rms_dbfs(side) > -45.0
    what = [moment.what for moment in recorded.moments]
    assert what[0] == "caller"
    assert "interruption" in what
