"""What is of others is known, with its licence: a new dependency whose licence nobody has read fails here."""

from __future__ import annotations

import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from cyclonedx.spdx import is_expression

from third_party import KNOWN, Licenses, UnknownLicenseError, bundled, libraries_of_wheel, python_packages, texts_of


def test_the_licence_of_every_python_package_is_known() -> None:
    licenses = Licenses()
    packages = python_packages(None, licenses)
    licenses.check()
    named = {one.name: one for one in packages}
    assert len(named) == len(packages) > 60
    for name in ("openai", "fastapi", "numpy", "opentelemetry-sdk", "sqlalchemy"):
        assert name in named
    # What only tests want is in no release.
    assert "pytest" not in named
    assert [one.name for one in packages if not one.texts] == []


def test_one_that_is_not_known_is_named(tmp_path: Path) -> None:
    known = tmp_path / "licenses.toml"
    known.write_text(KNOWN.read_text().replace('matplotlib = "LicenseRef-matplotlib"', "#"))
    licenses = Licenses(known)
    python_packages(None, licenses)
    with pytest.raises(UnknownLicenseError, match=rf"{known}: \[python\] matplotlib: expected its licence"):
        licenses.check()


def test_every_licence_is_one_of_spdx() -> None:
    tables = tomllib.loads(KNOWN.read_text())
    said = [*tables["python"].values(), *tables["debian"].values()]
    said += [one["license"] for one in tables["bundled"].values()]
    for licence in said:
        for name in re.split(r" AND | OR ", licence):
            # An expression too, for what is WITH an exception; of our own words for a licence it knows nothing.
            assert is_expression(name) or name.startswith("LicenseRef-"), licence


def test_no_file_of_others_in_our_tree_is_forgotten() -> None:
    """Whoever adds one adds its licence beside it."""
    licenses = Licenses()
    parts = {one.name: one for one in bundled(licenses)}
    assert parts["uPlot"].version.count(".") == 2
    root = KNOWN.parents[1]
    beside = {str(path.relative_to(root)) for path in (root / "python").rglob("*LICENSE*")}
    assert beside == {title for one in parts.values() for title, _ in one.texts}


def test_the_text_has_each_of_them_once() -> None:
    parts = [*python_packages(None, Licenses()), *bundled(Licenses())]
    text = texts_of([*parts, *parts])
    assert len(re.findall(r"^uPlot 1[\d.]+: MIT$", text, re.MULTILINE)) == 1
    assert text.count("Copyright (c) 2022 Leon Sorokin") == 1


def test_debian_says_of_whom_a_library_in_the_wheel_is(tmp_path: Path) -> None:
    wheel = tmp_path / "aiconvai-1.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("aiconvai.libs/libssl-59d05945.so.3", "")
    answers = {
        "/sbin/ldconfig -p": "\tlibssl.so.3 (libc6,x86-64) => /lib/x86_64-linux-gnu/libssl.so.3\n",
    }

    def run(script: str) -> str:
        if "dpkg-query -S" in script:
            assert "/lib/x86_64-linux-gnu/libssl.so.3" in script
            return "libssl3:amd64: /usr/lib/x86_64-linux-gnu/libssl.so.3\n"
        if "dpkg-query -W" in script:
            assert "for name in libssl3:amd64; do" in script
            system = 'NAME="Debian"\nVERSION_CODENAME=bookworm\n'
            return f"{system}\x1elibssl3 1.1.1w-0+deb11u1 openssl amd64\nThe words of it."
        return answers[script]

    licenses = Licenses()
    (library,) = libraries_of_wheel(wheel, licenses, run)
    licenses.check()
    # That major version was under another one.
    assert library.license == "OpenSSL"
    assert library.url == "pkg:deb/debian/libssl3@1.1.1w-0%2Bdeb11u1?arch=amd64&distro=bookworm"
    assert library.texts == (("/usr/share/doc/libssl3/copyright", "The words of it."),)
