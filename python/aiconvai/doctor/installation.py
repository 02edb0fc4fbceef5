"""Where the Asterisk of this machine has its files, as its asterisk.conf says, and whether it runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aiconvai.config.reader import read_configuration
from aiconvai.config.sections import Entry, Section
from aiconvai.config.verdict import ConfigurationReport, judge_file
from aiconvai.options import fold_case

ASTERISK_CONF = Path("/etc/asterisk/asterisk.conf")
MODULE = "app_aiconvai.so"
_COMMAND_SECONDS = 10.0
_PROGRAMS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/sbin:/bin"
_USUAL_MODULES = tuple(
    f"/usr/{one}/asterisk/modules" for one in ("lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib64", "lib")
)
_USUAL = {"astetcdir": "/etc/asterisk", "astdatadir": "/var/lib/asterisk", "astrundir": "/var/run/asterisk"}


@dataclass(frozen=True)
class Installation:
    """One Asterisk."""

    program: Path | None
    """None: there is none."""
    directories: dict[str, Path]
    """Those of asterisk.conf, by its names."""

    @classmethod
    def of(cls, asterisk_conf: Path = ASTERISK_CONF, program: Path | None = None) -> Installation:
        """Nothing need be there. `program`: asterisk; None: as it is found."""
        found = program or shutil.which("asterisk", path=_PROGRAMS)
        usual = {name: Path(path) for name, path in _USUAL.items()}
        usual["astmoddir"] = next((Path(one) for one in _USUAL_MODULES if Path(one).is_dir()), Path(_USUAL_MODULES[0]))
        usual["astetcdir"] = asterisk_conf.parent
        for section in read_configuration(asterisk_conf).sections:
            if fold_case(section.name) == "directories":
                usual |= {fold_case(one.key): Path(one.value) for one in section.entries if one.value}
        return cls(Path(found) if found else None, usual)

    @property
    def configuration(self) -> Path:
        return self.directories["astetcdir"]

    @property
    def modules(self) -> Path:
        return self.directories["astmoddir"]

    @property
    def module(self) -> Path:
        return self.modules / MODULE

    @property
    def aiconvai_conf(self) -> Path:
        """What the module reads: elevenlabs.conf where there is no aiconvai.conf."""
        usual, older = self.configuration / "aiconvai.conf", self.configuration / "elevenlabs.conf"
        return older if older.exists() and not usual.exists() else usual

    @cached_property
    def judged(self) -> tuple[tuple[Section, ...], ConfigurationReport]:
        """The sections of `aiconvai_conf`, and the verdict on them."""
        return judge_file(self.aiconvai_conf)

    @cached_property
    def version(self) -> str:
        """Such as 22.10.1; empty: it does not say."""
        match = re.search(r"Asterisk (?:certified/|GIT-|SVN-)*(\d+(?:\.\d+)*)", self._output("-V"))
        return match[1] if match else ""

    @cached_property
    def process(self) -> int | None:
        """The process that runs; None: none does."""
        try:
            pid = int((self.directories["astrundir"] / "asterisk.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if Path(f"/proc/{pid}").exists() else None

    @property
    def user(self) -> int | None:
        """As whom it runs; None: it does not."""
        try:
            return Path(f"/proc/{self.process}").stat().st_uid
        except OSError:
            return None

    def console(self, command: str) -> str:
        """What the running Asterisk answers; empty: it does not."""
        answer = self._output("-rx", command)
        return "" if answer.startswith("Unable to connect") else answer

    def _output(self, *arguments: str) -> str:
        if self.program is None:
            return ""
        try:
            done = subprocess.run(
                [str(self.program), *arguments], capture_output=True, text=True, errors="replace",
                timeout=_COMMAND_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout


def entries_of(path: Path) -> Iterator[Entry]:
    """Of all sections of a file of Asterisk's; none where there is no such file."""
    for section in read_configuration(path).sections:
        yield from section.entries
