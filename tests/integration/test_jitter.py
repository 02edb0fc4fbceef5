"""What a caller hears of a service that streams at the pace of real time over a network that delays what it sends.

The same turns, with the same delays, go to two calls at the same time: the agent of one has no playout delay, that
of the other the default one. All is judged by the packets that the callers got. Calls of every kind at once: it takes
the time of one.
"""

from __future__ import annotations

import numpy as np
import pytest
from hearing import wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import tone, ulaw_encode
from aiconvai.mock import ElevenLabsAgent, Jitter, Scenario
from aiconvai.mock.jitter import Distribution
from aiconvai.mock.scenario import Step, Tone
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

pytestmark = pytest.mark.quiet

LEVELS_MS = (60, 120)
DISTRIBUTIONS: tuple[Distribution, ...] = ("uniform", "exponential")
TURNS = 8
TURN_SECONDS = 1.2
PAUSE_SECONDS = 1.2
TURN_PACKETS = round(TURN_SECONDS * 50)
CHUNK_MS = 20
SEED = 60


def _turn(number: int, jitter_ms: int, distribution: Distribution) -> Tone:
    jitter = Jitter(ms=jitter_ms, distribution=distribution, seed=SEED + number)
    return Tone(seconds=TURN_SECONDS, hz=400.0 + 200.0 * number, pace="realtime", chunk_ms=CHUNK_MS, jitter=jitter)


def _agent(jitter_ms: int, distribution: Distribution) -> ElevenLabsAgent:
    steps: list[Step] = []
    for number in range(TURNS):
        steps += [Step(tone=_turn(number, jitter_ms, distribution)), Step(wait=PAUSE_SECONDS)]
    return ElevenLabsAgent(scenario=Scenario(steps=tuple(steps)))


def _said(distribution: Distribution) -> bytes:
    turns = [_turn(number, 0, distribution) for number in range(TURNS)]
    return ulaw_encode(np.concatenate([tone(one.hz, one.seconds, 8000, one.level_dbfs) for one in turns]))


def _gap_ms(call: Call) -> float:
    """The silence inside turns: how much longer each was heard than it is long."""
    arrivals = np.concatenate(([0.0], np.cumsum(call.heard_spacing_ms())))
    turns = arrivals.reshape(TURNS, TURN_PACKETS)
    assert np.min(turns[1:, 0] - turns[:-1, -1]) > 500.0, "the pauses are no part of any turn"
    return float(np.sum(turns[:, -1] - turns[:, 0] - (TURN_PACKETS - 1) * 20.0))


def _names(distribution: Distribution, level_ms: int) -> tuple[str, str]:
    """The agent without a playout delay, and the one with the default one."""
    return f"{distribution}-plain{level_ms}", f"{distribution}-adapted{level_ms}"


def test_the_playout_delay_takes_most_gaps_away(voice: Voice) -> None:
    distributions: dict[str, Distribution] = {}
    for distribution in DISTRIBUTIONS:
        for level_ms in LEVELS_MS:
            plain, adapted = _names(distribution, level_ms)
            voice.agent(plain, _agent(level_ms, distribution), playout_max_delay_ms=0)
            voice.agent(adapted, _agent(level_ms, distribution))
            distributions |= {plain: distribution, adapted: distribution}
    for name in distributions:
        voice.dialplan(f"exten => {name},1,AIConvAI({name})")
    voice.apply()
    calls = {name: voice.call(name) for name in distributions}
    seconds = TURNS * TURN_SECONDS
    for call in calls.values():
        wait_until_all_is_heard(call, seconds, timeout=2 * TURNS * (TURN_SECONDS + PAUSE_SECONDS))
    gaps_ms: dict[str, float] = {}
    for name, call in calls.items():
        assert b"".join(packet.payload for packet in call.heard) == _said(distributions[name]), name
        gaps_ms[name] = _gap_ms(call)
        call.hangup()
    reports = {name: voice.event("AIConvAIEnd", Agent=name) for name in distributions}
    for name, report in reports.items():
        # The module counts by the time audio came, and leaves out what is shorter than 5 ms.
        assert int(report["GapMs"]) == pytest.approx(gaps_ms[name], abs=20 * TURNS), name
        assert int(report["Underruns"]) > 0
    for distribution in DISTRIBUTIONS:
        for level_ms in LEVELS_MS:
            plain, adapted = _names(distribution, level_ms)
            assert gaps_ms[adapted] < 0.6 * gaps_ms[plain], adapted
            assert reports[plain]["PlayoutDelayMs"] == "0"
            assert 20 <= int(reports[adapted]["PlayoutDelayMs"]) <= 200
