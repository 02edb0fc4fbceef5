"""A service whose name has two addresses, the first of which leads nowhere."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
"""In the order in which getaddrinfo() gives them: packets to both come from the first."""
NAME = "two.example"
HOSTS = f"127.0.0.1 localhost\n{FIRST} {NAME}\n{SECOND} {NAME}\n"
"""An /etc/hosts that says so."""


def port_of_both() -> int:
    """A TCP port that is free at both addresses."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind((FIRST, 0))
            port: int = first.getsockname()[1]
            try:
                second.bind((SECOND, port))
            except OSError:
                continue
            return port


@contextmanager
def swallowing(address: str, port: int) -> Iterator[None]:
    """Whoever connects there hears nothing: the queue of the listener is full, so that the kernel drops what comes."""
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(address, port, backlog=0))
        while True:
            probe = stack.enter_context(socket.socket())
            probe.setblocking(False)
            if probe.connect_ex(listener.getsockname()) not in (0, errno.EINPROGRESS):
                raise RuntimeError(f"{address}:{port}: cannot be connected to")
            if not _is_connected(probe):
                break
        yield


@contextmanager
def mute(address: str, port: int) -> Iterator[None]:
    """Whoever connects there is connected, and hears nothing."""
    with _listener(address, port, backlog=128):
        yield


def _listener(address: str, port: int, backlog: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(backlog)
    return listener


def _is_connected(probe: socket.socket) -> bool:
    """On loopback that is so at once, or not."""
    try:
        probe.getpeername()
    except OSError:
        return False
    return True
