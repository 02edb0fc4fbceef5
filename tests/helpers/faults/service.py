"""Faults of the AI service and of the way to it."""

from __future__ import annotations

from faults.fault import Fault

SERVICE_FAULTS = (
    Fault(
        "service.refuses-tcp",
        "refuses TCP connections",
        "the idle audio while it is tried again, then what the dialplan goes on with",
        "UNAVAILABLE",
    ),
)
