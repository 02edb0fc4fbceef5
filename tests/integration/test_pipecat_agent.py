"""Somebody calls a bot of pipecat's through the module: its services are a fake, all else is real."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hearing import tone_in
from openai_service import SPEECH_HZ, Call, OpenAIService, Reply
from pipecat_bot import running_bot
from voice import Voice, mock_options, voice

from aiconvai.speech import speak

__all__ = ["mock_options", "voice"]

pytestmark = [
    pytest.mark.programs,
    pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session"),
]

SECONDS = 30.0
GREETING = "Good morning."


def mind(messages: list[dict[str, Any]]) -> Reply:
    last = str(messages[-1].get("content"))
    if "person" in last:
        return Call("transfer_call", {"destination": "desk"})
    return "We are open from nine to five."


@pytest.fixture
def service() -> Iterator[OpenAIService]:
    with OpenAIService(mind, ["What are your opening hours?", "I want to speak to a person."]) as one:
        yield one


def test_a_bot_answers_and_puts_the_caller_through(voice: Voice, service: OpenAIService, tmp_path: Path) -> None:
    with running_bot(service.url, tmp_path / "bot.log") as address:
        voice.sections["bot"] = {
            "provider": "websocket", "conversation_url": address, "initial_message": GREETING,
            "audio_format": "ulaw_8000", "tool_transfer_call": "builtin", "transfer_to_desk": "default,desk,1",
        }  # fmt: skip
        voice.dialplan("exten => 100,1,AIConvAI(bot,c)\nexten => desk,1,Answer()\n same => n,UserEvent(Desk)")
        voice.apply()
        call = voice.call("100")
        begun = call.wait_for_sound(timeout=SECONDS)
        call.wait_for_silence(duration_ms=500, timeout=SECONDS, since=begun)
        greeting = tone_in(call.heard_samples(), SPEECH_HZ, 8000)
        assert greeting.seconds == pytest.approx(service.speech_seconds, abs=0.1)
        assert greeting.purity_db > 20
        asked = time.monotonic()
        call.play(speak("What are your opening hours?", 8000)).wait()
        answered = call.wait_for_sound(timeout=SECONDS, since=asked)
        call.wait_for_silence(duration_ms=500, timeout=SECONDS, since=answered)
        call.play(speak("Please, I want to speak to a person.", 8000)).wait()
        voice.event("UserEvent", SECONDS, UserEvent="Desk")
        call.hangup()
