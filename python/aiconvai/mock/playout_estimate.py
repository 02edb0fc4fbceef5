"""What a caller still has to hear, if the client plays everything in order and without delay."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class _Piece:
    event_id: int
    seconds: float


class PlayoutEstimate:
    """Follows the rules of a correct client: an interruption silences its event and all earlier ones."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._now = 0.0
        self._interrupted_through = 0

    def add(self, event_id: int, seconds: float, now: float) -> None:
        """Audio was sent; that of an interrupted event will never be heard."""
        self._advance(now)
        if event_id > self._interrupted_through:
            self._pieces.append(_Piece(event_id, seconds))

    def interrupt(self, event_id: int, now: float) -> None:
        """An interruption was sent."""
        self._advance(now)
        self._interrupted_through = max(self._interrupted_through, event_id)
        self._pieces = [piece for piece in self._pieces if piece.event_id > self._interrupted_through]

    def left(self, now: float) -> float:
        """Seconds of audio not heard yet."""
        self._advance(now)
        return sum(piece.seconds for piece in self._pieces)

    def _advance(self, now: float) -> None:
        elapsed, self._now = now - self._now, now
        while self._pieces and elapsed > 0.0:
            first = self._pieces[0]
            heard = min(elapsed, first.seconds)
            first.seconds -= heard
            elapsed -= heard
            if first.seconds <= 0.0:
                self._pieces.pop(0)
