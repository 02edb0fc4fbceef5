"""What an Asterisk says by its manager and its journal, whatever it is: for atheris, which follows Python's paths.

    .venv/bin/pip install -e '.[fuzz]'; .venv/bin/python tests/fuzz/readers_fuzz.py -max_total_time=120
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["aiconvai"]):
    from aiconvai.gateway.registrations import RegistrationError, caller_of_event
    from aiconvai.serve.events import UnreadableEventError, read_event
    from aiconvai.serve.journal import read_journal
    from aiconvai.serve.manager import Manager, ManagerError, ManagerSettings

_JOURNAL = Path(tempfile.mkdtemp()) / "calls.jsonl"
_loop = asyncio.new_event_loop()


class _Nowhere:
    def close(self) -> None:
        pass

    async def wait_closed(self) -> None:
        pass


async def _read_manager(data: bytes) -> None:
    reader = asyncio.StreamReader(limit=1 << 20)
    reader.feed_data(data)
    reader.feed_eof()
    writer: Any = _Nowhere()
    manager = Manager(ManagerSettings(), reader, writer)
    with contextlib.suppress(ManagerError):
        async for event in manager.events():
            with contextlib.suppress(UnreadableEventError, RegistrationError):
                caller_of_event("pbx", event)
                read_event(event)
    await manager.close()


def _read_journal(data: bytes) -> None:
    _JOURNAL.write_bytes(data + b"\n")
    for read in read_journal(_JOURNAL):
        if read.call is None and not read.problems:
            raise AssertionError("nothing was read, and nothing was said")


def test_one(data: bytes) -> None:
    """The first byte says which."""
    if data[:1] < b"\x80":
        _loop.run_until_complete(_read_manager(data[1:]))
    else:
        _read_journal(data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()
