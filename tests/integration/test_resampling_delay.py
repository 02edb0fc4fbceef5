"""Where audio is resampled, both ways, it comes back later by the two filters and no more."""

from __future__ import annotations

import random

import numpy as np
import pytest
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, load_scenario
from aiconvai.mock.elevenlabs.messages import AudioFormat
from aiconvai.rig.bench.burst_train import BurstTrain

__all__ = ["mock_options", "voice"]

FORMATS: tuple[AudioFormat, ...] = ("ulaw_8000", "pcm_16000", "pcm_24000", "pcm_48000")
FILTERS_MS = 8.0
"""Two of 32 samples at 8 kHz."""
ROUNDING_MS = 4.0
SECONDS = 6.0


QUIET_MS = 5.0
"""What is not resampled comes back in less, on a machine that has time for it."""
TAKES = 6


def _shortest(voice: Voice) -> dict[str, float]:
    """Delays in a call with each agent, all at the same time, in milliseconds: whatever else runs only adds to them."""
    calls = {name: voice.call(name) for name in FORMATS}
    for call in calls.values():
        call.wait_heard(5)
    pauses = random.Random(1)
    trains = {name: BurstTrain(call, SECONDS, 0.0, pauses) for name, call in calls.items()}
    delays = {name: train.finish() for name, train in trains.items()}
    for call in calls.values():
        call.hangup()
    return {name: float(np.min(one.milliseconds)) for name, one in delays.items()}


@pytest.mark.quiet
def test_resampled_audio_comes_back_later_by_its_filters_alone(voice: Voice) -> None:
    """On mu-law calls, an echo at each rate at the same time as one that is not resampled.

    That one is the oldest of a take's calls, so that it is late by whatever stood still meanwhile. What piles up then
    is heard late to the end of the call: such a take says nothing, and another is made.
    """
    for name in FORMATS:
        agent = ElevenLabsAgent(input_format=name, output_format=name, scenario=load_scenario("echo"))
        voice.agent(name, agent, audio_frames_buffer_ms=20)
        voice.dialplan(f"exten => {name},1,AIConvAI({name})")
    voice.apply()
    for _ in range(TAKES):
        shortest = _shortest(voice)
        if (plain_ms := shortest["ulaw_8000"]) < QUIET_MS:
            break
    assert plain_ms < QUIET_MS, f"this machine cannot tell: {shortest}"
    more = {name: shortest[name] - plain_ms for name in FORMATS[1:]}
    assert more == pytest.approx(dict.fromkeys(more, FILTERS_MS), abs=ROUNDING_MS), shortest
