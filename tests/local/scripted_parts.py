"""Parts of a local agent that do what a test says, so that what joins them can be looked at alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np

from aiconvai.audio import Samples, rms_dbfs, tone
from aiconvai.local.caller_turns import TurnSettings
from aiconvai.local.conversation import Agent
from aiconvai.local.figures import Figures
from aiconvai.local.parts import Act, CallFacts, PartError, Say, Speech, Voice

AGENT_HZ = 700.0
RATE = 8000
LOUD_DBFS = -40.0


@dataclass
class ScriptedDetection:
    """Whatever is loud is speech. How many detectors are given back is counted."""

    given: int = 0
    back: int = 0
    all_back: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def detector(self) -> _Counted:
        self.given += 1
        self.all_back.clear()
        return _Counted(self)


@dataclass
class _Counted:
    of: ScriptedDetection

    def probability(self, window: Samples) -> float:
        return 1.0 if rms_dbfs(window) > LOUD_DBFS else 0.0

    def close(self) -> None:
        self.of.back += 1
        if self.of.back == self.of.given:
            self.of.all_back.set()


@dataclass
class ScriptedRecognizer:
    """Says its words one after the other, each after `seconds`; what it was given is kept."""

    words: list[str]
    seconds: float = 0.0
    error: str = ""
    given: list[Samples] = field(default_factory=list)
    cancelled: int = 0

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def recognize(self, samples: Samples, language: str | None) -> str:
        self.given.append(samples)
        if self.error:
            raise PartError(self.error)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.words.pop(0) if self.words else ""


@dataclass
class ScriptedVoice:
    """A tone for each sentence, `seconds_a_word` for each of its words."""

    seconds_a_word: float = 0.1
    said: list[str] = field(default_factory=list)
    made: asyncio.Event = field(default_factory=asyncio.Event)
    """Once it has said anything."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        self.said.append(sentence)
        self.made.set()
        return Speech(tone(AGENT_HZ, self.seconds_a_word * len(sentence.split()), RATE), RATE)


@dataclass
class ScriptedMind:
    """Answers what it was told to answer."""

    answers: dict[str, list[Act]] = field(default_factory=dict)
    greeting: list[Act] = field(default_factory=list)
    thinks: float = 0.0
    """Seconds before each act."""
    talks: list[ScriptedTalk] = field(default_factory=list)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def usual_sentences(self) -> list[str]:
        return [act.text for act in self.greeting if isinstance(act, Say)]

    def begin(self, call: CallFacts) -> ScriptedTalk:
        talk = ScriptedTalk(self, call)
        self.talks.append(talk)
        return talk


@dataclass
class ScriptedTalk:
    mind: ScriptedMind
    call: CallFacts
    heard: list[str] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    was_discarded: asyncio.Event = field(default_factory=asyncio.Event)

    async def _acts(self, acts: list[Act]) -> AsyncIterator[Act]:
        for act in acts:
            await asyncio.sleep(self.mind.thinks)
            yield act

    def greeting(self) -> AsyncIterator[Act]:
        first = self.call.first_message
        return self._acts([Say(first)] if first else self.mind.greeting)

    async def answer(self, said: str) -> AsyncIterator[Act]:
        self.heard.append(said)
        if said == "Run it.":
            outcome = await self.call.run_tool("look_up", {"what": "rooms"})
            yield Say(f"It says {outcome.text}")
            return
        async for act in self._acts(self.mind.answers.get(said, [Say(f"You said {said}")])):
            yield act

    async def prepare(self, said: str) -> str | None:
        self.prepared.append(said)
        await asyncio.sleep(self.mind.thinks)
        answer = self.mind.answers.get(said, [Say(f"You said {said}")])
        return next((act.text for act in answer if isinstance(act, Say)), None)

    def discard(self) -> None:
        self.was_discarded.set()

    def pressed(self, keys: str) -> AsyncIterator[Act]:
        self.keys.append(keys)
        return self._acts([Say(f"Keys {keys}")])

    def cut(self, heard: str) -> None:
        self.cuts.append(heard)

    def know(self, text: str) -> None:
        self.known.append(text)


def agent_of(
    recognizer: ScriptedRecognizer, mind: ScriptedMind, voice: Voice, detection: ScriptedDetection | None = None
) -> Agent:
    return Agent(detection or ScriptedDetection(), recognizer, mind, voice, TurnSettings(), Figures())


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)


def loud(seconds: float) -> Samples:
    """Somebody speaks."""
    return tone(300.0, seconds, RATE)
