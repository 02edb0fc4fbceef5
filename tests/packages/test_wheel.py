"""The wheel: it has the engine in it, needs no compiler, and the same source gives the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from aiconvai.rig.asterisk.images import repository_root

AGENT = "[sales]\nagent_id = agent_1\n"
USES = """
from aiconvai.engine.library import load_library, use_gateway
{}
library = load_library()
print(library.path)
"""


def build(folder: Path) -> Path:
    """As `make packages` does."""
    command = [repository_root() / "packaging" / "wheel", folder]
    subprocess.run(command, env={**os.environ, "PYTHON": sys.executable}, check=True, timeout=600)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment that has the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    installing = [folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", f"{wheel}[serve]"]
    subprocess.run(installing, check=True, timeout=600)
    return folder / "bin" / "python"


def run(python: Path, *arguments: str | Path) -> str:
    """Where there is neither a compiler nor a repository."""
    environment = {"PATH": str(python.parent), "HOME": "/nonexistent"}
    done = subprocess.run(
        [python, *arguments], env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_name_says_which_systems_it_is_for(wheel: Path) -> None:
    version = (repository_root() / "VERSION").read_text().strip()
    assert wheel.name.startswith(f"aiconvai-{version}-py3-none-manylinux_")


def test_it_has_the_engine_and_what_that_needs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("aiconvai/engine/libaiconvai_engine.so", "aiconvai/engine/gateway_cdef.h", "aiconvai/options.json"):
        assert needed in names
    grafted = " ".join(name for name in names if name.startswith("aiconvai.libs/"))
    for library in ("yajl", "speexdsp", "websockets", "spandsp"):
        assert library in grafted


@pytest.mark.parametrize("which", ["", "use_gateway()"])
def test_the_engine_is_found(python: Path, which: str) -> None:
    path = run(python, "-c", USES.format(which)).strip()
    assert path.endswith(f"site-packages/aiconvai/engine/libaiconvai_{'gateway' if which else 'engine'}.so")


def test_commands_work(python: Path, tmp_path: Path) -> None:
    (tmp_path / "aiconvai.conf").write_text(AGENT)
    version = (repository_root() / "VERSION").read_text().strip()
    assert run(python, "-m", "aiconvai", "--version") == f"aiconvai {version}\n"
    assert "valid, 1 agent" in run(python, "-m", "aiconvai", "config", "check", tmp_path / "aiconvai.conf")
    assert "does not load the module" in run(python, "-m", "aiconvai", "gateway", "--help")


def test_the_same_source_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == wheel.read_bytes()
