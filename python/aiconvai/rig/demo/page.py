"""`aiconvai serve` beside the demo's Asterisk: its page shows the calls of the demo, those that are over as well."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.asterisk.ports import free_port

JOURNAL = "/aiconvai/spool/calls.jsonl"
RECORDINGS = "/aiconvai/spool/recordings"
GENERAL = (f"journal = {JOURNAL}", f"recordings = {RECORDINGS}")
"""Lines of aiconvai.conf, so that nothing is missed."""
AGENT = ("record = stereo",)
_USUAL_PORT = 8070
_END_SECONDS = 30


@contextmanager
def page_beside(asterisk: Asterisk, folder: Path, *, with_others: bool = False) -> Iterator[str]:
    """Until the end; what it keeps is in `folder`, and new each time. Yields the address where the first user is made.
    With others there are calls besides that nobody makes.

    Raises `OSError` where it does not start.
    """
    data = folder / "serve"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    config = data / "serve.toml"
    config.write_text(_settings(asterisk, data), encoding="utf-8")
    command = [sys.executable, "-m", "aiconvai", "serve", "--config", str(config), *(["--demo"] if with_others else [])]
    with (data / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        # Its address, and then that of the first user.
        lines = [process.stdout.readline() for _ in range(2)]
        if not lines[1]:
            raise OSError(f"aiconvai serve has not started: see {data / 'serve.log'}")
        yield lines[1].split()[-1]
    finally:
        process.terminate()
        process.wait(_END_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def _settings(asterisk: Asterisk, data: Path) -> str:
    inside, directory = "/aiconvai/", asterisk.directory
    journal, recordings = (directory / path.removeprefix(inside) for path in (JOURNAL, RECORDINGS))
    lines = [
        f'data = "{data}"',
        "[page]",
        f"port = {free_port(_USUAL_PORT)}",
        "[asterisk.pbx]",
        f"port = {asterisk.ami_port}",
        f'user = "{AMI_USER}"',
        f'secret = "{AMI_SECRET}"',
        f'journal = "{journal}"',
        f'recordings = "{recordings}"',
        f'aiconvai_conf = "{directory / "etc" / "aiconvai.conf"}"',
    ]
    return "\n".join(lines) + "\n"
