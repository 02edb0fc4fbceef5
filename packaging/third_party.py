"""What a release has of others: Python packages, Debian's libraries, files in our own tree; each with its licence."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cyclonedx.spdx import is_expression, is_supported_id
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sources import ROOT, UPDATE

KNOWN = Path(__file__).with_name("licenses.toml")
EXTRAS = frozenset({"mock", "rig", "serve", "telemetry"})
"""Of the wheel, whose dependencies are a release's."""
_LONGEST_NAME = 80
_RECORD = "\x1e"
"""What stands between packages: no copyright has it."""
_LICENSE_FILE = re.compile(r"(^|[^a-z])(licen[cs]es?|copying|notice)([^a-z]|$)", re.IGNORECASE)
_GRAFTED = re.compile(r"^(.+)-[0-9a-f]{8}(\.so\.\d+)")
"""How auditwheel calls a library that it puts into a wheel: its name, a part of its digest, the major version."""

Run = Callable[[str], str]
"""Runs a script of sh on a Debian, and returns what that prints."""


class UnknownLicenseError(ValueError):
    """Dependencies whose licence nobody has read yet."""


@dataclass(frozen=True, order=True)
class ThirdParty:
    """One thing of others."""

    kind: Literal["python", "debian", "bundled"]
    name: str
    version: str
    license: str
    """As SPDX has it."""
    url: str
    """A package URL, or where it comes from."""
    texts: tuple[tuple[str, str], ...] = ()
    """Files with its licence, and what they say."""
    used_by: str = ""
    """The file of a release that has it, or wants it."""


class Licenses:
    """What stands in licenses.toml, and who was not found there."""

    def __init__(self, path: Path = KNOWN) -> None:
        self._path = path
        self.known: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        self._unknown: list[str] = []

    def of(self, table: str, names: Sequence[str], told: str = "", advice: str = "") -> str:
        """The licence of what has one of these names; `told`: by its metadata."""
        for name in names:
            if name in self.known[table]:
                return str(self.known[table][name])
        if told:
            return told
        self._unknown.append(f"{self._path}: [{table}] {names[-1]}: expected its licence (SPDX); {advice} and add it")
        return "NOASSERTION"

    def check(self) -> None:
        """Raises `UnknownLicenseError` where some were not known, with all of them."""
        if self._unknown:
            raise UnknownLicenseError("\n".join(self._unknown))


def python_packages(
    folder: Path | None, licenses: Licenses, extras: Iterable[str] = EXTRAS, root: str = "aiconvai"
) -> list[ThirdParty]:
    """All that `root` wants, with these extras, of the packages in `folder` (site-packages); None: of this Python's."""
    found = importlib.metadata.distributions(path=[str(folder)]) if folder else importlib.metadata.distributions()
    installed = {str(canonicalize_name(one.name)): one for one in found}
    return [_python_package(installed[name], licenses) for name in sorted(_wanted(installed, root, extras) - {root})]


def _wanted(installed: Mapping[str, importlib.metadata.Distribution], root: str, extras: Iterable[str]) -> set[str]:
    waiting, seen = [(root, frozenset(extras))], set[tuple[str, frozenset[str]]]()
    while waiting:
        name, chosen = one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for text in installed[name].requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *chosen)):
                waiting.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))
    return {name for name, _ in seen}


def _python_package(found: importlib.metadata.Distribution, licenses: Licenses) -> ThirdParty:
    name = canonicalize_name(found.name)
    told, plain = (_field(found, key) for key in ("License-Expression", "License"))
    if not told and len(plain) <= _LONGEST_NAME and (is_supported_id(plain) or is_expression(plain)):
        told = plain
    advice = f"read what {found.name} {found.version} says"
    texts = [
        (str(file), Path(str(file.locate())).read_text(encoding="utf-8", errors="replace"))
        for file in found.files or ()
        if ".dist-info" in file.parts[0] and _LICENSE_FILE.search("/".join(file.parts[1:]))
    ]
    purl = f"pkg:pypi/{name}@{found.version}"
    return ThirdParty("python", name, found.version, licenses.of("python", [name], told, advice), purl, tuple(texts))


def _field(found: importlib.metadata.Distribution, name: str) -> str:
    return found.metadata[name].strip() if name in found.metadata else ""


def this_machine(script: str) -> str:
    """A `Run` of this machine. Raises `CalledProcessError`."""
    return subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True).stdout


