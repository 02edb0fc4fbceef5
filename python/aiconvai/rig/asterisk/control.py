"""Asterisk's command line over its control socket, as ``asterisk -rx`` speaks it, without starting a
process.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_LONGEST_COMMAND = 480


class ControlError(RuntimeError):
    """The control socket refused or fell silent."""


def run_command(path: Path, command: str, timeout: float = 15.0) -> str:
    """Run one CLI command and return what it printed, without log and verbose lines. timeout in seconds."""
    if len(command.encode()) > _LONGEST_COMMAND:
        raise ControlError(f"CLI command of {len(command.encode())} bytes; Asterisk takes {_LONGEST_COMMAND}")
    with _connect(path, timeout) as control:
        try:
            _banner(control)
            control.sendall(b"cli quit after " + command.encode() + b"\0")
            output = bytearray()
            while data := control.recv(65536):
                output += data
        except TimeoutError as expired:
            raise ControlError(f"{path}: {command!r} was not answered within {timeout} s") from expired
        except ConnectionError as error:
            raise ControlError(f"{path}: connection lost during {command!r}: {error}") from error
    # A NUL ends every piece of output; a line that starts with a negative byte is a verbose message.
    lines = bytes(output).replace(b"\0", b"").split(b"\n")
    return b"\n".join(line for line in lines if not line or line[0] < 0x80).decode(errors="replace").rstrip("\n")


def server_pid(path: Path, timeout: float = 5.0) -> int:
    """The process id, as this machine counts, of the Asterisk that listens on the socket."""
    with _connect(path, timeout) as control:
        size = struct.calcsize("3i")
        pid, _uid, _gid = struct.unpack("3i", control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        _banner(control)
    return int(pid)


def _connect(path: Path, timeout: float) -> socket.socket:
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.settimeout(timeout)
    try:
        control.connect(str(path))
    except OSError as error:
        control.close()
        raise ControlError(f"{path}: {error}") from error
    return control


def _banner(control: socket.socket) -> None:
    banner = b""
    while not banner.endswith((b"\n", b"\0")):
        data = control.recv(512)
        if not data:
            raise ControlError("Asterisk closed its control socket before its greeting")
        banner += data
