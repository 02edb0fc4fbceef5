"""Building where Asterisk's headers are not: what is built, and what is said."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aiconvai.rig.asterisk.images import repository_root

ROOT = repository_root()


def _meson(*arguments: str, compiler: str = "gcc") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["meson", *arguments],
        cwd=ROOT,
        env={**os.environ, "CC": compiler},
        capture_output=True,
        text=True,
        check=False,
    )


def _no_headers(tmp_path: Path) -> str:
    """The option that makes the build look for Asterisk's headers where there are none."""
    if Path("/usr/include/asterisk/buildopts.h").exists():
        pytest.fail("this machine has Asterisk's headers; the test needs one without")
    return str(tmp_path / "build")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_everything_but_the_module_is_built_without_headers_and_warnings(tmp_path: Path, compiler: str) -> None:
    build = _no_headers(tmp_path)
    setup = _meson("setup", build, "-Dwerror=true", "-Dtests=true", compiler=compiler)
    assert setup.returncode == 0, setup.stdout
    assert "not built: no headers of Asterisk found (asterisk-dev, or -Dasterisk_include=DIR)" in setup.stdout
    compiled = _meson("compile", "-C", build)
    assert compiled.returncode == 0, compiled.stdout
    built = {path.name for path in Path(build).rglob("*") if path.is_file()}
    assert {"libaiconvai_engine.so", "libaiconvai_loop.a", "link_threads"} <= built
    assert "app_aiconvai.so" not in built


def test_module_that_is_asked_for_needs_headers(tmp_path: Path) -> None:
    setup = _meson("setup", _no_headers(tmp_path), "-Dmodule=enabled")
    assert setup.returncode != 0
    assert (
        "The headers of Asterisk are missing: install asterisk-dev (Debian), or say where they are with "
        "-Dasterisk_include=DIR" in setup.stdout
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-Dtests=true", "-Dnetwork=disabled"), "-Dtests=true cannot be combined with -Dnetwork=disabled"),
        (("-Dmodule=maybe",), "maybe"),
        (("-Dmodul=enabled",), "modul"),
    ],
)
def test_impossible_options_are_errors(tmp_path: Path, options: tuple[str, ...], problem: str) -> None:
    setup = _meson("setup", str(tmp_path / "build"), *options)
    assert setup.returncode != 0
    assert problem in setup.stdout + setup.stderr
