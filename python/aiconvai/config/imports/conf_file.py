"""Files of Asterisk's form, such as elevenlabs.conf."""

from __future__ import annotations

from pathlib import Path

from aiconvai.config.imports.given import Given, SourceFile, UnusableError, bounded
from aiconvai.config.reader import read_configuration


def read_conf(path: Path) -> SourceFile:
    """Each line of a section that counts; `scope` is the section. Raises `UnusableError`."""
    read = read_configuration(path)
    if read.problems:
        raise UnusableError("\n".join(str(one) for one in read.problems))
    settings = (
        Given(entry.file, entry.line, entry.key, entry.value, section.name)
        for section in read.sections
        for entry in section.effective_entries()
    )
    return SourceFile(path, "conf", bounded(path, settings))
