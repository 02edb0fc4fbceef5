"""Put a changed file of configuration in the place of the one before, of which a copy stays."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from aiconvai.config.writer import FILE_MODE, write_beside


def replace_file(
    path: Path, text: str, *, mode: int | None = None, backups: Path | None = None, now: datetime | None = None
) -> Path | None:
    """Replaces the file at once, with its owner and, where none is given, its mode; returns where the one before is
    kept, in `backups` or beside it. None: there was none, and the new one belongs to who the folder belongs to.

    Raises `OSError`; the file is as it was then.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    backup = _back_up(path, backups or path.parent, moment) if path.exists() else None
    like = path if backup else path.parent
    if mode is None:
        mode = path.stat().st_mode & 0o777 if backup else FILE_MODE
    temporary = write_beside(path, text, mode)
    try:
        _copy_owner(like, temporary)
        os.replace(temporary, path)  # noqa: PTH105 - at once
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return backup


def _back_up(path: Path, folder: Path, moment: str) -> Path:
    """A copy, which nobody may read who may not read it."""
    for number in itertools.count():
        backup = folder / f"{path.name}.{moment}{f'-{number}' if number else ''}.bak"
        with suppress(FileExistsError), open(backup, "xb", opener=_for_its_owner) as copy:
            copy.write(path.read_bytes())
            _copy_owner(path, backup)
            backup.chmod(path.stat().st_mode & 0o777)
            return backup
    raise AssertionError


def _for_its_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _copy_owner(path: Path, other: Path) -> None:
    """Raises `OSError` where whoever reads it by its group could not read the other."""
    state = path.stat()
    if other.stat().st_gid != state.st_gid:
        os.chown(other, -1, state.st_gid)
    # Whoever may write the folder need not be its owner.
    with suppress(PermissionError):
        os.chown(other, state.st_uid, -1)
