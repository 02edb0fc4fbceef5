"""What came of a call that went out, from what Asterisk says of it."""

from __future__ import annotations

from enum import StrEnum

CHANNEL_PREFIX = "out-aiconvai-"
"""With what the unique ids of all channels begin that are made here; so a call that went out is known for one."""


class State(StrEnum):
    """Of somebody who is to be called. Those from `ENDED` on are final."""

    WAITING = "waiting"
    CALLING = "calling"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    """There was a conversation; its status says how it ended."""
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CONGESTION = "congestion"
    """The network, or the trunk, had no room."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """This program was not there, and nobody knows."""
    SKIPPED = "skipped"
    """The number is not to be called."""
    GAVE_UP = "gave_up"
    """After as many attempts as there may be."""
    CANCELLED = "cancelled"


GOING_ON = (State.CALLING, State.RINGING, State.ANSWERED)
RESULTS = (State.ENDED, State.MACHINE, State.BUSY, State.NO_ANSWER, State.CONGESTION, State.FAILED, State.UNKNOWN)
"""Of an attempt."""

# Causes of Q.850, as Asterisk has them (causes.h), and why the dialling of a manager's Originate ended
# (AST_CONTROL_... of frame.h).
_BY_CAUSE = {
    17: State.BUSY,
    18: State.NO_ANSWER, 19: State.NO_ANSWER, 20: State.NO_ANSWER,
    27: State.CONGESTION, 34: State.CONGESTION, 38: State.CONGESTION, 41: State.CONGESTION, 42: State.CONGESTION,
    44: State.CONGESTION, 102: State.CONGESTION,
    1: State.FAILED, 2: State.FAILED, 3: State.FAILED, 21: State.FAILED, 22: State.FAILED, 28: State.FAILED,
    29: State.FAILED, 31: State.FAILED, 50: State.FAILED, 58: State.FAILED, 66: State.FAILED, 88: State.FAILED,
}  # fmt: skip
_BY_REASON = {1: State.NO_ANSWER, 3: State.NO_ANSWER, 5: State.BUSY, 8: State.CONGESTION}


def of_no_answer(reason: int | None, cause: int | None) -> State:
    """Of a call that nobody answered. `reason`: of OriginateResponse; `cause`: of the channel's end; None: not told."""
    if (known := _BY_CAUSE.get(cause or 0)) is not None:
        return known
    if cause is None:
        # There never was a channel.
        return _BY_REASON.get(reason or 0, State.FAILED)
    return _BY_REASON.get(reason or 0, State.NO_ANSWER)


def is_outbound(unique_id: str) -> bool:
    """Whether that channel was made here to call somebody."""
    return unique_id.startswith(CHANNEL_PREFIX)
