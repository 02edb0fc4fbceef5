#!/usr/bin/env python3
"""Print where the installed Asterisk keeps something: its asterisk.conf says, else the usual places are looked at.

Called by meson with the name of a directory in asterisk.conf (astmoddir, astdatadir, astetcdir). Standard library only.
"""

import argparse
import re
import sys
from pathlib import Path

# Patterns below the root, in the order of preference; the last one is taken where none exists.
USUAL = {
    "astmoddir": ["usr/lib/*-linux-gnu*/asterisk/modules", "usr/lib64/asterisk/modules", "usr/lib/asterisk/modules"],
    "astdatadir": ["usr/share/asterisk", "var/lib/asterisk"],
    "astetcdir": ["etc/asterisk"],
}


def configured(name: str, path: str) -> str:
    """The value of `name` in an asterisk.conf, empty if it does not say."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = re.search(rf"^\s*{re.escape(name)}\s*=>?\s*([^\s;]+)", text, re.MULTILINE)
    return match.group(1) if match else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(USUAL))
    parser.add_argument("--configuration", default="/etc/asterisk/asterisk.conf")
    arguments = parser.parse_args()
    directory = configured(arguments.name, arguments.configuration)
    patterns = USUAL[arguments.name]
    found = [str(path) for pattern in patterns for path in sorted(Path("/").glob(pattern)) if path.is_dir()]
    print(directory or (found[0] if found else f"/{patterns[-1]}"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
