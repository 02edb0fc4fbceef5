"""An Asterisk as a gateway sees it: connections of AudioSocket that say what they are told to."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from aiconvai.audio import Samples
from aiconvai.rig.asterisk import Asterisk

TERMINATE, UUID, DTMF, AUDIO = 0x00, 0x01, 0x03, 0x10
KINDS = {8000: 0x10, 12000: 0x11, 16000: 0x12, 24000: 0x13, 48000: 0x16}
FRAME_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Message:
    """One that came, and when (time.monotonic())."""

    kind: int
    payload: bytes
    time: float


def message(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BH", kind, len(payload)) + payload


class AudioSocketCall:
    """A caller behind an Asterisk. It reads all the time, and speaks in real time."""

    def __init__(self, port: int, identity: str = "", *, rate: int = 8000, host: str = "127.0.0.1") -> None:
        """Connects; with `identity` says that."""
        self.identity = identity or str(uuid.uuid4())
        self.rate = rate
        self.messages: list[Message] = []
        self.connection = socket.create_connection((host, port), timeout=10)
        self.connection.settimeout(None)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connected = time.monotonic()
        self.problem = ""
        self._changed = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The caller hangs up."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self.connection.close()

    def identify(self) -> None:
        self.send(message(UUID, uuid.UUID(self.identity).bytes))

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def press(self, keys: str) -> None:
        for key in keys:
            self.send(message(DTMF, key.encode()))

    def say(self, samples: Samples) -> None:
        """In frames of 20 ms, in their time."""
        size = self.rate // 50
        began = time.monotonic()
        for number, at in enumerate(range(0, len(samples), size)):
            payload = np.asarray(samples[at : at + size], dtype="<i2").tobytes()
            self.send(message(KINDS[self.rate], payload))
            time.sleep(max(0.0, began + (number + 1) * FRAME_SECONDS - time.monotonic()))

    def wait(self, seconds: float = 10.0) -> None:
        """Until the gateway has closed it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._is_over, seconds), "the gateway did not close the connection"

    def wait_messages(self, count: int, seconds: float = 10.0) -> None:
        self.until(lambda: len(self.messages) >= count, seconds)

    def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """It is asked at first and after each message."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), len(self.messages)

    @property
    def is_over(self) -> bool:
        return self._is_over

    def heard(self) -> Samples:
        """All that came, as one sound."""
        parts = [np.frombuffer(one.payload, dtype="<i2") for one in self.messages if one.kind >= AUDIO]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def _read(self) -> None:
        rest = b""
        try:
            while piece := self.connection.recv(65536):
                rest += piece
                while len(rest) >= 3 and len(rest) >= 3 + (length := int.from_bytes(rest[1:3], "big")):
                    one = Message(rest[0], rest[3 : 3 + length], time.monotonic())
                    rest = rest[3 + length :]
                    with self._changed:
                        self.messages.append(one)
                        self._changed.notify_all()
        except OSError as error:
            self.problem = str(error)
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


def load_audiosocket(asterisk: Asterisk) -> None:
    """The modules, which the rig does not load."""
    for name in ("res_audiosocket", "app_audiosocket", "chan_audiosocket", "func_uuid"):
        if "Running" not in asterisk.cli(f"module show like {name}"):
            loaded = asterisk.cli(f"module load {name}.so")
            assert "Loaded" in loaded, loaded
