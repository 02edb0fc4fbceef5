"""A row of the table of faults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and what is to come of it, in words for a telephony engineer."""

    name: str
    """ROOM.WORDS, as tests name it: service.refuses-tcp. The room is service, asterisk, machine, beside or security."""
    fault: str
    """What is done to the call: `refuses TCP connections`."""
    heard: str
    """What the caller hears: `ringing for 10 s, then what the dialplan plays`."""
    status: str
    """AICONVAI_STATUS as the dialplan sees it, or `-` where the call goes on with its agent."""
