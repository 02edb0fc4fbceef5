"""How much waits, and how much may: what matters less is refused sooner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import load_library

PARTS = 8
PIECES, BYTES = 80, 8000


class Backlog:
    """The engine's account, with a room of `PIECES` and `BYTES`."""

    def __init__(self) -> None:
        self._library = load_library()
        self._backlog = self._library.ffi.new("struct aic_backlog *")
        self._room = self._library.ffi.new("struct aic_backlog_room *", {"pieces": PIECES, "bytes": BYTES})

    def has_room(self, parts: int, size: int) -> bool:
        return bool(self._library.lib.aic_backlog_has_room(self._backlog, self._room, parts, size))

    def add(self, parts: int, size: int) -> bool:
        """Whether there was room for it."""
        if not self.has_room(parts, size):
            return False
        self._library.lib.aic_backlog_add(self._backlog, size)
        return True

    def remove(self, size: int) -> None:
        self._library.lib.aic_backlog_remove(self._backlog, size)

    @property
    def waiting(self) -> tuple[int, int]:
        return int(self._backlog.pieces), int(self._backlog.bytes)


def test_the_parts_are_those_of_the_module() -> None:
    assert load_library().lib.AIC_BACKLOG_PARTS == PARTS


@pytest.mark.parametrize("parts", range(1, PARTS + 1))
def test_pieces_fill_their_parts_and_no_more(parts: int) -> None:
    backlog = Backlog()
    most = PIECES // PARTS * parts
    assert [backlog.add(parts, 0) for _ in range(most + 1)] == [True] * most + [False]
    if parts < PARTS:
        assert backlog.has_room(parts + 1, 0), "what matters more has room still"
    backlog.remove(0)
    assert backlog.has_room(parts, 0)


@pytest.mark.parametrize("parts", range(1, PARTS + 1))
def test_bytes_fill_their_parts_and_no_more(parts: int) -> None:
    backlog = Backlog()
    most = BYTES // PARTS * parts
    assert not backlog.has_room(parts, most + 1)
    assert not backlog.has_room(parts, 2**64 - 1)
    assert backlog.add(parts, most - 1)
    assert not backlog.has_room(parts, 2)
    assert not backlog.has_room(parts, 2**64 - 1)
    assert backlog.add(parts, 1)
    assert not backlog.has_room(parts, 1)
    backlog.remove(most - 1)
    assert backlog.waiting == (1, 1)


@given(st.lists(st.tuples(st.integers(1, PARTS), st.integers(0, BYTES)), max_size=300))
def test_whatever_comes_stays_within_the_room(pieces: list[tuple[int, int]]) -> None:
    backlog = Backlog()
    taken = [size for parts, size in pieces if backlog.add(parts, size)]
    assert backlog.waiting == (len(taken), sum(taken))
    assert len(taken) <= PIECES
    assert sum(taken) <= BYTES
    for size in taken:
        backlog.remove(size)
    assert backlog.waiting == (0, 0)
