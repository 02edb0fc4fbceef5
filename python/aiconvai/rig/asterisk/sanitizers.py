"""AddressSanitizer and ThreadSanitizer in an Asterisk that was not built with them: what to preload, what
they say.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from aiconvai.rig.asterisk.images import MODULE_NAME, Sanitizer

_LOG_NAME = "sanitizer"
_LIBRARIES: dict[Sanitizer, str] = {"address": "libasan.so", "thread": "libtsan.so"}
_END = b"SUMMARY:"
_WRITING_SECONDS = 10.0
_ACCESS = re.compile(r"^ *(?:previous |concurrent )?(?:atomic )?(?:read|write) of size", re.M | re.I)
_FRAME = re.compile(r"\s+#\d+ ")
_DESTRUCTOR = re.compile(rf"#\d+ .*{re.escape(MODULE_NAME)}.*\n\s+#\d+ __ao2_ref ")


def environment(sanitizer: Sanitizer, log_directory: str) -> dict[str, str]:
    """Variables for the asterisk process, as shell words: the compiler in the image says where its library
    is.
    """
    options = f"log_path={log_directory}/{_LOG_NAME}"
    library = f'"$(gcc -print-file-name={_LIBRARIES[sanitizer]})"'
    if sanitizer == "address":
        # Asterisk itself leaves much allocated when it ends, and unloaded modules have no names in the
        # report.
        return {"LD_PRELOAD": library, "ASAN_OPTIONS": f"{options}:detect_leaks=0:abort_on_error=1"}
    return {
        "LD_PRELOAD": library,
        "TSAN_OPTIONS": f"{options}:history_size=4:second_deadlock_stack=1:exitcode=0",
    }


def is_the_modules(report: str) -> bool:
    """Whether a report of ThreadSanitizer is about the module's own code alone: all that it saw happened there, and not
    in the destructor of one of Asterisk's counted objects.
    """
    stacks = [stack for stack in report.split("\n\n") if _ACCESS.search(stack)]
    if not stacks:
        return MODULE_NAME in report
    return all(_innermost(stack) for stack in stacks) and not _DESTRUCTOR.search(report)


def _innermost(stack: str) -> bool:
    """Whether the innermost frame that is not the sanitizer's is the module's."""
    frames = [line for line in stack.splitlines() if _FRAME.match(line) and "libsanitizer" not in line]
    return bool(frames) and MODULE_NAME in frames[0]


class SanitizerLog:
    """The reports of one Asterisk, each given once."""

    def __init__(self, sanitizer: Sanitizer, directory: Path) -> None:
        self._sanitizer = sanitizer
        self._directory = directory
        self._read: dict[Path, int] = {}

    def new_reports(self) -> list[str]:
        """Reports since the last call. Of ThreadSanitizer's only those in which the module occurs.

        Asterisk's own code is not instrumented: ThreadSanitizer does not see that its reference counts are
        atomic, and takes what happens before and after an object's last reference for a race.
        """
        reports: list[str] = []
        for path in sorted(self._directory.glob(f"{_LOG_NAME}.*")):
            complete = self._complete_part(path, self._read.get(path, 0))
            self._read[path] = self._read.get(path, 0) + len(complete)
            text = complete.decode(errors="replace")
            blocks = text.split("=" * 18 + "\n") if self._sanitizer == "thread" else [text]
            reports += [
                block for block in blocks if block.strip() and (self._sanitizer == "address" or is_the_modules(block))
            ]
        return reports

    @staticmethod
    def _complete_part(path: Path, start: int) -> bytes:
        """What is new in a log, up to its last complete report: they are written piece by piece."""
        deadline = time.monotonic() + _WRITING_SECONDS
        while path.stat().st_size > start:
            data = path.read_bytes()[start:]
            line_end = data.find(b"\n", data.rfind(_END))
            if _END in data and line_end >= 0:
                return data[: line_end + 1]
            if not data.strip(b"=\n"):
                return b""  # the rule that closes the report before
            begun = b"ERROR:" in data or b"WARNING:" in data
            if not begun or time.monotonic() > deadline:
                return data
            time.sleep(0.01)
        return b""
