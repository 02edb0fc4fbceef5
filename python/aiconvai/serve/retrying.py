"""What is tried again says why."""

from __future__ import annotations

from tenacity import RetryCallState


def failure_of(state: RetryCallState) -> BaseException | None:
    """Of the try that is over."""
    return state.outcome.exception() if state.outcome is not None else None
