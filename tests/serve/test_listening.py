"""The socket of the page and the API."""

from __future__ import annotations

import socket

import pytest

from aiconvai.serve.settings import PageSettings
from aiconvai.serve.web.listening import STUCK_MS, listen_at


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_no_answer_waits_for_an_acknowledgement_nor_for_ever(host: str) -> None:
    with socket.create_server((host, 0), family=PageSettings(host=host).family) as free:
        port = free.getsockname()[1]
    with listen_at(PageSettings(host=host, port=port)) as listening, socket.create_connection((host, port)):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == STUCK_MS
