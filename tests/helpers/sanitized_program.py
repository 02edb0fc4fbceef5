"""Programs of tests/host/, built with a sanitizer."""

from __future__ import annotations

import os
from pathlib import Path

from aiconvai.builds import build_program
from aiconvai.rig.asterisk.images import repository_root

SANITIZERS = ("thread", "address,undefined")


def sanitized(name: str, sanitizer: str, into: Path) -> Path:
    """The program, in that folder."""
    root = repository_root()
    build = root / "build" / f"host-{sanitizer.split(',')[0]}"
    options = {"b_sanitize": sanitizer, "b_lundef": "false", "module": "disabled", "tests": "true", "werror": "true"}
    options["buildtype"] = "debugoptimized"
    return build_program(root, build, f"tests/host/{name}", options, into)


def environment() -> dict[str, str]:
    """In which a report ends the program with another status."""
    return {
        **os.environ,
        "TSAN_OPTIONS": "second_deadlock_stack=1:history_size=4:exitcode=66",
        "ASAN_OPTIONS": "detect_leaks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
