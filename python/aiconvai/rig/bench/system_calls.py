"""How many system calls a process makes, counted by the kernel's tracepoint."""

from __future__ import annotations

import shutil
import subprocess

_EVENT = "raw_syscalls:sys_enter"
_NEVER_RAN = "<not counted>"
_START_SECONDS = 20.0


class CannotCountError(RuntimeError):
    """This machine does not let system calls be counted; the text says why."""


def system_calls_per_second(pid: int, seconds: float) -> float:
    """Of all threads of a process that are there now. Blocks so long. Raises `CannotCountError`.

    Counting slows each call a little: what else is measured must be measured before.
    """
    program = shutil.which("perf")
    if program is None:
        raise CannotCountError("perf is not installed (Debian package linux-perf)")
    command = [program, "stat", "-x", ",", "-e", _EVENT, "-p", str(pid), "--", "sleep", f"{seconds:g}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _START_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise CannotCountError(f"perf did not end within {seconds + _START_SECONDS:g} s") from error
    count = parse(done.stderr)
    if count is None:
        why = done.stderr.strip()[:300] or f"exit status {done.returncode}"
        raise CannotCountError(f"perf stat -e {_EVENT}: {why}")
    return count / seconds


def parse(output: str) -> int | None:
    """The count in what `perf stat -x ,` writes; None where there is none."""
    for line in output.splitlines():
        fields = line.split(",")
        if len(fields) > 2 and fields[2] == _EVENT:
            if fields[0].isdigit():
                return int(fields[0])
            if fields[0] == _NEVER_RAN:
                return 0
    return None
