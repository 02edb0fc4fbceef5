"""A real MariaDB behind a socket in a folder of its own, with nothing that has to outlive the tests."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_USER = "mysql"
_SOCKET = "server"
_READY = "ready for connections"
# A machine has so many asynchronous operations, and not one more for the server of every test process.
_OPTIONS = ("--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0")


class MariaDBServer:
    """`socket`: where it is reached, by root without a password."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / _SOCKET

    def ask(self, sql: str, database: str = "") -> str:
        """What the client prints: rows, with tabs between their columns."""
        client = ["mariadb", "--no-defaults", "-u", "root", f"--socket={self.socket}", "--batch", "--skip-column-names"]
        command = [*client, database] if database else client
        return subprocess.run(command, input=sql, capture_output=True, text=True, check=True).stdout


@contextmanager
def mariadb_server() -> Iterator[MariaDBServer]:
    """Without a port."""
    folder = Path(tempfile.mkdtemp(prefix="aiconvai-mariadb-"))
    try:
        shutil.chown(folder, _USER, _USER)
        data = f"--datadir={folder}/data"
        user = f"--user={_USER}"
        make = ["mariadb-install-db", "--no-defaults", data, user, "--auth-root-authentication-method=normal"]
        made = subprocess.run([*make, "--skip-test-db", *_OPTIONS], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        server = MariaDBServer(folder)
        process = subprocess.Popen(
            ["/usr/sbin/mariadbd", "--no-defaults", data, user, f"--socket={server.socket}",
             f"--pid-file={folder}/pid", "--skip-networking", *_OPTIONS],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            assert any(_READY in line for line in process.stderr)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    finally:
        shutil.rmtree(folder)
