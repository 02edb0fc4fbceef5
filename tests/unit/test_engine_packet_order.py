"""The order of the packets that bring the caller's audio."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import load_library

MS = 20


class Order:
    """Takes packets, and tells what came of each: how much was missing before it, or None where it was left out."""

    def __init__(self) -> None:
        self.library = load_library()
        self.c_order: Any = self.library.ffi.new("struct aic_packet_order *")

    def take(self, sequence: int, at_ms: int, length_ms: int = MS) -> int | None:
        missing = self.library.ffi.new("uint32_t *")
        taken = self.library.lib.aic_packet_order_take(self.c_order, sequence & 0xFFFF, at_ms, length_ms, missing)
        return int(missing[0]) if taken else None

    def take_all(self, *numbers: int) -> list[int | None]:
        """Packets of 20 ms that were sent one after the other."""
        return [self.take(number, number * MS) for number in numbers]


def test_packets_in_order_miss_nothing() -> None:
    assert Order().take_all(7, 8, 9, 10) == [0, 0, 0, 0]


def test_what_is_missing_is_told_with_the_next() -> None:
    assert Order().take_all(7, 9, 10, 14) == [0, 20, 0, 60]


def test_who_comes_late_has_lost_its_place() -> None:
    order = Order()
    assert order.take_all(7, 9, 8, 10) == [0, 20, None, 0]
    assert (order.c_order.missing_ms, order.c_order.late) == (20, 1)


def test_who_comes_twice_is_taken_once() -> None:
    assert Order().take_all(7, 7, 8, 8, 7, 9) == [0, None, 0, None, None, 0]


def test_numbers_begin_anew() -> None:
    assert Order().take_all(65534, 65535, 65537, 65538) == [0, 0, 20, 0]


def test_a_pause_in_which_nothing_is_sent_is_no_loss() -> None:
    order = Order()
    assert order.take_all(1, 2) == [0, 0]
    assert order.take(3, 5000) == 0


def test_packets_of_keys_are_numbered_too() -> None:
    """Ten of them, while no audio is sent for 160 ms; and where audio goes on meanwhile."""
    order = Order()
    order.take(1, 20)
    assert order.take(12, 40 + 160) == 160
    assert order.take(23, 220) == 0


def test_what_is_missing_for_long_is_not_made_up() -> None:
    """Who has waited for so long has put silence there already."""
    order = Order()
    assert order.take_all(1, 12, 13) == [0, 200, 0]
    assert order.take_all(25, 26) == [0, 0]


@pytest.mark.parametrize("sequence", [5000, 40000])
def test_another_stream_begins_by_itself(sequence: int) -> None:
    order = Order()
    order.take_all(1, 2)
    assert order.take(sequence, 99) == 0
    assert order.take(sequence + 1, 99 + MS) == 0


@pytest.mark.parametrize("at_ms", [0, 1002 * MS, 10**7])
@pytest.mark.parametrize("behind", [1, 40, 100])
def test_another_stream_may_be_numbered_from_a_little_behind(behind: int, at_ms: int) -> None:
    order = Order()
    order.take_all(1000, 1001)
    assert order.take(1002 - behind, at_ms) == 0
    assert order.take(1003 - behind, at_ms + MS) == 0
    assert order.c_order.late == 0


@pytest.mark.parametrize(("behind", "is_late"), [(1, True), (100, True), (101, False)])
def test_a_hundred_numbers_behind_is_late_and_what_is_farther_is_another_stream(behind: int, is_late: bool) -> None:
    order = Order()
    order.take_all(1000, 1001)
    assert order.take(1002 - behind, (1002 - behind) * MS) == (None if is_late else 0)
    assert order.c_order.late == is_late


@pytest.mark.parametrize(("gap_ms", "is_late"), [(0, False), (1, True), (10_000, True), (10_001, False)])
def test_ten_seconds_before_is_late_and_what_is_farther_is_another_stream(gap_ms: int, is_late: bool) -> None:
    order = Order()
    order.take(1000, 20_000)
    assert order.take(1000, 20_000 + MS - gap_ms) == (None if is_late else 0)


@pytest.mark.parametrize(("skipped", "gap_ms", "missing_ms"), [(0, 40, 0), (1, 1, 1), (1, 200, 200), (1, 201, 0),
                                                                (100, 20, 20), (101, 20, 0)])
def test_missing_is_what_has_a_number_and_a_time_that_are_near(skipped: int, gap_ms: int, missing_ms: int) -> None:
    order = Order()
    order.take(1, MS)
    assert order.take(2 + skipped, 2 * MS + gap_ms) == missing_ms


def test_who_forgets_knows_nothing_of_what_was_before() -> None:
    order = Order()
    order.take_all(1, 2)
    order.library.lib.aic_packet_order_forget(order.c_order)
    assert order.take_all(1, 2, 4) == [0, 0, 20]


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.2))
def test_what_comes_of_it_is_as_long_as_what_was_sent(seed: int, loss: float) -> None:
    chance = random.Random(seed)
    order, heard = Order(), 0
    numbers: list[int] = []
    lost = 0
    for number in range(1, 500):
        # At most five in a row, and three more may be late: what is missing for longer than 200 ms is not made up.
        lost = lost + 1 if number not in (1, 499) and lost < 5 and chance.random() < loss else 0
        if not lost:
            numbers.append(number)
    for number in sorted(numbers, key=lambda one: one + (3.5 if chance.random() < 0.05 and one not in (1, 499) else 0)):
        missing = order.take(number, number * MS)
        heard += 0 if missing is None else missing + MS
    assert heard in (499 * MS, 499 * MS - MS)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(-(2**40), 2**40), st.integers(0, 2**31)), max_size=50))
def test_nothing_that_comes_is_too_much(packets: list[tuple[int, int, int]]) -> None:
    order = Order()
    for sequence, at_ms, length_ms in packets:
        missing = order.take(sequence, at_ms, length_ms)
        assert missing is None or 0 <= missing <= 200
