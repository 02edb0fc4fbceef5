"""Where the page and the API listen."""

from __future__ import annotations

import socket

from aiconvai.serve.settings import PageSettings

STUCK_MS = 30_000
"""After which a connection is over whose other end takes nothing of what is sent."""


def listen_at(page: PageSettings) -> socket.socket:
    """Raises `OSError` where another one has the port."""
    listening = socket.create_server((page.host, page.port), family=page.family)
    # An answer's head and body are two writes, and the second would wait 40 ms for the acknowledgement of the first:
    # asyncio switches that off only where it has made the socket itself. Connections inherit both.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Closed, it would else stay for as long as the other end's machine says that it is there.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
    return listening
