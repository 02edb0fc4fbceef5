"""Stands for FreePBX's command, of which it does `reload` and `chown` as far as these tests look.

fwconsole.py FOLDER reload | chown: FOLDER has settings.json, {"etc", "database", "release", "words"}.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_USUAL_MODE = 0o664
_ROUTE = """\
exten => {did},1,Set(__DIRECTION=${{IF($[${{INBOUND_NOTRANS}}=true]?INBOUND:)}})
 same => n,Set(__FROM_DID=${{EXTEN}})
 same => n,Set(CDR(did)=${{FROM_DID}})
 same => n,ExecIf($["${{CALLERID(name)}}" = ""]?Set(CALLERID(name)=${{CALLERID(num)}}))
 same => n(dest-ext),Goto({destination})
"""
_GOSUB_SINCE = 17


def reload(settings: dict[str, object]) -> None:
    """Writes what is generated: of inbound routes, as the table has them."""
    asked = "SELECT extension, destination FROM incoming"
    rows = subprocess.run(
        ["mariadb", "--no-defaults", "-u", "root", f"--socket={settings['database']}", "-BN", "asterisk"],
        input=asked, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    routes = "".join(_ROUTE.format(did=did, destination=place) for did, place in (row.split("\t") for row in rows))
    is_gosub = int(str(settings["release"])) >= _GOSUB_SINCE
    text = (_HERE / "extensions_additional.conf").read_text()
    call = r"Gosub(macro-\1,s,1(\2))" if is_gosub else r"Macro(\1,\2)"
    text = re.sub(r"\$call\(([\w-]+),([^)]*)\)", call, text)
    text = text.replace("$end", "Return()" if is_gosub else "MacroExit()")
    words = dict(settings["words"]) if isinstance(settings["words"], dict) else {}
    for name, value in {"routes": routes, **words}.items():
        text = text.replace(f"${name}", str(value))
    Path(str(settings["etc"]), "extensions_additional.conf").write_text(text)
    chown(settings)


def chown(settings: dict[str, object]) -> None:
    """The modes; owners are the tests' own."""
    etc = Path(str(settings["etc"]))
    for path in etc.iterdir():
        if path.is_file():
            path.chmod(_USUAL_MODE)
    told = etc / "freepbx_chown.conf"
    section = ""
    for line in told.read_text().splitlines() if told.exists() else ():
        section = line.strip("[]") if line.startswith("[") else section
        given = re.fullmatch(r"file\s*=\s*([^,]+),(\d+),\w+,\w+", line)
        if section == "custom" and given and (path := etc / Path(given[1]).name).exists():
            path.chmod(int(given[2], 8))


if __name__ == "__main__":
    _settings = json.loads(Path(sys.argv[1], "settings.json").read_text())
    {"reload": reload, "chown": chown}[sys.argv[2]](_settings)
