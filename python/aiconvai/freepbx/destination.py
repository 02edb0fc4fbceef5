"""Destinations as FreePBX writes them: CONTEXT,EXTENSION,PRIORITY."""

from __future__ import annotations

import re

MOST_CHARACTERS = 50
"""Of incoming.destination, a varchar(50), where an inbound route keeps it."""
CONTEXT_PREFIX = "aiconvai-"
LISTED = {
    "from-did-direct,EXT,1": r"from-did-direct,\d+,1",
    "ext-local,vmuEXT,1": r"ext-local,vm[bsui]\d+,1",
    "ext-queues,N,1": r"ext-queues,\d+,1",
    "ext-group,N,1": r"ext-group,\d+,1",
    "ext-findmefollow,FMEXT,1": r"ext-findmefollow,FM\d+,1",
    "ivr-N,s,1": r"ivr-\d+,s,1",
    "app-announcement-N,s,1": r"app-announcement-\d+,s,1",
    "timeconditions,N,1": r"timeconditions,\d+,1",
    "ext-miscdests,N,1": r"ext-miscdests,\d+,1",
    "app-blackhole,hangup,1": r"app-blackhole,(?:hangup|congestion|busy|zapateller|musiconhold|ring|no-service),1",
    "aiconvai-AGENT,s,1": rf"{CONTEXT_PREFIX}[\w-]+,s,1",
}
"""What a caller may be sent to -> how it is written. `from-internal` is not among them: it reaches outbound routes, and
whoever talks the agent into a number of his own calls there on the owner's account.
"""
_AGENT_NAME = re.compile(r"[A-Za-z0-9_-]+")
_OPEN_CONTEXTS = ("from-internal", "outrt-", "outbound-allroutes", "ext-trunk", "from-trunk", "macro-dialout-trunk")


def destination_of(agent: str) -> str:
    """What inbound routes, IVRs and ring groups are to be sent to."""
    return f"{CONTEXT_PREFIX}{agent},s,1"


def why_no_name(agent: str) -> str:
    """What keeps an agent's name from being a destination's; empty: nothing."""
    if not _AGENT_NAME.fullmatch(agent):
        return f"agent {agent!r}: a destination of FreePBX takes letters, digits, - and _; give the agent another name"
    if len(destination_of(agent)) > MOST_CHARACTERS:
        most = MOST_CHARACTERS - len(destination_of(""))
        return (
            f"agent {agent!r}: {destination_of(agent)} has {len(destination_of(agent))} characters, and FreePBX keeps "
            f"{MOST_CHARACTERS}; give the agent a name of {most} at the most"
        )
    return ""


def why_not(destination: str) -> str:
    """What is wrong with a place that callers are sent to; empty: nothing."""
    if any(re.fullmatch(form, destination) for form in LISTED.values()):
        return ""
    if destination.startswith(_OPEN_CONTEXTS):
        return (
            f"{destination!r} reaches outbound routes: a caller who talks an agent into it calls anybody on your "
            "account; take from-did-direct,EXT,1 for an extension"
        )
    return f"{destination!r} is none of {', '.join(LISTED)}"
