"""A real Asterisk in a container: images, the module built against them, running instances."""

from aiconvai.builds import BuildError
from aiconvai.rig.asterisk.ami import ManagerClient, ManagerError, Message
from aiconvai.rig.asterisk.container import Asterisk, AsteriskCrashed, AsteriskError
from aiconvai.rig.asterisk.engine import ContainerError
from aiconvai.rig.asterisk.images import (
    VERSIONS,
    AsteriskVersion,
    Sanitizer,
    build_module,
    ensure_image,
)
from aiconvai.rig.asterisk.leaks import LeakCheck, LeakError

__all__ = [
    "VERSIONS",
    "Asterisk",
    "AsteriskCrashed",
    "AsteriskError",
    "AsteriskVersion",
    "BuildError",
    "ContainerError",
    "LeakCheck",
    "LeakError",
    "ManagerClient",
    "ManagerError",
    "Message",
    "Sanitizer",
    "build_module",
    "ensure_image",
]
