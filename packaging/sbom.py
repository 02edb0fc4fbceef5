"""The bill of materials of a release, as CycloneDX has it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from sources import ROOT
from third_party import ThirdParty


class SbomError(ValueError):
    """The bill of materials is not what its schema says."""


def bill_of_materials(
    version: str,
    commit: str,
    seconds: int,
    python: Path,
    parts: Iterable[ThirdParty],
    files: Mapping[Path, Collection[str]],
) -> str:
    """As JSON. `python`: of an environment that has the wheel and what it wants; `seconds`: when it was committed;
    `files`: each file of the release, and the Python packages that are in it."""
    bom = _of_environment(python)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"aiconvai {version} {commit}")
    bom.metadata.timestamp = datetime.fromtimestamp(seconds, UTC)
    release = bom.metadata.component
    assert release is not None
    release.version = version
    made = {path.name: _file(path) for path in files}
    bom.components.update(made.values())
    bom.register_dependency(release, made.values())
    others: dict[str, Component] = {}
    by_name = {str(canonicalize_name(component.name)): component for component in bom.components}
    for path, contained in files.items():
        bom.register_dependency(made[path.name], [by_name[name] for name in contained])
    for one in parts:
        if one.kind == "python":
            # The licences of those who do not say theirs as SPDX has it.
            by_name[one.name].licenses = [_license(one.license)]
            continue
        # Two files of the release may have the same one.
        component = others.setdefault(one.url, _component(one))
        bom.components.add(component)
        bom.register_dependency(made[one.used_by] if one.used_by else release, [component])
    return _checked(JsonV1Dot6(bom).output_as_string(indent=2))


def _of_environment(python: Path) -> Bom:
    command = [
        sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", str(ROOT / "pyproject.toml"),
        "--output-reproducible", str(python),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    bom = Bom.from_json(json.loads(done.stdout))  # type: ignore[attr-defined]
    assert isinstance(bom, Bom)
    return bom


def _file(path: Path) -> Component:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Component(
        type=ComponentType.FILE, name=path.name, bom_ref=f"file:{path.name}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )  # fmt: skip


def _component(one: ThirdParty) -> Component:
    purl = PackageURL.from_string(one.url) if one.url.startswith("pkg:") else None
    return Component(
        type=ComponentType.LIBRARY, name=one.name, version=one.version, purl=purl, licenses=[_license(one.license)],
        bom_ref=one.url,
    )  # fmt: skip


def _license(expression: str) -> License:
    if expression.startswith("LicenseRef-") and " " not in expression:
        return DisjunctiveLicense(name=expression)
    return LicenseFactory().make_from_string(expression)


def _checked(text: str) -> str:
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem is not None:
        raise SbomError(f"the bill of materials: {problem}")
    return text + "\n"
