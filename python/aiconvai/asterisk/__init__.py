"""A real Asterisk in a container: images, the module built against them, running instances."""

from aiconvai.asterisk.ami import ManagerClient, ManagerError, Message
from aiconvai.asterisk.container import Asterisk, AsteriskCrashed, AsteriskError
from aiconvai.asterisk.engine import ContainerError
from aiconvai.asterisk.images import (
    VERSIONS,
    AsteriskVersion,
    Sanitizer,
    build_module,
    ensure_image,
)
from aiconvai.asterisk.leaks import LeakCheck, LeakError
from aiconvai.builds import BuildError

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
