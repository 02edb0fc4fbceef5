"""Messages that wait for the socket, and the memory they lie in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aiconvai.engine.library import load_library

SMALL = 256
SPARES = 4
LIMIT = 256
BYTES_LIMIT = 2 << 20


class Outbox:
    """The engine's outbox. Messages that were taken are to be given back before it goes."""

    def __init__(self) -> None:
        self._library = load_library()
        self._outbox = self._library.ffi.new("struct aic_outbox *")

    def put(self, text: bytes) -> bool:
        return bool(self._library.lib.aic_outbox_put(self._outbox, text, len(text)) == 0)

    def take(self) -> Any:
        return self._library.lib.aic_outbox_take(self._outbox)

    def give_back(self, message: Any) -> None:
        self._library.lib.aic_outbox_give_back(self._outbox, message)

    def text(self, message: Any) -> bytes:
        headroom = self._library.lib.AIC_SEND_HEADROOM
        start = self._library.ffi.addressof(message, "bytes")
        return bytes(self._library.ffi.buffer(start, headroom + message.length))[headroom:]

    def take_text(self) -> bytes:
        message = self.take()
        text = self.text(message)
        self.give_back(message)
        return text

    def clear(self) -> None:
        self._library.lib.aic_outbox_clear(self._outbox)

    def free(self) -> None:
        self._library.lib.aic_outbox_free(self._outbox)

    @property
    def count(self) -> int:
        return int(self._outbox.count)

    @property
    def spare_count(self) -> int:
        return int(self._outbox.spare_count)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    made = Outbox()
    yield made
    made.free()


def test_first_in_first_out(outbox: Outbox) -> None:
    texts = [bytes([65 + at % 26]) * (at * 37 % 700) for at in range(100)]
    for text in texts:
        assert outbox.put(text)
    assert [outbox.take_text() for _ in texts] == texts
    assert outbox.take() == load_library().ffi.NULL


def test_small_messages_use_the_same_memory_again(outbox: Outbox) -> None:
    assert outbox.put(b"first")
    first = outbox.take()
    outbox.give_back(first)
    for text in (b"", b"second", b"x" * SMALL):
        assert outbox.put(text)
        message = outbox.take()
        assert message == first
        assert outbox.text(message) == text
        outbox.give_back(message)


def test_large_messages_do_not_stay(outbox: Outbox) -> None:
    assert outbox.put(b"x" * (SMALL + 1))
    assert outbox.take_text() == b"x" * (SMALL + 1)
    assert outbox.spare_count == 0


def test_a_large_message_leaves_the_spare_ones_alone(outbox: Outbox) -> None:
    assert outbox.put(b"small")
    outbox.take_text()
    assert outbox.put(b"y" * 1000)
    assert outbox.spare_count == 1
    assert outbox.take_text() == b"y" * 1000


def test_few_are_kept(outbox: Outbox) -> None:
    for number in range(SPARES * 3):
        assert outbox.put(str(number).encode())
    outbox.clear()
    assert (outbox.count, outbox.spare_count) == (0, SPARES)


def test_a_full_outbox_takes_no_more(outbox: Outbox) -> None:
    for number in range(LIMIT):
        assert outbox.put(str(number).encode())
    assert not outbox.put(b"one too many")
    assert outbox.take_text() == b"0"
    assert outbox.put(b"one more")
    assert outbox.count == LIMIT


def test_texts_of_two_megabytes_wait_and_not_a_byte_more(outbox: Outbox) -> None:
    assert not outbox.put(b"x" * (BYTES_LIMIT + 1))
    assert outbox.put(b"x" * (BYTES_LIMIT - 3))
    assert not outbox.put(b"four")
    assert outbox.put(b"one")
    assert not outbox.put(b"y")
    assert outbox.put(b""), "it has no bytes"
    outbox.clear()
    assert outbox.put(b"x" * BYTES_LIMIT), "what was taken counts no longer"


def test_nothing_is_left_after_it_was_freed(outbox: Outbox) -> None:
    assert outbox.put(b"spare")
    outbox.take_text()
    assert outbox.put(b"waiting")
    outbox.free()
    assert (outbox.count, outbox.spare_count) == (0, 0)
    assert outbox.put(b"again")
    assert outbox.take_text() == b"again"


def test_giving_nothing_back_does_nothing(outbox: Outbox) -> None:
    outbox.give_back(load_library().ffi.NULL)
    assert outbox.spare_count == 0
