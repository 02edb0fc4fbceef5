"""The cable over which the far end of measurements is reached, and what goes over it on whose account."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from aiconvai.rig.bench.process_usage import read_usage, used
from aiconvai.rig.bench.wire import NoWireError, wire

_TIMES = 2000
_FAR_END = """
import socket, sys
with socket.create_server((sys.argv[1], 0)) as server:
    print(server.getsockname()[1], flush=True)
    with server.accept()[0] as connection:
        while data := connection.recv(4096):
            connection.sendall(data)
"""


def _devices() -> set[str]:
    """Of a wire of this process: those of others, such as containers, come and go meanwhile."""
    own = re.compile(rf"aic\D{os.getpid()}")
    return {path.name for path in Path("/sys/class/net").iterdir() if own.fullmatch(path.name)}


def test_threads_of_the_kernel_take_in_what_comes() -> None:
    before = _devices()
    with ExitStack() as stack:
        try:
            made = stack.enter_context(wire())
        except NoWireError as error:
            pytest.skip(f"there can be no wire here: {error}")
        assert len(_devices() - before) == 1
        command = [*made.prefix, sys.executable, "-c", _FAR_END, made.address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as far_end:
            assert far_end.stdout is not None
            port = int(far_end.stdout.readline())
            usages = [read_usage(thread) for thread in (made.near_thread, made.far_thread)]
            with socket.create_connection((made.address, port)) as near:
                for _ in range(_TIMES):
                    near.sendall(bytes(200))
                    assert near.recv(4096)
            ran = [
                used(one, read_usage(thread)).ran
                for one, thread in zip(usages, (made.near_thread, made.far_thread), strict=True)
            ]
        # Not a tenth of it would be there if each end's work were on the other's account.
        assert all(one > _TIMES * 2e-6 for one in ran)
    assert _devices() == before
    assert not Path(f"/run/netns/aiconvai-bench-{os.getpid()}").exists()
