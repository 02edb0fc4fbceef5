"""VERSION, the newest heading of CHANGELOG.md and the tag agree."""

from __future__ import annotations

import pytest

from release import ReleaseError, check_version, tags_of_head
from sources import ROOT

RELEASED = "# Changelog\n\n## [1.2.0] - 2026-11-30\n\n- x\n\n## [1.1.0] - 2026-10-01\n"
BEGUN = "# Changelog\n\n## [Unreleased]\n\n- x\n\n## [1.1.0] - 2026-10-01\n"


def test_they_agree_here() -> None:
    assert check_version((ROOT / "VERSION").read_text(), (ROOT / "CHANGELOG.md").read_text(), tags_of_head())


@pytest.mark.parametrize(
    ("version", "changelog", "tags"),
    [
        ("1.2.0\n", RELEASED, []),
        ("1.2.0\n", RELEASED, ["v1.2.0"]),
        ("1.2.0", BEGUN, []),
        ("1.2.0", BEGUN.partition("## [1.1")[0], []),
    ],
)
def test_they_agree(version: str, changelog: str, tags: list[str]) -> None:
    assert check_version(version, changelog, tags) == "1.2.0"


@pytest.mark.parametrize(
    ("version", "changelog", "tags", "said"),
    [
        ("1.3.0", RELEASED, [], r"expected ## \[1.3.0\], as VERSION has it, got ## \[1.2.0\]"),
        ("1.2.0", RELEASED, ["v1.2.1"], r"tag v1.2.1: expected v1.2.0"),
        ("1.2.0", RELEASED.replace(" - 2026-11-30", ""), [], r"## \[1.2.0\]: expected a day"),
        ("1.2.0", RELEASED.replace("2026-11-30", "soon"), [], r"## \[1.2.0\]: expected a day .*, got 'soon'"),
        ("1.1.0", BEGUN, [], r"VERSION: expected one after 1.1.0"),
        ("1.2.0", BEGUN, ["v1.2.0"], r"HEAD is tagged v1.2.0: expected ## \[1.2.0\] - DATE"),
    ],
)
def test_they_do_not(version: str, changelog: str, tags: list[str], said: str) -> None:
    with pytest.raises(ReleaseError, match=said):
        check_version(version, changelog, tags)
