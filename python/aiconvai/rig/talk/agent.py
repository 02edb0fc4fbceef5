"""What the agent says, and how its service listens: by loudness, as quick as the quickest of the real ones."""

from __future__ import annotations

import numpy as np

from aiconvai.audio import Samples
from aiconvai.mock import Scenario, parse_scenario
from aiconvai.rig.talk.recorded_speech import passage
from aiconvai.rig.talk.telephone import RATE, at_level
from aiconvai.speech import speak

SERVICE_MIN_MS = 100
SERVICE_DBFS = -45
"""So much speech of that loudness, or more, is the caller's to the service."""
WORD_MS = 250
"""In less than this it finds no words."""
TURN_END_MS = 400
"""Of silence, until the service takes the caller's words for complete and tells them."""
_LEVEL_DBFS = -20.0

_VOICES = ("en+f3", "en-us+m2", "en-gb+f4")
_TEXTS = (
    "I have looked up your booking, and there are three rooms that would suit you on that day. The first has a "
    "balcony and looks over the garden.",
    "The second one is larger, and next to the lift. Breakfast is served from seven to ten, on the terrace when the "
    "weather is fine.",
    "Your last invoice was sent on the third of May, and it has been paid. The next one is due at the end of the "
    "month, as usual.",
    "We are open from Monday to Friday, from eight in the morning until six in the evening, and on Saturdays until "
    "noon, except on holidays.",
    "The technician will be with you between two and four tomorrow. Please see to it that somebody is there who can "
    "let him in.",
)


def utterance(seed: int) -> Samples:
    """Six to nine seconds of what an agent says, at 8 kHz: made, or a person's. Raises `SpeechError`."""
    rng = np.random.default_rng(seed)
    if rng.integers(3) == 0:
        return at_level(passage(int(rng.integers(1 << 16)), 6.0), _LEVEL_DBFS)[: 9 * RATE]
    return at_level(speak(_TEXTS[rng.integers(len(_TEXTS))], RATE, _VOICES[rng.integers(len(_VOICES))]), _LEVEL_DBFS)


def listening(text: str | None) -> Scenario:
    """Of a service that notices speech, over the agent's or not, and understands `text`, if it understands words."""
    told = f"- user_transcript: {text!r}" if text else ""
    return parse_scenario(
        f"""
        steps:
          - barge_in: {{min_ms: {SERVICE_MIN_MS}, level_dbfs: {SERVICE_DBFS}}}
          - repeat:
              steps:
                - wait_for_speech: {{min_ms: {WORD_MS}, level_dbfs: {SERVICE_DBFS}, timeout: 600}}
                - wait_for_silence: {{ms: {TURN_END_MS}, level_dbfs: {SERVICE_DBFS}, timeout: 600}}
                {told}
        """
    )
