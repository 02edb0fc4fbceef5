#!/usr/bin/env python3
"""Builds Debian packages, each in a container with the system that it is for, and judges them.

    .venv/bin/python packaging/debs.py [--output dist] [NAME ...]

They hold what is committed. The same commit gives the same bytes.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from aiconvai.rig.asterisk import source
from aiconvai.rig.asterisk.engine import container_engine
from aiconvai.rig.asterisk.images import IMAGES, VERSIONS, AsteriskVersion, ensure_base, ensure_image
from sources import ROOT, UPDATE, committed_at, put_committed, put_libraries, python_of

MAINTAINER = "aiconvai maintainers <maintainers@aiconvai.example>"
SANGOMA = (20, 21, 22)
"""The Asterisks of FreePBX 17, which are packages of Sangoma's for bookworm: asterisk20, asterisk20-devel and so on."""
SANGOMA_MODULES = "/usr/lib/x86_64-linux-gnu/asterisk/modules"
APPLICATION_SUITES = {"bookworm": 12, "forky": 14}
"""And their numbers. bullseye has Python 3.9, which aiconvai is not for."""
_WITHOUT_HELPER = (16,)
"""Whose asterisk-dev has no dh_asterisk yet, which has a module ask for the sum of its Asterisk's build options."""
_ABI = """sed -i "s/\\${asterisk:Depends}/$(dpkg-query -W -f '${Provides}' asterisk)/" debian/control"""
_BUILD = """\
set -eu
export DEBIAN_FRONTEND=noninteractive
install() {{ apt-get install -q -y --no-install-recommends "$@" >/dev/null; }}
{archive}
{update}
install build-essential debhelper lintian
build() {{
    rm -rf /work
    mkdir /work
    cp -r /source /work/build
    cd /work/build
    {prepare}
    dpkg-buildpackage -b -us -uc
}}
cd /source
apt-get build-dep -q -y --no-install-recommends ./ >/dev/null
{variables}
build
lintian --info --fail-on error,warning {lintian} ../*.changes
cp ../*.deb /out/
if [ {rounds} = 2 ]; then
    build
    for deb in ../*.deb; do
        cmp "$deb" "/out/${{deb##*/}}"
    done
fi
"""


