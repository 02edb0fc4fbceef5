"""The playout queue against a plain model of it, and its promises one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from engine_memory import allocated_bytes
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.library import load_library
from aiconvai.engine.playout_queue import NO_EVENT_ID, PlayoutQueue, PlayoutResult

ULAW = AudioFormat(Encoding.ULAW, 8000)
PCM16 = AudioFormat(Encoding.PCM16, 16000)
LIMITS_MS = (600, 2000)
"""Of the smaller one the limit in chunks is reached, too."""

FRAME_US = 20_000

EVENT_IDS = st.integers(min_value=-2, max_value=9)


@dataclass
class ModelChunk:
    event_id: int
    audio: bytes
    padding: bool


@dataclass
class Turn:
    """What is known of the turn that is held back or heard."""

    playing: bool = False
    ahead: bool = False
    largest_us: int = 0
    held_us: int = 0
    lag_us: int = 0
    silence_us: int = 0
    spare_us: list[int] = field(default_factory=list)


@dataclass
class DelayModel:
    """What playout_delay.h promises."""

    max_ms: int
    ms: int = 0
    underruns: int = 0
    gap_us: int = 0
    due_us: int = 0
    turn: Turn = field(default_factory=Turn)

    def end_turn(self) -> None:
        spares = self.turn.spare_us
        if self.turn.playing and (not spares or min(spares) >= 20_000):
            self.ms = max(0, self.ms - 20)
        self.turn = Turn()

    def arrived(self, now_us: int, queued_us: int, length_us: int, *, padding: bool, same_event: bool) -> None:
        if not queued_us and now_us > self.due_us:
            self.turn.silence_us += now_us - self.due_us
            self.due_us = now_us
        if self.turn.playing:
            if self.turn.silence_us > (2_000_000 if same_event else 500_000):
                self.end_turn()
            else:
                self._go_on(queued_us + max(0, self.due_us - now_us))
        if not padding:
            self.turn.largest_us = max(self.turn.largest_us, length_us)
        if queued_us + length_us >= 1_000_000:
            self.turn.ahead = True
            self.ms = 0

    def _go_on(self, spare_us: int) -> None:
        turn = self.turn
        silence_us, turn.silence_us = turn.silence_us, 0
        turn.spare_us.append(0 if silence_us else spare_us)
        turn.lag_us += silence_us
        if silence_us < 5000:
            return
        self.underruns += 1
        self.gap_us += silence_us
        if not turn.ahead:
            lag_frames = (turn.lag_us + 10_000) // FRAME_US
            self.ms = max(self.ms, min(lag_frames * 20, self.ms + 40, self.max_ms))

    def holds_back(self, queued_us: int) -> bool:
        turn, delay_us = self.turn, self.ms * 1000
        return not turn.playing and turn.held_us < delay_us and queued_us - turn.largest_us < delay_us

    def held(self) -> None:
        self.due_us += FRAME_US
        if self.turn.playing:
            self.turn.silence_us += FRAME_US
        else:
            self.turn.held_us += FRAME_US

    def played(self, silent_us: int) -> None:
        self.due_us += FRAME_US
        turn = self.turn
        if not turn.playing:
            turn.playing, turn.silence_us, turn.lag_us = True, 0, max(turn.held_us, self.ms * 1000)
        turn.silence_us = turn.silence_us + silent_us if silent_us else 0

    def interrupted(self, queued_us: int, largest_us: int) -> None:
        if self.turn.playing or not queued_us:
            self.end_turn()
        self.turn.largest_us = largest_us


@dataclass
class Model:
    """What the queue promises, with lists instead of rings."""

    format: AudioFormat
    limit_bytes: int
    limit_chunks: int
    delay: DelayModel
    chunks: list[ModelChunk] = field(default_factory=list)
    interrupted_id: int = NO_EVENT_ID
    held: bool = False
    appended: bool = False
    playing: int | None = None
    heard: dict[int, int] = field(default_factory=dict)
    chunks_appended: int = 0
    bytes_appended: int = 0
    chunks_interrupted: int = 0
    bytes_interrupted: int = 0
    late: int = 0
    overflow: int = 0
    frames: int = 0
    filled: int = 0

    @property
    def queued(self) -> int:
        return sum(len(chunk.audio) for chunk in self.chunks)

    def us(self, length: int) -> int:
        return length // self.format.sample_bytes * 1_000_000 // self.format.rate

    def append(self, event_id: int, audio: bytes, now_us: int, *, padding: bool = False, tail: bool = False) -> int:
        if event_id <= self.interrupted_id:
            self.late += 1
            return 0
        kept = min(len(audio), self.limit_bytes - self.queued)
        kept -= kept % self.format.sample_bytes
        joined = len(self.chunks) >= self.limit_chunks
        if joined and (self.chunks[-1].event_id, self.chunks[-1].padding) != (event_id, padding):
            kept = 0
        self.overflow += len(audio) - kept
        if kept:
            if not tail:
                self.delay.arrived(
                    now_us,
                    self.us(self.queued),
                    self.us(kept),
                    padding=padding,
                    same_event=event_id == self.playing,
                )
            if joined:
                self.chunks[-1].audio += audio[:kept]
            else:
                self.chunks.append(ModelChunk(event_id, audio[:kept], padding))
            self.appended = True
            if not padding:
                self.chunks_appended += 1
                self.bytes_appended += kept
        return kept

    def interrupt(self, event_id: int) -> list[ModelChunk]:
        self.interrupted_id = max(self.interrupted_id, event_id)
        removed = [chunk for chunk in self.chunks if chunk.event_id <= event_id]
        self.chunks = [chunk for chunk in self.chunks if chunk.event_id > event_id]
        self.chunks_interrupted += len(removed)
        self.bytes_interrupted += sum(len(chunk.audio) for chunk in removed)
        if self.playing is None or self.playing <= event_id:
            largest = max((len(chunk.audio) for chunk in self.chunks if not chunk.padding), default=0)
            self.delay.interrupted(self.us(self.queued), self.us(largest))
        return removed

    def cut(self, keep: int) -> int:
        cut = 0
        while self.queued > keep:
            last = self.chunks[-1]
            over = min(self.queued - keep, len(last.audio))
            last.audio = last.audio[: len(last.audio) - over]
            if not last.audio:
                self.chunks.pop()
            self.chunks_interrupted += 1
            self.bytes_interrupted += over
            cut += over
        return cut

    def take(self, frame_bytes: int) -> tuple[PlayoutResult, bytes]:
        appended, self.appended = self.appended, False
        if not self.chunks:
            self.held = False
            return PlayoutResult.EMPTY, b""
        incomplete = self.queued < frame_bytes and (not self.held or appended)
        if incomplete or self.delay.holds_back(self.us(self.queued)):
            self.held = True
            self.delay.held()
            return PlayoutResult.HOLD, b""
        self.held = False
        frame = b""
        while self.chunks and len(frame) < frame_bytes:
            chunk = self.chunks[0]
            part, chunk.audio = (
                chunk.audio[: frame_bytes - len(frame)],
                chunk.audio[frame_bytes - len(frame) :],
            )
            frame += part
            if not chunk.padding:
                self.playing = chunk.event_id
                self.heard[chunk.event_id] = self.heard.get(chunk.event_id, 0) + len(part) // self.format.sample_bytes
            if not chunk.audio:
                self.chunks.pop(0)
        self.frames += 1
        short = frame_bytes - len(frame)
        self.filled += short
        self.delay.played(self.us(short))
        return PlayoutResult.FRAME, frame + self.format.silence * (short // self.format.sample_bytes)


class PlayoutQueueMachine(RuleBasedStateMachine):
    """Whatever is called in whatever order, the queue and its model agree."""

    @initialize(
        audio_format=st.sampled_from([ULAW, PCM16]),
        max_delay_ms=st.sampled_from([0, 50, 200, 500]),
        limit_ms=st.sampled_from(LIMITS_MS),
    )
    def begin(self, audio_format: AudioFormat, max_delay_ms: int, limit_ms: int) -> None:
        self.queue = PlayoutQueue(audio_format, limit_ms, max_delay_ms)
        delay = DelayModel(max_delay_ms // 20 * 20)
        self.model = Model(audio_format, audio_format.bytes_of(limit_ms), limit_ms // 5 + 64, delay)
        self.serial = 0
        self.now_us = 5_000_000

    def _audio(self, length: int) -> bytes:
        """Audio in which every byte depends on its place in the whole stream, so that order shows."""
        self.serial += length
        return bytes((at * 7 + at // 251) & 0xFF for at in range(self.serial - length, self.serial))

    def _append(self, event_id: int, length: int) -> None:
        audio = self._audio(length)
        assert self.queue.append(event_id, audio, self.now_us) == self.model.append(event_id, audio, self.now_us)

    @rule(event_id=EVENT_IDS, length=st.integers(min_value=0, max_value=700))
    def append(self, event_id: int, length: int) -> None:
        self._append(event_id, length)

    @rule(event_id=EVENT_IDS, length=st.integers(min_value=4000, max_value=40000))
    def append_much(self, event_id: int, length: int) -> None:
        self._append(event_id, length)

    @rule(event_ids=st.lists(EVENT_IDS, min_size=40, max_size=90), length=st.integers(1, 9))
    def append_many(self, event_ids: list[int], length: int) -> None:
        for event_id in event_ids:
            self._append(event_id, length)

    @rule(event_id=EVENT_IDS, length=st.integers(min_value=0, max_value=200))
    def append_tail(self, event_id: int, length: int) -> None:
        audio = self._audio(length)
        assert self.queue.append_tail(event_id, audio) == self.model.append(event_id, audio, self.now_us, tail=True)

    @rule(event_id=EVENT_IDS, ms=st.integers(min_value=0, max_value=120))
    def append_silence(self, event_id: int, ms: int) -> None:
        audio = self.model.format.silence * (self.model.format.bytes_of(ms) // self.model.format.sample_bytes)
        assert self.queue.append_silence(event_id, ms, self.now_us) == self.model.append(
            event_id, audio, self.now_us, padding=True
        )

    @rule(event_id=EVENT_IDS)
    def interrupt(self, event_id: int) -> None:
        result = self.queue.interrupt(event_id)
        removed = self.model.interrupt(event_id)
        assert result.removed_chunks == len(removed)
        assert result.removed_bytes == sum(len(chunk.audio) for chunk in removed)
        named = removed[: load_library().lib.AIC_REMOVED_IDS_MAX]
        assert result.removed_ids == tuple(chunk.event_id for chunk in named)
        assert result.remaining_chunks == len(self.model.chunks)
        assert result.heard_event_id == self.model.playing
        playing = self.model.playing
        assert result.heard_samples == (0 if playing is None else self.model.heard[playing])

    @rule(ms=st.integers(0, 300) | st.just(2**40))
    def cut(self, ms: int) -> None:
        assert self.queue.cut(ms) == self.model.cut(self.model.format.bytes_of(ms))

    @rule(count=st.integers(min_value=1, max_value=12))
    def take(self, count: int) -> None:
        for _ in range(count):
            assert tuple(self.queue.take()) == self.model.take(self.queue.frame_bytes)
            self.now_us += FRAME_US

    @rule(ms=st.integers(0, 40) | st.integers(400, 2500))
    def wait(self, ms: int) -> None:
        self.now_us += ms * 1000

    @rule(event_id=EVENT_IDS, lateness_ms=st.integers(0, 90), length=st.sampled_from([160, 320, 500]))
    def run_dry(self, event_id: int, lateness_ms: int, length: int) -> None:
        """Audio that comes only after everything before it was heard."""
        while self.model.chunks:
            self.take(1)
        self.now_us = max(self.now_us, self.model.delay.due_us) + lateness_ms * 1000
        self._append(event_id, length)

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "queue"):
            return
        stats, model = self.queue.stats(), self.model
        assert stats.queued_bytes == model.queued <= model.limit_bytes
        assert stats.queued_chunks == len(model.chunks)
        assert self.queue.is_empty() == (not model.chunks)
        assert (stats.chunks_appended, stats.bytes_appended) == (model.chunks_appended, model.bytes_appended)
        assert stats.chunks_interrupted == model.chunks_interrupted
        assert stats.bytes_interrupted == model.bytes_interrupted
        assert (stats.chunks_late, stats.bytes_overflow) == (model.late, model.overflow)
        assert (stats.frames_taken, stats.filled_bytes) == (model.frames, model.filled)
        delay = model.delay
        assert (stats.underruns, stats.gap_us, stats.delay_ms) == (delay.underruns, delay.gap_us, delay.ms)
        assert stats.delay_ms <= delay.max_ms
        assert stats.playing_event_id == model.playing
        assert stats.heard_samples == (0 if model.playing is None else model.heard[model.playing])
        for event_id in range(-2, 10):
            assert self.queue.heard(event_id) == model.heard.get(event_id, 0)


TestPlayoutQueueAgainstModel = PlayoutQueueMachine.TestCase
TestPlayoutQueueAgainstModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def frames(queue: PlayoutQueue) -> list[bytes]:
    """All frames that can be had without waiting."""
    taken = []
    while (frame := queue.take()).result is PlayoutResult.FRAME:
        taken.append(frame.audio)
    return taken


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 32000, 48000])
def test_a_frame_is_20_ms(rate: int) -> None:
    assert PlayoutQueue(AudioFormat(Encoding.PCM16, rate), 1000).frame_bytes == rate // 50 * 2


def test_an_interruption_keeps_what_is_newer_without_a_gap() -> None:
    queue = PlayoutQueue(ULAW, 10_000)
    for event_id in (1, 2, 3, 2, 4, 1, 5):
        queue.append(event_id, bytes([event_id]) * 100)
    queue.take()
    result = queue.interrupt(2)
    assert result.removed_ids == (2, 2, 1)
    assert (result.removed_bytes, result.remaining_chunks) == (40 + 100 + 100, 3)
    assert (result.heard_event_id, result.heard_samples) == (2, 60)
    assert b"".join(frames(queue)) == b"\3" * 100 + b"\4" * 60
    assert queue.append(2, b"\2" * 160) == 0
    assert queue.append(3, b"\3" * 160) == 160
    assert queue.stats().chunks_late == 1


def test_the_interrupted_id_itself_is_removed() -> None:
    queue = PlayoutQueue(ULAW, 1000)
    queue.append(7, bytes(160))
    assert queue.interrupt(7).removed_chunks == 1
    assert queue.take().result is PlayoutResult.EMPTY


def test_an_older_interruption_does_not_bring_a_newer_id_back() -> None:
    queue = PlayoutQueue(ULAW, 1000)
    queue.interrupt(5)
    queue.interrupt(3)
    assert queue.append(4, bytes(160)) == 0
    assert queue.append(6, bytes(160)) == 160


def test_less_than_a_frame_is_held_once_then_filled() -> None:
    queue = PlayoutQueue(ULAW, 1000)
    queue.append(1, b"\1" * 100)
    assert queue.take().result is PlayoutResult.HOLD
    assert queue.take() == (PlayoutResult.FRAME, b"\1" * 100 + b"\xff" * 60)
    assert queue.take().result is PlayoutResult.EMPTY
    assert queue.stats().filled_bytes == 60


def test_a_held_frame_that_still_grows_is_held_on() -> None:
    queue = PlayoutQueue(ULAW, 1000)
    for _ in range(3):
        queue.append(1, b"\1" * 40)
        assert queue.take().result is PlayoutResult.HOLD
    assert queue.take() == (PlayoutResult.FRAME, b"\1" * 120 + b"\xff" * 40)


def test_the_rest_of_a_held_frame_joins_it() -> None:
    queue = PlayoutQueue(ULAW, 1000)
    queue.append(1, b"\1" * 100)
    assert queue.take().result is PlayoutResult.HOLD
    queue.append(1, b"\2" * 60)
    assert queue.take() == (PlayoutResult.FRAME, b"\1" * 100 + b"\2" * 60)
    assert queue.stats().underruns == 0


@pytest.mark.parametrize("waits", [0, 1, 5])
def test_a_tail_is_no_gap_and_makes_none_of_what_follows(waits: int) -> None:
    queue = PlayoutQueue(ULAW, 1000, 500)
    queue.append(1, bytes(160), 0)
    queue.take()
    for _ in range(waits):
        assert queue.take().result is PlayoutResult.EMPTY
    assert queue.append_tail(1, b"\1" * 32) == 32
    assert [queue.take().result for _ in range(2)] == [PlayoutResult.HOLD, PlayoutResult.FRAME]
    assert (queue.stats().underruns, queue.stats().gap_us, queue.heard(1)) == (0, 0, 192)
    queue.append(2, bytes(160), 3_000_000)
    assert (queue.stats().underruns, queue.stats().delay_ms) == (0, 0)


@pytest.mark.parametrize("waits", [0, 1, 3])
def test_a_gap_within_an_event_is_one_underrun(waits: int) -> None:
    queue = PlayoutQueue(ULAW, 1000)
    queue.append(1, bytes(100))
    assert [queue.take().result for _ in range(2)] == [PlayoutResult.HOLD, PlayoutResult.FRAME]
    for _ in range(waits):
        assert queue.take().result is PlayoutResult.EMPTY
    queue.append(1, bytes(160))
    assert queue.stats().underruns == 1


def test_the_limit_is_hard_and_counted() -> None:
    queue = PlayoutQueue(PCM16, 100)
    limit = PCM16.bytes_of(100)
    assert queue.append(1, bytes(limit - 1)) == limit - 2
    assert queue.append(1, bytes(640)) == 2
    assert queue.append(1, bytes(640)) == 0
    assert queue.stats().bytes_overflow == 1 + 638 + 640
    queue.take()
    assert queue.append(1, bytes(1000)) == 640


def test_silence_goes_with_its_event_and_is_not_heard() -> None:
    queue = PlayoutQueue(ULAW, 1000)
    queue.append_silence(1, 40)
    queue.append(1, b"\1" * 160)
    assert queue.take().audio == b"\xff" * 160
    assert queue.heard(1) == 0
    queue.take()
    assert queue.take().audio == b"\1" * 160
    assert queue.heard(1) == 160
    queue.append_silence(2, 40)
    assert queue.interrupt(2).removed_bytes == 320


def test_the_heard_positions_of_the_latest_events_are_kept() -> None:
    queue = PlayoutQueue(ULAW, 10_000)
    remembered = load_library().lib.AIC_HEARD_EVENTS
    for event_id in range(remembered + 3):
        queue.append(event_id, bytes(160 * (event_id + 1)))
    assert len(frames(queue)) == sum(range(1, remembered + 4))
    assert [queue.heard(event_id) for event_id in range(remembered + 3)] == [0, 0, 0] + [
        160 * (event_id + 1) for event_id in range(3, remembered + 3)
    ]


def test_extreme_event_ids() -> None:
    queue = PlayoutQueue(ULAW, 1000)
    assert queue.append(NO_EVENT_ID, bytes(160)) == 0
    assert queue.append(-(2**63) + 1, bytes(160)) == 160
    assert queue.append(2**63 - 1, bytes(160)) == 160
    assert queue.interrupt(2**63 - 2).removed_chunks == 1
    assert queue.interrupt(2**63 - 1).removed_chunks == 1
    assert queue.append(2**63 - 1, bytes(160)) == 0


def test_a_queue_in_steady_use_wraps_around() -> None:
    """Thousands of frames pass through a queue that never holds more than two chunks."""
    queue = PlayoutQueue(PCM16, 10_000)
    sent, played = bytearray(), bytearray()
    for at in range(5000):
        chunk = bytes((at + offset) & 0xFF for offset in range(0, 640))
        sent += chunk
        assert queue.append(at // 100, chunk) == 640
        if at % 3 == 2:
            for _ in range(3):
                played += queue.take().audio
    for frame in frames(queue):
        played += frame
    assert played == sent


def test_memory_stays_bounded_when_a_service_interrupts_what_waits_behind_newer_audio() -> None:
    """Removed audio between kept audio must not pile up behind it."""
    queue = PlayoutQueue(ULAW, 10_000)
    newest = 10**9
    queue.append(newest, bytes(8000))
    before = allocated_bytes()
    for event_id in range(2000):
        assert queue.append(event_id, bytes(60_000)) == 60_000
        assert queue.append(newest, b"\1") == 1
        queue.interrupt(event_id)
    assert queue.stats().queued_bytes == 8000 + 2000
    assert allocated_bytes() - before < 1_000_000
    assert b"".join(frames(queue)) == bytes(8000) + b"\1" * 1920


# Memory


def take_all(queue: PlayoutQueue) -> None:
    while queue.take().result is not PlayoutResult.EMPTY:
        pass


def test_memory_of_a_long_turn_is_given_back_when_it_was_heard() -> None:
    queue = PlayoutQueue(ULAW, 600_000)
    at_first = queue.memory
    for _ in range(600):
        queue.append(1, bytes(8000))
    assert queue.memory > 4_800_000
    take_all(queue)
    assert queue.memory < 2 * 8 * 20_000
    queue.append(2, b"\x01" * 160)
    assert queue.take().audio == b"\x01" * 160
    assert queue.memory < at_first + 2 * 8 * 20_000


def test_memory_of_a_long_turn_is_given_back_when_it_was_interrupted() -> None:
    queue = PlayoutQueue(ULAW, 600_000)
    queue.append(1, bytes(4_800_000))
    queue.take()
    queue.interrupt(1)
    assert queue.memory < 2 * 8 * 20_000
    queue.append(2, b"\x01" * 160)
    assert queue.take().audio == b"\x01" * 160


def test_ordinary_turns_use_the_same_memory_again() -> None:
    queue = PlayoutQueue(ULAW, 600_000)
    held = []
    for turn in range(5):
        for _ in range(20 * 50):
            queue.append(turn, bytes(160))
        take_all(queue)
        held.append(queue.memory)
    assert len(set(held)) == 1


def test_the_tiniest_chunks_are_bounded_too() -> None:
    queue = PlayoutQueue(ULAW, 10_000)
    for at in range(20_000):
        assert queue.append(1, bytes([at % 256])) == 1
    assert queue.stats().queued_chunks <= 10_000 // 5 + 64
    assert queue.memory < 200_000
    assert queue.append(2, b"x") == 0, "another turn would need a chunk of its own"
    assert queue.stats().bytes_overflow == 1
    heard = b"".join(queue.take().audio for _ in range(20_000 // 160))
    assert heard == bytes(at % 256 for at in range(20_000))


def test_removed_chunks_between_others_do_not_pile_up() -> None:
    queue = PlayoutQueue(ULAW, 10_000)
    newest = 10**9
    queue.append(newest, bytes(8000))
    for event_id in range(1000):
        for _ in range(200):
            queue.append(event_id, b"x")
        queue.append(newest, b"\1")
        queue.interrupt(event_id)
    assert queue.memory < 400_000
    assert b"".join(frames(queue)) == bytes(8000) + b"\1" * 960
