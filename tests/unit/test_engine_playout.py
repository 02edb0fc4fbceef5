"""When a line is given the agent's audio: the schedule alone, with a clock and a line that are played here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.playout import NEVER, Playout
from aiconvai.engine.playout_queue import PlayoutQueue

ULAW = AudioFormat(Encoding.ULAW, 8000)
FRAME = 160
FRAME_US = 20_000
RETRY_US = 1000
SHARED_US = 5000
START_US = 1_000_000
SILENCE = b"\xff" * FRAME


class Call:
    """A call whose clock goes from deadline to deadline. `late_us(n)` is how late the n-th wake-up comes."""

    def __init__(self, late_us: Callable[[int], int] = lambda _: 0, idle: bool = False) -> None:
        self.queue = PlayoutQueue(ULAW, 60_000)
        self.playout = Playout(self.queue, self._take, self._take_idle)
        self.now_us = START_US
        self.written: list[tuple[int, bytes]] = []
        """When which frame was written."""
        self.busy = 0
        """So many of the next offers are refused."""
        self.others = False
        """Somebody else is heard."""
        self.idle_us: list[int] = []
        """When idle audio was written."""
        self._late_us = late_us
        self._wake_ups = 0
        if idle:
            self.playout.begin_idle(self.now_us)

    def _take_idle(self, frame: bytes) -> bool | None:
        if self.others:
            return None
        if self.busy:
            self.busy -= 1
            return False
        assert frame == SILENCE
        self.idle_us.append(self.now_us)
        return True

    def _take(self, frame: bytes) -> bool:
        if self.busy:
            self.busy -= 1
            return False
        self.written.append((self.now_us, frame))
        return True

    def says(self, audio: bytes, event_id: int = 1) -> None:
        """Audio arrives now."""
        self.playout.arrived(self.queue.append(event_id, audio, self.now_us), self.now_us)

    def until(self, us: int) -> None:
        """Time goes by."""
        while (deadline := self.playout.deadline_us) <= us:
            late = self._late_us(self._wake_ups)
            self._wake_ups += 1
            self.now_us = max(self.now_us, deadline + late)
            self.playout.attend(self.now_us)
        self.now_us = max(self.now_us, us)

    @property
    def all_us(self) -> list[int]:
        """When anything was written."""
        return sorted(self.idle_us + [time for time, _ in self.written])

    @property
    def times_us(self) -> list[int]:
        """When frames were written, from the first one on."""
        return [time - self.written[0][0] for time, _ in self.written]


@pytest.fixture
def call() -> Iterator[Call]:
    one = Call()
    yield one
    one.playout.close()


def speech(frames: int) -> bytes:
    """So many frames, each of one byte of its own."""
    return b"".join(bytes([1 + number % 200]) * FRAME for number in range(frames))


def test_the_first_frame_goes_at_once_and_the_others_on_absolute_deadlines(call: Call) -> None:
    call.says(speech(50))
    assert call.times_us == [0]
    call.until(START_US + 2_000_000)
    # Audio with frames to spare falls in with the others' deadlines.
    first = call.times_us[1]
    assert FRAME_US <= first < FRAME_US + SHARED_US
    assert call.times_us == [0, *(first + number * FRAME_US for number in range(49))]
    assert b"".join(frame for _, frame in call.written) == speech(50)
    assert call.playout.deadline_us == NEVER
    assert not call.playout.has_audio


@given(st.lists(st.integers(0, 15_000), min_size=1, max_size=30))
def test_late_wake_ups_do_not_add_up(late_us: list[int]) -> None:
    call = Call(lambda number: late_us[number % len(late_us)])
    call.says(speech(100))
    call.until(START_US + 3_000_000)
    due = [call.written[0][0], *(START_US + FRAME_US + number * FRAME_US for number in range(99))]
    assert len(call.written) == 100
    assert all(0 <= time - deadline <= 15_000 for (time, _), deadline in zip(call.written, due, strict=True))
    call.playout.close()


@given(st.lists(st.integers(-2500, 15_000), min_size=20, max_size=60))
def test_audio_that_comes_as_it_is_heard_is_passed_on_as_it_comes(off_us: list[int]) -> None:
    """Up to 3 ms early, or late."""
    call = Call()
    before = call.now_us
    for number, off in enumerate(off_us):
        # Later than the last one by 20 ms, more or less; never so late that it was missed.
        came = max(call.now_us, before + FRAME_US + min(off, 4000))
        call.until(came)
        call.says(bytes([number % 250]) * FRAME)
        assert call.written[-1] == (came, bytes([number % 250]) * FRAME)
        before = came
    assert len(call.written) == len(off_us)
    call.playout.close()


def test_a_busy_line_is_offered_the_same_frame_again(call: Call) -> None:
    call.busy = 3
    call.says(speech(3))
    assert call.written == []
    assert call.playout.has_audio
    call.until(START_US + 500_000)
    assert call.written[0][0] == START_US + 3 * RETRY_US
    # Those after it are as due as they were.
    assert call.times_us[1:] == [FRAME_US - 3 * RETRY_US, 2 * FRAME_US - 3 * RETRY_US]
    assert call.playout.late == 2
    assert call.playout.frames == 3
    assert b"".join(frame for _, frame in call.written) == speech(3)


def test_a_frame_that_waits_for_the_line_goes_with_an_interruption(call: Call) -> None:
    call.busy = 1
    call.says(speech(10))
    call.queue.interrupt(1)
    call.playout.interrupted()
    assert not call.playout.has_audio
    call.until(START_US + 100_000)
    assert call.written == []
    call.says(b"\x07" * FRAME, event_id=2)
    assert [frame for _, frame in call.written] == [b"\x07" * FRAME]


def test_what_is_newer_than_the_interruption_goes_on(call: Call) -> None:
    call.says(speech(10), event_id=1)
    call.says(b"\x07" * FRAME * 3, event_id=2)
    call.until(START_US + 50_000)
    heard = len(call.written)
    call.queue.interrupt(1)
    call.playout.interrupted()
    call.until(START_US + 500_000)
    assert [frame for _, frame in call.written[heard:]] == [b"\x07" * FRAME] * 3


def test_after_a_standstill_old_frames_do_not_come_in_a_burst(call: Call) -> None:
    call.says(speech(60))
    call.until(START_US + 100_000)
    before = len(call.written)
    call.now_us += 700_000
    call.playout.attend(call.now_us)
    assert len(call.written) == before + 1
    call.until(call.now_us + 10 * FRAME_US)
    assert len(call.written) == before + 11


def test_a_part_of_a_frame_waits_for_the_rest(call: Call) -> None:
    call.says(b"\x01" * 100)
    call.until(START_US + 15_000)
    call.says(b"\x01" * 60)
    call.until(START_US + 25_000)
    assert [frame for _, frame in call.written] == [b"\x01" * FRAME]


def test_without_the_rest_it_is_completed_with_silence(call: Call) -> None:
    call.says(b"\x01" * 100)
    call.until(START_US + 200_000)
    assert [frame for _, frame in call.written] == [b"\x01" * 100 + b"\xff" * 60]
    assert call.playout.deadline_us == NEVER


# The line never falls silent ------------------------------------------------------------------------


@pytest.fixture
def idle() -> Iterator[Call]:
    """A call whose line is given idle audio."""
    one = Call(idle=True)
    yield one
    one.playout.close()


def test_an_idle_line_has_fifty_frames_a_second_from_the_beginning(idle: Call) -> None:
    idle.until(START_US + 1_000_000 - 1)
    assert idle.idle_us == [START_US + number * FRAME_US for number in range(50)]
    assert idle.playout.idle_frames == 50
    assert idle.playout.frames == 0
    assert not idle.playout.has_audio
    assert idle.playout.deadline_is_lax


def test_without_idle_audio_nothing_is_due(call: Call) -> None:
    call.until(START_US + 1_000_000)
    assert call.idle_us == []
    assert call.playout.deadline_us == NEVER


@given(st.integers(0, 19_999), st.integers(1, 60), st.booleans())
def test_a_turn_is_heard_at_once_and_as_many_frames_go_as_time_has_passed(
    into_us: int, frames: int, at_once: bool
) -> None:
    """However a turn lies in the grid of idle frames."""
    call = Call(idle=True)
    for turn in range(5):
        call.until(call.now_us + 500_000 + into_us)
        begin = call.now_us
        if at_once:
            call.says(speech(frames))
        else:
            for number in range(frames):
                call.until(begin + number * FRAME_US)
                call.says(speech(1))
        assert call.written[turn * frames][0] == begin
        call.until(begin + frames * FRAME_US + 10_000)
    call.until(call.now_us + 500_000)
    passed = (call.now_us - START_US) / FRAME_US
    assert len(call.written) == 5 * frames
    assert len(call.all_us) == pytest.approx(passed, abs=2)
    # Nobody waits for longer than a frame and what is left out after a turn.
    assert max(after - before for before, after in itertools.pairwise(call.all_us)) <= 3 * FRAME_US
    call.playout.close()


def test_audio_that_comes_unevenly_has_no_silence_put_into_it(idle: Call) -> None:
    idle.until(START_US + 100_000)
    before = len(idle.idle_us)
    begin = idle.now_us
    for number in range(100):
        idle.until(begin + number * FRAME_US + (17_000 if number % 7 == 3 else 0))
        idle.says(speech(1))
    idle.until(idle.now_us + FRAME_US)
    assert len(idle.written) == 100
    assert len(idle.idle_us) == before


def test_after_a_turn_the_line_is_filled_up_to_now(idle: Call) -> None:
    idle.says(speech(3))
    last = START_US + 2 * FRAME_US
    idle.until(last + 200_000)
    # Given a frame's time to go on, then what is missing, then on the old grid.
    after = [time for time in idle.idle_us if time > last]
    assert after[0] == after[1]
    assert last + 2 * FRAME_US <= after[0] < last + 2 * FRAME_US + SHARED_US
    assert {later - earlier for earlier, later in itertools.pairwise(after[1:])} == {FRAME_US}


def test_idle_audio_leaves_room_for_others_and_comes_back(idle: Call) -> None:
    idle.until(START_US + 100_000)
    before = len(idle.idle_us)
    idle.others = True
    idle.until(START_US + 1_000_000)
    assert len(idle.idle_us) == before
    idle.others = False
    idle.until(START_US + 2_000_000)
    assert len(idle.idle_us) - before == pytest.approx(50, abs=1)


def test_a_line_that_is_busy_for_a_moment_lacks_nothing_afterwards(idle: Call) -> None:
    for _ in range(20):
        idle.busy = 3
        idle.until(idle.now_us + 50_000)
    assert len(idle.idle_us) == pytest.approx(50, abs=1)
    assert idle.idle_us[-1] >= idle.now_us - FRAME_US - 3 * RETRY_US


def test_one_that_is_busy_for_long_is_asked_until_it_is_not_and_gets_no_burst(idle: Call) -> None:
    idle.until(START_US + 100_000)
    before = len(idle.idle_us)
    idle.busy = 300
    idle.until(START_US + 400_000)
    assert len(idle.idle_us) == before
    idle.until(START_US + 500_000)
    assert len(idle.idle_us) - before == pytest.approx(100 / 20, abs=4)


def test_a_line_that_stood_still_gets_no_burst(idle: Call) -> None:
    idle.until(START_US + 100_000)
    before = len(idle.idle_us)
    idle.now_us += 700_000
    idle.playout.attend(idle.now_us)
    assert len(idle.idle_us) == before + 1


def test_a_turn_that_is_held_back_is_waited_for_in_silence() -> None:
    call = Call(idle=True)
    call.until(START_US + 100_000)
    call.says(b"\x01" * 100)
    call.until(START_US + 300_000)
    assert len(call.written) == 1
    assert len(call.all_us) == pytest.approx(15, abs=1)
    call.playout.close()


def test_idle_audio_does_not_get_in_the_way_of_a_frame_that_waits(idle: Call) -> None:
    idle.until(START_US + 100_000)
    before = len(idle.idle_us)
    idle.busy = 50
    idle.says(speech(1))
    idle.until(START_US + 140_000)
    assert len(idle.idle_us) == before
    idle.until(START_US + 160_000)
    assert len(idle.written) == 1


# Nobody is at the other end --------------------------------------------------------------------------


@pytest.mark.parametrize("at_us", [0, 7_000, 20_000, 111_000])
def test_a_pause_loses_nothing_and_goes_on_where_it_was(call: Call, at_us: int) -> None:
    call.says(speech(50))
    call.until(START_US + at_us)
    before = len(call.written)
    call.playout.pause(True, call.now_us)
    assert call.playout.deadline_us == NEVER
    call.says(speech(10), event_id=2)
    call.until(START_US + 5_000_000)
    assert len(call.written) == before
    assert call.playout.has_audio
    call.playout.pause(False, call.now_us)
    resumed = call.now_us
    call.until(resumed + 3_000_000)
    assert b"".join(frame for _, frame in call.written) == speech(50) + speech(10)
    assert [time - resumed for time, _ in call.written[before:]] == [n * FRAME_US for n in range(60 - before)]


def test_a_frame_that_waits_is_kept_through_a_pause(call: Call) -> None:
    call.busy = 1
    call.says(speech(2))
    call.playout.pause(True, call.now_us)
    call.until(START_US + 1_000_000)
    assert call.written == []
    call.playout.pause(False, call.now_us)
    call.until(START_US + 1_100_000)
    assert b"".join(frame for _, frame in call.written) == speech(2)


def test_a_frame_that_waits_is_kept_beside_idle_audio(idle: Call) -> None:
    idle.busy = 1
    idle.says(speech(2))
    idle.playout.pause(True, idle.now_us)
    idle.until(START_US + 1_000_000)
    idle.playout.pause(False, idle.now_us)
    idle.until(START_US + 1_100_000)
    assert b"".join(frame for _, frame in idle.written) == speech(2)


def test_what_comes_in_a_pause_begins_with_its_end(call: Call) -> None:
    call.playout.pause(True, call.now_us)
    call.says(speech(5))
    call.until(START_US + 1_000_000)
    call.queue.interrupt(1)
    call.playout.interrupted()
    call.says(b"\x07" * FRAME * 2, event_id=2)
    call.playout.pause(False, call.now_us)
    call.until(START_US + 2_000_000)
    assert [frame for _, frame in call.written] == [b"\x07" * FRAME] * 2


def test_a_pause_with_nothing_to_say_changes_nothing(call: Call) -> None:
    call.playout.pause(True, call.now_us)
    call.playout.pause(False, call.now_us)
    assert call.playout.deadline_us == NEVER
    call.says(speech(1))
    assert len(call.written) == 1


def test_the_line_has_idle_audio_in_a_pause(idle: Call) -> None:
    idle.says(speech(50))
    idle.until(START_US + 100_000)
    idle.playout.pause(True, idle.now_us)
    before = len(idle.idle_us)
    idle.until(START_US + 1_100_000)
    assert len(idle.idle_us) - before == pytest.approx(50, abs=2)
    assert idle.playout.deadline_is_lax


# The first words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("came_us", [0, 100_000, 490_000])
def test_the_agent_is_not_heard_before_its_time(call: Call, came_us: int) -> None:
    call.playout.begin_at(START_US + 500_000)
    call.until(START_US + came_us)
    call.says(speech(10))
    call.until(START_US + 2_000_000)
    assert [time - START_US for time, _ in call.written] == [500_000 + number * FRAME_US for number in range(10)]


def test_what_comes_after_its_time_is_heard_at_once(call: Call) -> None:
    call.playout.begin_at(START_US + 500_000)
    call.until(START_US + 600_000)
    call.says(speech(1))
    assert [time - START_US for time, _ in call.written] == [600_000]


def test_its_time_may_come_sooner(call: Call) -> None:
    call.playout.begin_at(START_US + 500_000)
    call.says(speech(2))
    call.until(START_US + 200_000)
    call.playout.begin_at(START_US + 200_000)
    call.until(START_US + 1_000_000)
    assert [time - START_US for time, _ in call.written] == [200_000, 200_000 + FRAME_US]


def test_the_line_has_idle_audio_until_then(idle: Call) -> None:
    idle.playout.begin_at(START_US + 500_000)
    idle.says(speech(1))
    idle.until(START_US + 490_000)
    assert idle.written == []
    assert len(idle.idle_us) == 25
