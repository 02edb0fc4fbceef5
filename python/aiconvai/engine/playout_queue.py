"""The agent's audio on its way to the caller: queued by event id, taken in frames of 20 ms."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, NamedTuple

from aiconvai.engine.audio import AudioFormat
from aiconvai.engine.library import OutOfMemoryError, load_library

NO_EVENT_ID = -(2**63)
"""Stands for "no event id": below any that a service gives (AIC_EVENT_ID_NONE)."""


class PlayoutResult(Enum):
    """What taking a frame brought; the names are those of `enum aic_playout_frame`."""

    FRAME = "frame"
    HOLD = "hold"
    EMPTY = "empty"


class PlayoutFrame(NamedTuple):
    """A frame of audio, empty unless the result is FRAME."""

    result: PlayoutResult
    audio: bytes


@dataclass(frozen=True, slots=True)
class Interruption:
    """What an interruption removed, and how far the caller had heard."""

    removed_chunks: int
    removed_bytes: int
    remaining_chunks: int
    heard_event_id: int | None
    heard_samples: int
    removed_ids: tuple[int, ...]

    @classmethod
    def from_c(cls, result: Any) -> Interruption:
        named = min(result.removed_chunks, len(result.removed_ids))
        return cls(
            result.removed_chunks,
            result.removed_bytes,
            result.remaining_chunks,
            event_id_or_none(result.heard_event_id),
            result.heard_samples,
            tuple(result.removed_ids[at] for at in range(named)),
        )


@dataclass(frozen=True, slots=True)
class PlayoutStats:
    """Counters of a queue, as in `struct aic_playout_stats`."""

    chunks_appended: int
    bytes_appended: int
    bytes_entered: int
    chunks_interrupted: int
    bytes_interrupted: int
    chunks_late: int
    bytes_overflow: int
    frames_taken: int
    underruns: int
    gap_us: int
    delay_ms: int
    filled_bytes: int
    queued_bytes: int
    queued_chunks: int
    playing_event_id: int | None
    heard_samples: int


def event_id_or_none(event_id: int) -> int | None:
    """The event id, None where C says that there is none."""
    return None if event_id == NO_EVENT_ID else event_id


class PlayoutQueue:
    """A playout queue holding at most `limit_ms` of audio. All calls from one thread at a time.

    After turns that ran dry it holds the first frame of the next ones back, at most `max_delay_ms`. Times are
    microseconds of any clock that only goes forward.
    """

    def __init__(self, audio_format: AudioFormat, limit_ms: int, max_delay_ms: int = 0) -> None:
        self._library = library = load_library()
        if audio_format.rate <= 0:
            raise ValueError(f"a rate of {audio_format.rate} samples a second: expected one above 0")
        self.format = audio_format
        self.c_queue = library.owned(
            library.lib.aic_playout_queue_new(audio_format.to_c(), limit_ms, max_delay_ms),
            library.lib.aic_playout_queue_free,
        )
        self.frame_bytes: int = library.lib.aic_playout_queue_frame_bytes(self.c_queue)
        self._frame = library.ffi.new("uint8_t[]", self.frame_bytes)

    def append(self, event_id: int, audio: bytes, now_us: int = 0) -> int:
        """Queue a chunk. Returns the bytes queued: fewer at the limit, 0 for an id interrupted already."""
        return self._queued(
            self._library.lib.aic_playout_queue_append(self.c_queue, event_id, audio, len(audio), now_us)
        )

    def append_tail(self, event_id: int, audio: bytes) -> int:
        """Queue the end of the audio before it, which does not tell when audio comes. Returns the bytes queued."""
        return self._queued(self._library.lib.aic_playout_queue_append_tail(self.c_queue, event_id, audio, len(audio)))

    def append_silence(self, event_id: int, ms: int, now_us: int = 0) -> int:
        """Queue silence that belongs to `event_id` but does not count as heard. Returns the bytes queued."""
        return self._queued(self._library.lib.aic_playout_queue_append_silence(self.c_queue, event_id, ms, now_us))

    @staticmethod
    def _queued(result: int) -> int:
        if result < 0:
            raise OutOfMemoryError("the engine is out of memory")
        return result

    def interrupt(self, event_id: int) -> Interruption:
        """Remove all that is queued with this id or an older one, and drop such audio from now on."""
        result = self._library.ffi.new("struct aic_interruption *")
        self._library.lib.aic_playout_queue_interrupt(self.c_queue, event_id, result)
        return Interruption.from_c(result)

    def cut(self, ms: int) -> int:
        """Remove what would be heard later than in `ms`. Returns how many bytes that was."""
        cut: int = self._library.lib.aic_playout_queue_cut(self.c_queue, ms)
        return cut

    def go_back(self) -> int:
        """Put back what was taken last, from a quiet place on. Returns how many bytes are heard again."""
        again: int = self._library.lib.aic_playout_queue_go_back(self.c_queue)
        return again

    def put_off(self, by_us: int) -> None:
        """Nothing was to be taken for so long."""
        self._library.lib.aic_playout_queue_put_off(self.c_queue, by_us)

    def take(self) -> PlayoutFrame:
        """The next frame; while something is queued, calls are taken to be 20 ms apart.

        Less than one is held back for one call, then played, completed with silence.
        """
        value = self._library.lib.aic_playout_queue_take(self.c_queue, self._frame)
        result = self._library.member(PlayoutResult, "aic_playout_frame", "AIC_PLAYOUT", value)
        audio = bytes(self._library.ffi.buffer(self._frame)) if result is PlayoutResult.FRAME else b""
        return PlayoutFrame(result, audio)

    def heard(self, event_id: int) -> int:
        """Samples of this id taken so far."""
        samples: int = self._library.lib.aic_playout_queue_heard(self.c_queue, event_id)
        return samples

    def is_empty(self) -> bool:
        empty: bool = self._library.lib.aic_playout_queue_is_empty(self.c_queue)
        return empty

    @property
    def memory(self) -> int:
        """Bytes that it holds for audio and chunks."""
        held: int = self._library.lib.aic_playout_queue_memory(self.c_queue)
        return held

    def stats(self) -> PlayoutStats:
        stats = self._library.ffi.new("struct aic_playout_stats *")
        self._library.lib.aic_playout_queue_stats(self.c_queue, stats)
        values = {field.name: getattr(stats, field.name) for field in fields(PlayoutStats)}
        return PlayoutStats(**values | {"playing_event_id": event_id_or_none(stats.playing_event_id)})
