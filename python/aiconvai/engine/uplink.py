"""The caller's audio on its way to the service: kept at first, then converted and cut into chunks."""

from __future__ import annotations

from aiconvai.engine.audio import AudioFormat
from aiconvai.engine.library import OutOfMemoryError, load_library


class Uplink:
    """Audio in `line_format`, kept up to `limit_ms` until start(), then cut into chunks of `chunk_ms`."""

    def __init__(self, line_format: AudioFormat, chunk_ms: int, limit_ms: int) -> None:
        self._library = library = load_library()
        self.line_format = line_format
        uplink = library.ffi.new("struct aic_uplink *")
        library.lib.aic_uplink_init(uplink, line_format.to_c(), chunk_ms, limit_ms)
        self._uplink = library.ffi.gc(uplink, library.lib.aic_uplink_free)

    def add(self, audio: bytes) -> None:
        """Take audio from the channel, whole samples."""
        self._library.lib.aic_uplink_hear(self._uplink, audio, len(audio))
        if self._library.lib.aic_uplink_add(self._uplink, audio, len(audio)):
            raise OutOfMemoryError("the engine is out of memory")

    def start(self, service_format: AudioFormat) -> None:
        """The service takes this format from now on."""
        if self._library.lib.aic_uplink_start(self._uplink, service_format.to_c()):
            raise OutOfMemoryError("the engine is out of memory")

    def take_chunk(self) -> bytes | None:
        """The next whole chunk in the service's format, None when there is none."""
        length = self._library.lib.aic_uplink_chunk(self._uplink, False)
        if not length:
            return None
        chunk = bytes(self._library.ffi.buffer(self._uplink.audio.bytes, length))
        self._library.lib.aic_uplink_drop_chunk(self._uplink, length)
        return chunk

    @property
    def bytes_waiting(self) -> int:
        waiting: int = self._uplink.audio.length
        return waiting

    @property
    def bytes_received(self) -> int:
        received: int = self._uplink.bytes_received
        return received

    @property
    def bytes_dropped(self) -> int:
        dropped: int = self._uplink.bytes_dropped
        return dropped

    @property
    def level_dbfs(self) -> float:
        level: float = self._library.lib.aic_energy_dbfs(self._library.ffi.addressof(self._uplink, "energy"))
        return level
