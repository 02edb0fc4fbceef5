"""A bot of pipecat's answers calls of the module's protocol: its services are a fake, all else is pipecat's own."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from hearing import tone_in
from openai_service import SPEECH_HZ, Call, OpenAIService, Reply
from pipecat_bot import running_bot
from protocol_client import ProtocolClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from aiconvai.audio import Samples, encode
from aiconvai.speech import speak
from aiconvai.websocket_protocol import USUAL_EXTENSIONS, WIRE_FORMATS

SECONDS = 60.0
GREET = "Greet the caller."
"""The agent's initial_message, which the module sends as it is."""
TRANSFER = {
    "name": "transfer_call", "description": "Puts the caller through.",
    "parameters": {"type": "object", "properties": {"destination": {"type": "string"}}, "required": ["destination"]},
}  # fmt: skip


def mind(messages: list[dict[str, Any]]) -> Reply:
    last = messages[-1]
    text = str(last.get("content"))
    if last["role"] == "tool":
        return f"The line says {text}."
    if "put me through" in text:
        return Call("transfer_call", {"destination": "desk"})
    if "Pressed" in text or "customer" in text:
        return "I know."
    return "Good morning." if text == GREET else "We are open from nine to five."


@pytest.fixture(scope="module")
def shared() -> Iterator[OpenAIService]:
    with OpenAIService(mind) as one:
        yield one


@pytest.fixture
def service(shared: OpenAIService) -> OpenAIService:
    shared.words[:] = ["What are your opening hours?"]
    shared.speech_seconds = 1.0
    shared.heard.clear()
    shared.chats.clear()
    return shared


