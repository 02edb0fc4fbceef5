"""The table of faults: what may go wrong with a service, in Asterisk, or on the machine, and what is to come of it.

A row is a Fault; a test that injects it is marked `@pytest.mark.fault("service.refuses-tcp")`, one or several for each
row. docs/reliability.md is written from this table and from what the runs of those tests said (docs/reliability.json).
"""

from __future__ import annotations

from faults.asterisk import ASTERISK_FAULTS
from faults.beside import BESIDE_FAULTS
from faults.fault import Fault
from faults.machine import MACHINE_FAULTS
from faults.security import SECURITY_FAULTS
from faults.service import SERVICE_FAULTS

__all__ = ["FAULTS", "Fault"]

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *SERVICE_FAULTS,
        *ASTERISK_FAULTS,
        *MACHINE_FAULTS,
        *BESIDE_FAULTS,
        *SECURITY_FAULTS,
    )
}
