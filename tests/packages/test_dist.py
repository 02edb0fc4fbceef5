"""`make dist`: what is committed becomes all files of a release, which can be verified and used."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from aiconvai.rig.asterisk.images import repository_root
from debs import PACKAGES, public_names

VERSION = (repository_root() / "VERSION").read_text().strip()
NAME = f"aiconvai-{VERSION}"
LIBRARIES = ("websockets", "ssl", "yajl", "speexdsp", "kissfft")

pytestmark = pytest.mark.timeout(3600)


class Release:
    """Made of a clone, as a maintainer makes it; signed with a key that is thrown away."""

    def __init__(self, scratch: Path) -> None:
        self.clone = scratch / "clone"
        subprocess.run(["git", "clone", "-q", repository_root(), self.clone], check=True)
        self.public, self.key = scratch / "aiconvai.pub", scratch / "aiconvai.key"
        subprocess.run(["minisign", "-G", "-W", "-p", self.public, "-s", self.key], check=True, capture_output=True)
        self.folder = scratch / "dist" / NAME
        done = self.make(scratch / "dist")
        assert done.returncode == 0, done.stdout + done.stderr

    def make(self, output: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.clone / "packaging" / "release.py", "--output", output],
            env={**os.environ, "MINISIGN_KEY": str(self.key)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def verify(self) -> str:
        """As docs/releasing.md says. Raises `CalledProcessError`."""
        commands = [["minisign", "-V", "-p", str(self.public), "-m", "SHA256SUMS"], ["sha256sum", "-c", "SHA256SUMS"]]
        return "".join(
            subprocess.run(one, cwd=self.folder, check=True, capture_output=True, text=True).stdout for one in commands
        )


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return Release(tmp_path_factory.mktemp("release"))


def test_all_files_are_there_and_signed(release: Release) -> None:
    names = {one.name for one in release.folder.iterdir()}
    assert {
        f"{NAME}.tar.gz", f"{NAME}.cdx.json", f"{NAME}-constraints.txt", "THIRD_PARTY_LICENSES", "SHA256SUMS",
        "SHA256SUMS.minisig",
    } <= names  # fmt: skip
    assert sum(name.endswith(".whl") for name in names) == 1
    for package in map(PACKAGES.__getitem__, public_names()):
        expected = re.escape(f"{package.name}_{VERSION}-{package.revision}_") + r"\w+\.deb"
        assert any(re.fullmatch(expected, name) for name in names), expected
    said = release.verify()
    assert "Signature and comment signature verified" in said
    assert f"aiconvai {VERSION}" in said
    summed = {line.split(": ")[0] for line in said.splitlines() if line.endswith(": OK")}
    assert summed == names - {"SHA256SUMS", "SHA256SUMS.minisig"}


def test_what_was_changed_is_noticed(release: Release) -> None:
    sums = release.folder / "SHA256SUMS"
    right = sums.read_bytes()
    sums.write_bytes(right.replace(right[:8], b"00000000", 1))
    with pytest.raises(subprocess.CalledProcessError, match="minisign"):
        release.verify()
    sums.write_bytes(right)
    licenses = release.folder / "THIRD_PARTY_LICENSES"
    right = licenses.read_bytes()
    licenses.write_bytes(right + b"\n")
    with pytest.raises(subprocess.CalledProcessError, match="sha256sum"):
        release.verify()
    licenses.write_bytes(right)
    release.verify()


def test_the_source_is_what_is_committed_and_builds(release: Release, tmp_path: Path) -> None:
    with tarfile.open(release.folder / f"{NAME}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=release.clone, capture_output=True, text=True, check=True)
    unpacked = {str(path.relative_to(tmp_path / NAME)) for path in (tmp_path / NAME).rglob("*") if not path.is_dir()}
    assert unpacked == set(listed.stdout.rstrip("\0").split("\0"))
    build = tmp_path / "build"
    subprocess.run(["meson", "setup", "-Dmodule=disabled", build, tmp_path / NAME], check=True, capture_output=True)
    subprocess.run(["meson", "compile", "-C", build], check=True, capture_output=True)
    assert (build / "app_aiconvai" / "libaiconvai_gateway.so").is_file()


def test_the_same_commit_gives_the_same_source(release: Release, tmp_path: Path) -> None:
    """With another umask, and git's settings of somebody else."""
    digest = hashlib.sha256((release.folder / f"{NAME}.tar.gz").read_bytes()).hexdigest()
    script = (
        "import os, sys; from pathlib import Path; os.umask(0o077); sys.path.insert(0, 'packaging'); import release; "
        f"print(release._source({VERSION!r}, Path({str(tmp_path)!r})))"
    )
    environment = {**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "tar.umask", "GIT_CONFIG_VALUE_0": "user"}
    subprocess.run([sys.executable, "-c", script], cwd=release.clone, env=environment, check=True)
    assert hashlib.sha256((tmp_path / f"{NAME}.tar.gz").read_bytes()).hexdigest() == digest


def test_the_bill_of_materials_has_everything(release: Release) -> None:
    text = (release.folder / f"{NAME}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["version"] == VERSION
    components = {one["bom-ref"]: one for one in bill["components"]}
    assert all(one.get("licenses") for one in components.values() if one["type"] != "file")
    depends = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    files = [one for one in components.values() if one["type"] == "file"]
    for one in files:
        assert one["hashes"][0]["content"] == hashlib.sha256((release.folder / one["name"]).read_bytes()).hexdigest()
    built = [one for one in files if one["name"].endswith((".whl", ".deb"))]
    assert len(built) == 1 + len(public_names())
    for one in built:
        has_python = "numpy" in {components[ref]["name"] for ref in depends[one["bom-ref"]]}
        assert has_python == one["name"].startswith("aiconvai_"), one["name"]
        wanted = " ".join(components[ref]["name"] for ref in depends[one["bom-ref"]])
        for library in LIBRARIES:
            assert library in wanted, one["name"]
    purls = " ".join(one.get("purl", "") for one in components.values())
    for distro in ("bullseye", "bookworm", "forky"):
        assert f"distro={distro}" in purls
    constraints = (release.folder / f"{NAME}-constraints.txt").read_text().split()
    python = {one["purl"] for one in components.values() if one.get("purl", "").startswith("pkg:pypi/")}
    assert {f"pkg:pypi/{one.replace('==', '@')}" for one in constraints} == python


def test_the_licences_of_all_of_it_are_there(release: Release) -> None:
    text = (release.folder / "THIRD_PARTY_LICENSES").read_text()
    bill = json.loads((release.folder / f"{NAME}.cdx.json").read_text())
    for one in bill["components"]:
        if one["type"] != "file":
            # Python's names are one with and without capitals, dots and underscores.
            words = map(re.escape, re.split(r"[-_.]+", one["name"]))
            named = "[-_.]+".join(words) + re.escape(f" {one['version']}: ")
            assert re.search(rf"^{named}\S", text, re.MULTILINE | re.IGNORECASE), one["name"]


def test_what_is_not_committed_is_no_release(release: Release, tmp_path: Path) -> None:
    readme = release.clone / "README.md"
    before = readme.read_text()
    readme.write_text(before + "\n")
    done = release.make(tmp_path)
    readme.write_text(before)
    assert done.returncode == 1
    assert "release: what is not committed is in no release; commit or stash:\nM README.md" in done.stderr
    assert list(tmp_path.iterdir()) == []
