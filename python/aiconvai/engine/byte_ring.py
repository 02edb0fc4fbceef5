"""A lock-free ring of bytes between one writing and one reading thread."""

from __future__ import annotations

from aiconvai.engine.library import OutOfMemoryError, load_library


class ByteRing:
    """A ring of at least `capacity` bytes. One thread writes, another reads."""

    def __init__(self, capacity: int) -> None:
        self._library = library = load_library()
        ring = library.ffi.new("struct aic_byte_ring *")
        if library.lib.aic_byte_ring_init(ring, capacity):
            raise OutOfMemoryError("the engine is out of memory")
        self._ring = library.ffi.gc(ring, library.lib.aic_byte_ring_destroy)
        self.capacity: int = ring.capacity

    def write(self, data: bytes) -> bool:
        """Writer: append all of it, or, where it does not fit, nothing (False)."""
        written: bool = self._library.lib.aic_byte_ring_write(self._ring, data, len(data))
        return written

    def peek(self) -> bytes:
        """Reader: a copy of the readable bytes that lie in one piece; empty when there are none."""
        length = self._library.ffi.new("size_t *")
        start = self._library.lib.aic_byte_ring_peek(self._ring, length)
        return bytes(self._library.ffi.buffer(start, length[0])) if length[0] else b""

    def consume(self, length: int) -> None:
        """Reader: be done with the first `length` bytes that peek() showed."""
        self._library.lib.aic_byte_ring_consume(self._ring, length)
