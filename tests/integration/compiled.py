"""Modules of the tests' own, compiled in the container of a running Asterisk."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiconvai.rig.asterisk import Asterisk


def compile_module(asterisk: Asterisk, source: str, target: str, *flags: str) -> Path:
    """Compile `source`, a file of this directory, to `target`, a path in the instance's directory; returns it."""
    (asterisk.directory / source).write_text(Path(__file__).with_name(source).read_text())
    asterisk.execute(
        "gcc", "-shared", "-fPIC", "-g", "-D_GNU_SOURCE", *flags, "-o", f"/aiconvai/{target}", f"/aiconvai/{source}"
    )
    return asterisk.directory / target


@pytest.fixture
def hindering(asterisk: Asterisk) -> Asterisk:
    """Asterisk with a module that gets in the way on demand. It stays loaded: a call may be in it to the last."""
    if not (asterisk.directory / "modules" / "hinder.so").exists():
        compile_module(asterisk, "hindering_module.c", "modules/hinder.so")
        asterisk.cli("module load hinder.so")
    return asterisk
