"""One thread of a running Asterisk is made to stand still, as whatever it waits for might."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiconvai.rig.asterisk import Asterisk

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WAIT_FOR_ANY_THREAD = 0x40000000
_ASLEEP_SECONDS = 5.0

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, thread: int) -> None:
    if _libc.ptrace(request, thread, None, None):
        raise OSError(ctypes.get_errno(), f"ptrace({request:#x}, {thread}): {os.strerror(ctypes.get_errno())}")


def _name(task: Path) -> str:
    """Empty where the thread has just ended."""
    try:
        return (task / "comm").read_text().strip()
    except OSError:
        return ""


@contextmanager
def held_thread(asterisk: Asterisk, name: str) -> Iterator[None]:
    """The one thread of that name stands still meanwhile, from a moment when it had nothing to do: it holds no lock."""
    tasks = Path(f"/proc/{asterisk.process.pid}/task")
    (task,) = [task for task in tasks.iterdir() if _name(task) == name]
    deadline = time.monotonic() + _ASLEEP_SECONDS
    while (task / "stat").read_text().rpartition(") ")[2][0] != "S":
        assert time.monotonic() < deadline, f"{name} never sleeps"
        time.sleep(0.01)
    thread = int(task.name)
    _ptrace(_SEIZE, thread)
    _ptrace(_INTERRUPT, thread)
    os.waitpid(thread, _WAIT_FOR_ANY_THREAD)
    try:
        yield
    finally:
        _ptrace(_DETACH, thread)
