"""An agent that was broken off goes on where it was, from a quiet place."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_engine_playout import FRAME, FRAME_US, SILENCE, START_US, Call

from aiconvai.audio import tone, ulaw_decode, ulaw_encode
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.playout import NEVER, PauseReason
from aiconvai.engine.playout_queue import PlayoutQueue, PlayoutResult

ULAW = AudioFormat(Encoding.ULAW, 8000)
PCM16 = AudioFormat(Encoding.PCM16, 16000)
BEHIND_MS = 300


def take(queue: PlayoutQueue, frames: int) -> bytes:
    return b"".join(queue.take().audio for _ in range(frames))


def loud(ms: int) -> bytes:
    return ulaw_encode(tone(300.0, ms / 1000, 8000, -10.0))


def quiet(ms: int) -> bytes:
    return ulaw_encode(tone(300.0, ms / 1000, 8000, -50.0))


# The queue ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("behind_ms", "again_ms"), [(60, 100), (200, 240), (240, 280), (300, 20)])
def test_it_begins_at_a_pause_between_words(behind_ms: int, again_ms: int) -> None:
    """40 ms of quiet, `behind_ms` before the end; where that is too long ago any place is as good."""
    queue = PlayoutQueue(ULAW, 60_000)
    said = loud(500) + quiet(40) + loud(behind_ms)
    queue.append(1, said + loud(1000))
    heard = take(queue, (len(said)) // FRAME)
    again = queue.go_back()
    if behind_ms < BEHIND_MS:
        assert again_ms - 40 <= again / 8 <= again_ms
        assert abs(ulaw_decode(take(queue, 1)[:80])).max() < 200
    else:
        assert FRAME <= again <= BEHIND_MS * 8
    assert heard.endswith(said[-FRAME:])


def test_of_equally_quiet_places_the_last_one() -> None:
    queue = PlayoutQueue(ULAW, 60_000)
    queue.append(1, SILENCE * 100)
    take(queue, 50)
    assert queue.go_back() == FRAME


@given(
    st.lists(st.one_of(st.integers(1, 2000), st.just("take"), st.just("back")), min_size=1, max_size=60),
    st.sampled_from([ULAW, PCM16]),
)
def test_what_is_heard_again_is_what_was_heard_last(steps: list[int | str], audio_format: AudioFormat) -> None:
    """Whatever else was queued meanwhile; it counts as heard once."""
    queue = PlayoutQueue(audio_format, 4000)
    width = 1 if audio_format is ULAW else 2
    heard, waiting, samples, left = b"", b"", 0, 0
    value = np.random.default_rng(len(steps))
    for event_id, step in enumerate(steps, 1):
        if isinstance(step, int):
            data = value.integers(0, 255, step * width, np.uint8).tobytes()
            waiting += data[: queue.append(1, data)]
        elif step == "take":
            frame = queue.take()
            if frame.result is PlayoutResult.EMPTY:
                heard = b""
            elif frame.result is PlayoutResult.FRAME:
                got = waiting[: queue.frame_bytes]
                assert frame.audio.startswith(got)
                samples += max(0, len(got) - left) // width
                left = max(0, left - len(got))
                heard, waiting = heard + got, waiting[len(got) :]
        else:
            before = queue.stats()
            again = queue.go_back()
            after = queue.stats()
            assert again % width == 0
            assert again <= min(len(heard), BEHIND_MS * audio_format.rate // 1000 * width)
            if again:
                waiting, heard = heard[-again:] + waiting, heard[:-again]
                left += again
            assert before.bytes_entered - before.queued_bytes == after.bytes_entered - after.queued_bytes
        assert event_id
        assert queue.stats().queued_bytes == len(waiting)
        assert queue.heard(1) == samples


def test_what_is_heard_again_goes_with_an_interruption() -> None:
    queue = PlayoutQueue(ULAW, 60_000)
    queue.append(1, loud(1000))
    take(queue, 20)
    assert queue.go_back()
    queue.append(2, quiet(20))
    queue.interrupt(1)
    assert take(queue, 1) == quiet(20)
    assert queue.heard(1) == 20 * FRAME


def test_nothing_of_a_turn_before_a_silence_is_heard_again() -> None:
    queue = PlayoutQueue(ULAW, 60_000)
    queue.append(1, loud(500))
    take(queue, 26)
    queue.append(2, loud(500))
    assert queue.go_back() == 0
    assert take(queue, 1) == loud(20)
    assert queue.go_back() == FRAME


def test_what_waited_through_a_pause_is_not_late() -> None:
    queue = PlayoutQueue(ULAW, 60_000, 400)
    now_us = START_US
    for _ in range(20):
        queue.append(1, loud(20), now_us)
        take(queue, 1)
        now_us += FRAME_US
    queue.put_off(400_000)
    now_us += 400_000
    for _ in range(20):
        queue.append(1, loud(20), now_us)
        take(queue, 1)
        now_us += FRAME_US
    assert queue.stats().underruns == 0


# The line -------------------------------------------------------------------------------------------


def peak(frame: bytes) -> int:
    return int(abs(ulaw_decode(frame)).max())


def paused_call() -> Call:
    """The agent has spoken for 200 ms and has much to say; then it is paused."""
    call = Call(idle=True)
    call.says(loud(2000))
    call.until(START_US + 200_000)
    call.playout.pause(True, call.now_us, PauseReason.BARGE_IN)
    return call


def test_it_falls_silent_within_one_frame() -> None:
    call = paused_call()
    before = len(call.written)
    call.until(START_US + 700_000)
    assert len(call.written) == before + 1
    time, last = call.written[-1]
    assert time - START_US <= 200_000 + FRAME_US
    assert peak(last[:40]) > 2000
    assert last[80:] == b"\xff" * 80
    # No click: the ramp has no steps.
    assert abs(np.diff(ulaw_decode(last).astype(int))).max() < 3500
    # The line never falls silent meanwhile.
    assert len(call.idle_us) >= 23
    call.playout.close()


def test_it_goes_on_at_a_quiet_place_and_fades_in() -> None:
    call = paused_call()
    call.until(START_US + 700_000)
    before = len(call.written)
    assert call.queue.go_back() >= FRAME
    call.playout.pause(False, call.now_us, PauseReason.BARGE_IN)
    call.until(START_US + 3_000_000)
    first = call.written[before]
    assert first[0] <= START_US + 701_000
    assert peak(first[1][:8]) < 1500
    assert peak(first[1][80:]) > 5000
    times = [time for time, _ in call.written[before:]]
    assert all(FRAME_US - 5000 <= b - a <= FRAME_US + 5000 for a, b in itertools.pairwise(times[1:]))
    assert call.playout.deadline_is_lax
    call.playout.close()


def test_a_frame_that_faded_and_was_not_taken_is_not_heard_before_it_is_heard_again() -> None:
    call = paused_call()
    call.busy = 1000
    call.until(START_US + 300_000)
    call.busy = 0
    before = len(call.written)
    call.queue.go_back()
    call.playout.pause(False, call.now_us, PauseReason.BARGE_IN)
    call.until(call.now_us + 100_000)
    assert peak(call.written[before][1][80:]) > 5000
    call.playout.close()


def test_an_interruption_during_a_pause_leaves_nothing() -> None:
    call = paused_call()
    call.until(START_US + 400_000)
    before = len(call.written)
    call.queue.interrupt(1)
    call.playout.interrupted()
    call.playout.pause(False, call.now_us, PauseReason.BARGE_IN)
    call.until(START_US + 1_000_000)
    assert len(call.written) == before
    call.says(loud(20), event_id=2)
    assert call.written[-1] == (call.now_us, loud(20))
    call.playout.close()


def test_a_hold_and_a_pause_at_once_end_each_for_itself() -> None:
    call = paused_call()
    call.until(START_US + 300_000)
    call.playout.pause(True, call.now_us)
    before = len(call.written)
    call.playout.pause(False, call.now_us, PauseReason.BARGE_IN)
    call.until(START_US + 600_000)
    assert len(call.written) == before
    call.playout.pause(False, call.now_us)
    call.until(START_US + 700_000)
    assert len(call.written) > before
    call.playout.close()


def test_a_pause_in_which_nothing_is_queued_ends_without_a_trace() -> None:
    call = Call()
    call.says(loud(20))
    call.until(START_US + 10_000)
    call.playout.pause(True, call.now_us, PauseReason.BARGE_IN)
    assert call.playout.deadline_us == NEVER or call.playout.deadline_is_lax
    call.until(START_US + 500_000)
    call.playout.pause(False, call.now_us, PauseReason.BARGE_IN)
    call.until(START_US + 600_000)
    call.says(loud(20), event_id=2)
    assert call.written[-1] == (call.now_us, loud(20))
    call.playout.close()
