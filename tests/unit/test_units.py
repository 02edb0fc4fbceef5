"""The units of the packages, as `systemd-analyze security` judges them: what a program that is taken over could do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "packaging").glob("*/*.service"))
MOST = 1.4
"""Of 10. What is left: they talk to the network and to sockets of this machine, and libraries compile as they go."""
LEFT = {
    "RootDirectoryOrRootImage", "MemoryDenyWriteExecute", "RestrictAddressFamilies_AF_NETLINK", "PrivateNetwork",
    "RestrictAddressFamilies_AF_UNIX", "RestrictAddressFamilies_AF_INET_INET6", "PrivateUsers", "DeviceAllow",
    "IPAddressDeny", "UMask",
}  # fmt: skip
"""What is not forbidden."""

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="Debian's package systemd has it")


def test_there_are_units() -> None:
    assert [path.stem for path in UNITS] == ["aiconvai-gateway", "aiconvai-serve", "aiconvai-local"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_may_little(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager"]
    said = subprocess.run([*command, str(unit)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= MOST, said
    given = subprocess.run([*command, "--json=short", str(unit)], capture_output=True, text=True, check=True).stdout
    allowed = {one["json_field"] for one in json.loads(given) if one["set"] is False and one["exposure"]}
    assert allowed <= LEFT
