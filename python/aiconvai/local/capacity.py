"""How many calls this machine takes: by what its own parts cost here and now, so that nobody waits in a queue."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from aiconvai.audio import Samples, resample
from aiconvai.local.conversation import Agent
from aiconvai.local.parts import LINE_RATE, WINDOW, Speech

SENTENCE = "You are welcome to call us any day between nine and five."
"""Which the voice says and the recognizer hears: four seconds, as callers speak."""
TURN_SECONDS = 8.0
"""From one turn of a caller to the next, in a lively conversation: both speak, and think."""
LOAD = 0.6
"""Of the processors, on average: above it turns that come together wait for each other."""
_WIRE_SHARE = 0.012
"""Of a processor, which messages, JSON and audio of a call cost (measured: `aiconvai bench`)."""
_TIMES = 3
_WINDOWS = 200


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of one processor; of what another server does, seconds that pass."""

    recognition: float
    """Of a turn."""
    voice: float
    """Of a sentence."""
    detection_share: float
    """Of a processor, all the time."""
    sentence_seconds: float
    """That the sentence takes to be said."""

    @property
    def recognition_factor(self) -> float:
        """Of real time."""
        return self.recognition / self.sentence_seconds

    @property
    def voice_factor(self) -> float:
        return self.voice / self.sentence_seconds

    @property
    def share(self) -> float:
        """Of a processor that a call takes on average."""
        return (self.recognition + self.voice) / TURN_SECONDS + self.detection_share + _WIRE_SHARE


def calls_that_fit(costs: Costs, processors: int | None = None) -> int:
    """At least one. `processors`: None: those that this process may use."""
    available = processors if processors is not None else len(os.sched_getaffinity(0))
    return max(1, int(LOAD * available / costs.share))


async def measure(agent: Agent) -> Costs:
    """The best of some tries each, one after the other. The parts are open. Raises `PartError`."""
    speech, voice = await _fastest_speech(agent)
    heard = resample(speech.samples, speech.rate, LINE_RATE)
    recognition = await _fastest_recognition(agent, heard)
    return Costs(recognition, voice, _detection_share(agent), len(speech.samples) / speech.rate)


async def _fastest_speech(agent: Agent) -> tuple[Speech, float]:
    best = float("inf")
    for number in range(_TIMES):
        begun = time.monotonic()
        # Another one each time: sentences are kept.
        speech = await agent.voice.speak(f"{SENTENCE} {'Really. ' * number}".strip(), None)
        best = min(best, time.monotonic() - begun)
    return speech, best


async def _fastest_recognition(agent: Agent, heard: Samples) -> float:
    best = float("inf")
    for _ in range(_TIMES):
        begun = time.monotonic()
        await agent.recognizer.recognize(heard, None)
        best = min(best, time.monotonic() - begun)
    return best


def _detection_share(agent: Agent) -> float:
    detector = agent.detection.detector()
    noise = np.random.default_rng(0).integers(-500, 500, WINDOW * _WINDOWS).astype(np.int16)
    begun = time.thread_time()
    for at in range(0, len(noise), WINDOW):
        detector.probability(noise[at : at + WINDOW])
    detector.close()
    return (time.thread_time() - begun) / (_WINDOWS * WINDOW / LINE_RATE)
