"""When a line is given the agent's audio (lines/playout.h), over a line that is played here."""

from __future__ import annotations

from collections.abc import Callable

from aiconvai.engine.library import load_library
from aiconvai.engine.playout_queue import PlayoutQueue

NEVER = 2**64 - 1
"""A deadline that does not come."""


class Playout:
    """The schedule of one call over `queue`. `take` is the line: it is given each frame and says whether it took it.

    Times are microseconds of any clock that only goes forward. All calls from one thread at a time.
    """

    def __init__(self, queue: PlayoutQueue, take: Callable[[bytes], bool]) -> None:
        library = load_library()
        self._library, self._queue, self._take = library, queue, take
        ffi = library.ffi
        self._write = ffi.callback("enum aic_line_written(struct aic_line *, uint8_t *, size_t)", self._on_write)
        self._kind = ffi.new("struct aic_line_kind *", {"name": ffi.NULL, "write": self._write, "left": ffi.NULL})
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

    def _on_write(self, _line: object, frame: object, size: int) -> int:
        lib = self._library.lib
        taken = self._take(bytes(self._library.ffi.buffer(frame, size)))
        return int(lib.AIC_LINE_WRITTEN if taken else lib.AIC_LINE_BUSY)
