"""The byte ring, by itself and between two threads."""

from __future__ import annotations

import random
import threading
import time
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.byte_ring import ByteRing


def drain(ring: ByteRing) -> bytes:
    """Everything readable."""
    drained = b""
    while piece := ring.peek():
        drained += piece
        ring.consume(len(piece))
    return drained


@pytest.mark.parametrize(("asked", "given"), [(0, 64), (1, 64), (64, 64), (65, 128), (1000, 1024), (1024, 1024)])
def test_the_capacity_is_a_power_of_two(asked: int, given: int) -> None:
    assert ByteRing(asked).capacity == given


def test_all_of_the_capacity_is_used_and_more_is_refused_whole() -> None:
    ring = ByteRing(64)
    assert ring.write(bytes(range(64)))
    assert not ring.write(b"x")
    assert ring.peek() == bytes(range(64))
    ring.consume(10)
    assert not ring.write(bytes(11))
    assert ring.write(b"0123456789")
    assert drain(ring) == bytes(range(10, 64)) + b"0123456789"
    assert not ring.write(bytes(65))
    assert ring.write(b"")
    assert ring.peek() == b""


@given(st.lists(st.tuples(st.binary(max_size=80), st.integers(0, 80)), max_size=60))
def test_it_is_a_queue_of_bytes(steps: list[tuple[bytes, int]]) -> None:
    ring, model = ByteRing(64), deque[int]()
    for data, take in steps:
        fits = len(model) + len(data) <= 64
        assert ring.write(data) == fits
        model.extend(data if fits else b"")
        piece = ring.peek()[:take]
        assert piece == bytes(model.popleft() for _ in piece)
        ring.consume(len(piece))
    assert drain(ring) == bytes(model)


def test_two_threads_transfer_a_long_stream() -> None:
    ring = ByteRing(4096)
    stream = random.Random(20).randbytes(3_000_000)
    received = bytearray()
    refused = 0

    def write() -> None:
        nonlocal refused
        sizes = random.Random(1)
        at = 0
        while at < len(stream):
            piece = stream[at : at + sizes.randint(1, 2000)]
            while not ring.write(piece):
                refused += 1
                time.sleep(0)
            at += len(piece)

    def read() -> None:
        sizes = random.Random(2)
        while len(received) < len(stream):
            piece = ring.peek()[: sizes.randint(1, 3000)]
            received.extend(piece)
            ring.consume(len(piece))
            if not piece:
                time.sleep(0)

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert received == stream
    assert refused > 0, "the ring was never full: the test did not test that"
