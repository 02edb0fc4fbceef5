"""What waits on disk for something that is down: a bounded queue of texts, which a process that is killed leaves whole.

Calls block for as long as the disk takes: use it from a thread that may wait. One thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Self


class Spool:
    """First in, first out, in a file of SQLite's."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """`most_bytes`: of all texts, in characters; what is put beyond is lost. Raises `sqlite3.Error`."""
        self._most = most_bytes
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)")
        count, size = self._database.execute("SELECT count(*), coalesce(sum(length(text)), 0) FROM waiting").fetchone()
        self._count, self._size = int(count), int(size)

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """What waits stays on disk."""
        self._database.close()

    def put(self, texts: Sequence[str]) -> int:
        """Behind the others; returns how many there was no room for. Raises `sqlite3.Error`."""
        taken: list[tuple[str]] = []
        size = self._size
        for text in texts:
            if size + len(text) > self._most:
                break
            size += len(text)
            taken.append((text,))
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO waiting (text) VALUES (?)", taken)
        self._count, self._size = self._count + len(taken), size
        return len(texts) - len(taken)

    def first(self, count: int) -> tuple[list[str], int]:
        """Up to so many, the oldest first, and the mark with which they are `drop`ped. Raises `sqlite3.Error`."""
        rows = self._database.execute("SELECT id, text FROM waiting ORDER BY id LIMIT ?", (count,)).fetchall()
        return [text for _, text in rows], rows[-1][0] if rows else 0

    def drop(self, mark: int) -> None:
        """Those that `first` gave with that mark. Raises `sqlite3.Error`."""
        gone, size = self._database.execute(
            "SELECT count(*), coalesce(sum(length(text)), 0) FROM waiting WHERE id <= ?", (mark,)
        ).fetchone()
        self._database.execute("DELETE FROM waiting WHERE id <= ?", (mark,))
        self._count, self._size = self._count - int(gone), self._size - int(size)
