"""Somebody calls and talks with `aiconvai local`: what is said is recognised, answered and spoken, not scripted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audiosocket import load_audiosocket
from gateway_program import GatewayProgram
from openai_service import MODEL, OpenAIService, Reply
from openai_service import Call as ToolCall
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, resample
from aiconvai.local.minds.chat_history import WAS_INTERRUPTED
from aiconvai.local.voices.hibari_voice import HibariVoice
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.caller import Call
from aiconvai.rig.local_program import LocalProgram
from aiconvai.rig.talk.telephone import at_level

__all__ = ["mock_options", "voice"]

pytestmark = [
    pytest.mark.programs,
    pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session"),
]

SECONDS = 30.0
LISTENS_SECONDS = 1
"""Before he interrupts."""
MOST_CALLS = 4
"""Of `LocalProgram`."""
AFTER = "exten => desk,1,Answer()\n same => n,UserEvent(Desk)\n same => n,Echo()"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProgram]:
    with LocalProgram(tmp_path_factory.mktemp("local")) as program:
        yield program


@pytest.fixture(scope="module")
def sentence() -> Callable[[str], Samples]:
    """As somebody says it into a telephone, at 8 kHz. By hibari: what espeak-ng says is hard to understand."""

    @cache
    def speak(text: str) -> Samples:
        async def run() -> Samples:
            person = HibariVoice()
            await person.open()
            said = await person.speak(text, None)
            await person.close()
            return resample(said.samples, said.rate, 8000)

        return at_level(asyncio.run(run()), -20.0)

    return speak


def section(voice: Voice, url: str, **options: object) -> None:
    given = {"provider": "local", "conversation_url": url, "tool_transfer_call": "builtin",
             "transfer_to_desk": "default,desk,1", **options}  # fmt: skip
    voice.sections["reception"] = {name: str(value) for name, value in given.items()}


def says(call: Call, samples: Samples) -> None:
    call.play(np.concatenate([samples, np.zeros(400, np.int16)])).wait()


def until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def told(voice: Voice, role: str, words: str) -> None:
    """A manager is, that the caller or the agent has said that."""
    until(lambda: any(
        one.get("Role") == role and words.lower() in one.get("Text", "").lower()
        for one in voice.events("AIConvAITranscript")
    ))  # fmt: skip


def ask(voice: Voice, call: Call, question: Samples, heard: str, expected: str) -> float:
    """It is understood; the answer has that in it, and is heard. When it began."""
    asked = time.monotonic()
    says(call, question)
    told(voice, "caller", heard)
    told(voice, "agent", expected)
    return call.wait_for_sound(timeout=SECONDS, since=asked)


def is_over(call: Call, began: float) -> None:
    """What the agent says."""
    call.wait_for_silence(duration_ms=900, timeout=SECONDS, since=began)


def asks_two_things_and_for_a_person(voice: Voice, sentence: Callable[[str], Samples], greeting: str) -> None:
    """In the middle of the second answer; and is put through."""
    call = voice.call("100")
    told(voice, "agent", greeting)
    is_over(call, call.wait_for_sound(timeout=SECONDS))
    is_over(call, ask(voice, call, sentence("What are your opening hours?"), "hours", "Monday"))
    ask(voice, call, sentence("Where can I find you?"), "find", "Main Street")
    says(call, np.zeros(8000 * LISTENS_SECONDS, np.int16))
    says(call, sentence("Stop please, I want to speak to a person."))
    voice.event("AIConvAIInterruption", SECONDS)
    voice.event("UserEvent", SECONDS, UserEvent="Desk")
    call.hangup()


def test_questions_are_answered_and_the_caller_is_put_through(
    voice: Voice, local: LocalProgram, sentence: Callable[[str], Samples]
) -> None:
    section(voice, local.url)
    voice.dialplan(f"exten => 100,1,AIConvAI(reception,c)\n{AFTER}")
    voice.apply()
    asks_two_things_and_for_a_person(voice, sentence, "Thank you for calling")
    assert len(voice.events("AIConvAIAnswer")) >= 2


def answers(messages: list[dict[str, Any]]) -> Reply:
    """Of a language model."""
    last = str(messages[-1].get("content")).lower()
    if "person" in last:
        return ToolCall("transfer_call", {"destination": "desk"})
    if "find" in last:
        return "You find us in Main Street. " + "It is the long white house beside the river, with a red door. " * 4
    return "We are open from Monday to Friday. Come in at any time between nine and five."


def test_a_language_model_answers_and_puts_the_caller_through(
    voice: Voice, sentence: Callable[[str], Samples], tmp_path: Path
) -> None:
    with OpenAIService(answers) as service:
        mind = f'[mind]\nengine = "model"\nurl = "{service.url}"\nmodel = "{MODEL}"\n'
        with LocalProgram(tmp_path, mind) as local:
            section(voice, local.url, prompt="Be brief.", initial_message="Good morning.")
            voice.dialplan(f"exten => 100,1,AIConvAI(reception,c)\n{AFTER}")
            voice.apply()
            asks_two_things_and_for_a_person(voice, sentence, "Good morning")
    asked = service.chats[-1]
    assert "Be brief." in asked[0]["content"]
    (interrupted,) = [one["content"] for one in asked if WAS_INTERRUPTED in str(one["content"]) and one is not asked[0]]
    assert interrupted.startswith("You find")
    assert interrupted.count("red door") < 4


def test_who_comes_when_it_is_full_goes_on_at_once(voice: Voice, local: LocalProgram) -> None:
    section(voice, local.url)
    voice.dialplan("exten => 100,1,AIConvAI(reception,c)\n same => n,UserEvent(Next,Status: ${AICONVAI_STATUS})")
    voice.apply()
    calls = [voice.call("100") for _ in range(MOST_CALLS)]
    until(lambda: len(voice.events("AIConvAIReady")) == MOST_CALLS)
    refused = voice.call("100")
    assert voice.event("UserEvent", SECONDS, UserEvent="Next")["Status"] == "BUSY"
    for call in (*calls, refused):
        call.hangup()


def test_the_gateway_talks_with_it_and_puts_the_caller_through(
    voice: Voice, local: LocalProgram, sentence: Callable[[str], Samples], tmp_path: Path
) -> None:
    load_audiosocket(voice.asterisk)
    section(voice, local.url)
    manager = f'[asterisk.pbx]\nport = {voice.asterisk.ami_port}\nuser = "{AMI_USER}"\nsecret = "{AMI_SECRET}"\n'
    program = GatewayProgram(tmp_path, voice.configuration(), more=manager)
    program.start()
    try:
        program.until("/health", lambda health: health["status"] == "healthy")
        voice.sections.clear()
        voice.dialplan(
            "exten => 100,1,Answer()\n"
            " same => n,Set(UUID=${UUID()})\n"
            " same => n,UserEvent(AIConvAICall,UUID: ${UUID},Agent: reception)\n"
            f" same => n,AudioSocket(${{UUID}},127.0.0.1:{program.port})\n"
            f" same => n,Hangup()\n{AFTER}"
        )
        voice.apply()
        call = voice.call("100")
        is_over(call, call.wait_for_sound(timeout=SECONDS))
        asked = time.monotonic()
        says(call, sentence("What are your opening hours?"))
        is_over(call, call.wait_for_sound(timeout=SECONDS, since=asked))
        asked = time.monotonic()
        says(call, sentence("Where can I find you?"))
        call.wait_for_sound(timeout=SECONDS, since=asked)
        says(call, np.zeros(8000 * LISTENS_SECONDS, np.int16))
        says(call, sentence("Stop please, I want to speak to a person."))
        voice.event("UserEvent", SECONDS, UserEvent="Desk")
        call.hangup()
        (one,) = program.until("/api/calls", lambda calls: calls and calls[0]["ended"])
        turns = program.get(f"/api/calls/{one['id']}")["turns"]
        said = " ".join(turn["text"] for turn in turns if turn["role"] == "agent")
        assert "Monday" in said
        assert "Main Street" in said
    finally:
        assert program.stop() == 0
