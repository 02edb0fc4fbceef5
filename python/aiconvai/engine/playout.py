"""When a line is given the agent's audio (lines/playout.h), over a line that is played here."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from aiconvai.engine.audio import SILENCE_DBFS, IdleAudio
from aiconvai.engine.library import load_library
from aiconvai.engine.playout_queue import PlayoutQueue

NEVER = 2**64 - 1
"""A deadline that does not come."""


class PauseReason(Enum):
    """Why the agent is not heard; the names are those of `enum aic_pause`."""

    HOLD = "hold"
    BARGE_IN = "barge in"


class Playout:
    """The schedule of one call over `queue`. `take` is the line: it is given each frame and says whether it took it;
    `take_idle` is given idle audio, and says that it took it, and None where somebody else is heard.

    Times are microseconds of any clock that only goes forward. All calls from one thread at a time.
    """

    def __init__(
        self,
        queue: PlayoutQueue,
        take: Callable[[bytes], bool],
        take_idle: Callable[[bytes], bool | None] = lambda frame: True,
    ) -> None:
        library = load_library()
        self._library, self._queue, self._take, self._take_idle = library, queue, take, take_idle
        ffi = library.ffi
        self._write = ffi.callback("enum aic_line_written(struct aic_line *, uint8_t *, size_t)", self._on_write)
        self._write_idle = ffi.callback(
            "enum aic_line_written(struct aic_line *, uint8_t *, size_t)", self._on_write_idle
        )
        self._kind = ffi.new(
            "struct aic_line_kind *",
            {"name": ffi.NULL, "write": self._write, "write_idle": self._write_idle, "left": ffi.NULL},
        )
        self._line = ffi.new("struct aic_line *", {"kind": self._kind})
        self._playout = ffi.new("struct aic_playout *")
        if library.lib.aic_playout_init(self._playout, queue.c_queue, self._line):
            raise MemoryError("the engine could not allocate memory")

    def close(self) -> None:
        """Free what it holds; the queue stays."""
        self._library.lib.aic_playout_clear(self._playout)

    def arrived(self, appended_bytes: int, now_us: int) -> None:
        """So much was appended to the queue."""
        self._library.lib.aic_playout_arrived(self._playout, appended_bytes, now_us)

    def begin_idle(self, now_us: int, level_dbfs: float = SILENCE_DBFS, seed: int = 1) -> None:
        """From now on the line is given idle audio where there is none of the agent's."""
        self._library.lib.aic_playout_begin_idle(
            self._playout, IdleAudio(self._queue.format, level_dbfs, seed).c_idle, now_us
        )

    def begin_at(self, us: int) -> None:
        """The agent is heard then at the earliest."""
        self._library.lib.aic_playout_begin_at(self._playout, us)

    def pause(self, paused: bool, now_us: int, reason: PauseReason = PauseReason.HOLD) -> None:
        """The agent is not to be heard for a while, or is again."""
        value = getattr(self._library.lib, f"AIC_PAUSE_{reason.name}")
        self._library.lib.aic_playout_pause(self._playout, value, paused, now_us)

    def interrupted(self) -> None:
        """What the line has not taken is not to be heard any more."""
        self._library.lib.aic_playout_interrupted(self._playout)

    def attend(self, now_us: int) -> None:
        """Write what is due."""
        self._library.lib.aic_playout_attend(self._playout, now_us)

    @property
    def deadline_us(self) -> int:
        """When to attend; `NEVER`: not before more audio has arrived."""
        deadline: int = self._library.lib.aic_playout_deadline(self._playout)
        return deadline

    @property
    def deadline_is_lax(self) -> bool:
        """Whether no frame of the agent's is due then."""
        return bool(self._library.lib.aic_playout_deadline_is_lax(self._playout))

    @property
    def has_audio(self) -> bool:
        """Whether there is something to be heard still."""
        return bool(self._library.lib.aic_playout_has_audio(self._playout))

    @property
    def frames(self) -> int:
        """Written."""
        return int(self._playout.frames)

    @property
    def late(self) -> int:
        """Times a frame was offered again."""
        return int(self._playout.late)

    @property
    def idle_frames(self) -> int:
        """Of idle audio, written."""
        return int(self._playout.idle_frames)

    def _on_write_idle(self, _line: object, frame: object, size: int) -> int:
        lib = self._library.lib
        taken = self._take_idle(bytes(self._library.ffi.buffer(frame, size)))
        return int({True: lib.AIC_LINE_WRITTEN, False: lib.AIC_LINE_BUSY, None: lib.AIC_LINE_TAKEN}[taken])

    def _on_write(self, _line: object, frame: object, size: int) -> int:
        lib = self._library.lib
        taken = self._take(bytes(self._library.ffi.buffer(frame, size)))
        return int(lib.AIC_LINE_WRITTEN if taken else lib.AIC_LINE_BUSY)
