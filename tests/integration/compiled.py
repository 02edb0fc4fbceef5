"""Modules of the tests' own, compiled in the container of a running Asterisk."""

from __future__ import annotations

from pathlib import Path

from aiconvai.rig.asterisk import Asterisk


def compile_module(asterisk: Asterisk, source: str, target: str, *flags: str) -> Path:
    """Compile `source`, a file of this directory, to `target`, a path in the instance's directory; returns it."""
    (asterisk.directory / source).write_text(Path(__file__).with_name(source).read_text())
    asterisk.execute(
        "gcc", "-shared", "-fPIC", "-g", "-D_GNU_SOURCE", *flags, "-o", f"/aiconvai/{target}", f"/aiconvai/{source}"
    )
    return asterisk.directory / target
