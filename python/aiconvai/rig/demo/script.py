"""What the two parties of the demo say, and the speech of the caller."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from aiconvai.audio import Samples, read_wav, write_wav
from aiconvai.mock import Scenario
from aiconvai.mock.scenario import parse_scenario
from aiconvai.speech import speak

RATE = 8000
AGENT_VOICE = "en-gb+f3"
AGENT_WORDS_PER_MINUTE = 170
CALLER_VOICE = "en-us+m3"
CALLER_WORDS_PER_MINUTE = 175

TOOL = "look_up_booking"
TOOL_ARGUMENTS = {"number": "471"}
TOOL_RESULT = json.dumps({"guests": 4, "day": "Friday", "time": "19:00"})


@dataclass(frozen=True)
class AgentLines:
    """The agent's lines, in order."""

    greeting: str = "Hello, this is the Riverside Hotel. How can I help you?"
    hold_on: str = "One moment, please."
    answer: str = "Yes, here it is. A table for four, on Friday at seven."
    explanation: str = (
        "That is easy. From the central station take tram number nine towards the harbour, and get off at the "
        "fourth stop, which is called Mill Bridge. Cross the bridge, turn left at the bakery, and follow the river "
        "for about three hundred metres, until you see a green door with a brass bell."
    )
    reaction: str = "Of course. It takes five minutes from the station."
    goodbye: str = "Thank you for calling. Goodbye!"

    def in_order(self) -> tuple[str, ...]:
        """All of them."""
        return self.greeting, self.hold_on, self.answer, self.explanation, self.reaction, self.goodbye


@dataclass(frozen=True)
class CallerLines:
    """The caller's lines, in order; `barge_in` is said while the agent explains."""

    question: str = "Good evening. I booked a table, number four seven one. Is it confirmed?"
    request: str = "Great. And how do I get to you?"
    barge_in: str = "Sorry, stop. I will take a taxi."
    thanks: str = "Perfect. Thank you. Goodbye!"

    def in_order(self) -> tuple[str, ...]:
        """All of them."""
        return self.question, self.request, self.barge_in, self.thanks


AGENT = AgentLines()
CALLER = CallerLines()


def agent_scenario() -> Scenario:
    """What the mock agent does in the scripted call."""
    return _scenario(
        "agent",
        voice=AGENT_VOICE,
        words_per_minute=AGENT_WORDS_PER_MINUTE,
        tool=TOOL,
        arguments=TOOL_ARGUMENTS,
        **vars(AGENT),
        **vars(CALLER),
    )


def visitor_scenario() -> Scenario:
    """What the mock agent does for calls after the scripted one."""
    return _scenario("visitor", voice=AGENT_VOICE)


def agent_speech(text: str) -> Samples:
    """A line as the mock agent says it, at `RATE`. Raises `SpeechError`."""
    return speak(text, RATE, AGENT_VOICE, AGENT_WORDS_PER_MINUTE)


def write_caller_speech(folder: Path) -> list[Path]:
    """One WAV file for each line of the caller. Raises `SpeechError`."""
    paths: list[Path] = []
    for number, text in enumerate(CALLER.in_order(), 1):
        path = folder / f"caller-line-{number}.wav"
        write_wav(path, speak(text, RATE, CALLER_VOICE, CALLER_WORDS_PER_MINUTE), RATE)
        paths.append(path)
    return paths


def read_speech(path: Path) -> Samples:
    """The samples, at `RATE`, of a file of `write_caller_speech`."""
    samples, rate = read_wav(path)
    if rate != RATE:
        raise ValueError(f"{path}: {rate} samples a second; expected {RATE}")
    return samples


def _scenario(name: str, **parameters: object) -> Scenario:
    text = (resources.files("aiconvai.rig.demo") / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_scenario(text, f"aiconvai.rig.demo {name}", **parameters)
