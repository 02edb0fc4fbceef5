"""What a turn of the agent's was to the caller, from made packets."""

from __future__ import annotations

import numpy as np

from aiconvai.audio import Samples
from aiconvai.rig.talk.turn import CallerSound, Packet, Turn, heard_turn, stretches

PACKET = 160
SAID: Samples = np.random.default_rng(1).normal(0, 3000, 8000 * 4).astype(np.int16)
CALLER: Samples = np.random.default_rng(2).normal(0, 3000, 8000).astype(np.int16)


def packets(begins_ms: float, samples: Samples) -> list[Packet]:
    """One every 20 ms."""
    return [(begins_ms + 20 * n, samples[n * PACKET : (n + 1) * PACKET]) for n in range(len(samples) // PACKET)]


def turn(heard: list[Packet], *, caller_at: float | None = None, decisions: list[float] | None = None) -> Turn:
    return heard_turn(
        SAID,
        heard,
        first=True,
        caller=None if caller_at is None else CallerSound(caller_at, CALLER),
        service_got=np.concatenate([np.zeros(4000, np.int16), CALLER]),
        decisions_ms=decisions or [],
        service_heard=0,
    )


def test_a_whole_answer() -> None:
    whole = turn(packets(1000, SAID))
    assert (whole.said_ms, whole.heard_ms, whole.cut, whole.lost_ms, whole.repeated_ms) == (4000, 4000, False, 0, 0)
    assert whole.pauses_ms == []
    assert not whole.spoken_to
    assert whole.silent_ms is whole.decided_ms is whole.answered_ms is whole.caller_lost_ms is None


def test_one_that_is_broken_off() -> None:
    cut = turn(packets(1000, SAID[:16000]), caller_at=2800, decisions=[2950])
    assert cut.cut
    assert cut.heard_ms == 2000
    assert cut.silent_ms == 200
    assert cut.decided_ms == 150
    assert cut.silent_after_decision_ms == 50
    assert cut.caller_lost_ms == 0
    assert not turn(packets(1000, SAID[: 8000 * 4 - 2400])).cut, "less than 300 ms are missing"


def test_one_that_pauses_and_goes_on() -> None:
    before, after = SAID[:16000], SAID[14400:]
    paused = turn([*packets(1000, before), *packets(3900, after)], caller_at=2900, decisions=[2980])
    assert not paused.cut
    assert paused.pauses_ms == [900]
    assert (paused.lost_ms, paused.repeated_ms) == (0, 200)
    assert paused.heard_ms == 4200
    assert paused.silent_ms == 100


def test_what_is_skipped_at_a_pause() -> None:
    skipped = turn([*packets(1000, SAID[:16000]), *packets(3900, SAID[17600:])])
    assert (skipped.lost_ms, skipped.repeated_ms, skipped.cut) == (200, 0, False)


def test_an_agent_that_goes_on_is_not_silent() -> None:
    assert turn(packets(1000, SAID), caller_at=1500).silent_ms is None
    assert turn(packets(1000, SAID), caller_at=3500).silent_ms == 1500, "it had said all"


def test_an_answer_to_a_question() -> None:
    answer = turn(packets(3000, SAID), caller_at=1000, decisions=[1100])
    assert answer.answered_ms == 1000
    assert answer.silent_ms is answer.decided_ms is None


def test_how_much_of_the_caller_the_service_got() -> None:
    def lost(got: Samples) -> int | None:
        caller = CallerSound(2000, CALLER)
        return heard_turn(
            SAID, packets(1000, SAID), first=False, caller=caller, service_got=got, decisions_ms=[], service_heard=1
        ).caller_lost_ms

    assert lost(CALLER) == 0
    assert lost(CALLER[2000:]) == 300
    assert lost(np.zeros(8000, np.int16)) is None


def test_late_packets_are_no_pause() -> None:
    heard = packets(1000, SAID[:3200])
    late = [(moment + (60 if number > 10 else 0), samples) for number, (moment, samples) in enumerate(heard)]
    assert len(stretches(late)) == 1
    assert stretches([]) == []
