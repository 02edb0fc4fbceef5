"""Keeps the machine's processors from sleeping, for those who look at times."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LATENCY_PATH = Path("/dev/cpu_dma_latency")


@contextmanager
def processors_awake() -> Iterator[bool]:
    """While this runs no processor sleeps: asks Linux for a wake-up latency of 0 us, as cyclictest does (PM QoS,
    https://docs.kernel.org/power/pm_qos_interface.html).

    A virtual machine's processor that sleeps is given to others, and is late when a packet comes. False: the machine
    does not take the wish, as without the right to it.
    """
    try:
        descriptor = os.open(LATENCY_PATH, os.O_WRONLY)
    except OSError:
        yield False
        return
    # The wish holds as long as the file is open.
    try:
        os.write(descriptor, struct.pack("=i", 0))
        yield True
    finally:
        os.close(descriptor)
