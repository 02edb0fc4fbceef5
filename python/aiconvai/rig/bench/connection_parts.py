"""The parts of setting up a connection, as the manager's event at the end of a conversation tells them."""

from __future__ import annotations

from aiconvai.rig.asterisk import Message

PARTS = (
    "SignedUrlDnsMs",
    "SignedUrlTcpMs",
    "SignedUrlTlsMs",
    "SignedUrlReplyMs",
    "DnsMs",
    "TcpMs",
    "TlsMs",
    "UpgradeMs",
    "MetadataMs",
    "ConnectMs",
    "ReadyMs",
    "FirstAudioMs",
)
"""Headers in the order of events; those that a version of the module does not send are left out."""


def parts_of(event: Message) -> dict[str, float]:
    """Milliseconds by header."""
    return {name: float(value) for name in PARTS if (value := event.get(name)) is not None}
