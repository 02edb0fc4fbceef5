"""Faults of what stands beside Asterisk: serve, gateway, local, and what they depend on."""

from __future__ import annotations

from faults.fault import Fault

BESIDE_FAULTS: tuple[Fault, ...] = (
    Fault(
        "beside.serve-killed",
        "`aiconvai serve` is killed and started again under calls",
        "the agent; every call is in the store once",
        "-",
    ),
    Fault(
        "beside.asterisk-gone",
        "Asterisk goes away and comes back while `serve` follows it",
        "nothing of it",
        "-",
    ),
    Fault(
        "beside.gateway-killed",
        "`aiconvai gateway` is killed in the middle of calls",
        "what the dialplan goes on with",
        "LOST",
    ),
    Fault(
        "beside.gateway-missing",
        "there is no gateway",
        "what the dialplan goes on with",
        "LOST",
    ),
    Fault(
        "beside.gateway-ends",
        "`aiconvai gateway` ends in the middle of calls",
        "what the dialplan goes on with",
        "LOST",
    ),
    Fault(
        "beside.gateway-leftovers",
        "a killed gateway has left channels and bridges",
        "nothing of it: the next one deletes them",
        "-",
    ),
    Fault(
        "beside.ari-events-lost",
        "the connection of ARI's events breaks",
        "the agent",
        "-",
    ),
    Fault(
        "beside.audiosocket-strangers",
        "strangers, garbage and silence on the port of AudioSocket",
        "nothing of it",
        "-",
    ),
    Fault(
        "beside.rtp-strangers",
        "packets of strangers on a call's port",
        "nothing of it",
        "-",
    ),
    Fault(
        "beside.lookup-dead",
        "nobody answers a lookup",
        "the agent, after `lookup_ms`",
        "-",
    ),
    Fault(
        "beside.webhook-dead",
        "the receiver of webhooks is down, slow, or refuses",
        "nothing of it; what was not taken is told again",
        "-",
    ),
    Fault(
        "beside.mcp-dead",
        "an MCP server dies, is not there, or does not answer",
        "the agent, which is told that the tool failed",
        "-",
    ),
    Fault(
        "beside.tool-slow",
        "a tool beside Asterisk is slow or fails",
        "the agent, which is told so",
        "-",
    ),
    Fault(
        "beside.redis-down",
        "Redis is down",
        "the agent; what was said is remembered later",
        "-",
    ),
    Fault(
        "beside.sink-down",
        "one of serve's sinks is down, or its disk takes nothing",
        "nothing of it; nothing is lost",
        "-",
    ),
    Fault(
        "beside.told-twice",
        "events come twice, late, or from the journal as well",
        "nothing of it; each call is in the store once",
        "-",
    ),
    Fault(
        "beside.recordings-elsewhere",
        "somebody asks for a recording outside of its folder",
        "nothing of it",
        "-",
    ),
    Fault(
        "beside.browser-hostile",
        "a browser that says what no page says, sends too much, reads nothing",
        "nothing of it",
        "-",
    ),
)
