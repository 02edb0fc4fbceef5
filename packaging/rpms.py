#!/usr/bin/env python3
"""Builds packages for systems with RPM: the module and the application, in a container with an Asterisk from source.

    .venv/bin/python packaging/rpms.py [--output dist]

The container is Debian's, where rpmbuild is: what comes of it shows that the specification is right, and runs where the
libraries are that it was linked with. On a system of RPM's own the same specification builds the packages for that one:
--prepare writes what rpmbuild wants.
"""

from __future__ import annotations

import argparse
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aiconvai.rig.asterisk import source
from aiconvai.rig.asterisk.engine import container_engine
from sources import ROOT, UPDATE, committed_at, put_committed, put_libraries, python_of

TOOLS = (
    "rpm rpmlint meson ninja-build gcc pkg-config python3 libkissfft-dev libspandsp-dev libspeexdsp-dev libssl-dev "
    "libwebsockets-dev libyajl-dev"
)
_BUILD = """\
set -eu
export DEBIAN_FRONTEND=noninteractive
{update}
apt-get install -q -y --no-install-recommends {tools} >/dev/null
export SOURCE_DATE_EPOCH={epoch}
# Debian's packages are not RPM's, which knows of none: they are there all the same.
rpmbuild -bb --nodeps --define '_topdir /build' --define '_sourcedir /sources' --define '_rpmdir /out' \
    --define '_build_name_fmt %%{{NAME}}-%%{{VERSION}}-%%{{RELEASE}}.%%{{ARCH}}.rpm' --define 'dist .deb12' \
    --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' \
    --define '_buildhost localhost' {defines} /sources/aiconvai.spec
rpmlint --config /sources/rpmlint.toml /out/*.rpm
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--prepare", type=Path, metavar="FOLDER", help="only write the sources and the specification")
    parser.add_argument("--python", metavar="VERSION", default="3.11", help="with --prepare: of Python, there")
    chosen = parser.parse_args(arguments)
    if chosen.prepare is not None:
        prepare(chosen.prepare, chosen.python)
        return
    chosen.output.mkdir(parents=True, exist_ok=True)
    build(chosen.output.absolute())


def prepare(folder: Path, python: str) -> str:
    """The version. `python`: such as 3.11."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        version = put_committed(scratch / "committed")
        put_libraries(scratch / "wheels", python)
        _pack(folder / f"aiconvai-{version}.tar.gz", scratch / "committed", f"aiconvai-{version}")
        _pack(folder / f"aiconvai-python-{version}.tar.gz", scratch / "wheels", "python-wheels")
        for file in ("aiconvai.spec", "rpmlint.toml"):
            text = (scratch / "committed" / "packaging" / "rpm" / file).read_text(encoding="utf-8")
            (folder / file).write_text(text, encoding="utf-8")
    return version


def _pack(archive: Path, folder: Path, name: str) -> None:
    with tarfile.open(archive, "w:gz") as made:
        made.add(folder, name)


def build(output: Path) -> None:
    """Raises `ContainerError` and `subprocess.CalledProcessError`."""
    engine, tag = container_engine(), source.ensure_source_image()
    asked = engine.command("run", "--rm", *engine.run_arguments(), tag, "asterisk", "-V")
    asterisk = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[-1]
    python = python_of(tag)
    with tempfile.TemporaryDirectory() as name:
        version = prepare(Path(name), python)
        words = {
            "number": version, "asterisk": asterisk.partition("~")[0], "asterisk_modules": source.MODULE_DIRECTORY,
            "python": f"python{python}",
        }  # fmt: skip
        script = _BUILD.format(
            update=UPDATE, tools=TOOLS, epoch=committed_at(),
            defines=" ".join(f"--define '{name} {value}'" for name, value in words.items()),
        )  # fmt: skip
        volumes = [f"--volume={name}:/sources:ro", f"--volume={output}:/out"]
        command = engine.command("run", "--rm", *engine.run_arguments(), *volumes, tag, "bash", "-c", script)
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
