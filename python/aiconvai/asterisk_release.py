"""Releases of Asterisk, and from which one of each branch on it has something."""

from __future__ import annotations

import re
from collections.abc import Mapping

Version = tuple[int, int]
"""A release of Asterisk: 22.10 is (22, 10)."""


def version_of(text: str) -> Version | None:
    """Of "22.10.1~dfsg", "certified-20.7-cert3" or "certified/20.7-cert3"; None: it is no release."""
    found = re.match(r"(?:certified[/-])?(\d{1,3})\.(\d{1,3})(?!\d)", text)
    return (int(found[1]), int(found[2])) if found else None


def is_from(version: Version, first: Mapping[int, int]) -> bool:
    """Whether it is of one of those branches, from that release on, or of a later one than all of them."""
    major, minor = version
    return major > max(first) or (major in first and minor >= first[major])
