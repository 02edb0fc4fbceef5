"""Places in the agent's audio that a client reports when the audio before them was heard, or dropped."""

from __future__ import annotations

from collections import deque

from aiconvai.mock.errors import InvalidMessageError

TOLERANCE_SECONDS = 0.1
"""A client takes a packet from its queue a little before it is heard, and clocks differ."""


class Marks:
    """Those of one conversation."""

    def __init__(self) -> None:
        self.reported: list[str] = []
        """In the order of the reports."""
        self._outstanding: deque[tuple[str, float]] = deque()

    def add(self, name: str, due: float) -> None:
        """A mark was sent; the audio before it cannot have been heard before `due`."""
        self._outstanding.append((name, due))

    def release(self, now: float) -> None:
        """Audio was dropped: what stood behind it may be reported at once."""
        self._outstanding = deque((name, min(due, now)) for name, due in self._outstanding)

    def report(self, name: str, now: float) -> None:
        """The client reports a mark. Raises `InvalidMessageError` if it is not the next one, or too early."""
        expected, due = self._outstanding[0] if self._outstanding else (None, now)
        if name != expected:
            raise InvalidMessageError(
                "value_error", f"mark: {name!r} is not the next one outstanding, which is {expected!r}"
            )
        if now < due - TOLERANCE_SECONDS:
            raise InvalidMessageError(
                "value_error",
                f"mark: {name!r} was reported {due - now:.2f} s before the audio before it can have been heard",
            )
        self._outstanding.popleft()
        self.reported.append(name)
