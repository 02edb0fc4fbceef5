"""Where no archive has an Asterisk: one from source, and packages like Sangoma's, made of it, in an archive.

They have its names, its folders and its dependencies; what else Sangoma's packages do nobody can tell from here.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path

from aiconvai.rig.asterisk import source
from aiconvai.rig.asterisk.engine import container_engine

SANGOMA_MODULES = "/usr/lib/x86_64-linux-gnu/asterisk/modules"
_CONTROL = """\
Package: {name}
Version: {version}
Architecture: amd64
Maintainer: nobody <nobody@localhost>
Description: {name}, as it is named for FreePBX 17
{fields}
"""


@cache
def asterisk_tree() -> bytes:
    """An archive of all files of Asterisk from source, from the root on."""
    return _archive(source.TREE, ".")


@cache
def asterisk_headers() -> bytes:
    """An archive of what `make install-headers` puts into /usr/include."""
    return _archive(source.HEADERS, "asterisk.h", "asterisk")


def _archive(folder: str, *names: str) -> bytes:
    engine = container_engine()
    command = engine.command(
        "run", "--rm", *engine.run_arguments(), source.ensure_source_image(), "tar", "-c", "-C", folder, *names
    )
    return subprocess.run(command, capture_output=True, check=True).stdout


def make_archive(apt: Path, *versions: int) -> None:
    """For /etc/apt: asteriskNN and asteriskNN-devel of each, and the line that finds them."""
    folder = apt / "stand-ins"
    folder.mkdir(parents=True)
    for version in versions:
        _pack_asterisk(folder, version)
        _pack_headers(folder, version)
    packages = subprocess.run(["dpkg-scanpackages", "."], cwd=folder, capture_output=True, check=True).stdout
    (folder / "Packages").write_bytes(packages)
    (apt / "sources.list.d").mkdir()
    (apt / "sources.list.d" / "sangoma.list").write_text("deb [trusted=yes] file:/etc/apt/stand-ins ./\n")


def _pack_asterisk(folder: Path, version: int) -> None:
    name = f"asterisk{version}"
    root = folder / name
    _extract(asterisk_tree(), root)
    modules = root / SANGOMA_MODULES.lstrip("/")
    modules.parent.mkdir(parents=True)
    shutil.move(root / source.MODULE_DIRECTORY.lstrip("/"), modules)
    (root / "etc" / "asterisk").mkdir(parents=True, exist_ok=True)
    (root / "etc" / "asterisk" / "asterisk.conf").write_text(f"[directories]\nastmoddir => {SANGOMA_MODULES}\n")
    others = ", ".join(f"asterisk{one}" for one in (20, 21, 22) if one != version)
    _pack(root, version, f"Depends: {', '.join(source.RUN_TIME_PACKAGES)}\nConflicts: {others}")


def _pack_headers(folder: Path, version: int) -> None:
    root = folder / f"asterisk{version}-devel"
    _extract(asterisk_headers(), root / "usr" / "include")
    _pack(root, version, f"Depends: asterisk{version}")


def _extract(archive: bytes, folder: Path) -> None:
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as given:
        given.extractall(folder, filter="tar")


def _pack(root: Path, version: int, fields: str) -> None:
    (root / "DEBIAN").mkdir()
    text = _CONTROL.format(name=root.name, version=f"{version}.10.1-1.sng12", fields=fields)
    (root / "DEBIAN" / "control").write_text(text)
    subprocess.run(["dpkg-deb", "--build", "-Zgzip", root], cwd=root.parent, check=True, capture_output=True)
    shutil.rmtree(root)
