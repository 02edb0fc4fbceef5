"""The FreePBX of this machine: which it is, and where it keeps what survives its reloads."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

from aiconvai.config.writer import FILE_MODE
from aiconvai.doctor.installation import Installation

FREEPBX_CONF = Path("/etc/freepbx.conf")
CHOWN_CONF = "freepbx_chown.conf"
"""What `fwconsole chown`, a part of Apply Config, does not do as usual."""
_WEB_ROOT = Path("/var/www/html")
_FRAMEWORK = "admin/modules/framework/module.xml"
OLDEST, NEWEST = 16, 17
"""Tried with these."""
GOSUB_SINCE = 17
"""Before that its dialplan calls Macro()."""


def chown_line(path: Path) -> str:
    """Of `[custom]` of `CHOWN_CONF`: that file is Asterisk's, and nobody else reads it."""
    return f"file = {path},{FILE_MODE:04o},asterisk,asterisk"


@dataclass(frozen=True)
class FreePBX:
    """One FreePBX and its Asterisk. Nothing need be there."""

    asterisk: Installation
    freepbx_conf: Path = FREEPBX_CONF
    release_given: int | None = None

    @property
    def is_there(self) -> bool:
        return self.freepbx_conf.exists()

    @cached_property
    def release(self) -> int | None:
        """Such as 17; None: it cannot be told."""
        if self.release_given is not None:
            return self.release_given
        try:
            version = ElementTree.parse(self._web_root / _FRAMEWORK).findtext("version") or ""
        except (OSError, ElementTree.ParseError):
            return None
        number = version.partition(".")[0]
        return int(number) if number.isdecimal() else None

    @property
    def calls_by_gosub(self) -> bool:
        """Macro() is gone from Asterisk 21 on, whatever FreePBX says of itself."""
        return (self.release or NEWEST) >= GOSUB_SINCE

    @property
    def extensions_custom(self) -> Path:
        return self.asterisk.configuration / "extensions_custom.conf"

    @property
    def manager_custom(self) -> Path:
        return self.asterisk.configuration / "manager_custom.conf"

    @property
    def ari_custom(self) -> Path:
        return self.asterisk.configuration / "ari_additional_custom.conf"

    @property
    def chown(self) -> Path:
        return self.asterisk.configuration / CHOWN_CONF

    @property
    def php(self) -> str | None:
        return shutil.which("php")

    @property
    def _web_root(self) -> Path:
        try:
            settings = self.freepbx_conf.with_name("amportal.conf").read_text()
        except OSError:
            settings = ""
        told = re.search(r"^AMPWEBROOT=(\S+)", settings, re.MULTILINE)
        return Path(told[1]) if told else _WEB_ROOT
