#!/usr/bin/env python3
"""Makes dist/aiconvai-VERSION/: all files of a release, of what is committed.

    .venv/bin/python packaging/release.py [--output dist]
    .venv/bin/python packaging/release.py --check        whether VERSION, CHANGELOG.md and the tag agree

MINISIGN_KEY=FILE signs SHA256SUMS with that key. docs/releasing.md says what else belongs to a release.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from packaging.version import Version

from aiconvai.rig.asterisk.engine import container_engine
from debs import PACKAGES, public_names
from sbom import SbomError, bill_of_materials
from sources import REQUIREMENTS, ROOT, committed_at
from third_party import (
    Licenses,
    Run,
    ThirdParty,
    UnknownLicenseError,
    bundled,
    libraries_of_deb,
    libraries_of_wheel,
    locked,
    python_packages,
    texts_of,
)

KEY_VARIABLE = "MINISIGN_KEY"
SUMS = "SHA256SUMS"
_HEADING = re.compile(r"^## \[([^\]]+)\](?: - (\S+))?$", re.MULTILINE)


class ReleaseError(RuntimeError):
    """No release can be made of this; one line for each reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--check", action="store_true", help="say whether VERSION, CHANGELOG.md and the tag agree")
    chosen = parser.parse_args(arguments)
    try:
        version = check_version((ROOT / "VERSION").read_text(), (ROOT / "CHANGELOG.md").read_text(), tags_of_head())
        if not chosen.check:
            make(version, chosen.output.absolute() / f"aiconvai-{version}")
    except (ReleaseError, SbomError, UnknownLicenseError, subprocess.CalledProcessError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def check_version(version: str, changelog: str, tags: Sequence[str]) -> str:
    """The version, where all that says it agrees. Raises `ReleaseError`."""
    version = version.strip()
    problems = []
    headings = _HEADING.findall(changelog)
    (newest, day), released = headings[0], [name for name, _ in headings if name != "Unreleased"]
    if newest == "Unreleased":
        if released and Version(version) <= Version(released[0]):
            problems.append(
                f"VERSION: expected one after {released[0]}, the newest release of CHANGELOG.md, got {version}"
            )
        if tags:
            problems.append(f"CHANGELOG.md: HEAD is tagged {tags[0]}: expected ## [{version}] - DATE at its head")
    else:
        if newest != version:
            problems.append(f"CHANGELOG.md: expected ## [{version}], as VERSION has it, got ## [{newest}]")
        if not _is_day(day):
            problems.append(f"CHANGELOG.md: ## [{newest}]: expected a day such as 2026-11-30 behind it, got {day!r}")
    problems += [f"tag {tag}: expected v{version}, as VERSION has it" for tag in tags if tag != f"v{version}"]
    if problems:
        raise ReleaseError("\n".join(problems))
    return version


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def tags_of_head() -> list[str]:
    """Of releases: what begins with v and a digit."""
    return [tag for tag in _git("tag", "--points-at", "HEAD").split() if re.match(r"v\d", tag)]


def make(version: str, folder: Path) -> None:
    """All files. Raises `ReleaseError` and `CalledProcessError`."""
    if changed := _git("status", "--porcelain", "--untracked-files=no"):
        raise ReleaseError(f"what is not committed is in no release; commit or stash:\n{changed}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = _source(version, folder)
    subprocess.run([ROOT / "packaging" / "wheel", folder], env={**os.environ, "PYTHON": sys.executable}, check=True)
    (wheel,) = folder.glob("*.whl")
    with tempfile.TemporaryDirectory() as scratch:
        debs = {_deb(name, Path(scratch) / name, folder): name for name in public_names()}
        python = _environment(Path(scratch) / "python", wheel)
        parts = _third_parties(wheel, debs, python)
        (folder / "THIRD_PARTY_LICENSES").write_text(texts_of(parts), encoding="utf-8")
        (folder / f"aiconvai-{version}-constraints.txt").write_text(_constraints(parts), encoding="utf-8")
        libraries = locked(REQUIREMENTS / "application.txt")
        contained = {deb: libraries if PACKAGES[debs[deb]].template == "application" else () for deb in sorted(debs)}
        bill = bill_of_materials(
            version, _git("rev-parse", "HEAD"), committed_at(), python, parts, {source: (), wheel: (), **contained}
        )
        (folder / f"aiconvai-{version}.cdx.json").write_text(bill, encoding="utf-8")
    _sum(folder)
    _sign(version, folder)
    print(f"{folder}:")
    for one in sorted(folder.iterdir()):
        print(f"  {one.name}  {one.stat().st_size}")


def _deb(name: str, scratch: Path, folder: Path) -> Path:
    """The package of that name in packaging/debs.py, in the folder; with what a debugger wants, which is no file of the
    bill's."""
    subprocess.run([sys.executable, ROOT / "packaging" / "debs.py", "--output", scratch, name], check=True)
    made = [Path(shutil.move(one, folder)) for one in sorted(scratch.glob("*.deb"))]
    (deb,) = (one for one in made if "dbgsym" not in one.name)
    return deb


def _source(version: str, folder: Path) -> Path:
    """What is committed. The same commit gives the same bytes, whatever this machine's umask and git's settings are."""
    command = ["-c", "tar.umask=0022", "archive", "--format=tar", f"--prefix=aiconvai-{version}/", "HEAD"]
    archive = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, check=True).stdout
    path = folder / f"aiconvai-{version}.tar.gz"
    path.write_bytes(gzip.compress(archive, mtime=0))
    return path


def _environment(folder: Path, wheel: Path) -> Path:
    """The Python of one that has the wheel, what it wants, and nothing else: versions and sums are committed."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--only-binary", ":all:"]
    subprocess.run([*install, "--require-hashes", "--requirement", REQUIREMENTS / "release.txt"], check=True)
    subprocess.run([*install, "--no-deps", wheel], check=True)
    return python


def _third_parties(wheel: Path, debs: Mapping[Path, str], python: Path) -> list[ThirdParty]:
    """`debs`: the name of each in packaging/debs.py."""
    licenses = Licenses()
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    parts = [*bundled(licenses), *python_packages(packages, licenses), *libraries_of_wheel(wheel, licenses)]
    for deb, name in debs.items():
        parts += libraries_of_deb(deb, licenses, _in_image(PACKAGES[name].image()))
    licenses.check()
    return parts


def _in_image(tag: str) -> Run:
    engine = container_engine()
    return lambda script: engine.call("run", "--rm", *engine.run_arguments(), tag, "sh", "-ec", script, timeout=600)


def _constraints(parts: Sequence[ThirdParty]) -> str:
    """What the bill of materials is of: pip install -c FILE."""
    return "".join(f"{one.name}=={one.version}\n" for one in parts if one.kind == "python")


def _sum(folder: Path) -> None:
    files = sorted(folder.iterdir())
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def _sign(version: str, folder: Path) -> None:
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        print(f"{SUMS} is not signed: {KEY_VARIABLE}=FILE signs it", file=sys.stderr)
        return
    if shutil.which("minisign") is None:
        raise ReleaseError(f"{KEY_VARIABLE} is set, and there is no minisign: install it (apt install minisign)")
    # What is trusted with the signature: nobody can pass one release off as another.
    command = ["minisign", "-S", "-s", key, "-m", str(folder / SUMS), "-t", f"aiconvai {version}"]
    subprocess.run(command, check=True)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
