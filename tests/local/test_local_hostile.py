"""Whatever is sent to the port: the conversation goes on or is closed with a code, and others are not harmed."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from scripted_parts import ScriptedDetection, ScriptedMind, ScriptedRecognizer, ScriptedVoice, agent_of
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from aiconvai.local.server import LocalServer, ServerSettings
from aiconvai.websocket_protocol import CLIENT_MESSAGES, USUAL_EXTENSIONS, WIRE_FORMATS

SECONDS = 20.0
CODES = {1000, 1007, 1008, 1009, 1011}

values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
audio = some.binary(max_size=4000).map(lambda data: base64.b64encode(data).decode()) | some.text(max_size=40)


def message_of(kind: str) -> some.SearchStrategy[str]:
    """One of that type with anything in its keys, more often what belongs there."""
    likely: dict[str, some.SearchStrategy[Any]] = {
        "audio": audio, "format": some.sampled_from(["g711_ulaw", "pcm16", "mp3"]), "text": some.text(max_size=300),
        "role": some.sampled_from(["user", "system", "x"]), "digit": some.sampled_from(["1", "#", "A", "12", ""]),
        "id": some.sampled_from(["call_1", "call_2", ""]), "name": some.text(max_size=10),
        "result": some.text(max_size=50), "is_error": some.booleans(),
    }  # fmt: skip
    fields = some.fixed_dictionaries({}, optional={key: one | values for key, one in likely.items()})
    return fields.map(lambda given: json.dumps({"type": kind, **given}))


def configs() -> some.SearchStrategy[str]:
    """First messages, most of which are good ones."""
    wire = some.sampled_from(sorted(WIRE_FORMATS.values()))
    language = some.none() | some.text(max_size=10)
    extensions = some.lists(some.sampled_from([*USUAL_EXTENSIONS, "turns", "x"]), max_size=8)
    return some.builds(
        _config, wire, language, extensions, some.dictionaries(some.text(max_size=5), values, max_size=2)
    )


def _config(wire: tuple[str, int], language: str | None, extensions: list[str], odd: dict[str, Any]) -> str:
    config = {
        "audio_format": wire[0], "sample_rate": wire[1], "channels": 1, "language": language, "vad_enabled": True,
        "vad_threshold": 0.6, "vad_silence_duration_ms": 600, "vad_prefix_padding_ms": 200, **odd,
    }  # fmt: skip
    return json.dumps(
        {"type": "session.init", "config": config, "extensions": extensions, "variables": {}, "tools": []}
    )


anything = (
    some.one_of(*map(message_of, sorted(CLIENT_MESSAGES)))
    | values.map(json.dumps)
    | some.text(max_size=200)
    | some.binary(max_size=50)
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=configs() | anything, rest=some.lists(anything, max_size=12))
def test_the_port_takes_anything(first: str | bytes, rest: list[str | bytes], caplog: pytest.LogCaptureFixture) -> None:
    detection = ScriptedDetection()
    agent = agent_of(ScriptedRecognizer([]), ScriptedMind(), ScriptedVoice(), detection)

    async def run() -> None:
        async with LocalServer(ServerSettings("127.0.0.1", 0, 4), agent).running() as server:
            url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
            async with asyncio.timeout(SECONDS), connect(url, proxy=None, max_size=None) as connection:
                try:
                    for one in (first, *rest):
                        await connection.send(one)
                    # It has read all that came before.
                    await (await connection.ping())
                except ConnectionClosed:
                    assert connection.close_code in CODES
                async with connect(url, proxy=None) as other:
                    await other.send(_config(("g711_ulaw", 8000), None, [], {}))
                    assert json.loads(await other.recv())["type"] == "session_started"
                    await other.send(json.dumps({"type": "text.input", "text": "Hello."}))
                    while json.loads(await other.recv())["type"] != "response_complete":
                        pass

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert [one.getMessage() for one in caplog.records if one.exc_info] == []
    assert detection.given == detection.back
