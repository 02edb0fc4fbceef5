#!/usr/bin/python3 -I
"""The command aiconvai, of the Python libraries that its package has. Nobody else's take their place: -I leaves out the
user's and those that PYTHONPATH names, and the system's come last.
"""

import sys

sys.path.insert(0, "/usr/lib/aiconvai")

from aiconvai.cli import app

app(prog_name="aiconvai")
