"""A real PostgreSQL on the loopback, with nothing that has to outlive the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from aiconvai.rig.asterisk.ports import free_port

_USER = "postgres"
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=40")


class PostgresServer:
    """Each `database` is a new one."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._count = 0

    async def database(self) -> str:
        """Its URL."""
        self._count += 1
        name = f"calls{self._count}"
        connection = await asyncpg.connect(host="127.0.0.1", port=self._port, user=_USER, database=_USER)
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/{name}"


def _programs() -> Path:
    """Where Debian has them: of the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "no PostgreSQL is installed: run tools/bootstrap"
    return found[-1]


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """It does not run as root, and has a user of its own for that."""
    is_root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="aiconvai-postgres-"))
    try:
        if is_root:
            owner = pwd.getpwnam(_USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        user = _USER if is_root else None
        data = str(folder / "data")
        make = [_programs() / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, user=user, cwd=folder, check=True, capture_output=True)
        port = free_port()
        options = ["listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *_OPTIONS]
        command = [_programs() / "postgres", "-D", data, "-p", str(port)]
        for option in options:
            command += ["-c", option]
        process = subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            assert any("ready to accept connections" in line for line in process.stderr)
            yield PostgresServer(port)
        finally:
            # At once, whoever is connected.
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    finally:
        shutil.rmtree(folder)
