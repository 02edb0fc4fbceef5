"""What somebody does on purpose: a caller, a service, or who can reach a port."""

from __future__ import annotations

from faults.fault import Fault

_ON = "the agent goes on; what was said is text"

SECURITY_FAULTS = (
    Fault("security.caller-name", "calls with a name and number that are lines, markup, SQL or dialplan", _ON, "-"),
    Fault("security.service-text", "a service says, in each of its texts, lines, markup, SQL or dialplan", _ON, "-"),
    Fault(
        "security.tool-arguments",
        "an agent's tool has arguments that are dialplan",
        "the agent goes on: arguments are values of variables, and nothing evaluates them",
        "-",
    ),
    Fault(
        "security.toll-fraud",
        "an agent is talked into a transfer to a premium number, another context, or a channel of its own choice",
        "the agent, which is told that there is no such destination",
        "-",
    ),
    Fault(
        "security.page-stranger",
        "somebody without a session asks every route of the page and the API",
        "nothing of it",
        "-",
    ),
    Fault(
        "security.page-other-site",
        "another site's page sends what changes something",
        "nothing of it",
        "-",
    ),
    Fault(
        "security.private-address",
        "a name of a tool or a webhook leads to a private address, at once, later, or by a redirection",
        "the agent, which is told that its tool cannot be reached",
        "-",
    ),
    Fault("security.tool-server-lies", "a server of tools answers without an end, or what is none", _ON, "-"),
)
