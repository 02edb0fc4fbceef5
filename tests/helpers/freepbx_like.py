"""A folder that stands for a FreePBX: its files, its database, its classes, its fwconsole. Ours, with its names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mariadb_server import MariaDBServer

_SHAPES = Path(__file__).parent / "freepbx"
_EMPTY = ("extensions_override_freepbx.conf", "globals_custom.conf", "manager_custom.conf", "manager_additional.conf",
          "ari_additional_custom.conf")  # fmt: skip
OWNERS_DIALPLAN = "[from-internal-custom]\nexten => 1234,1,NoOp(the owner's)\n"


@dataclass(frozen=True)
class FreePBXLike:
    """`folder`: what is `/` for its configuration; `etc`: of its Asterisk."""

    folder: Path
    etc: Path
    database: MariaDBServer
    release: int

    def make(self, *, spool: str = "/var/spool/asterisk", sounds: str = "/sounds", port: int = 0) -> None:
        """All files. `spool`, `sounds`: as Asterisk sees them; `port`: where the telephone of extension 200 is."""
        framework = self.folder / "html" / "admin" / "modules" / "framework"
        for one in (self.etc, framework):
            one.mkdir(parents=True, exist_ok=True)
        (framework / "module.xml").write_text(f"<module><version>{self.release}.0.19</version></module>")
        (self.folder / "amportal.conf").write_text(f"AMPWEBROOT={self.folder}/html\n")
        shutil.copy(_SHAPES / "extensions.conf", self.etc)
        for name in _EMPTY:
            (self.etc / name).write_text("")
        (self.etc / "extensions_custom.conf").write_text(OWNERS_DIALPLAN)
        classes = _SHAPES / "classes.php"
        self.freepbx_conf.write_text(
            f"<?php\nputenv('AICONVAI_TEST_DATABASE={self.database.socket}');\nrequire '{classes}';\n"
        )
        settings = {
            "etc": str(self.etc),
            "database": str(self.database.socket),
            "release": self.release,
            "words": {"spool": spool, "sounds": sounds, "port": port},
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))
        self.database.ask("DROP DATABASE IF EXISTS asterisk;" + (_SHAPES / "tables.sql").read_text())
        self.fwconsole("reload")

    @property
    def freepbx_conf(self) -> Path:
        return self.folder / "freepbx.conf"

    def route(self, did: str, destination: str) -> None:
        """An inbound route, as the page writes it; Apply Config."""
        self.database.ask(
            f"DELETE FROM incoming WHERE extension = '{did}'; INSERT INTO incoming (cidnum, extension, destination, "
            f"description) VALUES ('', '{did}', '{destination}', 'Route {did}')",
            "asterisk",
        )
        self.fwconsole("reload")

    def fwconsole(self, command: str) -> None:
        subprocess.run([sys.executable, _SHAPES / "fwconsole.py", self.folder, command], check=True)

    def destinations(self) -> dict[str, dict[str, str]]:
        """Custom destinations by target, as the table has them."""
        rows = self.database.ask("SELECT val FROM kvstore_FreePBX_modules_Customappsreg WHERE id = 'dests'", "asterisk")
        # The client doubles backslashes.
        found = [json.loads(row.replace("\\\\", "\\")) for row in rows.splitlines()]
        return {one["target"]: one for one in found}

    def needs_reload(self) -> bool:
        """Whether the page shows Apply Config."""
        return self.database.ask("SELECT value FROM admin WHERE variable = 'need_reload'", "asterisk").strip() == "true"
