#!/usr/bin/env python3
"""Print the version of the Asterisk whose headers are installed, nothing where that cannot be told.

Called by meson: the headers themselves do not say. The program beside them does, and so does the package they came in.
Standard library only.
"""

import re
import shutil
import subprocess
import sys

COMMANDS = [
    ["asterisk", "-V"],
    ["/usr/sbin/asterisk", "-V"],
    ["dpkg-query", "-W", "-f", "Asterisk ${source:Upstream-Version}", "asterisk-dev"],
    ["rpm", "-q", "--qf", "Asterisk %{VERSION}", "asterisk-devel"],
]


def version_in(text: str) -> str:
    """`16.28.0` of `Asterisk 16.28.0~dfsg-0+deb11u4`, `18.9` of `Asterisk certified/18.9-cert3`."""
    match = re.search(r"Asterisk (?:certified/|GIT-|SVN-)*(\d+(?:\.\d+)*)", text)
    return match.group(1) if match else ""


def main() -> int:
    for command in COMMANDS:
        if shutil.which(command[0]) is None:
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and (version := version_in(done.stdout)):
            print(version, end="")
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
