"""Faults of what stands beside Asterisk: serve, gateway, local, and what they depend on."""

from __future__ import annotations

from faults.fault import Fault

BESIDE_FAULTS: tuple[Fault, ...] = ()
