"""Whether each agent can be reached, and this machine's clock is right."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from aiconvai.config.verdict import ConfigurationReport
from aiconvai.doctor.finding import Finding, bad, good, weak
from aiconvai.doctor.installation import Installation
from aiconvai.gateway.agents import Agents, AgentsError

AREA = "agents"
CLOCK = "clock"
_LATE_SECONDS, _WRONG_SECONDS = 5.0, 60.0
_HTTP_SECONDS = 10.0
_SLOW_SECONDS = 3.0
_MENDS: Sequence[tuple[str, str]] = (
    (r"DNS|looked up|Name or service", "look at /etc/resolv.conf: getent hosts NAME"),
    (r"\b404\b|does not exist|unknown (agent|model)", "look at agent_id, model and the URL: it is unknown there"),
    (r"\b40[13]\b|unauthori[sz]ed|invalid.*key|api.?key", "the key is wrong, or not for this agent: set api_key anew"),
    (r"\b429\b|quota|rate.?limit", "the account has no calls left: look at its plan"),
    (r"certificate|TLS", "apt install ca-certificates; is the clock right? A server of your own: tls_ca_file="),
    (r"refused|unable to connect|unreachable|timed out|not ready within|no route|did not (answer|accept)",
     "a firewall may be in the way: outbound TCP to the service's port, or proxy= where there is one"),
)  # fmt: skip


async def agent_checks(installation: Installation) -> AsyncIterator[Finding]:
    """Of a configuration that is valid. Nothing is said to an agent."""
    from aiconvai.gateway.agent_trial import try_agents

    try:
        agents = Agents(installation.aiconvai_conf)
    except AgentsError as error:
        yield bad(AREA, str(error), f"aiconvai config check {installation.aiconvai_conf}")
        return
    _, report = installation.judged
    if not report.agents:
        yield bad(AREA, "there is no agent", f"aiconvai config new, or a section in {installation.aiconvai_conf}")
    for tried in await try_agents(agents, agents.names()):
        if tried.problem:
            yield bad(AREA, f"[{tried.agent}] {tried.problem}", mend_of(tried.problem))
        elif tried.seconds > _SLOW_SECONDS:
            yield weak(AREA, f"[{tried.agent}] is ready after {tried.seconds:.1f} s: callers wait for it",
                       "look at the network: the first seconds of a call are these")  # fmt: skip
        else:
            yield good(AREA, f"[{tried.agent}] is ready to talk after {tried.seconds * 1000:.0f} ms")
    async for finding in _clock(report):
        yield finding


def mend_of(problem: str) -> str:
    """What usually is the matter where a connection fails so."""
    found = (mend for pattern, mend in _MENDS if re.search(pattern, problem, re.IGNORECASE))
    return next(found, "aiconvai conformance, or the service's own status page, may say more")


async def _clock(report: ConfigurationReport) -> AsyncIterator[Finding]:
    """Against that of the first service whose web server tells it."""
    async with httpx.AsyncClient(timeout=_HTTP_SECONDS) as client:
        for host in _https_hosts(report):
            try:
                answer = await client.head(f"https://{host}/")
                told = parsedate_to_datetime(answer.headers["Date"])
            except (httpx.HTTPError, KeyError, ValueError):
                continue
            yield judged_clock((datetime.now(UTC) - told).total_seconds(), host)
            return


def judged_clock(ahead: float, host: str) -> Finding:
    """By how many seconds this machine's clock is ahead of theirs; they tell whole ones."""
    mend = "timedatectl set-ntp true    # or: apt install chrony"
    said = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} that of {host}"
    if abs(ahead) > _WRONG_SECONDS:
        return bad(CLOCK, f"{said}: keys and certificates are judged by it", mend)
    return weak(CLOCK, said, mend) if abs(ahead) > _LATE_SECONDS else good(CLOCK, f"it is that of {host}")


def _https_hosts(report: ConfigurationReport) -> list[str]:
    hosts: list[str] = []
    for settings in report.agents.values():
        for name in ("signed_url_endpoint", "conversation_url", "conversation_endpoint"):
            given = getattr(settings, name, None)
            parts = urlsplit(given.get_secret_value() if isinstance(given, SecretStr) else given or "")
            host = parts.netloc.rpartition("@")[2]
            if parts.scheme in ("https", "wss") and host not in hosts:
                hosts.append(host)
    return hosts