@pytest.fixture(scope="module")
def bot(shared: OpenAIService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    with running_bot(shared.url, tmp_path_factory.mktemp("bot") / "bot.log") as address:
        yield address


class Telephone(ProtocolClient):
    """The module's side, which speaks in real time."""

    def __init__(self, connection: ClientConnection, audio_format: str) -> None:
        super().__init__(connection, audio_format)
        self._said: list[Samples] = []
        self._speaking = asyncio.create_task(self._speak())

    async def close(self) -> None:
        self._speaking.cancel()
        await asyncio.wait([self._speaking])

    async def _speak(self) -> None:
        due = time.monotonic()
        size = self.rate // 50
        while True:
            samples = self._said.pop(0) if self._said else np.zeros(size, np.int16)
            audio = base64.b64encode(encode(samples, self.format)).decode()
            await self.tell("audio.input", audio=audio, format=self.wire)
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def say(self, text: str) -> None:
        samples = speak(text, self.rate)
        self._said += [samples[at : at + self.rate // 50] for at in range(0, len(samples), self.rate // 50)]

    def has_said(self, words: str) -> bool:
        said = " ".join(one["text"] for one in self.of("transcript", role="assistant"))
        return words in " ".join(said.split())


def init(audio_format: str, **more: Any) -> dict[str, Any]:
    wire, rate = WIRE_FORMATS[audio_format]
    config = {
        "audio_format": wire, "sample_rate": rate, "channels": 1, "vad_enabled": True, "vad_threshold": 0.6,
        "vad_silence_duration_ms": 600, "vad_prefix_padding_ms": 200,
    }  # fmt: skip
    return {
        "type": "session.init", "config": config, "variables": {"caller_number": "200"},
        "extensions": list(USUAL_EXTENSIONS), "tools": [TRANSFER], **more,
    }  # fmt: skip


@asynccontextmanager
async def talking(bot: str, audio_format: str = "pcm_16000") -> AsyncIterator[Telephone]:
    """With a bot that has greeted."""
    async with connect(bot, proxy=None) as connection:
        phone = Telephone(connection, audio_format)
        await connection.send(json.dumps(init(audio_format)))
        await phone.wait_for("session_started")
        await phone.tell("text.input", text=GREET)
        await phone.wait_for("audio_delta", event_id=1)
        yield phone
        await phone.close()


@pytest.mark.parametrize("audio_format", ["pcm_16000", "ulaw_8000"])
async def test_a_call_is_answered(bot: str, service: OpenAIService, audio_format: str) -> None:
    question = "What are your opening hours?"
    async with talking(bot, audio_format) as phone:
        await phone.wait_for("response_complete")
        assert [one["text"] for one in phone.of("transcript", role="assistant")] == ["Good morning."]
        greeting = tone_in(phone.heard(1), SPEECH_HZ, phone.rate)
        assert greeting.seconds == pytest.approx(service.speech_seconds, abs=0.1)
        assert greeting.purity_db > 25
        phone.say(question)
        await phone.wait_for("transcript", text=question, role="user")
        await phone.until(lambda: phone.has_said("We are open from nine to five."))
        await phone.until(lambda: len(phone.of("response_complete")) == 2)
        # Another utterance has another number, and is whole.
        ids = [one["event_id"] for one in phone.of("audio_delta")]
        assert ids == sorted(ids)
        answer = tone_in(phone.heard(ids[-1]), SPEECH_HZ, phone.rate)
        assert answer.seconds == pytest.approx(service.speech_seconds, abs=0.1)
        assert ids[-1] > 1
        # What was to be recognised is what the caller said, as it was.
        (heard, rate) = service.heard[-1]
        said = speak(question, phone.rate)
        assert rate == phone.rate
        assert len(said) / rate - 0.3 < len(heard) / rate < len(said) / rate + 2.5
        assert np.abs(heard).max() == pytest.approx(np.abs(said).max(), rel=0.1)
    assert [one["content"] for one in service.chats[-1] if one["role"] == "user"] == [GREET, question]


async def test_who_interrupts_hears_no_more_of_it(bot: str, service: OpenAIService) -> None:
    service.speech_seconds = 20.0
    async with talking(bot) as phone:
        service.speech_seconds = 1.0
        phone.say("Stop, what are your opening hours?")
        await phone.wait_for("user_speech_started")
        await phone.until(lambda: any(one["event_id"] > 1 for one in phone.of("audio_delta")))
        messages = [one for _, one in phone.messages]
        after = messages[messages.index(phone.of("user_speech_started")[0]) :]
        assert [one for one in after if one["type"] == "audio_delta" and one["event_id"] == 1] == []
        await phone.until(lambda: phone.has_said("We are open"))


async def test_the_telephone_runs_its_tools(bot: str, service: OpenAIService) -> None:
    service.words[:] = ["Please put me through."]
    async with talking(bot) as phone:
        await phone.wait_for("response_complete")
        phone.say("Please put me through.")
        call = await phone.wait_for("tool_call", name="transfer_call", parameters={"destination": "desk"})
        await phone.tell("tool_result", id=call["id"], name="transfer_call", result="it is busy", is_error=True)
        await phone.until(lambda: phone.has_said("it is busy"))


async def test_what_nobody_said_is_known(bot: str, service: OpenAIService) -> None:
    async with talking(bot) as phone:
        await phone.wait_for("response_complete")
        await phone.tell("text.input", text="He is a customer.", role="system")
        await phone.tell("text.input", text="Am I a customer?", role="user")
        await phone.until(lambda: phone.has_said("I know."))
    assert [one["content"] for one in service.chats[-1][-2:]] == ["He is a customer.", "Am I a customer?"]


async def test_keys_are_pressed(bot: str) -> None:
    """The example makes nothing of them; the call goes on."""
    async with talking(bot) as phone:
        await phone.wait_for("response_complete")
        for digit in "5#D":
            await phone.tell("dtmf", digit=digit)
        await phone.tell("text.input", text="Hello?", role="user")
        await phone.until(lambda: phone.has_said("We are open"))


NONSENSE = [
    "no JSON",
    json.dumps(init("ulaw_8000", extensions=["turns"])),
    json.dumps(init("ulaw_8000", variables={"é" * 200: {}})),
    '{"type":"audio.input","audio":"AAAA","format":"pcm16"}',
    json.dumps({"type": "session.init"}),
]


@pytest.mark.parametrize("said", NONSENSE)
async def test_whoever_is_no_telephone_is_refused(bot: str, said: str) -> None:
    async with connect(bot, proxy=None) as connection:
        await connection.send(said)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(SECONDS):
                await connection.recv()
        assert connection.close_code == 1007


async def test_nonsense_in_a_call_is_left_out(bot: str) -> None:
    async with talking(bot) as phone:
        for said in ("no JSON", "[" * 10_000, b"\x00", '{"type":"dtmf","digit":"42"}', '{"type":"new"}',
                     '{"type":"audio.input","audio":"%%%","format":"pcm16"}'):  # fmt: skip
            await phone.connection.send(said)
        await phone.wait_for("response_complete")
        await phone.tell("text.input", text="Hello?", role="user")
        await phone.until(lambda: phone.has_said("We are open"))


async def test_callers_who_hang_up_at_once_harm_nobody(bot: str) -> None:
    for messages in ([], [init("ulaw_8000")]):
        async with connect(bot, proxy=None) as connection:
            for one in messages:
                await connection.send(json.dumps(one))
            connection.transport.abort()
    async with talking(bot) as phone:
        await phone.wait_for("response_complete")
