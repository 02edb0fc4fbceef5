"""What stands beside Asterisk: `aiconvai serve` and `aiconvai gateway`, where serve.toml is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from aiconvai.doctor.finding import Finding, bad, good, weak
from aiconvai.doctor.installation import Installation, entries_of
from aiconvai.options import fold_case
from aiconvai.serve.check import check
from aiconvai.serve.settings import SERVE_TOML, ServeSettings, usual_settings
from aiconvai.toml_settings import SettingsError

AREA = "serve"
PORTS = "ports"
_USUAL_RTP = (5_000, 31_000)
"""Asterisk's, where rtp.conf does not say."""
_MOST_PORTS = 1_000
_PORTS_END = 65_536


async def beside_checks(installation: Installation, serve_toml: Path = SERVE_TOML) -> AsyncIterator[Finding]:
    """What `aiconvai serve --check` says, and whether ports are somebody else's. The file is there."""
    try:
        settings = usual_settings(serve_toml)
    except SettingsError as error:
        yield bad(AREA, str(error), f"mend {serve_toml}; then: aiconvai serve --check")
        return
    # An Asterisk of the gateway's has no module.
    async for one in check(settings, needs_module="gateway" not in settings.model_fields_set):
        yield good(AREA, one.what) if one.is_well else bad(AREA, one.what, "aiconvai serve --check says it once more")
    for finding in port_checks(installation, settings):
        yield finding


def port_checks(installation: Installation, settings: ServeSettings) -> Iterator[Finding]:
    """Ports for audio by RTP: Asterisk must not take the same."""
    theirs = rtp_ports(installation.configuration / "rtp.conf")
    for name, one in settings.gateway.ari.items():
        ours = one.rtp_ports
        if ours[0] <= theirs[1] and theirs[0] <= ours[1] and one.rtp_host.is_loopback:
            yield weak(
                PORTS,
                f"gateway.ari.{name}.rtp_ports {ours[0]} to {ours[1]} are among those that Asterisk takes, {theirs[0]} "
                f"to {theirs[1]} (rtp.conf): each takes them away from the other",
                f"rtp_ports = [{theirs[1] + 1}, {theirs[1] + _MOST_PORTS}]" if theirs[1] + _MOST_PORTS < _PORTS_END
                else "rtpend = 20000 in rtp.conf, and rtp_ports above it",
            )  # fmt: skip
        else:
            yield good(PORTS, f"gateway.ari.{name}: {ours[0]} to {ours[1]}, Asterisk's are {theirs[0]} to {theirs[1]}")


def rtp_ports(rtp_conf: Path) -> tuple[int, int]:
    """The first and the last that Asterisk takes."""
    first, last = _USUAL_RTP
    for entry in entries_of(rtp_conf):
        if entry.value.isdecimal():
            first = int(entry.value) if fold_case(entry.key) == "rtpstart" else first
            last = int(entry.value) if fold_case(entry.key) == "rtpend" else last
    return first, last
