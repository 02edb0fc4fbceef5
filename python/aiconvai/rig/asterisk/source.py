"""An Asterisk from source on Debian 12, as administrators have it who take no package: the module's package for such a
one is built with its headers, and tried with it.

The source is the one that Debian's archive has of its newest; it is configured as Asterisk's own build does it.
"""

from __future__ import annotations

import hashlib

from rich.console import Console

from aiconvai.rig.asterisk.configuration import MODULES
from aiconvai.rig.asterisk.images import build_image, repository_root

VERSION = 22
SUITE, SOURCE_SUITE = "bookworm", "forky"
MODULE_DIRECTORY, DATA_DIRECTORY = "/usr/lib/asterisk/modules", "/var/lib/asterisk"
HEADERS = "/usr/include"
TREE = "/asterisk"
"""In the image: all that `make install` put in place, once more, by itself."""
RUN_TIME_PACKAGES = ("libedit2", "libjansson4", "libsqlite3-0", "libssl3", "libuuid1", "libxml2")
"""Which it needs where it is copied to."""
_MORE_MODULES = ("app_audiosocket", "chan_audiosocket", "func_uuid", "res_audiosocket")


def ensure_source_image(*, console: Console | None = None) -> str:
    """The tag of the image, built now if it is not there (five minutes, once)."""
    containerfile = repository_root() / "containers" / "Containerfile.source"
    modules = " ".join([*(name.removesuffix(".so") for name in MODULES), *_MORE_MODULES])
    recipe = f"{SUITE}\n{SOURCE_SUITE}\n{modules}\n{containerfile.read_text(encoding='utf-8')}"
    tag = f"localhost/aiconvai-asterisk-source:{VERSION}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    arguments = {"SOURCE_SUITE": SOURCE_SUITE, "MODULES": modules, "TREE": TREE}
    return build_image(tag, SUITE, containerfile, f"Asterisk {VERSION} from source", arguments, console=console)
