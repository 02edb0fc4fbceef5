"""When a line is given the agent's audio: the schedule alone, with a clock and a line that are played here."""

from __future__ import annotations

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


class Call:
    """A call whose clock goes from deadline to deadline. `late_us(n)` is how late the n-th wake-up comes."""

    def __init__(self, late_us: Callable[[int], int] = lambda _: 0) -> None:
        self.queue = PlayoutQueue(ULAW, 60_000)
        self.playout = Playout(self.queue, self._take)
        self.now_us = START_US
        self.written: list[tuple[int, bytes]] = []
        """When which frame was written."""
        self.busy = 0
        """So many of the next offers are refused."""
        self._late_us = late_us
        self._wake_ups = 0

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
