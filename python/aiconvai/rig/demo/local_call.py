"""`aiconvai demo --local`: a caller asks `aiconvai local` questions. Nothing of it is a script of the agent's: the
caller's speech is recognised, answered and spoken.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from aiconvai.audio import Samples, resample
from aiconvai.local.voices.process_voice import FliteVoice
from aiconvai.rig.asterisk import Asterisk, Message
from aiconvai.rig.caller import Call, Caller
from aiconvai.rig.demo.checks import Check
from aiconvai.rig.demo.moments import Kind, Moment, Moments
from aiconvai.rig.demo.observer import Observer
from aiconvai.rig.demo.picture import Caption, draw_call
from aiconvai.rig.demo.script import RATE
from aiconvai.rig.demo.scripted_caller import LEVEL_DBFS, LONGEST_TURN_SECONDS, listen_then_say
from aiconvai.rig.demo.stage import AGENT_NAME, EXTENSION
from aiconvai.rig.demo.voice_activity import Stretch, VoiceActivity
from aiconvai.rig.demo.watching import watch
from aiconvai.rig.local_program import LocalProgram

NOTE = "a real SIP call, app_aiconvai and aiconvai local: nothing is scripted but what the caller asks"
_DESK = "desk"
_DIALPLAN = f"""\
exten => {EXTENSION},1,AIConvAI({AGENT_NAME})
 same => n,Hangup()
exten => {_DESK},1,Wait(1)
 same => n,Hangup()
"""
_INTERRUPTS_AFTER = 70
"""Packets of 20 ms of the answer."""
_LONGEST_ANSWER_MS = 5000


@dataclass(frozen=True)
class Question:
    """What the caller says, a word of it that must be understood, and one of the answer."""

    text: str
    understood: str
    answered: str


QUESTIONS = (
    Question("Good morning. What are your opening hours?", "hours", "Monday"),
    Question("And where can I find you?", "find", "Main Street"),
    Question("How much does it cost?", "cost", "offer"),
)
INTERRUPTS = Question("Stop please. I want to talk to a human being.", "human", "put you through")


@contextmanager
def set_local_stage(module: Path, folder: Path) -> Iterator[tuple[Asterisk, Caller]]:
    """Start `aiconvai local`, Asterisk 22 with `module`, and a caller. Raises `LocalProgramError`."""
    with LocalProgram(folder) as local:
        configuration = (
            f"[{AGENT_NAME}]\nprovider=local\nconversation_url={local.url}\ntool_transfer_call=builtin\n"
            f"transfer_to_desk=default,{_DESK},1\n"
        )
        with (
            Asterisk(22, module=module, module_config=configuration, extensions=_DIALPLAN) as asterisk,
            Caller(asterisk.sip_port) as caller,
        ):
            yield asterisk, caller


def local_call(console: Console, asterisk: Asterisk, caller: Caller, folder: Path) -> list[Check]:
    """The call, shown while it lasts, and its files in the folder. Raises `PartError` without flite."""
    lines = asyncio.run(_spoken([*(one.text for one in QUESTIONS), INTERRUPTS.text]))
    moments = Moments()
    observer = Observer(asterisk.ami, caller.kernel_clock, moments, answers_tools=False)
    call = caller.call(EXTENSION, "ulaw", caller_name="Demo Caller")
    problem = watch(console, moments, observer, call, lambda: _converse(call, lines))
    if call.alive:
        call.hangup()
    if call.heard:
        call.recording(folder / "conversation.wav")
        captions = _captions(call, moments, observer)
        draw_call(folder / "conversation.png", call, moments, captions, NOTE)
    checks = _checks(call, observer.events)
    return [Check("the conversation went on to its end", False, problem), *checks] if problem else checks


async def _spoken(texts: Sequence[str]) -> list[Samples]:
    """By a voice that telephones understand, and that is not the agent's."""
    voice = FliteVoice("rms")
    await voice.open()
    spoken = [await voice.speak(one, None) for one in texts]
    await voice.close()
    return [resample(one.samples, one.rate, RATE) for one in spoken]


def _converse(call: Call, lines: Sequence[Samples]) -> None:
    """Asks, and interrupts the last answer. Raises `TimeoutError`."""
    call.wait_answered()
    *questions, interrupts = lines
    said = 0.0
    for line in questions:
        said = listen_then_say(call, line, since=said)
    answered = call.wait_for_sound(LEVEL_DBFS, LONGEST_TURN_SECONDS, since=said)
    call.wait_heard(_INTERRUPTS_AFTER, LONGEST_TURN_SECONDS, since=answered)
    call.play(interrupts, RATE).wait()
    call.wait_ended(LONGEST_TURN_SECONDS)


def _checks(call: Call, events: Sequence[Message]) -> list[Check]:
    said = {
        role: [one["Text"] for one in events if one.event == "AIConvAITranscript" and one["Role"] == role]
        for role in ("caller", "agent")
    }
    answers = [int(one["LatencyMs"]) for one in events if one.event == "AIConvAIAnswer"]
    ends = [one["Status"] for one in events if one.event == "AIConvAIEnd"]
    asked = (*QUESTIONS, INTERRUPTS)
    return [
        Check("Asterisk answered the SIP call", call.answered is not None, str(call.end_reason)),
        _all_there("what the caller said was understood", said["caller"], [one.understood for one in asked]),
        _all_there("the answers were right", said["agent"], [one.answered for one in asked]),
        Check(
            f"each answer began within {_LONGEST_ANSWER_MS} ms",
            bool(answers) and max(answers) <= _LONGEST_ANSWER_MS,
            f"median {statistics.median(answers):.0f} ms, {len(answers)} answers" if answers else "there was none",
        ),
        Check("the caller interrupted the agent", any(one.event == "AIConvAIInterruption" for one in events), ""),
        Check("the agent put the caller through", ends == ["COMPLETED"], ", ".join(ends) or "no AIConvAIEnd"),
        Check("no packet was lost", bool(call.heard) and call.lost() == 0, f"{len(call.heard)} heard"),
    ]


def _all_there(name: str, said: Sequence[str], words: Sequence[str]) -> Check:
    missing = [one for one in words if not any(one.lower() in text.lower() for text in said)]
    return Check(
        name, not missing, f"not found: {', '.join(missing)} in {' / '.join(said)}" if missing else "all of it"
    )


def _captions(call: Call, moments: Moments, observer: Observer) -> tuple[list[Caption], list[Caption]]:
    """The agent's words come before its voice, the caller's after it."""
    origin = call.answered or call.started
    agent = _beside(observer.agent_voice, moments.of(Kind.AGENT_SAYS), origin, is_before=True)
    return agent, _beside(observer.caller_voice, moments.of(Kind.CALLER_SAYS), origin, is_before=False)


def _beside(voice: VoiceActivity, said: Sequence[Moment], origin: float, *, is_before: bool) -> list[Caption]:
    texts: dict[Stretch, list[str]] = {}
    for moment in said:
        if is_before:
            found = next((one for one in voice.stretches if one.end > moment.time), None)
        else:
            found = next((one for one in reversed(voice.stretches) if one.start < moment.time), None)
        if found is not None:
            texts.setdefault(found, []).append(moment.text)
    return [Caption(" ".join(lines), one.start - origin, one.end - origin) for one, lines in texts.items()]
