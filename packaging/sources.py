"""What goes into packages: what is committed, and Python libraries whose sums are known."""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from aiconvai.rig.asterisk.engine import container_engine

ROOT = Path(__file__).resolve().parents[1]
UPDATE = "apt-get -o Acquire::Check-Valid-Until=false update -q >/dev/null"
REQUIREMENTS = ROOT / "packaging" / "requirements"
_WANTED = {"libraries": "application.txt", "tools": "build.txt"}
_GLIBC = "2_36"
"""Of bookworm. Wheels for older ones do for newer ones."""


def put_committed(folder: Path, number: str | None = None) -> str:
    """What is committed, with `number` for its version if that is given. Its version."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as given:
        given.extractall(folder, filter="data")
    if number is not None:
        (folder / "VERSION").write_text(f"{number}\n", encoding="utf-8")
    return (folder / "VERSION").read_text(encoding="utf-8").strip()


def committed_at() -> int:
    """In seconds since 1970."""
    asked = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def python_of(tag: str) -> str:
    """Which version an image's suite has as python3, such as 3.11."""
    engine = container_engine()
    script = f"{UPDATE}; apt-cache show --no-all-versions python3 | sed -n 's/^Version: //p'"
    asked = engine.command("run", "--rm", *engine.run_arguments(), tag, "bash", "-c", script)
    said = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
    return ".".join(said.split(".")[:2])


def put_libraries(folder: Path, python: str) -> None:
    """libraries/: those that the application needs, for that version of Python; tools/: what makes its own wheel."""
    for name, requirements in _WANTED.items():
        subprocess.run(
            [
                Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--system-certs", "--no-deps",
                "--require-hashes", "--only-binary", ":all:", "--python-version", python,
                "--python-platform", f"{platform.machine()}-manylinux_{_GLIBC}", "--target", folder / name,
                "--requirements", REQUIREMENTS / requirements,
            ],
            check=True,
        )  # fmt: skip
        # Programs and headers of theirs, which are nobody's to start or to read here; and its own lock.
        for left in ("bin", "include"):
            shutil.rmtree(folder / name / left, ignore_errors=True)
        (folder / name / ".lock").unlink(missing_ok=True)
