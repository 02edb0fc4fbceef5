"""The playout delay: it comes with gaps, goes without them, and never makes anything worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.playout_queue import PlayoutQueue, PlayoutResult
from aiconvai.mock import Jitter
from aiconvai.rig.bench.jitter import Arrival, EventIds, Frame, Playout, arrivals, compare, judge, play

ULAW = AudioFormat(Encoding.ULAW, 8000)
LIMIT_MS = 60_000
FRAME_MS = 20
MAX_DELAY_MS = 200
PAUSE_MS = 2000

CHUNKS_MS = st.sampled_from([20, 60, 100])
EVENT_IDS: st.SearchStrategy[EventIds] = st.sampled_from(["chunk", "turn"])


def turns_of(
    delays_ms: Sequence[Sequence[float]], chunk_ms: int, event_ids: EventIds = "chunk", pause_ms: int = PAUSE_MS
) -> list[Arrival]:
    """Turns at the pace of real time whose chunks are so late, in order."""
    coming: list[Arrival] = []
    begin_ms, event_id = 1000.0, 0
    for turn, delays in enumerate(delays_ms):
        event_id += event_ids == "turn"
        latest = 0.0
        for number, delay in enumerate(delays):
            event_id += event_ids == "chunk"
            latest = max(latest, begin_ms + number * chunk_ms + delay)
            audio = bytes((turn * 31 + number + at) % 251 for at in range(8 * chunk_ms))
            coming.append(Arrival(round(latest * 1000), turn, event_id, audio))
        begin_ms = latest + chunk_ms + pause_ms
    return coming


def queue_of(max_delay_ms: int = MAX_DELAY_MS) -> PlayoutQueue:
    return PlayoutQueue(ULAW, LIMIT_MS, max_delay_ms)


def heard(coming: Sequence[Arrival], queue: PlayoutQueue) -> Playout:
    return judge(coming, play(queue, coming))


def heard_by_turn(coming: Sequence[Arrival], max_delay_ms: int) -> list[Playout]:
    frames = play(queue_of(max_delay_ms), coming)
    results: list[Playout] = []
    at = 0
    for turn in range(coming[-1].turn + 1):
        ours = [arrival for arrival in coming if arrival.turn == turn]
        count = sum(len(arrival.audio) for arrival in ours) // 160
        results.append(judge(ours, frames[at : at + count]))
        at += count
    assert at == len(frames)
    return results


# Examples ------------------------------------------------------------------------------------------


@dataclass
class Line:
    """A queue and the time, in milliseconds; speech in chunks of 20 ms."""

    queue: PlayoutQueue = field(default_factory=queue_of)
    now_ms: int = 1000
    event_id: int = 0

    def say(self, late_ms: int = 0, chunk_ms: int = 20, event_id: int | None = None) -> None:
        """A chunk comes so long after everything before it was heard."""
        self.event_id += event_id is None
        self.now_ms += late_ms
        self.queue.append(event_id or self.event_id, bytes(8 * chunk_ms), self.now_ms * 1000)

    def take(self) -> PlayoutResult:
        result = self.queue.take().result
        if result is not PlayoutResult.EMPTY:
            self.now_ms += FRAME_MS
        return result

    def hear(self) -> list[PlayoutResult]:
        """All that is queued, and the take that finds nothing more."""
        results = [self.take()]
        while results[-1] is not PlayoutResult.EMPTY:
            results.append(self.take())
        return results

    @property
    def delay_ms(self) -> int:
        return self.queue.stats().delay_ms

    def holds(self) -> int:
        return self.hear().count(PlayoutResult.HOLD)

    def turn(self, *late_ms: int) -> int:
        """After a pause a chunk comes, and one so late after each. How many frames the first was held back."""
        self.now_ms += PAUSE_MS
        self.say()
        held = self.holds()
        for each in late_ms:
            self.say(each)
            assert self.holds() == 0
        return held


def test_the_first_frame_is_played_at_once() -> None:
    line = Line()
    line.say()
    assert line.take() is PlayoutResult.FRAME


@pytest.mark.parametrize(
    ("lateness_ms", "delay_ms"), [(4, 0), (9, 0), (10, 20), (29, 20), (30, 40), (60, 40), (400, 40)]
)
def test_a_gap_makes_the_next_turn_wait_for_it_up_to_a_step(lateness_ms: int, delay_ms: int) -> None:
    line = Line()
    assert line.turn(lateness_ms) == 0
    assert line.delay_ms == delay_ms
    assert line.turn() == delay_ms // FRAME_MS


def test_each_gap_of_a_turn_is_a_step_up_to_the_limit() -> None:
    line = Line(queue_of(110))
    line.turn(50, 50)
    assert line.delay_ms == 80
    line.turn(50, 50)
    assert line.delay_ms == 100


def test_a_limit_of_nothing_switches_it_off() -> None:
    line = Line(queue_of(0))
    line.turn(60, 60)
    assert line.turn(60) == 0
    stats = line.queue.stats()
    assert (stats.delay_ms, stats.underruns, stats.gap_us) == (0, 3, 180_000)


def test_a_turn_without_reserve_leaves_the_delay_as_it_is_and_one_with_reserve_shrinks_it() -> None:
    line = Line()
    line.turn(40)
    assert [line.turn(0), line.turn(0)] == [2, 2]  # a chunk came just in time
    line.now_ms += PAUSE_MS
    for _ in range(5):
        line.say()
        line.take()
    line.hear()
    assert line.turn() == 1


def test_a_turn_of_one_chunk_says_nothing_against_a_shorter_delay() -> None:
    line = Line()
    line.turn(40)
    assert [line.turn() for _ in range(3)] == [2, 1, 0]


def test_a_delayed_turn_is_held_until_its_reserve_is_queued() -> None:
    """The chunk itself is no reserve: the next one may come as late as its end."""
    line = Line()
    line.turn(60, 60)
    assert line.delay_ms == 80
    line.now_ms += PAUSE_MS
    line.say(chunk_ms=100)
    assert line.take() is PlayoutResult.HOLD
    line.say(chunk_ms=60)
    assert line.take() is PlayoutResult.HOLD
    line.say(chunk_ms=20)
    assert line.take() is PlayoutResult.FRAME


def test_the_end_of_a_turn_waits_no_longer_than_the_delay() -> None:
    """A turn shorter than the delay, and shorter than a frame."""
    line = Line()
    line.turn(40)
    line.now_ms += PAUSE_MS
    line.queue.append(99, b"\1" * 100, line.now_ms * 1000)
    assert [line.take() for _ in range(4)] == [
        PlayoutResult.HOLD,
        PlayoutResult.HOLD,
        PlayoutResult.FRAME,
        PlayoutResult.EMPTY,
    ]


@pytest.mark.parametrize(
    ("pause_ms", "same_id", "in_turn"),
    [(500, False, True), (501, False, False), (501, True, True), (2000, True, True), (2001, True, False)],
)
def test_a_pause_ends_a_turn_sooner_where_the_event_id_changes(pause_ms: int, same_id: bool, in_turn: bool) -> None:
    line = Line()
    line.say(event_id=7)
    line.hear()
    line.say(pause_ms, event_id=7 if same_id else 8)
    assert line.queue.stats().underruns == in_turn
    assert line.queue.stats().gap_us == (pause_ms * 1000 if in_turn else 0)


def test_an_interruption_ends_the_turn() -> None:
    line = Line()
    line.turn(40)
    line.queue.interrupt(line.event_id)
    line.say(30)
    stats = line.queue.stats()
    assert (stats.underruns, stats.gap_us, stats.delay_ms) == (1, 40_000, 40)
    assert line.holds() == 2


def test_an_interruption_of_what_nobody_hears_any_more_changes_nothing() -> None:
    line = Line()
    line.turn()
    line.queue.interrupt(line.event_id - 1)
    line.say(30)
    assert line.queue.stats().underruns == 1
    assert line.hear() == [PlayoutResult.FRAME, PlayoutResult.EMPTY]


def test_a_turn_that_is_held_back_can_be_interrupted_and_the_next_one_waits_its_own_time() -> None:
    line = Line()
    line.turn(40)
    line.now_ms += PAUSE_MS
    line.say()
    assert line.take() is PlayoutResult.HOLD
    assert line.queue.interrupt(line.event_id).removed_chunks == 1
    assert line.take() is PlayoutResult.EMPTY
    line.say(100)
    assert line.holds() == 2


def test_a_late_interruption_of_the_turn_before_does_not_hold_the_next_one_longer() -> None:
    line = Line()
    line.turn(40)
    before = line.event_id
    line.now_ms += PAUSE_MS
    line.say()
    assert line.take() is PlayoutResult.HOLD
    line.queue.interrupt(before)
    assert line.take() is PlayoutResult.HOLD
    assert line.take() is PlayoutResult.FRAME


def test_newer_audio_that_an_interruption_leaves_begins_a_turn() -> None:
    line = Line()
    line.turn(40)
    line.now_ms += PAUSE_MS
    for _ in range(3):
        line.say()
    assert [line.take() for _ in range(2)] == [PlayoutResult.FRAME] * 2  # 40 ms beyond a chunk are queued
    line.say()
    line.queue.interrupt(line.event_id - 1)
    assert line.delay_ms == 20  # the turn before had so much in hand
    assert [line.take() for _ in range(2)] == [PlayoutResult.HOLD, PlayoutResult.FRAME]


def test_padding_is_reserve() -> None:
    line = Line()
    line.turn(40)
    line.now_ms += PAUSE_MS
    line.queue.append_silence(99, 40, line.now_ms * 1000)
    line.queue.append(99, bytes(160), line.now_ms * 1000)
    assert line.take() is PlayoutResult.FRAME


def test_a_service_a_second_ahead_needs_no_delay() -> None:
    line = Line()
    line.turn(60, 60, 60)
    assert line.delay_ms == 120
    line.now_ms += PAUSE_MS
    line.say(chunk_ms=1000)
    assert line.take() is PlayoutResult.FRAME
    line.hear()
    line.say(300)  # its pauses are not the network's
    assert line.queue.stats().underruns == 4
    assert line.delay_ms == 0


# Properties ----------------------------------------------------------------------------------------

LATENESS = st.lists(st.lists(st.floats(0, 440), min_size=1, max_size=25), min_size=1, max_size=8)


@given(LATENESS, CHUNKS_MS, EVENT_IDS, st.sampled_from([20, 60, 200, 500]))
@settings(deadline=None)
def test_no_turn_is_heard_with_a_longer_gap_than_without_the_delay(
    delays_ms: list[list[float]], chunk_ms: int, event_ids: EventIds, max_delay_ms: int
) -> None:
    """And nothing is lost, all is in order (judge() looks), and no turn is held back longer than the limit."""
    coming = turns_of(delays_ms, chunk_ms, event_ids)
    plain, adapted = heard_by_turn(coming, 0), heard_by_turn(coming, max_delay_ms)
    for without, within in zip(plain, adapted, strict=True):
        assert within.gap_ms <= without.gap_ms
        assert without.delay_ms == 0
        assert 0 <= within.delay_ms <= max_delay_ms


@given(LATENESS, CHUNKS_MS, EVENT_IDS, st.sampled_from([0, 200]))
@settings(deadline=None)
def test_the_queue_counts_the_gaps_that_are_heard(
    delays_ms: list[list[float]], chunk_ms: int, event_ids: EventIds, max_delay_ms: int
) -> None:
    coming = turns_of(delays_ms, chunk_ms, event_ids)
    queue = queue_of(max_delay_ms)
    result = heard(coming, queue)
    stats = queue.stats()
    assert stats.underruns == result.gaps
    # Shorter ones than 5 ms are not counted.
    assert result.gap_ms - 5 * len(coming) <= stats.gap_us / 1000 <= result.gap_ms


@given(st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=6), CHUNKS_MS, EVENT_IDS, st.floats(0, 1))
@settings(deadline=None)
def test_who_is_never_late_is_never_delayed(counts: list[int], chunk_ms: int, event_ids: EventIds, pace: float) -> None:
    """Chunks that come when the one before ends or sooner, up to all at once."""
    coming: list[Arrival] = []
    for arrival in turns_of([[0.0] * count for count in counts], chunk_ms, event_ids):
        first = next((one for one in coming if one.turn == arrival.turn), arrival)
        time_us = first.time_us + int((arrival.time_us - first.time_us) * pace)
        coming.append(Arrival(time_us, arrival.turn, arrival.event_id, arrival.audio))
    queue = queue_of()
    result = heard(coming, queue)
    assert (result.gap_ms, result.delay_ms) == (0, 0)
    assert (queue.stats().delay_ms, queue.stats().underruns) == (0, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 60) | st.integers(300, 3000), st.integers(1, 900), st.booleans()),
        min_size=1,
        max_size=80,
    ),
    st.sampled_from([0, 40, 200, 500]),
)
@settings(deadline=None)
def test_whatever_comes_is_heard_whole_and_its_position_is_exact(
    chunks: list[tuple[int, int, bool]], max_delay_ms: int
) -> None:
    """Chunks of any length at any time. No hold lasts longer than the limit or, with a piece of a frame, a frame."""
    queue = queue_of(max_delay_ms)
    now_ms, event_id, said, frames = 0, 0, b"", b""
    lengths: dict[int, int] = {}
    due_ms: int | None = None
    longest_hold = hold = 0

    def take() -> None:
        nonlocal due_ms, frames, hold, longest_hold
        assert due_ms is not None
        frame = queue.take()
        frames += frame.audio
        due_ms = None if frame.result is PlayoutResult.EMPTY else due_ms + FRAME_MS
        hold = hold + 1 if frame.result is PlayoutResult.HOLD and queue.stats().queued_bytes >= 160 else 0
        longest_hold = max(longest_hold, hold)

    for wait_ms, length, same_id in chunks:
        now_ms += wait_ms
        while due_ms is not None and due_ms < now_ms:
            take()
        event_id += not same_id
        audio = bytes((len(said) + at) % 251 for at in range(length))  # silence, 255, is none of it
        said += audio
        lengths[event_id] = lengths.get(event_id, 0) + length
        assert queue.append(event_id, audio, now_ms * 1000) == length
        if due_ms is None:
            due_ms = now_ms
            take()
    while due_ms is not None:
        take()
    assert frames.replace(b"\xff", b"") == said
    for each in list(lengths)[-16:]:
        assert queue.heard(each) == lengths[each]
    assert longest_hold * FRAME_MS <= max_delay_ms


@pytest.mark.parametrize("distribution", ["uniform", "exponential"])
@pytest.mark.parametrize("jitter_ms", [60, 120])
@pytest.mark.parametrize("chunk_ms", [20, 60, 100])
@pytest.mark.parametrize("event_ids", ["chunk", "turn"])
def test_most_of_what_jitter_makes_heard_is_not_heard_with_the_delay(
    distribution: str, jitter_ms: int, chunk_ms: int, event_ids: EventIds
) -> None:
    coming = list(
        arrivals(
            24, Jitter.model_validate({"ms": jitter_ms, "distribution": distribution, "seed": 5}), chunk_ms,
            turn_seconds=3.0, event_ids=event_ids,
        )
    )  # fmt: skip
    without, adapted = (judge(coming, play(queue_of(limit), coming)) for limit in (0, MAX_DELAY_MS))
    assert without.gap_ms > 24 * 20
    assert adapted.gap_ms < without.gap_ms / 2
    assert adapted.gaps < without.gaps


def test_when_the_network_calms_down_the_delay_goes() -> None:
    queue = queue_of()
    rough = turns_of([[0, 150, 0, 0, 150] * 4 for _ in range(6)], 20)
    calm = turns_of([[0] * 20 for _ in range(MAX_DELAY_MS // 20 + 1)], 20)
    later_us = rough[-1].time_us + 5_000_000
    heard(rough, queue)
    assert queue.stats().delay_ms > 100
    frames: list[Frame] = play(
        queue, [Arrival(one.time_us + later_us, one.turn, one.event_id + 10_000, one.audio) for one in calm]
    )
    assert queue.stats().delay_ms == 0
    assert len(frames) == len(calm)


def test_a_comparison_is_of_the_same_speech() -> None:
    one = compare("uniform", 60, 20, minutes=0.5)
    assert one.without.speech_ms == one.adapted.speech_ms == 30_000
    assert one.adapted.gap_ms < one.without.gap_ms
    assert one.without.delay_ms == 0 < one.adapted.delay_ms <= MAX_DELAY_MS
