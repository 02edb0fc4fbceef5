"""Faults of the machine: its clock, processes, disk, names, memory."""

from __future__ import annotations

from faults.fault import Fault

MACHINE_FAULTS: tuple[Fault, ...] = (
    Fault(
        "machine.dns-dead",
        "a name server that does not answer",
        "the idle audio, then what the dialplan goes on with",
        "UNAVAILABLE",
    ),
    Fault(
        "machine.dns-wrong",
        "a name that there is not",
        "the idle audio, then what the dialplan goes on with",
        "UNAVAILABLE",
    ),
    Fault(
        "machine.journal-disk-full",
        "the journal cannot be written",
        "the agent; what waits is written when there is room",
        "-",
    ),
)
