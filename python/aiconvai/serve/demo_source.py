"""Calls that nobody makes: what `aiconvai serve --demo` shows, and what it is measured with.

They go on at the same time, each in its own, and the same seed makes the same calls.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from aiconvai.serve.agent_trial import AgentTrial
from aiconvai.serve.asterisk_source import Connection
from aiconvai.serve.events import read_event
from aiconvai.serve.hub import Hub
from aiconvai.serve.manager import Headers, ManagerError
from aiconvai.serve.told import Told

NAME = "demo"
_AGENTS = ("reception", "orders", "support")
"""Each with its talk."""
_TALKS = (
    (
        ("agent", "Riverside Hotel, good evening. How can I help you?"),
        ("caller", "I booked a table for tonight, number four seven one. Is it confirmed?"),
        ("tool", 'look_up_booking|{"number": "471"}|{"guests": 4, "time": "19:00"}'),
        ("agent", "Yes, here it is: a table for four, at seven."),
        ("caller", "Great. And how do I get to you from the station?"),
        ("cut", "Take tram number nine towards the harbour, get off at Mill Bridge, cross the|"
            "Take tram number nine towards the harbour, get off at Mill Bridge, cross the bridge and turn left."),
        ("caller", "Sorry, stop. I will take a taxi."),
        ("agent", "Of course. It takes five minutes."),
    ),
    (
        ("agent", "Hello, this is the order line. What can I do for you?"),
        ("caller", "My parcel should have been here on Monday."),
        ("tool", 'find_parcel|{"caller": "+420777123456"}|{"place": "Brno", "day": "tomorrow"}'),
        ("agent", "It is in Brno, and will be with you tomorrow morning."),
        ("caller", "Can you send it to my office instead?"),
        ("state", "change_address"),
        ("agent", "Yes. What is the address?"),
        ("caller", "Long Street twelve, second floor."),
        ("agent", "Done. Tomorrow, to Long Street twelve."),
    ),
    (
        ("agent", "Support, good morning."),
        ("caller", "The internet is gone since last night."),
        ("agent", "I am sorry. Let me look at your line."),
        ("tool", 'test_line|{"line": 88231}|{"error": "no answer from the modem"}'),
        ("agent", "Your modem does not answer. Please switch it off and on again."),
        ("caller", "Just a moment."),
        ("hold", "12000"),
        ("caller", "It blinks green now."),
        ("agent", "Then you are back. Is there anything else?"),
    ),
)  # fmt: skip
_WORD_SECONDS = 0.32
_LISTENS_SECONDS = 4.0

Step = tuple[float, str, dict[str, str]]
"""So long after the one before, an event of that name, with these headers."""


class DemoSource:
    """Calls without an Asterisk."""

    def __init__(self, hub: Hub, *, calls: int = 6, speed: float = 1.0, seed: int = 1) -> None:
        """`calls` go on at once; `speed`: of how they go on, 1: as people talk."""
        self.name = NAME
        self.aiconvai_conf: Path | None = None
        self.connection = Connection(is_there=True, since=time.time(), problem="")
        self._hub = hub
        self._calls = calls
        self._speed = speed
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._begun = int(time.time())

    async def run(self) -> None:
        """Does not return."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._calls):
                group.create_task(self._one_after_the_other())

    async def action(self, name: str, /, **headers: str | Sequence[str]) -> Headers:
        """There is nobody who could."""
        raise ManagerError(f"{self.name}: these calls are made up: {name} does nothing to them")

    async def try_agent(self, agent: str) -> AgentTrial:
        """There is none."""
        raise ManagerError(f"{self.name}: these calls are made up: there is no agent {agent}")

    async def _one_after_the_other(self) -> None:
        await asyncio.sleep(self._random.uniform(0, 20) / self._speed)
        while True:
            async for name, headers in self._call():
                event = read_event({"Event": f"AIConvAI{name}", "Time": f"{time.time():.6f}", **headers})
                assert event is not None
                self._hub.publish(Told(self.name, event))

    async def _call(self) -> AsyncIterator[tuple[str, dict[str, str]]]:
        number = next(self._numbers)
        which = self._random.randrange(len(_TALKS))
        of_all = {"Record": f"{self._begun}.{number}", "Agent": _AGENTS[which]}
        of_all["ConversationID"] = f"conv_{self._random.getrandbits(48):012x}"
        channel = {
            "Channel": f"PJSIP/trunk-{number:08x}",
            "Uniqueid": f"{self._begun}.{number}",
            "CallerIDNum": f"+4207{self._random.randrange(10**8):08d}",
            "CallerIDName": self._random.choice(("", "", "Jan Novák", "Eva Malá", "Tomáš Dvořák")),
            "Exten": str(self._random.randrange(100, 200)),
        }
        began = time.time()
        answers: list[int] = []
        yield "Start", {**of_all, **channel, "LineFormat": "ulaw_8000"}
        yield "Ready", {**of_all, "ReadyMs": str(self._random.randrange(80, 400))}
        for wait, name, headers in self._steps(_TALKS[which], answers):
            await asyncio.sleep(wait / self._speed)
            spoken = {"SpokenMs": _ms_since(began)} if name == "Transcript" else {}
            yield name, {**of_all, **headers, **spoken}
        yield "End", {
            **of_all,
            **channel,
            "Status": self._random.choice(("COMPLETED", "COMPLETED", "CALLER_HANGUP", "TRANSFERRED", "LOST")),
            "DurationMs": _ms_since(began),
            "Answers": str(len(answers)),
            "AnswerMs": str(sum(answers) // max(1, len(answers))),
            "SlowestAnswerMs": str(max(answers, default=0)),
        }
        await asyncio.sleep(self._random.uniform(1, 15) / self._speed)

    def _steps(self, talk: Sequence[tuple[str, str]], answers: list[int]) -> list[Step]:
        steps: list[Step] = []
        for turn, (kind, what) in enumerate(talk, 1):
            match kind:
                case "tool":
                    name, parameters, result = what.split("|")
                    tool = {"ToolCallID": f"call_{turn}", "ToolName": name}
                    steps.append((0.3, "ToolCall", {**tool, "Parameters": parameters, "Run": "ami"}))
                    steps.append((self._random.uniform(0.1, 2), "ToolDone", {**tool, "Result": result, "Error": "no"}))
                case "state":
                    steps.append((0.1, "State", {"State": what}))
                case "hold":
                    steps.append((0.5, "Hold", {"Hold": "begun"}))
                    steps.append((int(what) / 1000, "Hold", {"Hold": "ended", "LastedMs": what}))
                case "cut":
                    heard, whole = what.split("|")
                    steps += self._said("agent", turn, whole, answers)
                    steps.append((0.1, "Interruption", {"HeardMs": "4100"}))
                    steps.append((0.1, "Transcript", {**_words("agent", turn, heard), "Correction": "yes"}))
                case _:
                    steps += self._said(kind, turn, what, answers)
        return steps

    def _said(self, role: str, turn: int, text: str, answers: list[int]) -> list[Step]:
        """The caller word by word, the agent all at once and then for as long as it takes."""
        words = text.split()
        if role == "agent":
            latency = self._random.randrange(350, 1100)
            answers.append(latency)
            return [
                (latency / 1000, "Answer", {"LatencyMs": str(latency)}),
                (0.05, "Transcript", _words(role, turn, text)),
            ]
        parts = [" ".join(words[:count]) for count in range(2, len(words), 2)]
        told = [{**_words(role, turn, part), "Final": "no"} for part in parts] + [_words(role, turn, text)]
        # The caller begins when he has heard the agent.
        waits = itertools.chain([_LISTENS_SECONDS], itertools.repeat(_WORD_SECONDS * 2))
        return [(wait, "Transcript", headers) for wait, headers in zip(waits, told, strict=False)]


def _words(role: str, turn: int, text: str) -> dict[str, str]:
    return {"Role": role, "Turn": str(turn), "Final": "yes", "Text": text}


def _ms_since(moment: float) -> str:
    return str(round((time.time() - moment) * 1000))