def libraries_of_wheel(wheel: Path, licenses: Licenses, run: Run = this_machine) -> list[ThirdParty]:
    """Debian's packages of the libraries that are in a wheel, on the machine that it was made on."""
    names = [Path(name).name for name in zipfile.ZipFile(wheel).namelist() if "aiconvai.libs/" in name]
    sonames = ["".join(found.groups()) for name in names if (found := _GRAFTED.match(name))]
    listed = dict(re.findall(r"^\s*(\S+) .* => (\S+)$", run("/sbin/ldconfig -p"), re.MULTILINE)[::-1])
    files = [next(path for name, path in listed.items() if name.startswith(soname)) for soname in sonames]
    owners = run(f"for file in {' '.join(files)}; do dpkg-query -S $(realpath $file) || dpkg-query -S $file; done")
    packages = {line.rpartition(": ")[0] for line in owners.splitlines()}
    return list(_debian_packages(packages, licenses, run, wheel.name))


def libraries_of_deb(deb: Path, licenses: Licenses, run: Run) -> list[ThirdParty]:
    """Debian's packages of the libraries that a package wants; `run`: on the system that it is for."""
    wanted = this_machine(f"dpkg-deb -f '{deb}' Depends")
    names = {re.split(r"[\s(|]", one.strip())[0] for one in wanted.split(",")}
    libraries = sorted(one for one in names if one.startswith("lib"))

    def where_they_are(script: str) -> str:
        install = f"apt-get install -q -y --no-install-recommends {' '.join(libraries)} >/dev/null"
        return run(f"{UPDATE}; DEBIAN_FRONTEND=noninteractive {install}; {script}")

    return list(_debian_packages(libraries, licenses, where_they_are, deb.name))


def _debian_packages(names: Iterable[str], licenses: Licenses, run: Run, used_by: str) -> Iterator[ThirdParty]:
    fields = "${Package} ${Version} ${source:Package} ${Architecture}"
    tell = f"printf '\\036'; dpkg-query -W -f '{fields}\\n' $name; cat /usr/share/doc/${{name%%:*}}/copyright"
    said = run(f"cat /etc/os-release; for name in {' '.join(sorted(names))}; do {tell}; done")
    system, *packages = said.split(_RECORD)
    suite = dict(re.findall(r'^(\w+)="?([^"\n]*)', system, re.MULTILINE)).get("VERSION_CODENAME", "")
    for one in packages:
        first, _, text = one.partition("\n")
        package, version, source, architecture = first.split()
        major = re.sub(r"^\d+:", "", version).partition(".")[0]
        place = f"/usr/share/doc/{package}/copyright"
        # gcc-12 and gcc-14 are one.
        family = re.sub(r"-\d+$", "", source)
        licence = licenses.of("debian", [f"{source}/{major}", source, family], advice=f"read {place}")
        purl = f"pkg:deb/debian/{package}@{version.replace('+', '%2B')}?arch={architecture}&distro={suite}"
        yield ThirdParty("debian", package, version, licence, purl, ((place, text),), used_by)


def locked(requirements: Path) -> set[str]:
    """The names that a file of packaging/requirements has, for this Python."""
    wanted = re.findall(r"^(\w[^\\\n]*?)(?: \\)?$", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    parsed = map(Requirement, wanted)
    return {canonicalize_name(one.name) for one in parsed if one.marker is None or one.marker.evaluate()}


def bundled(licenses: Licenses, root: Path = ROOT) -> list[ThirdParty]:
    """Files of others in our tree. Raises `ValueError` where one does not say its version."""
    parts = []
    for name, given in licenses.known["bundled"].items():
        number = given.get("number") or _version_in(root / given["file"], given["version"])
        text = (root / given["text"]).read_text(encoding="utf-8")
        parts.append(ThirdParty("bundled", name, number, given["license"], given["url"], ((given["text"], text),)))
    return parts


def _version_in(file: Path, pattern: str) -> str:
    found = re.search(pattern, file.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{file}: expected {pattern!r} in it, its version; correct {KNOWN}")
    return found[1]


def texts_of(parts: Iterable[ThirdParty]) -> str:
    """THIRD_PARTY_LICENSES: each of them once, what it is under, and the words of its licence."""
    # Debian's packages of one source and release have one file.
    once = {(one.name, one.version): one for one in sorted(parts)}
    lines = ["What is in this release, or is installed with it, and is of others.", ""]
    lines += [f"{one.name} {one.version}: {one.license}" for one in once.values()]
    for one in once.values():
        lines += ["", "=" * 100, f"{one.name} {one.version}", one.url, one.license]
        for title, text in one.texts:
            lines += ["-" * 100, title, "", text.rstrip()]
    return "\n".join(lines) + "\n"
