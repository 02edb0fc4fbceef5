"""Port ranges for Asterisk instances that live side by side on one machine."""

from __future__ import annotations

import fcntl
import socket
import tempfile
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"

# Below 32768: the kernel hands out ephemeral ports from there on.
_FIRST_PORT = 8000
_PORTS_PER_SLOT = 2000
_SLOTS = 12
_FIRST_RTP_OFFSET = 100


class PortLease:
    """Exclusive use of a range of loopback ports, until `release`.

    The lease is a file lock, so it is shared fairly between processes and ends with the process that holds
    it.
    """

    def __init__(self) -> None:
        self._lock: IO[str] | None = None
        for slot in range(_SLOTS):
            lock = (Path(tempfile.gettempdir()) / f"aiconvai-ports-{slot}.lock").open("a")
            first = _FIRST_PORT + slot * _PORTS_PER_SLOT
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            if _is_free(first, socket.SOCK_DGRAM) and _is_free(first + 1, socket.SOCK_STREAM):
                self._lock = lock
                self.sip = first
                self.ami = first + 1
                self.rtp_first = first + _FIRST_RTP_OFFSET
                self.rtp_last = first + _PORTS_PER_SLOT - 1
                return
            lock.close()
        last = _FIRST_PORT + _SLOTS * _PORTS_PER_SLOT - 1
        raise RuntimeError(f"all {_SLOTS} port ranges of {HOST}:{_FIRST_PORT}-{last} are taken; stop an instance")

    def release(self) -> None:
        """Give the range back; harmless when called twice."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As Asterisk does: a listener's remains in TIME_WAIT do not make the port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
