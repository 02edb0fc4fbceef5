"""The Asterisk of a container as one of this machine, to those who look for it in the usual places."""

from __future__ import annotations

import shlex
from pathlib import Path

from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import CONTAINER_ROOT
from aiconvai.rig.asterisk.engine import container_engine


def let_the_host_see(asterisk: Asterisk, folder: Path) -> tuple[Path, Path]:
    """An asterisk.conf and a program, in that folder, that lead to it."""
    conf, program = folder / "asterisk.conf", folder / "asterisk"
    conf.write_text(
        f"[directories]\nastetcdir => {asterisk.directory}/etc\nastmoddir => {asterisk.directory}/modules\n"
        f"astlogdir => {asterisk.directory}/log\nastrundir => {folder}\n"
    )
    (folder / "asterisk.pid").write_text(f"{asterisk.pid}\n")
    inside = container_engine().command("exec", asterisk.name, "asterisk", "-C", f"{CONTAINER_ROOT}/etc/asterisk.conf")
    program.write_text(f'#!/bin/sh\nexec {shlex.join(inside)} "$@"\n')
    program.chmod(0o755)
    return conf, program
