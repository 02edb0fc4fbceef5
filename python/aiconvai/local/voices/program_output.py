"""What a program writes when it is given something: bounded in time and in size, and ended with who waits for it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from aiconvai.local.parts import PartError

LONGEST_COMPLAINT = 300
"""Characters of what a program says on its standard error."""
_AT_ONCE = 65_536


def _environment() -> dict[str, str]:
    """Of this program, but for LD_PRELOAD: a sanitizer that watches this one hangs in others. One that is written in
    Python is to read UTF-8, whatever the locale.
    """
    kept = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    return {**kept, "PYTHONUTF8": "1"}


async def start(
    command: Sequence[str], package: str, *, stdout: int = asyncio.subprocess.PIPE
) -> asyncio.subprocess.Process:
    """Starts it, by no shell, with pipes for its streams, as the first of a process group of its own. Raises
    `PartError`, which has the `package` to be installed where there is no such program.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=stdout, stderr=pipe, env=_environment(), limit=_AT_ONCE, start_new_session=True
        )
    except FileNotFoundError:
        raise PartError(f"{command[0]} is not installed: {package}") from None
    except OSError as error:
        raise PartError(f"{command[0]} cannot be started: {error.strerror or error}") from error


def kill(process: asyncio.subprocess.Process) -> None:
    """It and what it has started, if it runs."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def end(process: asyncio.subprocess.Process) -> None:
    """Kills it, if it runs, and waits until it is gone."""
    kill(process)
    if process.stdin is not None:
        process.stdin.close()
    # A pipe with something in it that nobody reads would keep `wait` waiting.
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(_AT_ONCE):
            pass
    await process.wait()


async def output_of(command: Sequence[str], given: bytes, *, most_bytes: int, seconds: float, package: str) -> bytes:
    """Its standard output, having `given` that as its standard input. Raises `PartError`: it is missing, fails, writes
    nothing or more than `most_bytes`, or has not ended after so many `seconds`. Killed when cancelled.
    """
    process = await start(command, package)
    try:
        async with asyncio.timeout(seconds):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_give(process, given))
                reading = tasks.create_task(_read(process, most_bytes))
                complaining = tasks.create_task(_read_complaint(process))
            status = await process.wait()
    except TimeoutError:
        raise PartError(f"{command[0]} has not ended after {seconds:g} s") from None
    finally:
        await end(process)
    output, complaint = reading.result(), complaining.result()
    if len(output) > most_bytes:
        raise PartError(f"{command[0]} wrote more than the {most_bytes} bytes that are taken")
    if status != 0 or not output:
        raise PartError(f"{command[0]} failed with exit status {status}: {complaint or 'it said nothing'}")
    return output


async def _give(process: asyncio.subprocess.Process, given: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _read(process: asyncio.subprocess.Process, most_bytes: int) -> bytes:
    """All of it; or more than `most_bytes`, and the process is killed."""
    assert process.stdout is not None
    output = bytearray()
    while part := await process.stdout.read(_AT_ONCE):
        if len(output) <= most_bytes:
            output += part
            if len(output) > most_bytes:
                kill(process)
    return bytes(output)


async def _read_complaint(process: asyncio.subprocess.Process) -> str:
    """The beginning of it, in one line; all of it is read, so that the program goes on."""
    assert process.stderr is not None
    beginning = b""
    while part := await process.stderr.read(_AT_ONCE):
        beginning += part[: LONGEST_COMPLAINT - len(beginning)]
    return " ".join(beginning.decode(errors="replace").split())
