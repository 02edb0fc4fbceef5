"""A cable between Asterisk and the far end: a pair of virtual network devices, the far one in a namespace of its own.

Over the loopback whoever sends a TCP segment also does the receiver's work in the kernel, on the sender's account. Here
a thread of the kernel takes in what comes at each end, and has an account of its own.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiconvai.rig.bench.errors import BenchError

_ETHTOOL_STSO = 0x1F
_ETHTOOL_SGRO = 0x2C
_SIOCETHTOOL = 0x8946
_NETWORK = "198.18"
"""Of benchmarks (RFC 2544), so that it is nobody's."""


class NoWireError(BenchError):
    """This machine does not let a network namespace, or what it needs, be made; the text says why."""


@dataclass(frozen=True)
class Wire:
    """There it is."""

    address: str
    """Of the far end."""
    prefix: Sequence[str]
    """The command that starts a program at the far end."""
    near_thread: int
    """Process id of the kernel's thread that takes in what comes from the far end."""
    far_thread: int
    """The same of what comes to it."""


@contextmanager
def wire() -> Iterator[Wire]:
    """Raises `NoWireError` where it cannot be had."""
    pid = os.getpid()
    name, near, far = f"aiconvai-bench-{pid}", f"aicn{pid}", f"aicf{pid}"
    # Runs beside each other must not have the same addresses.
    first = f"{_NETWORK}.{pid // 64 % 256}"
    last = pid % 64 * 4
    inside = ("ip", "netns", "exec", name)
    with ExitStack() as stack:
        _run("ip", "netns", "add", name)
        stack.callback(_run, "ip", "netns", "delete", name)
        _run("ip", "link", "add", near, "type", "veth", "peer", "name", far)
        stack.callback(_run, "ip", "link", "delete", near)
        for device in (near, far):
            _poll_device(device)
        _run("ip", "link", "set", far, "netns", name)
        _run("ip", "address", "add", f"{first}.{last + 1}/30", "dev", near)
        _run("ip", "link", "set", near, "up")
        for command in (
            f"ip address add {first}.{last + 2}/30 dev {far}", f"ip link set {far} up", "ip link set lo up",
        ):  # fmt: skip
            _run(*inside, *command.split())
        _run("sh", "-c", _in_a_thread(near))
        _run(*inside, "sh", "-c", _in_a_thread(far))
        yield Wire(f"{first}.{last + 2}", inside, _thread_of(near), _thread_of(far))


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoWireError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise NoWireError(f"{' '.join(command)}: {done.stderr.strip()}")


def _in_a_thread(device: str) -> str:
    return f"echo 1 >/sys/class/net/{device}/threaded"


def _poll_device(device: str) -> None:
    """Has it polled (NAPI), as only what is polled can be polled by a thread: a device that joins what it receives
    (GRO) is, unless the sender's leaves it to the device to cut what it sends (TSO).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command, value in ((_ETHTOOL_SGRO, 1), (_ETHTOOL_STSO, 0)):
            setting = ctypes.create_string_buffer(struct.pack("II", command, value))
            request = struct.pack("16sP8x", device.encode(), ctypes.addressof(setting))
            try:
                fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
            except OSError as error:
                raise NoWireError(f"offloads of {device}: {error.strerror}") from error


def _thread_of(device: str) -> int:
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            name = path.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        # As much of it as a thread's name holds.
        if name.startswith(f"napi/{device}"[:15]):
            return int(path.parent.name)
    raise NoWireError(f"no thread of the kernel takes in what comes to {device}")
