"""A caller behind a network that loses packets, doubles them and lets others overtake them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from exchange import agent_hears
from hearing import agent_heard, wait_until_agent_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import tone

__all__ = ["mock_options", "voice"]

SECONDS = 6.0
HZ = 500.0
STAND_IN_MS = 150
"""After a little more than that silence stands in for a caller of whom nothing comes."""
TRIALS = 3


class Network:
    """Loses a share of all packets, and lets another share be overtaken by the next one."""

    def __init__(self, *, lost: float = 0.0, overtaken: float = 0.0, doubled: float = 0.0) -> None:
        self._chance = random.Random(20)
        self._lost, self._overtaken, self._doubled = lost, overtaken, doubled
        self._kept: list[bytes] = []
        self.count = 0
        self.missing = 0

    def __call__(self, packet: bytes) -> Iterable[bytes]:
        self.count += 1
        kept, self._kept = self._kept, []
        if self._chance.random() < self._lost:
            self.missing += 1
            return kept
        if self._chance.random() < self._overtaken and not kept:
            self._kept = [packet]
            return []
        return [packet] * (2 if self._chance.random() < self._doubled else 1) + kept


def phase_jumps(samples: np.ndarray, rate: int) -> int:
    """How often a tone is not where it should be, 10 ms by 10 ms, where it is heard at all."""
    step = rate // 100
    pieces = samples[: len(samples) // step * step].reshape(-1, step).astype(float)
    wave = np.exp(-2j * np.pi * HZ * np.arange(len(pieces) * step) / rate).reshape(-1, step)
    phases = np.angle((pieces * wave).sum(axis=1))
    heard = np.sqrt((pieces**2).mean(axis=1)) > 2000
    wanted = np.median(phases[heard])
    return int((np.abs(np.angle(np.exp(1j * (phases[heard] - wanted)))) > 0.5).sum())


def listen(voice: Voice, network: Callable[[], Network], dialplan: str) -> tuple[Network, np.ndarray, int]:
    """What the agent hears of a tone behind such a network; and at which rate.

    A caller whom the machine kept from his own time, so that silence stood in for him, is listened to once more.
    """
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(dialplan)
    voice.apply()
    for _ in range(TRIALS):
        call = voice.call("100")
        conversation = voice.conversation()
        lossy = call.stream.network = network()
        began = time.monotonic()
        call.play(tone(HZ, SECONDS, 8000, -12.0)).wait()
        wait_until_agent_heard(conversation, began)
        heard = agent_heard(conversation, began)
        if call.sent_spacing_ms().max() < STAND_IN_MS:
            return lossy, heard, conversation.record.uplink_rate
        call.hangup()
        conversation.wait_closed()
    raise AssertionError(f"the caller has never sent his packets less than {STAND_IN_MS} ms apart")


@pytest.mark.fault("asterisk.rtp-lost")
@pytest.mark.parametrize(
    "dialplan",
    ["exten => 100,1,AIConvAI(agent)", "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Wait(60)"],
    ids=["foreground", "background"],
)
@pytest.mark.parametrize(
    "network",
    [{"lost": 0.05}, {"lost": 0.05, "overtaken": 0.1, "doubled": 0.02}, {"overtaken": 0.2}],
    ids=["loss", "all", "reordering"],
)
def test_what_the_agent_hears_is_as_long_as_it_was_said_and_in_order(
    voice: Voice, dialplan: str, network: dict[str, float]
) -> None:
    lossy, heard, rate = listen(voice, lambda: Network(**network), dialplan)
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 1000)
    seconds = (loud[-1] - loud[0]) / rate
    assert seconds == pytest.approx(SECONDS, abs=0.045), "a packet at either end may be among those that are lost"
    # Where a packet is missing, or came late, is silence.
    assert phase_jumps(heard[loud[0] : loud[-1]], rate) <= lossy.count * 0.005


@pytest.mark.fault("asterisk.rtp-other-source")
def test_another_source_is_heard_whatever_its_packets_are_numbered(voice: Voice) -> None:
    """As after a transfer, or where a carrier changes its media server in the middle of a call."""
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, HZ)
    call.stream.begin_anew(behind=60)
    agent_hears(conversation, call, HZ)
