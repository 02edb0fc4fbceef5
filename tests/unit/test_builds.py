"""Several processes want the same program built at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aiconvai.builds import BuildError, build_program

PROJECT = """\
project('small', 'c')
executable('small', 'small.c', c_args: '-DWORD="@0@"'.format(get_option('word')))
"""
OPTIONS = "option('word', type: 'string', value: '')\n"
SOURCE = "#include <stdio.h>\nint main(void) { puts(WORD); return 0; }\n"

BUILD_AND_RUN = """\
import subprocess, sys
from pathlib import Path
from aiconvai.builds import build_program
source, build, into, word = sys.argv[1:]
program = build_program(Path(source), Path(build), "small", {"word": word}, Path(into))
for _ in range(50):
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == word + "\\n"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "meson.build").write_text(PROJECT)
    (source / "meson_options.txt").write_text(OPTIONS)
    (source / "small.c").write_text(SOURCE)
    return source


def _links(build: Path) -> int:
    return sum(line.split("\t")[3] == "small" for line in (build / ".ninja_log").read_text().splitlines()[1:])


def _start(project: Path, into: Path, word: str) -> subprocess.Popen[str]:
    into.mkdir()
    command = [sys.executable, "-c", BUILD_AND_RUN, str(project), str(into.parent / "build"), str(into), word]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_what_several_processes_want_is_built_once(project: Path, tmp_path: Path) -> None:
    running = [_start(project, tmp_path / f"copy-{number}", "hello") for number in range(4)]
    for process in running:
        assert process.communicate() == (None, "")
        assert process.returncode == 0
    assert _links(tmp_path / "build") == 1


def test_programs_that_run_are_not_built_anew_under_them(project: Path, tmp_path: Path) -> None:
    """Each wants other options, in the same directory."""
    running = [_start(project, tmp_path / f"copy-{word}", word) for word in ("red", "green", "blue")]
    for process in running:
        assert process.communicate() == (None, "")
        assert process.returncode == 0


def test_what_does_not_compile_is_told(project: Path, tmp_path: Path) -> None:
    (project / "small.c").write_text("int main(void) { return nothing; }\n")
    with pytest.raises(BuildError, match="nothing"):
        build_program(project, tmp_path / "build", "small", {"word": ""}, tmp_path)


def test_a_program_that_is_new_in_the_project_is_built_in_a_directory_set_up_before(
    project: Path, tmp_path: Path
) -> None:
    build_program(project, tmp_path / "build", "small", {"word": "old"}, tmp_path)
    with (project / "meson.build").open("a") as more:
        more.write("executable('newer', 'small.c', c_args: '-DWORD=\"new\"')\n")
    newer = build_program(project, tmp_path / "build", "newer", {"word": "old"}, tmp_path)
    assert subprocess.run([newer], capture_output=True, text=True, check=True).stdout == "new\n"
