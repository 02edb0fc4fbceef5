#!/usr/bin/env python3
"""Print where the installed Asterisk keeps something: its asterisk.conf says, else the usual places are looked at.

Called by meson with the name of a directory in asterisk.conf (astmoddir, astdatadir, astetcdir). Standard library only.
"""

import argparse
import glob
import os
import re
import sys

USUAL = {
    "astmoddir": ["/usr/lib/*-linux-gnu*/asterisk/modules", "/usr/lib64/asterisk/modules", "/usr/lib/asterisk/modules"],
    "astdatadir": ["/usr/share/asterisk", "/var/lib/asterisk"],
    "astetcdir": ["/etc/asterisk"],
}


def configured(name: str, path: str) -> str:
    """The value of `name` in an asterisk.conf, empty if it does not say."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return ""
    match = re.search(r"^\s*%s\s*=>?\s*([^\s;]+)" % re.escape(name), text, re.MULTILINE)
    return match.group(1) if match else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(USUAL))
    parser.add_argument("--configuration", default="/etc/asterisk/asterisk.conf")
    arguments = parser.parse_args()
    directory = configured(arguments.name, arguments.configuration)
    found = [path for pattern in USUAL[arguments.name] for path in sorted(glob.glob(pattern)) if os.path.isdir(path)]
    print(directory or (found[0] if found else USUAL[arguments.name][-1]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
