"""`python -m aiconvai.mock.hostile SECONDS ONLY [ID ...]`: see `process`."""

import asyncio
import os
import sys

from aiconvai.mock.hostile.process import NICENESS, serve

os.nice(NICENESS)
asyncio.run(serve(float(sys.argv[1]), sys.argv[2], sys.argv[3:]))
