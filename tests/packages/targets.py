"""The Asterisks that there are packages of the module for, and how a system gets one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from machine import Machine
from stand_ins import SANGOMA_MODULES, asterisk_tree

from aiconvai.rig.asterisk import source
from aiconvai.rig.asterisk.images import IMAGES

Deb = Callable[..., Path]
"""What the fixture `deb` gives."""
Archive = Callable[[], Path]
"""What the fixture `archive` gives."""


@dataclass(frozen=True)
class Target:
    """One of them."""

    name: str
    """Of the package, in packaging/debs.py."""
    version: int
    suite: str
    modules: str
    package: str = "asterisk-aiconvai"

    def install(self, machine: Machine, archive: Archive) -> None:
        """The Asterisk."""
        if self.name.startswith("debian"):
            machine.install("asterisk")
        elif self.name.startswith("source"):
            machine.install(*source.RUN_TIME_PACKAGES)
            machine.put_archive(asterisk_tree())
            machine.run("ldconfig")
        else:
            machine.put_folder(archive(), "/etc/apt")
            machine.install(f"asterisk{self.version}")


DEBIAN16 = Target("debian16", 16, "bullseye", IMAGES[16].module_directory)
DEBIAN22 = Target("debian22", 22, "forky", IMAGES[22].module_directory)
SOURCE22 = Target("source22", 22, "bookworm", source.MODULE_DIRECTORY)
SANGOMA22 = Target("sangoma22", 22, "bookworm", SANGOMA_MODULES, "asterisk22-aiconvai")
TARGETS = (DEBIAN16, DEBIAN22, SOURCE22, SANGOMA22)
