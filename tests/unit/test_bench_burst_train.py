"""Bursts are found in what was heard, whoever was late."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from aiconvai.audio import Samples
from aiconvai.rig.bench.burst_train import BurstTrain
from aiconvai.rig.caller import Call, Playback, RtpPacket
from aiconvai.rig.caller.codecs import CODECS

RATE = 8000
PACKET = 160
PACKET_NS = 20_000_000
START_NS = 1_000_000_000


class EchoedCall:
    """What is played stands in packets 20 ms apart from START_NS on; it is heard again after a delay."""

    def __init__(self, delay_ms: float, *, missing: range = range(0), sent_late_ms: float = 0.0) -> None:
        self.sample_rate = RATE
        self.stream = self
        self._delay_ns = round(delay_ms * 1e6)
        self._missing = missing
        self._late_ns = round(sent_late_ms * 1e6)
        self._played: list[Samples] = [np.zeros(5 * PACKET, dtype=np.int16)]

    def play(self, samples: Samples) -> Playback:
        playback = Playback(samples, RATE)
        place = sum(len(one) for one in self._played)
        playback.started_ns = START_NS + self._late_ns + place * 1_000_000_000 // RATE
        playback.finish()
        self._played.append(samples)
        return playback

    def wait_heard(self, packets: int = 1, timeout: float = 10.0, *, since: float = 0.0) -> None:
        assert since > 0

    def decoded_heard(self, first: int = 0) -> list[tuple[RtpPacket, Any, Samples]]:
        sound = np.concatenate(self._played)
        # A delay of less than a packet is one of arrival; of more, the echo is so many packets behind as well.
        sound = np.concatenate([np.zeros(self._delay_ns // PACKET_NS * PACKET, dtype=np.int16), sound])
        heard = []
        for number in range(first, len(sound) // PACKET):
            if number in self._missing:
                continue
            arrival = START_NS + self._late_ns * (number > 0) + number * PACKET_NS + self._delay_ns % PACKET_NS
            packet = RtpPacket(arrival, number, number * PACKET, False, 0, 7, b"")
            heard.append((packet, CODECS["ulaw"], sound[number * PACKET : (number + 1) * PACKET]))
        return heard


def delays(call: EchoedCall, held_seconds: float = 0.0) -> tuple[list[float], int]:
    found = BurstTrain(cast(Call, call), 3.0, held_seconds, random.Random(1)).finish()
    return found.milliseconds, found.lost


@pytest.mark.parametrize(
    ("delay_ms", "held_seconds"), [(0.0, 0.0), (0.1, 0.0), (27.5, 0.0), (140.0, 0.0), (225.0, 0.24)]
)
def test_every_burst_is_found(delay_ms: float, held_seconds: float) -> None:
    found, lost = delays(EchoedCall(delay_ms), held_seconds)
    assert len(found) >= 6
    assert found == pytest.approx([delay_ms] * len(found), abs=0.05)
    assert lost == 0


def test_packets_that_were_sent_late_do_not_hide_the_burst() -> None:
    """They stand in what is heard where they should have been, before the caller sent them."""
    found, lost = delays(EchoedCall(1.0, sent_late_ms=35.0))
    assert (found, lost) == (pytest.approx([1.0] * len(found), abs=0.05), 0)


def test_a_burst_that_does_not_come_back_is_lost() -> None:
    found, lost = delays(EchoedCall(1.0, missing=range(5, 9)))
    assert lost == 1
    assert found == pytest.approx([1.0] * len(found), abs=0.05)


def test_nothing_heard_is_everything_lost() -> None:
    call = EchoedCall(1.0, missing=range(10_000))
    found, lost = delays(call)
    assert found == []
    assert lost >= 10


def test_pauses_are_drawn() -> None:
    call = cast(Call, SimpleNamespace(sample_rate=RATE, play=lambda samples: Playback(samples, RATE)))
    lengths = [len(BurstTrain(call, 10.0, held, random.Random(1))._bursts) for held in (0.0, 0.24)]
    assert lengths[0] > lengths[1] > 15
