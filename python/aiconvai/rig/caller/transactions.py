"""SIP transactions over UDP: retransmission of what we ask and of what we answer, as RFC 3261 has it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from aiconvai.rig.caller.sip import SipMessage

_T1 = 0.5
_T2 = 4.0
TRANSACTION_SECONDS = 64 * _T1

Address = tuple[str, int]


@dataclass
class Retransmission:
    """A datagram that is repeated, each time after twice as long, until it is stopped or its time is over."""

    data: bytes
    to: Address
    interval: float = _T1
    next_at: float = field(default_factory=lambda: time.monotonic() + _T1)
    expires_at: float = field(default_factory=lambda: time.monotonic() + TRANSACTION_SECONDS)

    def due(self, now: float) -> bool:
        """Whether it must be sent again now; sets the next time if so."""
        if now < self.next_at:
            return False
        self.interval = min(2 * self.interval, _T2)
        self.next_at = now + self.interval
        return True


@dataclass
class ClientTransaction:
    """A request of ours and what has come back."""

    request: SipMessage
    call_id: str
    retransmission: Retransmission
    provisional: bool = False
    final: SipMessage | None = None
    timed_out: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.final is not None or self.timed_out

    @property
    def repeats(self) -> bool:
        """Whether the request is still being repeated: an INVITE stops with the first response."""
        return not self.finished and not (self.provisional and self.request.method == "INVITE")


class ServerResponses:
    """Our last response to each recent request: a repeated request gets it again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[float, bytes]] = {}

    def keep(self, request: SipMessage, response: bytes) -> None:
        """Remember a response."""
        now = time.monotonic()
        if len(self._kept) > 1000:
            self._kept = {key: one for key, one in self._kept.items() if now - one[0] < TRANSACTION_SECONDS}
        self._kept[request.branch, request.method] = (now, response)

    def find(self, request: SipMessage) -> bytes | None:
        """What was answered to this very request before."""
        found = self._kept.get((request.branch, request.method))
        return found[1] if found else None
