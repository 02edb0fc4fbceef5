"""Faults of the machine: its clock, processes, disk, names, memory."""

from __future__ import annotations

from faults.fault import Fault

MACHINE_FAULTS: tuple[Fault, ...] = ()
