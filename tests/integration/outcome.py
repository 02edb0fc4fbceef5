"""What a dialplan sees of the end of a conversation: the variables AICONVAI_*, told to the test by an event."""

from __future__ import annotations

from dataclasses import dataclass

from voice import DEFAULT_TIMEOUT, Voice

REPORT = (
    'UserEvent(Outcome,"Status: ${AICONVAI_STATUS}","Reason: ${AICONVAI_REASON}",'
    '"ConversationID: ${AICONVAI_CONVERSATION_ID}")'
)
"""A dialplan application: outcome() returns what the variables are when it runs."""


@dataclass(frozen=True)
class Outcome:
    """The variables of one call."""

    status: str
    reason: str
    conversation_id: str


def outcome(voice: Voice, timeout: float = DEFAULT_TIMEOUT, **headers: str) -> Outcome:
    """The first report of the test whose headers (`Exten`, for one) have these values."""
    event = voice.event("UserEvent", timeout, UserEvent="Outcome", **headers)
    return Outcome(event["Status"], event["Reason"], event["ConversationID"])
