"""Faults inside Asterisk: what its dialplan, its channels and its operators do to a call."""

from __future__ import annotations

from faults.fault import Fault

ASTERISK_FAULTS: tuple[Fault, ...] = ()