@dataclass(frozen=True)
class Package:
    """One that can be made."""

    suite: str
    revision: str
    """Behind the hyphen of its version."""
    template: str = "module"
    """The folder in packaging/debian."""
    name: str = "asterisk-aiconvai"
    fields: Mapping[str, str] = field(default_factory=dict)
    """What stands in control.in for @NAME@."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """For rules, as the shell in the container has it."""
    prepare: str = ":"
    """What is done to a copy of the sources before."""
    asterisk: AsteriskVersion | None = None
    """Whose image it is built in; None: a system without any."""
    from_source: bool = False
    """It is built in the image that has an Asterisk from source."""

    def image(self) -> str:
        if self.from_source:
            return source.ensure_source_image()
        return ensure_image(self.asterisk) if self.asterisk is not None else ensure_base(self.suite)


def _of_debians(version: AsteriskVersion) -> Package:
    image, has_helper = IMAGES[version], version not in _WITHOUT_HELPER
    return Package(
        image.suite,
        f"1+asterisk{version}",
        fields={
            "HEADERS": "asterisk-dev, dh-sequence-asterisk," if has_helper else "asterisk-dev,",
            "DEPENDS": f"${{asterisk:Depends}}, asterisk (>= 1:{version}~), asterisk (<< 1:{version + 1}~),",
            "RELATIONS": "Suggests: aiconvai",
        },
        variables={
            "ASTERISK_VERSION": "$(tools/asterisk_version.py)",
            "ASTERISK_MODULES": image.module_directory,
            "ASTERISK_DATA": image.data_directory,
            "DH_WITH": "'--with asterisk'" if has_helper else "''",
        },
        prepare=":" if has_helper else _ABI,
        asterisk=version,
    )


def _from_source() -> Package:
    return Package(
        source.SUITE,
        f"1+source{source.VERSION}",
        # Nothing is known of an Asterisk that is no package: postinst looks at it.
        fields={"HEADERS": "", "DEPENDS": "", "RELATIONS": "Suggests: aiconvai"},
        variables={
            "ASTERISK_VERSION": "$(tools/asterisk_version.py)",
            "ASTERISK_MODULES": source.MODULE_DIRECTORY,
            "ASTERISK_DATA": source.DATA_DIRECTORY,
            "ASTERISK_INCLUDE": source.HEADERS,
        },
        from_source=True,
    )


def _of_sangomas(version: int) -> Package:
    """They are the only ones of which one may be installed at a time, as of the Asterisks that they are for."""
    return Package(
        "bookworm",
        f"1+sng{version}",
        name=f"asterisk{version}-aiconvai",
        fields={
            "HEADERS": f"asterisk{version}-devel,",
            "DEPENDS": f"asterisk{version},",
            "RELATIONS": "Provides: asterisk-aiconvai\nConflicts: asterisk-aiconvai\nReplaces: asterisk-aiconvai\n"
            "Suggests: aiconvai",
        },
        variables={
            "ASTERISK_VERSION": f"$(dpkg-query -W -f '${{source:Upstream-Version}}' asterisk{version}-devel)",
            "ASTERISK_MODULES": SANGOMA_MODULES,
            "ASTERISK_DATA": "/var/lib/asterisk",
        },
    )


def _application(suite: str) -> Package:
    return Package(suite, f"1+deb{APPLICATION_SUITES[suite]}", template="application", name="aiconvai")


PACKAGES: Mapping[str, Package] = {
    **{f"debian{version}": _of_debians(version) for version in VERSIONS},
    f"source{source.VERSION}": _from_source(),
    **{f"sangoma{version}": _of_sangomas(version) for version in SANGOMA},
    **{f"application-{suite}": _application(suite) for suite in APPLICATION_SUITES},
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[*PACKAGES, []], help=", ".join(PACKAGES))
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--twice", action="store_true", help="build each again, and compare")
    parser.add_argument("--number", metavar="VERSION", help="in place of that in the file VERSION")
    parser.add_argument("--modules", metavar="FOLDER", help="where the Asterisk has its modules")
    parser.add_argument(
        "--headers", type=Path, metavar="FOLDER",
        help="source: that of `make install-headers`, which has asterisk.h; with --asterisk",
    )  # fmt: skip
    parser.add_argument("--asterisk", metavar="VERSION", help="source: of which version the headers are")
    parser.add_argument(
        "--archive", type=Path, metavar="FOLDER",
        help="sangoma: what is put into /etc/apt of the container: sources.list.d, trusted.gpg.d and so on",
    )  # fmt: skip
    chosen = parser.parse_args(arguments)
    names = chosen.names or public_names()
    chosen.output.mkdir(parents=True, exist_ok=True)
    for name in names:
        package = PACKAGES[name]
        build(package, chosen.output.absolute(), Wishes(chosen.number, chosen.modules, chosen.headers, chosen.asterisk,
              chosen.archive, is_twice=chosen.twice))  # fmt: skip


def public_names() -> list[str]:
    """Of what can be made without Sangoma's archive, which is not everybody's."""
    return [name for name in PACKAGES if not name.startswith("sangoma")]


@dataclass(frozen=True)
class Wishes:
    """What is to be otherwise than usual."""

    number: str | None = None
    modules: str | None = None
    headers: Path | None = None
    asterisk: str | None = None
    archive: Path | None = None
    is_twice: bool = False


def build(package: Package, output: Path, wishes: Wishes = Wishes()) -> None:
    """Raises `ContainerError` and `subprocess.CalledProcessError`."""
    engine = container_engine()
    variables = {"PACKAGE": package.name, **package.variables}
    if wishes.modules is not None:
        variables["ASTERISK_MODULES"] = wishes.modules
    tag = package.image()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put_source(folder / "source", package, wishes.number)
        volumes = [f"--volume={folder}/source:/source:ro", f"--volume={output}:/out"]
        if package.template == "application":
            put_libraries(folder / "python", python_of(tag))
            volumes.append(f"--volume={folder}/python:/python:ro")
        if wishes.headers is not None:
            volumes.append(f"--volume={wishes.headers.absolute()}:/headers:ro")
            variables |= {"ASTERISK_INCLUDE": "/headers", "ASTERISK_VERSION": wishes.asterisk or ""}
        if wishes.archive is not None:
            volumes.append(f"--volume={wishes.archive.absolute()}:/archive:ro")
        script = _BUILD.format(
            archive="" if wishes.archive is None else "cp -r /archive/. /etc/apt/",
            # Who names a folder has modules there; Debian's own packages have nothing in /opt and /usr/local.
            lintian="--suppress-tags dir-or-file-in-opt,dir-in-usr-local,file-in-usr-local" if wishes.modules else "",
            update=UPDATE, prepare=package.prepare, rounds=2 if wishes.is_twice else 1,
            variables="\n".join(f"export {name}={value}" for name, value in variables.items()),
        )  # fmt: skip
        subprocess.run(
            engine.command("run", "--rm", *engine.run_arguments(), *volumes, tag, "bash", "-c", script), check=True
        )


def put_source(folder: Path, package: Package, number: str | None = None) -> None:
    """What is committed, and debian/."""
    version = put_committed(folder, number)
    templates, debian = folder / "packaging" / "debian", folder / "debian"
    shutil.copytree(templates / package.template, debian)
    control = (debian / "control.in").read_text(encoding="utf-8")
    for key, value in {"MAINTAINER": MAINTAINER, "PACKAGE": package.name, **package.fields}.items():
        control = control.replace(f"@{key}@", value)
    (debian / "control.in").unlink()
    (debian / "control").write_text(control, encoding="utf-8")
    (debian / "source").mkdir()
    (debian / "source" / "format").write_text("3.0 (quilt)\n")
    for more in debian.glob("lintian-overrides.*"):
        if more.suffix == f".{package.suite}":
            with (debian / "lintian-overrides").open("a", encoding="utf-8") as overrides:
                overrides.write(more.read_text(encoding="utf-8"))
        more.unlink()
    libraries = debian / "copyright.libraries"
    terms = [templates / "copyright", *([libraries] if libraries.exists() else [])]
    (debian / "copyright").write_text("".join(one.read_text(encoding="utf-8") for one in terms), encoding="utf-8")
    name = next(line.removeprefix("Source: ") for line in control.splitlines() if line.startswith("Source: "))
    (debian / "changelog").write_text(
        f"{name} ({version}-{package.revision}) {package.suite}; urgency=medium\n\n  * Release {version}: what is new "
        f"is in CHANGELOG.md.\n\n -- {MAINTAINER}  {formatdate(committed_at())}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
