"""Whether configuration is right, Asterisk may read it, and nobody else may who is not to know the keys."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from aiconvai.config.reader import read_configuration
from aiconvai.config.sections import Section
from aiconvai.doctor.finding import Finding, bad, good, weak
from aiconvai.doctor.installation import Installation
from aiconvai.freepbx.pbx import CHOWN_CONF, FREEPBX_CONF, chown_line
from aiconvai.options import find_option

AREA = "configuration"


def file_checks(installation: Installation, freepbx: Path = FREEPBX_CONF) -> Iterator[Finding]:
    """Of aiconvai.conf and what it names."""
    path = installation.aiconvai_conf
    try:
        path.open("rb").close()
    except OSError as error:
        yield bad(AREA, f"{path}: {error.strerror}", f"aiconvai config new > {path}; chmod 640 {path}")
        return
    sections, report = installation.judged
    for problem in report.problems:
        yield bad(AREA, str(problem), f"then: aiconvai config check {path}")
    if report.valid:
        yield good(AREA, f"{path}: {len(report.agents)} agents")
    owner = _asterisk_owner(installation)
    with_keys = files_with_keys(installation)
    for file in sorted({path, *(Path(section.file) for section in sections)}):
        if file in with_keys:
            yield from _kept_from_others(file, owner)
            yield from _copies_kept_from_others(file)
        yield from _readable_by_asterisk(file, installation.user, owner)
    if freepbx.exists():
        yield from _kept_by_freepbx(path)
    journal = getattr(report.general, "journal", None)
    if journal:
        yield from _written_to(Path(str(journal)), installation.user, owner)


def _asterisk_owner(installation: Installation) -> str:
    """As chown takes it."""
    try:
        name = pwd.getpwuid(installation.user).pw_name if installation.user is not None else "asterisk"
    except KeyError:
        name = str(installation.user)
    return f"{name}:{name}"


def files_with_keys(installation: Installation) -> list[Path]:
    """aiconvai.conf and what it includes, where there is a key in it."""
    return sorted(_with_keys(installation.judged[0]))


def _with_keys(sections: Iterable[Section]) -> set[Path]:
    entries = (entry for section in sections for entry in section.entries)
    return {Path(one.file) for one in entries if (option := find_option(one.key)) is not None and option.secret}


def _kept_from_others(file: Path, owner: str) -> Iterator[Finding]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        yield bad(AREA, f"{file} has keys, and its mode is {mode:04o}: everybody on this machine may read them",
                  f"chown {owner} {file}; chmod 640 {file}")  # fmt: skip
    else:
        yield good(AREA, f"{file} has keys, and mode {mode:04o}")


def _copies_kept_from_others(file: Path) -> Iterator[Finding]:
    """What an editor has left, and the page, and an administrator before a change: FreePBX opens them to everybody."""
    for copy in sorted(file.parent.glob(f"{file.name}?*")):
        mode = stat.S_IMODE(copy.stat().st_mode)
        if mode & stat.S_IROTH and copy.is_file() and copy in _with_keys(read_configuration(copy).sections):
            yield bad(AREA, f"{copy} is a copy with keys, and its mode is {mode:04o}: everybody may read them",
                      f"chmod 600 {copy}, or rm it")  # fmt: skip


def _readable_by_asterisk(file: Path, user: int | None, owner: str) -> Iterator[Finding]:
    if user is not None and not _may(file, user, stat.S_IRUSR, stat.S_IRGRP, stat.S_IROTH):
        yield bad(AREA, f"{file} cannot be read by Asterisk, which runs as user {owner.partition(':')[0]}",
                  f"chown {owner} {file}; chmod 640 {file}")  # fmt: skip


def _written_to(journal: Path, user: int | None, owner: str) -> Iterator[Finding]:
    place = journal if journal.exists() else journal.parent
    if not place.exists():
        yield weak(AREA, f"journal: {journal.parent} is not there: calls are not written down",
                   f"mkdir -p {journal.parent}; chown {owner} {journal.parent}")  # fmt: skip
    elif user is not None and not _may(place, user, stat.S_IWUSR, stat.S_IWGRP, stat.S_IWOTH):
        yield weak(AREA, f"journal: {place} cannot be written to by Asterisk: calls are not written down",
                   f"chown {owner} {place}")  # fmt: skip
    else:
        yield good(AREA, f"journal: {journal}")


def _may(path: Path, user: int, of_owner: int, of_group: int, of_others: int) -> bool:
    """What mode, owner and groups say; of a path that is there."""
    if user == 0:
        return True
    given = path.stat()
    if given.st_uid == user:
        return bool(given.st_mode & of_owner)
    try:
        account = pwd.getpwuid(user)
        groups = os.getgrouplist(account.pw_name, account.pw_gid)
    except KeyError:
        groups = []
    return bool(given.st_mode & (of_group if given.st_gid in groups else of_others))


def _kept_by_freepbx(path: Path) -> Iterator[Finding]:
    """Apply Config gives every file of /etc/asterisk a mode of its own, unless told otherwise."""
    told, line = path.with_name(CHOWN_CONF), chown_line(path)
    try:
        is_told = str(path) in told.read_text(encoding="utf-8", errors="replace")
    except OSError:
        is_told = False
    if is_told:
        yield good(AREA, f"{told} keeps the mode of {path.name}")
    else:
        yield bad(AREA, f"FreePBX makes {path} readable for everybody with the next Apply Config",
                  f"add to {told}, below [custom]: {line}")  # fmt: skip
