"""Ports of the loopback: ranges for Asterisk instances that live side by side on one machine, and single ones."""

from __future__ import annotations

import fcntl
import socket
import tempfile
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"

# Below 32768: the kernel hands out ephemeral ports from there on.
_FIRST_PORT = 8000
_PORTS_PER_SLOT = 1500
_SLOTS = 16
_FIRST_RTP_OFFSET = 100

# Above 60999, up to which it does. One is given again once all the others were.
_SINGLE_PORTS = range(61_000, 65_500)
_NEXT = "aiconvai-next-port"


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


def free_port(preferred: int = 0, *, and_behind_it: int = 0) -> int:
    """Of TCP, that nobody has on the loopback now, as so many behind it: the one preferred, or another. For programs
    that are told theirs: no connection that somebody makes meanwhile gets it, and no other process that asks for one.
    """
    if preferred and _are_free(preferred, 1 + and_behind_it):
        return preferred
    with (Path(tempfile.gettempdir()) / _NEXT).open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        given = counter.read()
        last = len(_SINGLE_PORTS) - and_behind_it
        begin = int(given) if given.isdecimal() else 0
        for step in range(last):
            at = (begin + step) % last
            if _are_free(_SINGLE_PORTS[at], 1 + and_behind_it):
                counter.truncate(0)
                counter.write(str((at + 1 + and_behind_it) % last))
                return _SINGLE_PORTS[at]
    raise OSError(f"no port of {HOST} is free")


def _are_free(first: int, count: int) -> bool:
    return all(_is_free(port, socket.SOCK_STREAM) for port in range(first, first + count))


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
