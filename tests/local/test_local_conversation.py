"""Conversations with the local server over its WebSocket: its parts are scripted, all between them is real."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from protocol_client import ProtocolClient
from scripted_parts import (
    RATE,
    ScriptedDetection,
    ScriptedMind,
    ScriptedRecognizer,
    ScriptedVoice,
    agent_of,
    loud,
    silence,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aiconvai.audio import Samples, encode
from aiconvai.local.conversation import Agent
from aiconvai.local.parts import HangUp, Say
from aiconvai.local.server import LocalServer, ServerSettings
from aiconvai.local.voices.cached_voice import CachedVoice
from aiconvai.websocket_protocol import USUAL_EXTENSIONS

_SECONDS = 10.0
CONFIG = {
    "audio_format": "g711_ulaw", "sample_rate": 8000, "channels": 1, "vad_enabled": True, "vad_threshold": 0.6,
    "vad_silence_duration_ms": 600, "vad_prefix_padding_ms": 200,
}  # fmt: skip


class Client(ProtocolClient):
    """The module's side, which speaks in real time."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__(connection, "ulaw_8000")

    async def say(self, samples: Samples) -> None:
        begun = time.monotonic()
        for number, at in enumerate(range(0, len(samples), RATE // 25)):
            audio = base64.b64encode(encode(samples[at : at + RATE // 25], "ulaw_8000")).decode()
            await self.tell("audio.input", audio=audio, format="g711_ulaw")
            await asyncio.sleep(max(0.0, begun + (number + 1) * 0.04 - time.monotonic()))

    def audio_seconds(self, event_id: int) -> float:
        return len(self.heard(event_id)) / RATE


@contextlib.asynccontextmanager
async def served(agent: Agent, *, most_calls: int = 4, token: str | None = None) -> AsyncIterator[int]:
    """The port."""
    async with LocalServer(ServerSettings("127.0.0.1", 0, most_calls, token), agent).running() as server:
        yield next(iter(server.sockets)).getsockname()[1]


@contextlib.asynccontextmanager
async def conversing(port: int, **config: Any) -> AsyncIterator[Client]:
    async with connect(f"ws://127.0.0.1:{port}/", compression=None, proxy=None) as connection:
        client = Client(connection)
        extensions = config.pop("extensions", list(USUAL_EXTENSIONS))
        tools = [{"name": "look_up", "description": "", "parameters": {"type": "object"}}]
        # Who is refused at once cannot say even that.
        with contextlib.suppress(ConnectionClosed):
            await client.tell(
                "session.init", config={**CONFIG, **config}, variables={"name": "Ada"}, extensions=extensions,
                tools=tools,
            )  # fmt: skip
        yield client


async def test_what_is_said_is_answered() -> None:
    recognizer, mind, detection = ScriptedRecognizer(["Are you open?"]), ScriptedMind(), ScriptedDetection()
    async with served(agent_of(recognizer, mind, ScriptedVoice(), detection)) as port:
        async with conversing(port, first_message="Good morning.", system_prompt="Be brief.") as client:
            await client.wait_for("transcript", text="Good morning.", role="assistant", event_id=1)
            await client.wait_for("response_complete")
            assert client.audio_seconds(1) == pytest.approx(0.2, abs=0.02)
            await client.say(silence(0.3))
            await client.say(loud(1.0))
            await client.say(silence(0.8))
            await client.wait_for("transcript", text="Are you open?", role="user", final=False)
            await client.wait_for("transcript", text="You said Are you open?", role="assistant", event_id=2)
            await client.until(lambda: len(client.of("response_complete")) == 2)
        (talk,) = mind.talks
        assert talk.call.system_prompt == "Be brief."
        assert talk.call.variables == {"name": "Ada"}
        assert talk.heard == ["Are you open?"]
        assert talk.cuts == []
        (heard,) = recognizer.given
        assert 1.2 <= len(heard) / RATE <= 1.6
        kinds = [one["type"] for _, one in client.messages]
        assert kinds[0] == "session_started"
        await _all_given_back(detection)


async def _all_given_back(detection: ScriptedDetection) -> None:
    """The server hears of a close a moment later."""
    async with asyncio.timeout(_SECONDS):
        await detection.all_back.wait()
    assert detection.given == detection.back


async def _get(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_a_cough_over_the_agent_changes_nothing() -> None:
    mind = ScriptedMind(answers={"Go on.": [Say("a " * 30), Say("b " * 5)]})
    recognizer = ScriptedRecognizer(["Go on.", "", "Mm-hmm."])
    async with served(agent_of(recognizer, mind, ScriptedVoice())) as port, conversing(port) as client:
        await client.say(loud(0.5))
        await client.say(silence(0.7))
        await client.wait_for("audio_delta", event_id=1)
        for _ in ("a cough", "mm-hmm"):
            await client.say(loud(0.3))
            await client.say(silence(0.7))
        await client.wait_for("transcript", text="Mm-hmm.", role="user")
        await client.wait_for("response_complete")
        assert len(client.of("user_speech_started")) == 2
        assert client.audio_seconds(1) == pytest.approx(3.5, abs=0.05)
        assert mind.talks[0].cuts == []
        assert mind.talks[0].heard == ["Go on."]


async def test_who_interrupts_is_answered_and_the_mind_knows_what_was_heard() -> None:
    words = " ".join(["word"] * 40)
    mind = ScriptedMind(answers={"Tell me.": [Say(words)]})
    recognizer = ScriptedRecognizer(["Tell me.", "Stop."])
    async with served(agent_of(recognizer, mind, ScriptedVoice())) as port, conversing(port) as client:
        await client.say(loud(0.5))
        await client.say(silence(0.6))
        await client.wait_for("audio_delta", event_id=1)
        begun = client.messages[-1][0]
        await client.say(silence(0.9))
        await client.say(loud(0.5))
        barged_in = next(at for at, one in client.messages if one["type"] == "user_speech_started")
        await client.say(silence(0.7))
        await client.wait_for("transcript", text="You said Stop.", event_id=2)
        (heard,) = mind.talks[0].cuts
        # Ten words a second.
        assert len(heard.split()) == pytest.approx((barged_in - begun) * 10, abs=2)
        assert words.startswith(heard)


async def test_who_goes_on_after_a_pause_is_recognised_as_a_whole() -> None:
    recognizer, mind = ScriptedRecognizer(["I would like.", "I would like a room."], seconds=0.3), ScriptedMind()
    async with served(agent_of(recognizer, mind, ScriptedVoice())) as port, conversing(port) as client:
        await client.say(loud(0.5))
        await client.say(silence(0.3))
        await client.say(loud(0.5))
        await client.say(silence(0.8))
        await client.wait_for("transcript", role="assistant")
        assert recognizer.cancelled == 1
        assert len(mind.talks[0].heard) == 1
        first, second = recognizer.given
        assert len(second) > len(first)


async def test_the_answer_is_made_while_the_caller_may_have_finished() -> None:
    mind, voice = ScriptedMind(), ScriptedVoice()
    async with served(agent_of(ScriptedRecognizer(["Are you open?"]), mind, CachedVoice(voice))) as port:
        async with conversing(port) as client:
            await client.say(loud(1.0))
            await client.say(silence(0.3))
            async with asyncio.timeout(_SECONDS):
                await voice.made.wait()
            assert mind.talks[0].heard == []
            assert client.of("transcript", role="assistant") == []
            await client.say(silence(0.3))
            await client.wait_for("transcript", text="You said Are you open?", role="assistant")
        assert voice.said == ["You said Are you open?"]
        assert mind.talks[0].prepared == mind.talks[0].heard == ["Are you open?"]


async def test_what_was_made_for_a_caller_who_goes_on_is_never_heard() -> None:
    mind, voice = ScriptedMind(), ScriptedVoice()
    recognizer = ScriptedRecognizer(["Are you open?", "Are you open? On Sunday?"])
    async with served(agent_of(recognizer, mind, CachedVoice(voice))) as port, conversing(port) as client:
        await client.say(loud(1.0))
        await client.say(silence(0.3))
        async with asyncio.timeout(_SECONDS):
            await voice.made.wait()
        talk = mind.talks[0]
        await client.say(loud(0.5))
        async with asyncio.timeout(_SECONDS):
            await talk.was_discarded.wait()
        await client.say(silence(0.6))
        await client.wait_for("transcript", role="assistant")
        await client.wait_for("response_complete")
        assert [one["text"] for one in client.of("transcript", role="assistant")] == [
            "You said Are you open? On Sunday?"
        ]
        assert talk.heard == ["Are you open? On Sunday?"]


async def test_a_caller_who_hangs_up_leaves_nothing_behind() -> None:
    """With the turn before still to be recognised, nobody goes on with what he has said last."""
    mind, detection = ScriptedMind(), ScriptedDetection()
    recognizer = ScriptedRecognizer(["Are you open?", "Hello?"], seconds=_SECONDS)
    before = asyncio.all_tasks()
    async with served(agent_of(recognizer, mind, ScriptedVoice(), detection)) as port:
        async with conversing(port) as client:
            for _ in range(2):
                await client.say(loud(0.5))
                await client.say(silence(0.5))
            assert len(recognizer.given) == 2
        await _all_given_back(detection)
    assert {one.get_name() for one in asyncio.all_tasks() - before} == set()
    assert recognizer.cancelled == 2
    assert mind.talks[0].prepared == []


async def test_what_sounds_unfinished_is_waited_for() -> None:
    recognizer, mind = ScriptedRecognizer(["I would like to", "I would like to book."]), ScriptedMind()
    async with served(agent_of(recognizer, mind, ScriptedVoice())) as port, conversing(port) as client:
        await client.say(loud(0.5))
        await client.say(silence(0.7))
        await client.say(loud(0.5))
        await client.say(silence(0.8))
        await client.wait_for("transcript", role="assistant")
        assert mind.talks[0].heard == ["I would like to book."]


async def test_keys_notes_and_texts() -> None:
    mind = ScriptedMind()
    async with served(agent_of(ScriptedRecognizer([]), mind, ScriptedVoice())) as port, conversing(port) as client:
        await client.tell("text.input", text="The caller is a customer.", role="system")
        for digit in "42#":
            await client.tell("dtmf", digit=digit)
        await client.wait_for("transcript", text="Keys 42#")
        await client.tell("text.input", text="Hello.")
        await client.wait_for("transcript", text="You said Hello.")
        assert mind.talks[0].known == ["The caller is a customer."]


async def test_tools_are_the_clients() -> None:
    mind = ScriptedMind()
    async with served(agent_of(ScriptedRecognizer([]), mind, ScriptedVoice())) as port:
        async with conversing(port) as client:
            await client.tell("text.input", text="Run it.")
            call = await client.wait_for("tool_call", name="look_up", parameters={"what": "rooms"})
            await client.tell("tool_result", id=call["id"], name="look_up", result="two", is_error=False)
            await client.wait_for("transcript", text="It says two")
        async with conversing(port, extensions=[]) as client:
            await client.tell("text.input", text="Run it.")
            await client.wait_for("transcript", text="It says This telephone runs no tools.")
            assert client.of("tool_call") == []


async def test_the_agent_hangs_up() -> None:
    mind = ScriptedMind(answers={"Bye.": [Say("Good bye."), HangUp()]})
    async with served(agent_of(ScriptedRecognizer([]), mind, ScriptedVoice())) as port:
        async with conversing(port) as client:
            await client.tell("text.input", text="Bye.")
            await client.wait_for("hangup")
            assert client.audio_seconds(1) == pytest.approx(0.2, abs=0.02)
        # Who does not know how to is hung up on, once it has heard all.
        async with conversing(port, extensions=["event_ids"]) as client:
            await client.tell("text.input", text="Bye.")
            begun = time.monotonic()
            async with asyncio.timeout(_SECONDS):
                await client.connection.wait_closed()
            assert client.connection.close_code == 1000
            assert time.monotonic() - begun >= 0.18
            assert client.of("hangup") == []


async def test_the_clients_turns_count_where_it_has_them() -> None:
    recognizer, mind = ScriptedRecognizer(["Yes."]), ScriptedMind()
    extensions = [*USUAL_EXTENSIONS, "turns"]
    async with (
        served(agent_of(recognizer, mind, ScriptedVoice())) as port,
        conversing(port, extensions=extensions, vad_enabled=False) as client,
    ):
        await client.tell("turn.started")
        await client.say(loud(0.5))
        await client.tell("turn.ended")
        await client.wait_for("transcript", text="You said Yes.")
        assert client.of("user_speech_started") == []


async def test_a_part_that_fails_ends_the_conversation_with_a_sentence() -> None:
    recognizer = ScriptedRecognizer([], error="http://127.0.0.1:1: connection refused; start it")
    async with served(agent_of(recognizer, ScriptedMind(), ScriptedVoice())) as port, conversing(port) as client:
        await client.say(loud(0.5))
        await client.say(silence(0.7))
        error = await client.wait_for("error")
        assert error == {"type": "error", "message": "http://127.0.0.1:1: connection refused; start it", "fatal": True}


async def test_who_comes_when_it_is_full_is_refused_at_once() -> None:
    detection = ScriptedDetection()
    agent = agent_of(ScriptedRecognizer([]), ScriptedMind(), ScriptedVoice(), detection)
    async with served(agent, most_calls=1) as port:
        async with conversing(port) as client:
            await client.wait_for("session_started")
            assert (await _get(port, "/health")).json() == {"status": "busy", "calls": 1, "most_calls": 1}
            begun = time.monotonic()
            async with conversing(port) as other:
                await other.connection.wait_closed()
                assert other.connection.close_code == 1013
            assert time.monotonic() - begun < 1.0
        assert "aiconvai_local_refused_calls_total 1.0" in (await _get(port, "/metrics")).text
        await _all_given_back(detection)
        async with conversing(port) as client:
            await client.wait_for("session_started")


async def test_a_token_is_asked_for() -> None:
    agent = agent_of(ScriptedRecognizer([]), ScriptedMind(), ScriptedVoice())
    async with served(agent, token="secret") as port:
        for headers in ({}, {"Authorization": "Bearer other"}):
            with pytest.raises(InvalidStatus, match="401"):
                async with connect(f"ws://127.0.0.1:{port}/", additional_headers=headers, proxy=None):
                    pass
        headers = {"Authorization": "Bearer secret"}
        async with connect(f"ws://127.0.0.1:{port}/", additional_headers=headers, proxy=None):
            pass


INIT = json.dumps({"type": "session.init", "config": CONFIG, "variables": {}, "extensions": [], "tools": []})
NONSENSE = [
    ("nonsense", 1007),
    ("[1]", 1007),
    (b"\0\1", 1007),
    ('{"type":"audio.input","audio":"AAAA","format":"g711_ulaw"}', 1007),
    ('{"type":"session.init"}', 1007),
    ("[" * 100_000, 1007),
    ('{"type":' + "1" * 5000 + "}", 1007),
]
LATER = [
    (INIT, 1007),
    ('{"type":"audio.input","audio":"%%%","format":"g711_ulaw"}', 1007),
    ('{"type":"dtmf","digit":"42"}', 1007),
    ("x" * 2_000_000, 1009),
]


@pytest.mark.parametrize(("said", "code"), NONSENSE)
async def test_whoever_talks_nonsense_is_let_go_and_others_stay(said: str | bytes, code: int) -> None:
    agent = agent_of(ScriptedRecognizer([]), ScriptedMind(), ScriptedVoice())
    async with served(agent) as port, conversing(port) as other:
        async with connect(f"ws://127.0.0.1:{port}/", proxy=None) as connection:
            await connection.send(said)
            async with asyncio.timeout(_SECONDS):
                await connection.wait_closed()
            assert connection.close_code == code
        await other.tell("text.input", text="Hello.")
        await other.wait_for("transcript", text="You said Hello.")


@pytest.mark.parametrize(("said", "code"), LATER)
async def test_nonsense_in_a_conversation(said: str, code: int) -> None:
    detection = ScriptedDetection()
    agent = agent_of(ScriptedRecognizer([]), ScriptedMind(), ScriptedVoice(), detection)
    async with served(agent) as port:
        async with conversing(port) as client:
            await client.wait_for("session_started")
            await client.connection.send(said)
            async with asyncio.timeout(_SECONDS):
                await client.connection.wait_closed()
            assert client.connection.close_code == code
        await _all_given_back(detection)
